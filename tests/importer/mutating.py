"""A network in which a few things are otherwise, so that it is nearly one that is known.

Where recognition asks for several things at once, each of them is missing in some mutant. Most mutants can still be
run; what they compute is for a runtime to say.
"""

import copy
import random

import numpy as np
import onnx
from onnx import helper, numpy_helper

import removal

SIBLINGS = [("Add", "Sub", "Mul", "Div", "Max", "Min", "PRelu", "Pow"), ("Greater", "GreaterOrEqual", "Less", "LessOrEqual"),
            ("Relu", "Identity", "Neg", "Abs", "Sign", "Ceil", "Floor", "Sigmoid", "Tanh", "Exp", "Sqrt", "Elu", "HardSigmoid"),
            ("And", "Or", "Xor"), ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1"),
            ("MaxPool", "AveragePool"), ("GlobalMaxPool", "GlobalAveragePool"), ("Softmax", "LogSoftmax", "Hardmax")]
NUMBERS = (0.0, 1.0, -1.0, 0.5, 2.0, 1e-6, 1e30, float("inf"), float("nan"))


class Mutation:
    def __init__(self, model, seed):
        self.model, self.dice = model, random.Random(seed)
        self.shapes = {value.name: value for value in onnx.shape_inference.infer_shapes(model).graph.value_info}

    def nodes(self):
        """Those of the graph, of a body, or of a function."""
        return self.dice.choice([nodes for nodes in removal.bodies(self.model) if len(nodes)])

    def node(self, *operators):
        fitting = [node for node in self.nodes() if not operators or node.op_type in operators]
        return self.dice.choice(fitting) if fitting else None

    def tensor(self):
        found = list(self.model.graph.initializer)
        for nodes in removal.bodies(self.model):
            found += [attribute.t for node in nodes for attribute in node.attribute if attribute.HasField("t")]
        return self.dice.choice(found) if found else None


def another_operator(m):
    for family in m.dice.sample(SIBLINGS, len(SIBLINGS)):
        node = m.node(*family)
        if node:
            node.op_type = m.dice.choice(family)
            return


def operands_swapped(m):
    node = m.node()
    if len(node.input) > 1:
        i, j = m.dice.sample(range(len(node.input)), 2)
        node.input[i], node.input[j] = node.input[j], node.input[i]


def another_operand(m):
    nodes = m.nodes()
    at = m.dice.randrange(len(nodes))
    made = [name for node in list(nodes)[:at] for name in node.output] or ["input"]
    if nodes[at].input:
        nodes[at].input[m.dice.randrange(len(nodes[at].input))] = m.dice.choice(made)


def another_number(m):
    tensor = m.tensor()
    if tensor is None:
        return
    array = numpy_helper.to_array(tensor).copy()
    if array.size and array.dtype.kind == "f":
        array.reshape(-1)[m.dice.randrange(array.size)] = m.dice.choice(NUMBERS)
    elif array.size and array.dtype.kind == "i":
        array.reshape(-1)[m.dice.randrange(array.size)] += m.dice.choice((-1, 1))
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def another_shape(m):
    """A number for each unit, or another layout of it."""
    tensor = m.tensor()
    if tensor is None:
        return
    array = numpy_helper.to_array(tensor)
    change = m.dice.choice((lambda a: a.reshape(-1), lambda a: a[None], lambda a: a[..., None], lambda a: a.T,
                            lambda a: np.broadcast_to(a, (1, 3)) if a.size == 1 else a.reshape(-1)[:1].reshape(())
                            if a.size else a))
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(change(array)), tensor.name))


def another_type(m):
    tensor = m.tensor()
    if tensor is None:
        return
    array = numpy_helper.to_array(tensor)
    if array.dtype == np.float32 and m.dice.random() < 0.3:
        with np.errstate(over="ignore", invalid="ignore"):
            array = array.astype(m.dice.choice((np.float64, np.float16, np.int64)))
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def another_attribute(m):
    node = m.node()
    if node is None or not node.attribute:
        return
    attribute = m.dice.choice(node.attribute)
    if m.dice.random() < 0.3:
        node.attribute.remove(attribute)
    elif attribute.type == onnx.AttributeProto.INT:
        attribute.i += m.dice.choice((-1, 1))
    elif attribute.type == onnx.AttributeProto.FLOAT:
        attribute.f = m.dice.choice(NUMBERS)
    elif attribute.type == onnx.AttributeProto.INTS and attribute.ints:
        attribute.ints[m.dice.randrange(len(attribute.ints))] += m.dice.choice((-1, 1))


def something_between(m):
    """Before an operand: a sign, a scale, another type and back, a copy."""
    nodes = m.nodes()
    at = m.dice.randrange(len(nodes))
    if not nodes[at].input:
        return
    operand = m.dice.randrange(len(nodes[at].input))
    name, made = nodes[at].input[operand], f"between_{len(nodes)}"
    kind = m.dice.choice(("Neg", "Identity", "Relu", "Abs", "Cast", "Dropout", "Mul"))
    if kind == "Cast":
        new = [helper.make_node("Cast", [name], [f"{made}_wide"], to=onnx.TensorProto.DOUBLE),
               helper.make_node("Cast", [f"{made}_wide"], [made], to=onnx.TensorProto.FLOAT)]
    elif kind == "Mul":
        new = [helper.make_node("Mul", [name, name], [made])]
    else:
        new = [helper.make_node(kind, [name], [made])]
    rest = [copy.deepcopy(node) for node in nodes]
    rest[at].input[operand] = made
    del nodes[:]
    nodes.extend([*rest[:at], *new, *rest[at:]])


def shown(m):
    """A value inside becomes an output of the model."""
    names = [name for node in m.model.graph.node for name in node.output if name in m.shapes]
    taken = {value.name for value in m.model.graph.output}
    names = [name for name in names if name not in taken]
    if names:
        m.model.graph.output.append(m.shapes[m.dice.choice(names)])


def taken_from_outside(m):
    """A constant may be given by who runs the model."""
    if m.model.graph.initializer:
        tensor = m.dice.choice(m.model.graph.initializer)
        if tensor.name not in {value.name for value in m.model.graph.input}:
            m.model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))


MUTATIONS = (another_operator, operands_swapped, another_operand, another_number, another_number, another_shape,
             another_type, another_attribute, another_attribute, something_between, something_between, shown,
             taken_from_outside)


def mutate(model, seed):
    """A copy with one to three things changed."""
    mutant = onnx.ModelProto()
    mutant.CopyFrom(model)
    mutation = Mutation(mutant, seed)
    for _ in range(mutation.dice.randint(1, 3)):
        mutation.dice.choice(MUTATIONS)(mutation)
    return mutant
