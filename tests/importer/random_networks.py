"""Random one-step spiking networks, spelled out in many ways, with units that never fire.

Every network comes with its firing rates: 0 for the units whose bias was set so low that
they cannot fire, 0.5 for the others. Removing the dead units must change no output. Some
units are copies of another one of their layer; merging them must change no output either.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SILENT_BIAS = -1e6


class Network:
    """A network under construction: nodes, constants, the interface and the rates."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.initializers, self.functions = [], [], []
        self.inputs, self.outputs, self.states = [], [], []
        self.rates, self.count = [], 0
        self.shared = {}
        self.as_node = self.random.random() < 0.3
        self.share = self.random.random() < 0.5
        self.planted = 0
        self.copies = []  # (unit, the unit that it copies) of the layer being made

    def name(self, stem):
        self.count += 1
        return f"{stem}_{self.count}"

    def constant(self, array, stem="c"):
        array = np.asarray(array)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        key = (array.tobytes(), array.dtype.str, array.shape)
        if self.share and key in self.shared:
            return self.shared[key]
        name = self.name(stem)
        if self.as_node and array.size < 100:
            self.nodes.append(
                helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array))
            )
        else:
            self.initializers.append(numpy_helper.from_array(array, name))
        self.shared[key] = name
        return name

    def node(self, op, inputs, stem=None, domain="", **attributes):
        out = self.name(stem or op.lower())
        self.nodes.append(helper.make_node(op, inputs, [out], name=self.name(op), domain=domain,
                                           **attributes))
        return out

    def pick(self, *choices):
        return choices[self.random.integers(len(choices))]

    def copied(self, values):
        """values (first axis: the layer's units) with the copies planted."""
        values = np.array(values, np.float32)
        for copy, unit in self.copies:
            values[copy] = values[unit]
        return values


def weights(net, rows, columns):
    """[rows][columns] for transB=1, behind what exporters put in front of weights."""
    scale = 2.0 / np.sqrt(columns)
    w = net.copied(net.random.standard_normal((rows, columns)) * scale)
    form = net.pick("plain", "identity", "transpose", "clip", "quantized", "shared")
    if form == "identity":
        return net.node("Identity", [net.constant(w, "weight")])
    if form == "transpose":
        return net.node("Transpose", [net.constant(np.ascontiguousarray(w.T), "weight")], perm=[1, 0])
    if form == "clip":
        return net.node("Clip", [net.constant(w, "weight"), net.constant(np.float32(-9)),
                                 net.constant(np.float32(9))])
    if form == "quantized":
        s = np.float32(np.abs(w).max() / 127)
        q = np.clip(np.round(w / s), -127, 127).astype(np.int8)
        return net.node("DequantizeLinear", [net.constant(q, "weight"), net.constant(s)])
    key = ("weights", rows, columns, tuple(net.copies))
    if form == "shared" and key in net.shared:
        return net.shared[key]
    net.shared[key] = net.constant(w, "weight")
    return net.shared[key]


def project(net, data, rows, columns, dead):
    """The drive of a layer: rows units, of which those in dead are far below threshold."""
    bias = net.copied(0.3 * net.random.standard_normal(rows))
    bias[dead] = SILENT_BIAS
    w = weights(net, rows, columns)
    form = net.pick("gemm", "matmul", "matmul_first", "gemm_state", "batchnorm")
    if form == "gemm":
        return net.node("Gemm", [data, w, net.constant(bias, "bias")], "drive", transB=1)
    if form == "batchnorm":
        drive = net.node("Gemm", [data, w, net.constant(bias, "bias")], "drive", transB=1)
        return batch_norm(net, drive, rows, np.float32(0.05))
    if form == "gemm_state":
        drive = net.node("Gemm", [data, w], "drive", transB=1)
        return net.node("Add", [drive, net.constant(bias, "bias")])
    drive = net.node("MatMul", [data, net.node("Transpose", [w], perm=[1, 0])], "drive")
    operands = [drive, net.constant(bias, "bias")]
    return net.node("Add", operands if form == "matmul" else operands[::-1])


def batch_norm(net, data, units, spread):
    p = [1 + spread * net.random.standard_normal(units), spread * net.random.standard_normal(units),
         spread * net.random.standard_normal(units), 1 + spread * net.random.random(units)]
    return net.node("BatchNormalization", [data] + [net.constant(net.copied(v)) for v in p],
                    epsilon=1e-5)


def compare(net, potential, threshold):
    form = net.pick("shifted", "plain", "less", "equal")
    if form == "shifted":
        shifted = net.node("Sub", [potential, threshold])
        s = net.node("Greater", [shifted, net.constant(np.float32(0))])
    elif form == "less":
        s = net.node("Less", [threshold, potential])
    elif form == "equal":
        s = net.node("GreaterOrEqual", [potential, threshold])
    else:
        s = net.node("Greater", [potential, threshold])
    return net.node("Cast", [s], "spikes", to=TensorProto.FLOAT)


def state(net, units):
    name = net.name("state")
    net.inputs.append((name, units))
    return name


def parameter(net, value, units):
    """One number for all, or one a unit."""
    if net.random.random() < 0.6:
        return net.constant(np.float32(value))
    values = net.copied(value * (1 + 0.1 * net.random.random(units)))
    if net.random.random() < 0.3:
        values = values.reshape(1, -1)
    return net.constant(values)


