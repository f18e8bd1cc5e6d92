"""Networks as a runtime's optimizer leaves them: operators put together into those of com.microsoft.

fuse(model, seed) does so by hand, anywhere: also where onnxruntime's own optimizer would not, in bodies and functions.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper

import removal


def scalars(model):
    """Name -> number, of the constants that are one."""
    found = {tensor.name: tensor for tensor in model.graph.initializer}
    for nodes in removal.bodies(model):
        found.update({node.output[0]: node.attribute[0].t for node in nodes
                      if node.op_type == "Constant" and node.attribute[0].name == "value"})
    return {name: float(numpy_helper.to_array(tensor)) for name, tensor in found.items()
            if not tensor.dims and tensor.data_type == onnx.TensorProto.FLOAT}


def only_reader(nodes, name, op_type):
    """The node of the list that alone reads the tensor, when it is of that type; bodies read names too."""
    readers = [node for node in nodes if name in node.input or any(attribute.HasField("g") for attribute in node.attribute)]
    return readers[0] if len(readers) == 1 and readers[0].op_type == op_type else None


class Fuser:
    def __init__(self, model, seed):
        self.dice = np.random.default_rng([seed, 7])
        self.scalars = scalars(model)
        self.outputs = {output.name for output in model.graph.output}
        self.shapes = {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
                       for value in onnx.shape_inference.infer_shapes(model).graph.value_info}

    def absorbed(self, nodes, node, op_type):
        """What reads the node's result may go into it."""
        reader = only_reader(nodes, node.output[0], op_type)
        return None if reader is None or node.output[0] in self.outputs or len(reader.output) != 1 else reader

    def take_in(self, nodes, node, reader):
        """The node at the place of its reader, and with its result: what that reads is made by then."""
        node.output[0] = reader.output[0]
        moved = onnx.NodeProto()
        moved.CopyFrom(node)
        nodes.remove(node)
        at = list(nodes).index(reader)
        del nodes[at]
        nodes.insert(at, moved)
        return nodes[at]

    def rename(self, node, op_type):
        node.op_type, node.domain = op_type, "com.microsoft"

    def gemm(self, nodes, node):
        """Without an activation onnxruntime has none."""
        if not self.absorbed(nodes, node, "Relu"):
            return 0
        self.rename(node, "FusedGemm")
        return self.activated(nodes, node)

    def conv(self, nodes, node):
        self.rename(node, "FusedConv")
        shape = self.shapes.get(node.output[0])
        add = self.absorbed(nodes, node, "Add")
        other = next((name for name in add.input if name != node.output[0]), None) if add else None
        if other and shape and self.shapes.get(other) == shape and other not in self.outputs:
            node.input.extend([""] * (3 - len(node.input)) + [other])
            node = self.take_in(nodes, node, add)
        return self.activated(nodes, node)

    def activated(self, nodes, node):
        relu = self.absorbed(nodes, node, "Relu")
        if relu is None:
            return 1
        node.attribute.append(helper.make_attribute("activation", "Relu"))
        self.take_in(nodes, node, relu)
        return 2

    def matmul(self, nodes, node):
        self.rename(node, "FusedMatMul")
        scale = self.absorbed(nodes, node, "Mul")
        number = next((self.scalars[name] for name in scale.input if name in self.scalars), None) if scale else None
        if number is None:
            return 1
        node.attribute.append(helper.make_attribute("alpha", number))
        self.take_in(nodes, node, scale)
        return 2

    def fuse(self, nodes):
        rules = {"Gemm": (0.8, self.gemm), "Conv": (0.8, self.conv), "MatMul": (0.3, self.matmul)}
        count = 0
        for node in list(nodes):
            chance, rule = rules.get(node.op_type, (0, None)) if node.domain == "" else (0, None)
            if self.dice.random() < chance:
                count += rule(nodes, next(each for each in nodes if each.output == node.output))
        return count


def fuse(model, seed):
    """How many of its nodes became, or went into, fused ones; the model is changed in place."""
    fuser = Fuser(model, seed)
    count = sum(fuser.fuse(nodes) for nodes in removal.bodies(model))
    if count:
        for holder in [model, *model.functions]:
            holder.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return count
