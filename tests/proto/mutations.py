"""Small changes to a model, most of which break it. Each returns False where it does not apply."""

import copy

from onnx import TensorProto, helper

OPERATORS = ["", "Relu", "Add", "NoSuch", "Upsample", "Scatter", "ATen", "Sum", "If", "GroupNormalization", "Cast", "relu"]
DOMAINS = ["", "ai.onnx", "ai.onnx.ml", "x.y", "ai.onnx.preview.training"]


def graphs(graph):
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from graphs(attribute.g)
            for inner in attribute.graphs:
                yield from graphs(inner)


class Mutation:
    """One model, and the dice."""

    def __init__(self, model, random):
        self.model, self.random = model, random

    def graph(self):
        return self.random.choice(list(graphs(self.model.graph)))

    def node(self):
        in_function = self.model.functions and self.random.random() < 0.4
        nodes = (self.random.choice(self.model.functions) if in_function else self.graph()).node
        return self.random.choice(nodes) if nodes else None

    def node_with(self, field):
        node = self.node()
        return node if node and getattr(node, field) else None

    def attribute(self):
        node = self.node_with("attribute")
        return self.random.choice(node.attribute) if node else None

    def name(self, *others):
        found = [n for g in graphs(self.model.graph)
                 for n in [*(v.name for v in g.input), *(t.name for t in g.initializer), *(o for n in g.node for o in n.output)]]
        return self.random.choice([*found, *others, "x"])

    def position(self, items):
        return self.random.randrange(len(items))


def rename_output(m):
    node = m.node_with("output")
    if not node:
        return False
    node.output[m.position(node.output)] = m.name("fresh", "")


def rename_input(m):
    node = m.node_with("input")
    if not node:
        return False
    node.input[m.position(node.input)] = m.name("fresh", "")


def drop_input(m):
    node = m.node_with("input")
    if not node:
        return False
    del node.input[m.position(node.input)]


def drop_output(m):
    node = m.node_with("output")
    if not node:
        return False
    del node.output[m.position(node.output)]


def add_input(m):
    node = m.node()
    if not node:
        return False
    node.input.extend([m.name()] * m.random.choice([1, 2, 8]))


def add_output(m):
    node = m.node()
    if not node:
        return False
    node.output.append(f"fresh{m.random.randrange(3)}")


def drop_node(m):
    nodes = m.graph().node
    if not nodes:
        return False
    del nodes[m.position(nodes)]


def double_node(m):
    nodes = m.graph().node
    if not nodes:
        return False
    nodes.append(copy.deepcopy(m.random.choice(nodes)))


def swap_nodes(m):
    nodes = m.graph().node
    if len(nodes) < 2:
        return False
    order = [copy.deepcopy(node) for node in nodes]
    i, j = m.random.sample(range(len(order)), 2)
    order[i], order[j] = order[j], order[i]
    del nodes[:]
    nodes.extend(order)


def change_operator(m):
    node = m.node()
    if not node:
        return False
    node.op_type = m.random.choice(OPERATORS)


def change_domain(m):
    node = m.node()
    if not node:
        return False
    node.domain = m.random.choice(DOMAINS)


def drop_attribute(m):
    node = m.node_with("attribute")
    if not node:
        return False
    del node.attribute[m.position(node.attribute)]


def double_attribute(m):
    node = m.node_with("attribute")
    if not node:
        return False
    node.attribute.append(m.random.choice(node.attribute))


def add_attribute(m):
    node = m.node()
    if not node:
        return False
    name = m.random.choice(["axis", "alpha", "zzz", "keepdims", "to", "__z"])
    node.attribute.append(helper.make_attribute(name, m.random.choice([1, 1.5, "s", [1, 2]])))


def rename_attribute(m):
    attribute = m.attribute()
    if not attribute:
        return False
    attribute.name = m.random.choice(["", "axis", "foo", "__x", "to"])


def change_attribute_type(m):
    attribute = m.attribute()
    if not attribute:
        return False
    attribute.type = m.random.randrange(15)
    if m.random.random() < 0.3:
        attribute.ClearField("type")


def change_attribute_value(m):
    attribute = m.attribute()
    if not attribute:
        return False
    field = m.random.choice(["f", "i", "s", "t", "floats", "ints"])
    if m.random.random() < 0.5:
        attribute.ClearField(field)
    elif field == "t":
        attribute.t.CopyFrom(helper.make_tensor("t", TensorProto.FLOAT, [1], [1.0]))
    elif field in ("floats", "ints"):
        getattr(attribute, field).append(1)
    else:
        setattr(attribute, field, b"x" if field == "s" else 1)


def refer_to_attribute(m):
    attribute = m.attribute()
    if not attribute:
        return False
    attribute.ref_attr_name = m.random.choice(["a", "axis", ""])