def neuron(net, drive, units):
    """Spikes of a layer of units with this drive; its states are added to the interface."""
    v = state(net, units)
    decay = parameter(net, 0.8, units)
    threshold = parameter(net, 0.7, units)
    form = net.pick("late", "subtract", "set", "leak", "adaptive", "current")
    if form == "current":
        i = state(net, units)
        new = net.node("Add", [net.node("Mul", [i, net.constant(np.float32(0.5))]), drive])
        net.states.append((i, new))
        drive = new
    if form == "leak":
        step = net.node("Mul", [net.constant(np.float32(0.25)), net.node("Sub", [drive, v])])
        potential = net.node("Add", [v, step])
    else:
        potential = net.node("Add", [net.node("Mul", [decay, v]), drive])
    if form == "late":
        reset = net.node("Cast", [net.node("Greater", [v, threshold])], to=TensorProto.FLOAT)
        potential = net.node("Sub", [potential, net.node("Mul", [reset, threshold])])
    if form == "adaptive":
        b = state(net, units)
        threshold = net.node("Add", [threshold, net.node("Mul", [b, net.constant(np.float32(0.3))])])
    spikes = compare(net, potential, threshold)
    if form == "adaptive":
        decayed = net.node("Mul", [b, net.constant(np.float32(0.9))])
        net.states.append((b, net.node("Add", [decayed, spikes])))
    if form in ("subtract", "adaptive", "current", "leak"):
        after = net.node("Sub", [potential, net.node("Mul", [spikes, threshold])])
    elif form == "set":
        after = net.node("Mul", [net.node("Sub", [net.constant(np.float32(1)), spikes]), potential])
    else:
        after = potential
    net.states.append((v, after))
    return spikes, after


def decorate(net, spikes, units):
    """What the next layer reads instead of the bare spikes."""
    form = net.pick("bare", "bare", "invert", "norm", "add", "graded", "reshape", "time", "two", "slice")
    if form == "invert":
        return net.node("Sub", [net.constant(np.float32(1)), spikes])
    if form == "norm":
        return batch_norm(net, spikes, units, 0.5)
    if form == "add":
        return net.node("Add", [spikes, parameter(net, 0.25, units)])
    if form == "graded":
        return net.node("Mul", [spikes, parameter(net, 0.5, units)])
    if form == "reshape":
        return net.node("Reshape", [spikes, net.constant(np.array([1, units], np.int64), "shape")])
    if form == "time":
        longer = net.node("Unsqueeze", [spikes, net.constant(np.array([0], np.int64))])
        return net.node("Squeeze", [longer, net.constant(np.array([0], np.int64))])
    if form == "two":
        grid = net.node("Reshape", [spikes, net.constant(np.array([1, units // 2, 2], np.int64))])
        return net.node("Flatten", [grid], axis=1)
    if form == "slice":
        left = net.node("Slice", [spikes, net.constant(np.array([0], np.int64)),
                                  net.constant(np.array([units // 2], np.int64)),
                                  net.constant(np.array([1], np.int64))])
        right = net.node("Slice", [spikes, net.constant(np.array([units // 2], np.int64)),
                                   net.constant(np.array([2**62], np.int64)),
                                   net.constant(np.array([1], np.int64))])
        return net.node("Concat", [left, right], axis=1)
    return spikes


def layer(net, data, columns, units):
    pairs = net.random.permutation(units)[: 2 * (units // 5)].reshape(2, -1)
    net.copies = [(int(max(p)), int(min(p))) for p in pairs.T]
    dead = np.flatnonzero(net.random.random(units) < 0.3)
    dead = np.setdiff1d(dead, pairs)
    net.planted += len(net.copies)
    rates = np.full(units, 0.5)
    rates[dead] = 0
    drive = project(net, data, units, columns, dead)
    spikes, membrane = neuron(net, drive, units)
    net.rates.append((spikes, rates))
    return spikes, membrane


def build(seed):
    """(model, rates by spike tensor, how many units copy another one)."""
    net = Network(seed)
    columns = int(net.random.integers(3, 12))
    data, width = "input", columns
    previous = None
    for _ in range(int(net.random.integers(1, 4))):
        units = int(2 * net.random.integers(2, 7))
        if previous and net.random.random() < 0.4:
            units = previous[1]
        spikes, membrane = layer(net, data, width, units)
        form = net.pick("chain", "chain", "residual", "concat", "membrane", "recurrent")
        read = decorate(net, spikes, units)
        if form == "residual" and previous and previous[1] == units:
            data, width = net.node("Add", [spikes, previous[0]]), units
        elif form == "concat" and previous:
            data, width = net.node("Concat", [read, previous[0]], axis=1), units + previous[1]
        elif form == "membrane":
            data, width = net.node("Add", [read, net.node("Mul", [membrane, net.constant(np.float32(1e-7))])]), units
        else:
            data, width = read, units
        previous = (spikes, units)
    net.copies = []
    drive = project(net, data, 5, width, np.array([], int))
    spikes, _ = neuron(net, drive, 5)
    out = net.node("Identity", [spikes], "output")
    graph_inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, columns])]
    graph_inputs += [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, u]) for n, u in net.inputs]
    units_of = dict(net.inputs)
    order = {n: k for k, (n, _) in enumerate(net.inputs)}
    net.states.sort(key=lambda pair: order[pair[0]])
    graph_outputs = [helper.make_tensor_value_info(out, TensorProto.FLOAT, [1, 5])]
    for name, value in net.states:
        new = f"{name}_out"
        net.nodes.append(helper.make_node("Identity", [value], [new], name=f"out_{name}"))
        graph_outputs.append(helper.make_tensor_value_info(new, TensorProto.FLOAT, [1, units_of[name]]))
    graph = helper.make_graph(net.nodes, f"random_{seed}", graph_inputs, graph_outputs,
                              net.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if net.random.random() < 0.5:
        model = onnx.shape_inference.infer_shapes(model)
    onnx.checker.check_model(model, full_check=True)
    return model, dict(net.rates), net.planted
