"""Plants in real exported networks what trained networks seldom have: large dead units,
duplicates, other things between a layer's spikes and their reader, a second reader.

Every function edits the model in place. A network is known by its truth.json:
weights are found by name, and nodes by what they read.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper

NEVER = -1e6  # a bias that no current can make up for


def initializer(model, name):
    for tensor in model.graph.initializer:
        if tensor.name == name:
            return tensor
    raise LookupError(f"no initializer {name}")


def read(model, name):
    return numpy_helper.to_array(initializer(model, name)).copy()


def write(model, name, values):
    initializer(model, name).CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), name))


def change(model, name, function):
    """function edits the array in place."""
    values = read(model, name)
    function(values)
    write(model, name, values)


class Layer:
    """A dense layer of a planted model: its arrays with one row a unit, and one column an input."""

    def __init__(self, network, model, index):
        self.model = model
        self.truth = network.layers[index]
        self.weight_name = self.truth["projection"]["weight_tensor"]
        self.bias_name = self.truth["projection"].get("bias_tensor")
        self.transposed = self.truth["projection"]["transposed"]
        self.spikes = self.truth["spike_tensors"][0] if self.truth["spike_tensors"] else None
        self.units = self.truth["projection"]["units"]

    @property
    def weights(self):
        values = read(self.model, self.weight_name)
        return values.T.copy() if self.transposed else values

    @weights.setter
    def weights(self, values):
        write(self.model, self.weight_name, values.T if self.transposed else values)

    @property
    def bias(self):
        return read(self.model, self.bias_name)

    @bias.setter
    def bias(self, values):
        write(self.model, self.bias_name, values)

    def edit(self, function):
        """function(weights, bias) edits both in place."""
        weights, bias = self.weights, self.bias
        function(weights, bias)
        self.weights, self.bias = weights, bias


def layers(network, model):
    return [Layer(network, model, index) for index in range(len(network.layers))]


# --- units ----------------------------------------------------------------------


def silence(layer, units):
    """These units never fire again, whatever comes in."""

    bias = layer.bias
    bias[units] = NEVER
    layer.bias = bias


def enlarge_outgoing(reader, columns, factor):
    """What reads these units does so with large weights: a wrong cut shows."""

    def edit(weights, _):
        weights[:, columns] *= factor

    reader.edit(edit)


def duplicate(layer, kept, copies, scale=1.0):
    """The copies get the row and bias of the unit kept, times scale."""

    def edit(weights, bias):
        weights[copies] = weights[kept] * np.float32(scale)
        bias[copies] = bias[kept] * np.float32(scale)

    layer.edit(edit)


def turn(layer, kept, other, cosine, length=1.0, seed=0):
    """The other unit's row and bias get this cosine with those of the unit kept, and its norm times length."""
    rng = np.random.default_rng(seed)

    def edit(weights, bias):
        row = np.append(weights[kept], bias[kept]).astype(np.float64)
        off = rng.standard_normal(row.size) * (row != 0)
        off -= off @ row / (row @ row) * row
        off *= np.linalg.norm(row) / np.linalg.norm(off)
        turned = length * (cosine * row + np.sqrt(1 - cosine**2) * off)
        weights[other], bias[other] = turned[:-1], turned[-1]

    layer.edit(edit)


# --- thresholds -------------------------------------------------------------------


def vector_threshold(model, scope, value, name, thresholds):
    """Every read of the threshold by the neuron's nodes becomes a read of one threshold a unit.

    scope: what the names of the neuron's nodes start with; value: the threshold,
    which no other constant of these nodes may equal.
    """
    from harness import constants

    known = constants(model)
    model.graph.initializer.append(numpy_helper.from_array(thresholds.astype(np.float32), name))
    changed = 0
    for node in model.graph.node:
        if not node.name.startswith(scope) or node.op_type in ("Constant", "Identity"):
            continue
        for slot, operand in enumerate(node.input):
            if operand in known and known[operand].size == 1 and np.isclose(known[operand].item(), value, atol=1e-6):
                node.input[slot] = name
                changed += 1
    assert changed >= 2, f"the threshold {value} is read {changed} times under {scope}"


# --- graph ------------------------------------------------------------------------


def readers(model, tensor):
    return [node for node in model.graph.node if tensor in node.input]


def insert_after(model, tensor, result, *nodes):
    """What read the tensor reads the result of these nodes, which read the tensor."""
    for node in readers(model, tensor):
        for slot, operand in enumerate(node.input):
            if operand == tensor:
                node.input[slot] = result
    at = 1 + max(index for index, node in enumerate(model.graph.node) if tensor in node.output)
    for offset, node in enumerate(nodes):
        model.graph.node.insert(at + offset, node)


def put(model, name, values):
    model.graph.initializer.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
    return name


def add_constant(model, layer, values):
    """The spikes' readers read spikes + values."""
    put(model, "planted_offset", values)
    insert_after(model, layer.spikes, "planted_sum",
                 helper.make_node("Add", [layer.spikes, "planted_offset"], ["planted_sum"], name="planted_add"))


def normalize(model, layer, scale, bias, mean, variance):
    """The spikes' readers read a BatchNormalization of them."""
    names = [put(model, f"planted_{what}", values) for what, values in
             (("scale", scale), ("bias", bias), ("mean", mean), ("variance", variance))]
    insert_after(model, layer.spikes, "planted_normal",
                 helper.make_node("BatchNormalization", [layer.spikes, *names], ["planted_normal"],
                                  name="planted_batchnorm", epsilon=1e-5))


def invert(model, layer, reader):
    """The reader reads 1 - S, with weights that make it the same function."""

    def edit(weights, bias):
        bias += weights.sum(axis=1)
        weights *= -1

    put(model, "planted_one", 1.0)
    insert_after(model, layer.spikes, "planted_inverse",
                 helper.make_node("Sub", ["planted_one", layer.spikes], ["planted_inverse"], name="planted_invert"))
    reader.edit(edit)


def second_reader(model, layer, units, seed=1):
    """Another Gemm reads the spikes and leaves the model as the output `planted_probe`; gives its weights."""
    weights = np.random.default_rng(seed).standard_normal((units, layer.units)).astype(np.float32)
    put(model, "planted_probe_weights", weights)
    model.graph.node.append(
        helper.make_node("Gemm", [layer.spikes, "planted_probe_weights"], ["planted_probe"],
                         name="planted_probe_gemm", transB=1))
    batch = model.graph.output[0].type.tensor_type.shape.dim[0]
    info = helper.make_tensor_value_info("planted_probe", onnx.TensorProto.FLOAT, [None, units])
    info.type.tensor_type.shape.dim[0].CopyFrom(batch)
    model.graph.output.append(info)
    return weights


# --- cutting by hand, to try the harness on ---------------------------------------------


def cut_by_hand(network, model, index, keep):
    """Removes the units of a layer whose keep is false, as a person would: plain chains of Gemms only."""
    here, after = Layer(network, model, index), Layer(network, model, index + 1)
    here.weights, here.bias = here.weights[keep], here.bias[keep]
    after.weights = after.weights[:, keep]
    narrow = {*here.truth["state_inputs"], *here.truth["state_outputs"]}
    for value in [*model.graph.input, *model.graph.output]:
        if value.name in narrow:
            value.type.tensor_type.shape.dim[-1].dim_value = int(keep.sum())
    del model.graph.value_info[:]