def change_tensor(m):
    tensors = [t for g in graphs(m.model.graph)
               for t in [*g.initializer, *(a.t for n in g.node for a in n.attribute if a.HasField("t"))]]
    if not tensors:
        return False
    tensor = m.random.choice(tensors)
    change = m.random.choice(["name", "type", "dim", "longer", "shorter", "raw", "float", "none"])
    if change == "name":
        tensor.name = m.name("")
    elif change == "type":
        tensor.data_type = m.random.choice([0, 1, 2, 6, 7, 8, 10, 11, 16, 21, 22])
    elif change == "dim" and tensor.dims:
        tensor.dims[m.position(tensor.dims)] = m.random.choice([-1, 0, 1, 2, 3, 1000])
    elif change == "longer":
        tensor.dims.append(m.random.choice([1, 2, 0]))
    elif change == "shorter" and tensor.dims:
        del tensor.dims[0]
    elif change == "raw":
        tensor.raw_data = tensor.raw_data[:-1]
    elif change == "float":
        tensor.float_data.append(1.0)
    elif change == "none":
        tensor.ClearField("raw_data")
    else:
        return False


def change_initializers(m):
    tensors = m.graph().initializer
    if not tensors:
        return False
    change = m.random.choice(["drop", "double", "rename"])
    if change == "drop":
        del tensors[m.position(tensors)]
    elif change == "double":
        tensors.append(m.random.choice(tensors))
    else:
        m.random.choice(tensors).name = m.name()


def change_values(m):
    graph = m.graph()
    values = m.random.choice([graph.input, graph.output, graph.value_info])
    if not values:
        return False
    value = m.random.choice(values)
    change = m.random.choice(["name", "double", "drop", "no type", "no elements", "no shape", "sequence", "elements"])
    if change == "name":
        value.name = m.name("", "fresh")
    elif change == "double":
        values.append(value)
    elif change == "drop":
        values.remove(value)
    elif change == "no type":
        value.ClearField("type")
    elif change == "no elements":
        value.type.tensor_type.ClearField("elem_type")
    elif change == "no shape":
        value.type.tensor_type.ClearField("shape")
    elif change == "sequence":
        value.type.Clear()
        value.type.sequence_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT
    else:
        value.type.tensor_type.elem_type = m.random.choice([0, 1, 7, 9])


def change_header(m):
    model = m.model
    change = m.random.choice(["ir", "no ir", "opset", "no opset", "domain", "name", "key", "second"])
    if change == "ir":
        model.ir_version = m.random.choice([0, 1, 2, 3, 4, 8, 14, 15])
    elif change == "no ir":
        model.ClearField("ir_version")
    elif change == "opset":
        model.opset_import[0].version = m.random.choice([1, 6, 7, 9, 13, 17, 22])
    elif change == "no opset":
        model.ClearField("opset_import")
    elif change == "domain":
        model.opset_import[0].domain = m.random.choice(["", "ai.onnx", "x.y"])
    elif change == "name":
        m.graph().ClearField("name")
    elif change == "key":
        for key in ("a", m.random.choice("ab")):
            model.metadata_props.add().key = key
    else:
        domain = m.random.choice(["", "ai.onnx", "x.y", "ai.onnx.ml"])
        model.opset_import.append(helper.make_opsetid(domain, m.random.choice([1, 17])))


def add_function(m):
    version = max((o.version for o in m.model.opset_import if o.domain == ""), default=17)
    body = [helper.make_node("Relu", ["a"], ["b"])]
    m.model.opset_import.append(helper.make_opsetid("x.y", 1))
    m.model.functions.append(helper.make_function("x.y", "F", ["a"], ["b"], body, [helper.make_opsetid("", version)]))
    m.model.graph.node.append(helper.make_node("F", [m.name()], ["of a function"], domain="x.y"))


def change_function(m):
    if not m.model.functions:
        add_function(m)
    function = m.random.choice(m.model.functions)
    change = m.random.choice(["name", "domain", "input", "output", "no opset", "double", "itself", "attribute", "no input",
                              "opset"])
    if change == "name":
        function.name = m.random.choice(["", "F", "Relu"])
    elif change == "domain":
        function.ClearField("domain")
    elif change == "input":
        function.input.append(m.random.choice(["a", "zz"]))
    elif change == "output":
        function.output.append(m.random.choice([*function.output, "zz"]))
    elif change == "no opset":
        function.ClearField("opset_import")
    elif change == "double":
        m.model.functions.append(function)
    elif change == "itself":
        function.node.append(helper.make_node(function.name, list(function.input)[:1], ["zq"], domain=function.domain))
    elif change == "attribute":
        function.attribute.extend(["q", "q"])
    elif change == "no input":
        del function.input[:]
    else:
        function.opset_import.append(helper.make_opsetid("", 17))


ALL = [rename_output, rename_input, drop_input, drop_output, add_input, add_output, drop_node, double_node, swap_nodes,
       change_operator, change_domain, drop_attribute, double_attribute, add_attribute, rename_attribute,
       change_attribute_type, change_attribute_value, refer_to_attribute, change_tensor, change_initializers,
       change_values, change_header, change_function]
