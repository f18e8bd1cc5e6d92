"""Random spiking networks over all supported operators, in every layout of time that exporters write.

build(seed) makes a Network with its model and its populations. Some units are planted silent (their bias keeps
them from ever firing), some copy another unit of their layer. Weights and inputs are multiples of a power of two
unless copies are wanted: sums are then exact in any order, and spikes never flip by rounding.
"""

import collections
import contextlib
import dataclasses

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from random_operators import batch_norm, decorate, flattened, in_branches

SILENT_BIAS = -1e6
FIRING_BIAS = 64  # more than any current takes away
OPSET = 18
STEPS = 4


@dataclasses.dataclass
class Value:
    """A tensor of floats under construction."""

    name: str
    shape: tuple  # [1, N], [1, C, H, W], [1, C, L], or [T, 1, N] when it holds all steps
    steps: bool = False

    @property
    def axis(self):
        """The one that follows units."""
        return len(self.shape) - 1 if self.steps else 1

    @property
    def is_map(self):
        return len(self.shape) > 2 and not self.steps

    def with_name(self, name, shape=None):
        return Value(name, tuple(shape or self.shape), self.steps)


@dataclasses.dataclass
class Population:
    """What is known of a layer: its spike tensors over all steps (and the comparisons that make them)."""

    shape: tuple  # of its units: (N,), or (C, H, W)
    silent: np.ndarray  # the units planted silent
    firing: np.ndarray  # those planted to spike in every step
    neuron: dict = dataclasses.field(default_factory=dict)  # what inspect is to say of it
    gain: float = 1.0  # of the weight operation itself
    spikes: list = dataclasses.field(default_factory=list)
    comparisons: list = dataclasses.field(default_factory=list)


class Network:
    """A network under construction: nodes in nested scopes, constants, the interface and the populations."""

    def __init__(self, seed, copies, firing):
        self.random = np.random.default_rng(seed)
        self.seed = seed
        self.wants_copies = copies
        self.wants_firing = firing
        self.nodes, self.initializers, self.functions = [], [], []
        self.inputs, self.outputs = [], []
        self.populations, self.count, self.shared = [], 0, {}
        self.as_node = self.random.random() < 0.3
        self.share = self.random.random() < 0.5
        self.in_function = False
        self.depth = 0  # of bodies around the nodes being made
        self.ties = self.random.random() < 0.2  # layers of one size read one weight
        self.wild = self.random.random() < 0.5  # more of what freezes
        self.planted = 0  # how many units copy another one
        self.copies = []  # (unit, the unit that it copies) of the layer being made
        self.replay = None  # the constants of the first step, for the later ones

    # --- names, constants, nodes

    def name(self, stem):
        self.count += 1
        return f"{stem}_{self.count}"

    def chance(self, part):
        return self.random.random() < part

    def pick(self, *choices):
        return choices[self.random.integers(len(choices))]

    def constant(self, array, stem="c"):
        """The name of a constant: an initializer or a node, shared with what is equal or not. Later steps of an
        unrolled network use those of the first."""
        array = np.asarray(array)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        as_node = self.in_function or (self.as_node and array.size < 100)
        visible = not (as_node and (self.in_function or self.depth))
        key = (array.tobytes(), array.dtype.str, array.shape)

        def make():
            if not (self.share or stem == "tied") or not visible:
                return self.new_constant(array, stem, as_node)
            if key not in self.shared:
                self.shared[key] = self.new_constant(array, stem, as_node)
            return self.shared[key]

        return self.replay.name(key, make) if self.replay and visible and not self.depth else make()

    def new_constant(self, array, stem, as_node):
        name = self.name(stem)
        if as_node:
            self.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array)))
        else:
            self.initializers.append(numpy_helper.from_array(array, name))
        return name

    @contextlib.contextmanager
    def body(self, function=False):
        """Nodes made inside go into the list that this gives."""
        outer, self.nodes = self.nodes, []
        before, self.in_function = self.in_function, self.in_function or function
        self.depth += 1
        yield self.nodes
        self.nodes, self.in_function = outer, before
        self.depth -= 1

    @contextlib.contextmanager
    def around(self, nodes):
        """From inside a function, back in the scope of its call for a while."""
        inner, self.nodes, self.in_function, self.depth = self.nodes, nodes, False, self.depth - 1
        yield
        self.nodes, self.in_function, self.depth = inner, True, self.depth + 1

    def ints(self, *values):
        return self.constant(np.array(values, np.int64), "i")

    def scalar(self, value):
        return self.constant(np.float32(value))

    def node(self, op, inputs, stem=None, domain="", outputs=1, **attributes):
        out = [self.name(stem or op.lower()) for _ in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, out, name=self.name(op), domain=domain, **attributes))
        return out[0] if outputs == 1 else out

    def unary(self, op, value, *more, **attributes):
        return value.with_name(self.node(op, [value.name, *more], **attributes))

    # --- numbers

    def normal(self, *shape, scale=1.0):
        values = self.random.standard_normal(shape) * scale
        return (values if self.wants_copies else np.round(values * 32) / 32).astype(np.float32)

    def copied(self, values):
        """values (first axis: the layer's units) with the copies planted."""
        values = np.array(values, np.float32)
        for copy, unit in self.copies:
            if len(values) > copy:
                values[copy] = values[unit]
        return values

    def spread(self, value, units, rank=1):
        """One number for all, or one a unit: (name, values)."""
        if self.chance(0.6):
            return self.scalar(value), value
        values = self.copied(value * (1 + self.random.integers(1, 9, units) / 64))
        if rank == 1:
            return self.constant(values.reshape(1, -1) if self.chance(0.3) else values), values
        return self.constant(values.reshape([-1] + [1] * (rank - 1))), values


class Replay:
    """The constants of the first step, handed out again to the later ones: the k-th that is equal."""

    def __init__(self):
        self.names, self.used = collections.defaultdict(list), collections.Counter()

    def restart(self):
        self.used.clear()

    def name(self, key, make):
        at = self.used[key]
        self.used[key] += 1
        if at == len(self.names[key]):
            self.names[key].append(make())
        return self.names[key][at]


# --- weights ------------------------------------------------------------------------


def weights(net, rows, columns):
    """[rows][columns], behind what exporters put in front of weights."""
    w = net.copied(net.normal(rows, columns, scale=2.0 / np.sqrt(columns)))
    form = net.pick("plain", "plain", "identity", "transpose", "clip", "quantized", "shared", "cast",
                    *(["reshape", "concat", "split", "steps"] * net.wild))
    if form == "identity":
        return net.node("Identity", [net.constant(w, "weight")])
    if form == "transpose":
        return net.node("Transpose", [net.constant(np.ascontiguousarray(w.T), "weight")], perm=[1, 0])
    if form == "clip":
        return net.node("Clip", [net.constant(w, "weight"), net.scalar(-9), net.scalar(9)])
    if form == "quantized":
        return quantized(net, w)
    if form == "cast":
        return net.node("Cast", [net.constant(w.astype(np.float16), "weight")], to=TensorProto.FLOAT)
    if form == "reshape" and net.chance(0.5):
        return net.node("Reshape", [net.constant(w.ravel(), "weight"), net.ints(rows, columns)])
    if form == "concat" and net.chance(0.5):
        half = rows // 2
        return net.node("Concat", [net.constant(w[:half], "weight"), net.constant(w[half:], "weight")], axis=0)
    if form == "split" and net.chance(0.5):
        sizes = [[net.ints(3, rows)], []][net.seed % 2 and rows == 3]
        return net.node("Split", [net.constant(np.concatenate([net.normal(3, columns), w]), "weight"), *sizes],
                        outputs=2, axis=0, **({} if sizes else {"num_outputs": 2}))[1]
    if form == "steps" and net.chance(0.5):
        whole = net.constant(np.repeat(w[::-1], 2, axis=0), "weight")
        return net.node("Slice", [whole, net.ints(2 * rows - 1), net.ints(-2 * rows - 1), net.ints(0), net.ints(-2)])
    if form == "shared" or (net.ties and not net.wants_copies):
        return net.constant(net.shared.setdefault(("weights", rows, columns, tuple(net.copies) * net.wants_copies), w),
                            "tied")
    return net.constant(w, "weight")


def quantized(net, w):
    codes = np.clip(np.round(w * 16), -127, 127).astype(np.int8)
    shape = [] if net.chance(0.5) else [len(w)]
    operands = [net.constant(np.full(shape, 1 / 16, np.float32))]
    if net.chance(0.3):
        operands.append(net.constant(np.zeros(shape, np.int8)))
    return net.node("DequantizeLinear", [net.constant(codes, "weight"), *operands], axis=0)


def silent_bias(net, units, population):
    bias = net.copied(net.normal(units, scale=0.3) + np.float32(0.25))
    bias[np.flatnonzero(population.silent)] = SILENT_BIAS
    bias[np.flatnonzero(population.firing)] = FIRING_BIAS
    return bias


def project(net, data, units, population):
    """The current of a dense layer; data is [..., K]."""
    bias = silent_bias(net, units, population)
    columns = data.shape[-1]
    w = weights(net, units, columns)
    shape = (*data.shape[:-1], units)
    form = net.pick("gemm", "gemm", "matmul", "matmul", "bias_apart", "batchnorm", "two",
                    *(["left", "scaled", "integers"] * net.wild))
    if form == "integers":
        return project_integers(net, data, units, bias)
    if len(data.shape) == 2 and form != "matmul":
        if form == "scaled":
            population.gain = 0.5
            turned = net.chance(0.5) and data.shape[0] == 1
            read = net.node("Transpose", [data.name], perm=[1, 0]) if turned else data.name
            return data.with_name(net.node("Gemm", [read, w, net.constant(bias, "bias")], "drive", transB=1,
                                           transA=int(turned), alpha=0.5, beta=net.pick(1.0, 2.0)), shape)
        if form == "left" and data.shape[0] == 1:
            turned = net.node("Transpose", [data.name], perm=[1, 0])
            current = net.node("Transpose", [net.node("MatMul", [w, turned], "drive")], perm=[1, 0])
            return data.with_name(net.node("Add", [current, net.constant(bias, "bias")]), shape)
        if form == "two":
            again = weights(net, units, columns)
            first = net.node("Gemm", [data.name, w, net.constant(bias, "bias")], "drive", transB=1)
            return data.with_name(net.node("Gemm", [data.name, again, first], "drive", transB=1), shape)
        if form == "bias_apart":
            current = net.node("Gemm", [data.name, w], "drive", transB=1)
            return data.with_name(net.node("Add", [current, net.constant(bias, "bias")]), shape)
        current = net.node("Gemm", [data.name, w, net.constant(bias, "bias")], "drive", transB=1)
        if form == "batchnorm":
            return batch_norm(net, data.with_name(current, shape), 1 / 16)
        return data.with_name(current, shape)
    turned = net.node("Transpose", [w], perm=[1, 0])
    current = net.node("MatMul", [data.name, turned], "drive")
    operands = [current, net.constant(bias, "bias")]
    return data.with_name(net.node("Add", operands if net.chance(0.5) else operands[::-1]), shape)


def integers(net, *shape):
    """(codes, their zero points or "", one scale or one a unit) of weights with the units first; of a kernel
    onnxruntime knows one only."""
    unsigned = net.chance(0.3)
    units = [shape[0]] if len(shape) == 2 and net.chance(0.5) else []
    w = net.copied(net.random.integers(-40, 41, shape))
    zero = net.copied(net.random.integers(-3, 4, units)).astype(np.int64) if units else np.int64(net.pick(-2, 0, 2))
    codes = w + np.reshape(zero, [-1] + [1] * (len(shape) - 1)) + 64 * unsigned
    kind = np.uint8 if unsigned else np.int8
    zeros = net.constant((zero + 64 * unsigned).astype(kind)) if unsigned or np.any(zero) or net.chance(0.5) else ""
    return codes.astype(kind), zeros, net.copied(np.full(units, 1 / 16, np.float32)) if units else np.float32(1 / 16)


def scaled(net, whole, scale, weight_scale):
    """Back to reals, in either order."""
    current = net.node("Cast", [whole], to=TensorProto.FLOAT)
    if net.chance(0.5):
        return net.node("Mul", [current, net.node("Mul", [scale, weight_scale])])
    return net.node("Mul", [weight_scale, net.node("Mul", [current, scale])])


def project_integers(net, data, units, bias):
    """Dynamic quantization, as onnxruntime's tool writes it."""
    codes, scale, zero = net.node("DynamicQuantizeLinear", [data.name], outputs=3)
    w, zeros, weight_scale = integers(net, units, data.shape[-1])
    operands = [codes, net.constant(np.ascontiguousarray(w.T), "weight"), zero, zeros]
    whole = net.node("MatMulInteger", operands if zeros else operands[:3], "drive")
    current = scaled(net, whole, scale, net.constant(weight_scale))
    return data.with_name(net.node("Add", [current, net.constant(bias, "bias")]), (*data.shape[:-1], units))


def convolve_integers(net, data, units, bias, kernel, group):
    codes, scale, zero = net.node("DynamicQuantizeLinear", [data.name], outputs=3)
    w, zeros, weight_scale = integers(net, units, data.shape[1] // group, *kernel)
    operands = [codes, net.constant(w, "weight"), zero, zeros]
    whole = net.node("ConvInteger", operands if zeros else operands[:3], "drive", group=group, kernel_shape=kernel,
                     pads=[k // 2 for k in kernel] * 2)
    ones = [1] * len(kernel)
    current = scaled(net, whole, scale, net.constant(weight_scale))
    return Value(net.node("Add", [current, net.constant(bias.reshape([-1, *ones]))]),
                 (data.shape[0], units, *data.shape[2:]))


def convolve(net, data, units, population):
    """The current of a convolution; data is [1, C, H, W] or [1, C, L]."""
    channels, spatial = data.shape[1], data.shape[2:]
    groups = [g for g in range(1, channels + 1) if channels % g == 0 and units % g == 0]
    group = net.pick(*groups) if net.chance(0.4) else 1
    kernel = [int(net.pick(1, 3)) if size >= 2 else 1 for size in spatial]
    pads = [k // 2 for k in kernel]
    if net.wild and net.chance(0.2):
        return convolve_integers(net, data, units, silent_bias(net, units, population), kernel, group)
    w = net.copied(net.normal(units, channels // group, *kernel, scale=1.0))
    operands = [data.name, net.constant(w, "weight")]
    if net.chance(0.3):
        operands[1] = net.node("Identity", [operands[1]])
    bias = silent_bias(net, units, population)
    if net.chance(0.7):
        operands.append(net.constant(bias, "bias"))
    current = net.node("Conv", operands, "drive", group=group, kernel_shape=kernel, pads=pads * 2)
    value = Value(current, (data.shape[0], units, *spatial))
    if len(operands) == 2:
        value.name = net.node("Add", [value.name, net.constant(bias.reshape([-1] + [1] * len(spatial)), "bias")])
    return batch_norm(net, value, 1 / 16) if net.chance(0.3) else value


# --- neurons ------------------------------------------------------------------------


COMPARISONS = ("shifted", "plain", "less", "equal", "where")


def compare(net, form, potential, threshold):
    """(the comparison, the spikes as floats)"""
    if form == "shifted":
        fires = net.node("Greater", [net.node("Sub", [potential, threshold]), net.scalar(0)], "fires")
    elif form == "less":
        fires = net.node("Less", [threshold, potential], "fires")
    elif form == "equal":
        fires = net.node("GreaterOrEqual", [potential, threshold], "fires")
    else:
        fires = net.node("Greater", [potential, threshold], "fires")
    if form == "where":
        return fires, net.node("Where", [fires, net.scalar(1), net.scalar(0)], "spikes")
    return fires, net.node("Cast", [fires], "spikes", to=TensorProto.FLOAT)


FORMS = ("late", "subtract", "set", "leak", "adaptive", "current", "none", "both", "norse", "multi")


def described(form, comparison, threshold, decay):
    """What inspect is to say of such a neuron, unless it says that it is custom."""
    if form == "adaptive":
        return {"neuron": "custom"}
    leaky = form in ("leak", "norse")
    says = {"neuron": {"multi": "multi-spike"}.get(form, "LIF"), "threshold": threshold,
            "comparison": ">=" if comparison == "equal" or form == "multi" else ">",
            "decay": 0.75 if leaky else decay, "input_gain": 0.25 if leaky else 1,
            "reset": {"set": "set", "norse": "set", "none": "none"}.get(form, "subtract"),
            "reset_timing": {"late": "late", "both": "both", "none": None}.get(form, "now")}
    if form in ("current", "norse"):
        says["current_decay"] = 0.5 if form == "current" else 0.625
        says["neuron"] = "synaptic" if form == "current" else "LIF"
    if says["reset"] == "set":
        says["reset_value"] = 0
    return says


def counted(net, potential, threshold, says):
    """(the guard, how often the threshold fits into the potential), at most so often or not."""
    if net.chance(0.5):
        fires = net.node("Greater", [potential, net.scalar(0)], "fires")
    else:
        fires = net.node("LessOrEqual", [threshold, potential], "fires")
    count = net.node("Floor", [net.node("Div", [potential, threshold])])
    form, most = net.pick("no", "sub", "where"), net.scalar(2)
    says["count_limit"] = None if form == "no" else 2
    spikes = net.node("Mul", [net.node("Cast", [fires], to=TensorProto.FLOAT), count], "spikes")
    if form == "no":
        return fires, spikes
    above = net.node("Greater", [spikes, most])
    if form == "where":
        return fires, net.node("Where", [above, most, spikes], "spikes")
    over = net.node("Mul", [net.node("Sub", [spikes, most]), net.node("Cast", [above], to=TensorProto.FLOAT)])
    return fires, net.node("Sub", [spikes, over], "spikes")


def neuron(net, drive, units, states, says):
    """(comparison, spikes, membrane) of a layer with this current. states gives the state of the last step (None:
    at rest and left out, as exporters do) and takes the new one; what kind it is goes into says."""
    rank = max(1, len(drive.shape) - 1)
    threshold, threshold_values = net.spread(0.7, units, rank)
    decay, decay_values = net.spread(0.75, units, rank)
    form, comparison = net.pick(*FORMS), net.pick(*COMPARISONS)
    says.update(described(form, comparison, threshold_values, decay_values))
    current = drive.name
    if form in ("current", "norse"):
        held = states.get("i", drive.shape)
        if held is not None and form == "norse":
            current = net.node("Add", [held, current])
        elif held is not None:
            current = net.node("Add", [net.node("Mul", [held, net.scalar(0.5)]), current])
        lost = net.node("Mul", [net.scalar(-0.375), current]) if form == "norse" else None
        states.put("i", net.node("Add", [current, lost]) if lost else current)
    v = states.get("v", drive.shape)
    if v is None:
        potential = net.node("Mul", [net.scalar(0.25), current]) if form in ("leak", "norse") else current
    elif form in ("leak", "norse"):
        step = net.node("Mul", [net.scalar(0.25), net.node("Sub", [current, v])])
        potential = net.node("Add", [v, step])
    else:
        potential = net.node("Add", [net.node("Mul", [decay, v]), current])
    if form in ("late", "both") and v is not None:
        before = net.node("Cast", [net.node("Greater", [v, threshold])], to=TensorProto.FLOAT)
        potential = net.node("Sub", [potential, net.node("Mul", [before, threshold])])
    limit = threshold
    if form == "adaptive":
        b = states.get("b", drive.shape)
        if b is not None:
            limit = net.node("Add", [threshold, net.node("Mul", [b, net.scalar(0.375)])])
    if form == "multi":
        fires, spikes = counted(net, potential, limit, says)
    else:
        fires, spikes = compare(net, comparison, potential, limit)
    if form == "adaptive":
        states.put("b", spikes if b is None else net.node("Add", [net.node("Mul", [b, net.scalar(0.875)]), spikes]))
    if form in ("subtract", "adaptive", "current", "leak", "multi", "both"):
        lost = spikes if form != "both" or v is None else net.node("Sub", [spikes, before])
        after = net.node("Sub", [potential, net.node("Mul", [lost, limit])])
    elif form in ("set", "norse"):
        one_less = net.node("Sub", [net.scalar(1), spikes]) if net.seed % 2 else net.node(
            "Add", [net.node("Neg", [spikes]), net.scalar(1)])
        after = net.node("Mul", [one_less, potential])
    else:
        after = potential
    states.put("v", after)
    return fires, spikes, after


def neuron_in_function(net, drive, units, states, says):
    """The same, as a call of a local function: the comparison is out of sight."""
    formal, inputs, operands, results = drive.with_name(net.name("formal")), [], [drive.name], {}
    inputs.append(formal.name)
    caller = net.nodes

    class Handed:
        def get(self, key, shape):
            with net.around(caller):
                outer = states.get(key, shape)
            if outer is None:
                return None
            operands.append(outer)
            inputs.append(net.name("formal"))
            return inputs[-1]

        def put(self, key, name):
            results[key] = name

    with net.body(function=True) as nodes:
        _, spikes, membrane = neuron(net, formal, units, Handed(), says)
        made = [net.node("Identity", [each]) for each in (spikes, membrane, *results.values())]
    name = net.name("Neuron")
    net.functions.append(helper.make_function("local", name, inputs, made, nodes, [helper.make_opsetid("", OPSET)]))
    spikes, membrane, *new = net.node(name, operands, "spikes", domain="local", outputs=len(made))
    for key, each in zip(results, new):
        states.put(key, each)
    return None, spikes, membrane


# --- states: where a layer's come from, and where they go -----------------------------------


class InterfaceStates:
    """Inputs and outputs of a one-step model."""

    def __init__(self, net):
        self.net, self.pairs = net, []  # (input, output, shape, population)

    def of(self, population):
        return LayerStates(self, population)

    def get(self, population, key, shape):
        name = self.net.name("state")
        self.pairs.append([name, None, shape, population, key])
        return name

    def put(self, population, key, value):
        pair = next(pair for pair in self.pairs if pair[3:] == [population, key])
        pair[1] = f"{pair[0]}_out"
        self.net.nodes.append(helper.make_node("Identity", [value], [pair[1]], name=f"out_{pair[0]}"))


class ChainedStates:
    """From one unrolled step to the next; at rest they are zeros, or left out as exporters do."""

    def __init__(self, net):
        self.net, self.values, self.left_out = net, {}, net.chance(0.5)

    def of(self, population):
        return LayerStates(self, population)

    def get(self, population, key, shape):
        if (population, key) not in self.values and not self.left_out:
            self.values[population, key] = zeros(self.net, shape)
        return self.values.get((population, key))

    def put(self, population, key, value):
        self.values[population, key] = value


class CarriedStates:
    """Variables that a Loop or Scan carries."""

    def __init__(self, net):
        self.net, self.carried = net, {}  # (population, key) -> [name in the body, shape, new value]

    def of(self, population):
        return LayerStates(self, population)

    def get(self, population, key, shape):
        self.carried[population, key] = [self.net.name("carried"), shape, None]
        return self.carried[population, key][0]

    def put(self, population, key, value):
        self.carried[population, key][2] = self.net.node("Identity", [value])


@dataclasses.dataclass
class LayerStates:
    states: object
    population: int

    def get(self, key, shape):
        return self.states.get(self.population, key, shape)

    def put(self, key, value):
        self.states.put(self.population, key, value)


def zeros(net, shape):
    form = net.seed % 3
    if form == 0:
        return net.constant(np.zeros(shape, np.float32), "zero")
    shape = net.constant(np.array(shape, np.int64))
    if form == 1:
        return net.node("Expand", [net.scalar(0), shape])
    return net.node("ConstantOfShape", [shape])


# --- layers -------------------------------------------------------------------------------


def population(net, index, shape, silent):
    if index == len(net.populations):
        dice = np.random.default_rng([net.seed, 5, index])
        firing = (dice.random(len(silent)) < 0.3 * net.wants_firing) & ~silent
        net.populations.append(Population(shape, silent, firing))
    return net.populations[index]


def plant(net, units):
    """Sets which units of the next layer are copies; gives those that are to be silent."""
    pairs = net.random.permutation(units)[: 2 * (units // 5)].reshape(2, -1)
    net.copies = [(int(max(p)), int(min(p))) for p in pairs.T]
    net.planted += len(net.copies)
    silent = net.random.random(units) < 0.25
    silent[pairs.ravel()] = False
    return silent


def recurrent_weights(net, units):
    """Zero as exporters write the weights of layers that have none, under one name or a name of its own each step."""
    w = np.zeros((units, units), np.float32) if net.chance(0.2) else net.copied(net.normal(units, units, scale=0.5))
    return net.new_constant(w, "recurrent", net.in_function) if net.seed % 3 else net.constant(w, "recurrent")


def layer(net, data, index, states):
    """(spikes, membrane) of a new layer."""
    conv = data.is_map and net.chance(0.7)
    units = int(net.pick(4, 6, 8, 8))
    if index and not conv and net.chance(0.3):
        units = net.populations[index - 1].shape[0]
    silent = plant(net, units)
    if not conv and not data.steps:
        data = flattened(net, data)
    shape = (units, *data.shape[2:]) if conv else (units,)
    here = population(net, index, shape, silent)
    drive = convolve(net, data, units, here) if conv else project(net, data, units, here)
    mine = states.of(index)
    recurrent = not conv and net.chance(0.2)
    back = mine.get("s", drive.shape) if recurrent else None
    w = recurrent_weights(net, units) if recurrent else None
    if back is not None:
        drive = drive.with_name(net.node("Add", [drive.name, net.node("Gemm", [back, w], transB=1)]))
    gated = net.wild and net.chance(0.1)
    if gated:
        drive = in_branches(net, drive)
    wrap = net.wild and net.chance(0.2)
    fires, spikes, membrane = (neuron_in_function if wrap else neuron)(net, drive, units, mine, here.neuron)
    if gated:
        here.neuron.clear()  # which current it is, no normal form says
    here.spikes.append(spikes)
    here.comparisons += [fires] if fires else []
    if recurrent:
        mine.put("s", spikes)
    return drive.with_name(spikes), drive.with_name(membrane)


def reader(net, earlier, spikes, membrane):
    """What the next layer reads: the spikes, decorated, alone or with those of a layer before."""
    read = decorate(net, spikes)
    form = net.pick("alone", "alone", "alone", "residual", "concat",
                    *(["product", "maximum", "gated", "membrane"] * net.wild))
    if form == "membrane" and read.shape == membrane.shape and net.wild:
        return read.with_name(net.node("Add", [read.name, net.node("Mul", [membrane.name, net.scalar(0.125)])]))
    if not earlier or form == "alone":
        return read
    other = earlier[int(net.random.integers(0, len(earlier)))]
    if form == "concat":
        if not (read.is_map and other.is_map and read.shape[2:] == other.shape[2:]) and not read.steps:
            read, other = flattened(net, read), flattened(net, other)
        shape = list(read.shape)
        shape[read.axis] += other.shape[other.axis]
        return read.with_name(net.node("Concat", [read.name, other.name], axis=read.axis), shape)
    if read.shape != other.shape:
        return read
    if form == "gated":
        open_ = net.node("Greater", [other.name, net.scalar(0.5)])
        return read.with_name(net.node("Where", [open_, read.name, net.scalar(0)]))
    op = {"residual": "Add", "product": "Mul", "maximum": "Max"}.get(form, "Add")
    return read.with_name(net.node(op, [read.name, other.name]))


def read_out(net, data, others):
    """[..., 3] numbers in which every mistake shows."""
    net.copies = []
    nobody = Population((3,), np.zeros(3, bool), np.zeros(3, bool))
    out = project(net, flattened(net, data) if not data.steps else data, 3, nobody)
    for other in others:
        if net.chance(0.3):
            more = project(net, flattened(net, other) if not other.steps else other, 3, nobody)
            out = out.with_name(net.node("Add", [out.name, more.name]))
    return out


def one_step(net, data, states):
    seen = []
    for index in range(net.layers):
        spikes, membrane = layer(net, data, index, states)
        data = reader(net, seen, spikes, membrane)
        seen.append(spikes)
    return read_out(net, data, seen)


# --- layouts of time ------------------------------------------------------------------------


def as_one_step(net):
    net.drive = "input"
    net.states = InterfaceStates(net)
    out = one_step(net, Value("input", net.shape), net.states)
    net.input_shape = net.shape
    return net.node("Identity", [out.name], "output"), out.shape


def unrolled(net):
    """Every step is written out; all read the same constants."""
    constant = net.chance(0.4)
    net.input_shape = net.shape if constant else (STEPS, *net.shape)
    net.replay, states, outputs = Replay(), ChainedStates(net), []
    form = net.pick("gather", "slice", "split")
    pieces = [None] * STEPS
    if not constant and form == "split":
        pieces = net.node("Split", ["input"], outputs=STEPS, axis=0, num_outputs=STEPS)
    stacked = net.pick("concat", "sum", "last")
    for step in range(STEPS):
        net.replay.restart()
        net.random = np.random.default_rng([net.seed, 1])
        data = Value("input" if constant else at_step(net, "input", step, form, pieces[step]), net.shape)
        net.drive = data.name
        outputs.append(one_step(net, data, states))
    net.replay = None
    return joined(net, outputs, stacked)


def joined(net, outputs, form):
    if form == "last":
        return net.node("Identity", [outputs[-1].name]), outputs[-1].shape
    if form == "sum":
        total = outputs[0].name
        for each in outputs[1:]:
            total = net.node("Add", [total, each.name])
        return total, outputs[0].shape
    return stack(net, [each.name for each in outputs]), (len(outputs), *outputs[0].shape)


def stack(net, names):
    return net.node("Concat", [net.node("Unsqueeze", [name, net.ints(0)]) for name in names], axis=0)


def written(net, names, shape, form):
    """The steps written into zeros one by one, as assignments in place are exported."""
    whole = zeros(net, shape)
    for step, name in enumerate(names):
        update = net.node("Unsqueeze", [name, net.ints(0)])
        if form == "elements":
            where = net.constant(np.full((1, *shape[1:]), step, np.int64))
            whole = net.node("ScatterElements", [whole, where, update], axis=0)
        else:
            whole = net.node("ScatterND", [whole, net.constant(np.array([[step]], np.int64)), update])
    return whole


def at_step(net, tensor, step, form, piece=None):
    """The part of [T, ...] that belongs to one step."""
    if form == "gather":
        return net.node("Gather", [tensor, net.constant(np.int64(step))], axis=0)
    if form == "slice":
        piece = net.node("Slice", [tensor, net.ints(step), net.ints(step + 1), net.ints(0)])
    return net.node("Squeeze", [piece, net.ints(0)])


def layer_by_layer(net):
    """Each layer's weights are read once, for all steps; its neurons go through time."""
    net.shape = (net.shape[0], int(np.prod(net.shape[1:])))
    net.input_shape = (STEPS, *net.shape)
    net.drive = "input"
    data, seen = Value("input", net.input_shape, True), []
    for index in range(net.layers):
        units = int(net.pick(4, 6, 8))
        here = population(net, index, (units,), plant(net, units))
        drive = project(net, data, units, here)
        form = net.pick("gather", "slice", "split", "loop", "scan")
        spikes = (in_a_loop if form in ("loop", "scan") else step_by_step)(net, drive, units, index, form)
        data = reader(net, seen, spikes, spikes)
        seen.append(spikes)
    out = read_out(net, data, seen)
    return net.node("Identity", [out.name], "output"), out.shape


def step_by_step(net, drive, units, index, form):
    names, states, seed = [], ChainedStates(net), [net.seed, 2, index]
    recurrent, stacking = net.chance(0.25), net.pick("concat", "concat", "elements", "rows")
    pieces = net.node("Split", [drive.name], outputs=STEPS, axis=0, num_outputs=STEPS) if form == "split" else None
    outer, outer_replay = net.random, net.replay
    net.replay = Replay()
    for step in range(STEPS):
        net.replay.restart()
        net.random = np.random.default_rng(seed)
        current = at_step(net, drive.name, step, form, pieces[step] if pieces else None)
        w = recurrent_weights(net, units) if recurrent else None
        if recurrent and names:
            current = net.node("Add", [current, net.node("Gemm", [names[-1], w], transB=1)])
        fires, spikes, _ = neuron(net, Value(current, drive.shape[1:]), units, states.of(index),
                                  net.populations[index].neuron)
        net.populations[index].spikes.append(spikes)
        net.populations[index].comparisons.append(fires)
        names.append(spikes)
    net.random, net.replay = outer, outer_replay
    if stacking == "concat":
        return drive.with_name(stack(net, names))
    return drive.with_name(written(net, names, drive.shape, stacking))


def in_a_loop(net, drive, units, index, form):
    def body(current, states):
        fires, spikes, _ = neuron(net, current, units, states.of(index), net.populations[index].neuron)
        net.populations[index].spikes.append(spikes)
        net.populations[index].comparisons.append(fires)
        return Value(spikes, current.shape)

    return drive.with_name(over_time(net, drive, form, body).name)


def over_time(net, data, form, make):
    """A Loop or Scan whose body makes one step of data ([T, ...]); gives what it stacks."""
    states, info = CarriedStates(net), helper.make_tensor_value_info
    count, going, piece = net.name("iteration"), net.name("going"), net.name("piece")
    with net.body() as nodes:
        if form == "loop":
            piece = net.node("Gather", [data.name, count], axis=0)
        before, net.drive = net.drive, piece
        made = make(Value(piece, data.shape[1:]), states)
        net.drive = before
        still = net.node("Identity", [going]) if form == "loop" else None
        result = net.node("Identity", [made.name])
    carried = list(states.carried.values())
    small = [form == "loop" and key != "s" and net.chance(0.2) for _, key in states.carried]  # it starts as a number
    ins = [info(name, TensorProto.FLOAT, None if number else shape) for (name, shape, _), number in zip(carried, small)]
    outs = [info(new, TensorProto.FLOAT, shape) for _, shape, new in carried]
    outs.append(info(result, TensorProto.FLOAT, made.shape))
    start = [net.constant(np.full([1] * int(net.pick(0, len(shape))), net.pick(0, 0.25), np.float32)) if number
             else zeros(net, shape) for (_, shape, _), number in zip(carried, small)]
    if form == "loop":
        ins = [info(count, TensorProto.INT64, []), info(going, TensorProto.BOOL, []), *ins]
        outs = [info(still, TensorProto.BOOL, []), *outs]
        body = helper.make_graph(nodes, net.name("body"), ins, outs)
        trips = net.constant(np.int64(STEPS))
        names = net.node("Loop", [trips, net.constant(np.bool_(True)), *start], outputs=len(carried) + 1, body=body)
    else:
        ins.append(info(piece, TensorProto.FLOAT, data.shape[1:]))
        body = helper.make_graph(nodes, net.name("body"), ins, outs)
        names = net.node("Scan", [*start, data.name], outputs=len(carried) + 1, body=body, num_scan_inputs=1)
    return Value(names if isinstance(names, str) else names[-1], (data.shape[0], *made.shape))


def in_one_loop(net):
    net.input_shape = (STEPS, *net.shape)
    net.drive = "input"
    data = Value("input", net.input_shape, True)
    out = over_time(net, data, net.pick("loop", "scan"), lambda current, states: one_step(net, current, states))
    return net.node("Identity", [out.name], "output"), out.shape


LAYOUTS = [as_one_step, as_one_step, as_one_step, unrolled, unrolled, layer_by_layer, layer_by_layer, in_one_loop]


def build(seed, copies=False, layout=None, firing=False):
    """A Network with its model, populations, and the layout of its time (a random one unless given). firing: some
    of its units spike in every step."""
    net = Network(seed, copies, firing)
    net.states = None
    net.layers = int(net.random.integers(1, 4))
    net.shape = (1, int(net.random.integers(3, 9)))
    if net.chance(0.35):
        net.shape = net.pick((1, 2, 4, 4), (1, 2, 6), (1, 1, 4, 6))
    if net.chance(0.2):
        net.shape = (net.pick(2, 3, 4), *net.shape[1:])  # samples beside each other
    drawn = LAYOUTS[net.random.integers(len(LAYOUTS))]
    layout = layout or drawn
    net.layout = layout.__name__
    result, shape = layout(net)
    info = helper.make_tensor_value_info
    inputs = [info("input", TensorProto.FLOAT, net.input_shape)]
    outputs = [info(result, TensorProto.FLOAT, shape)]
    for into, out, shape, *_ in net.states.pairs if net.states else ():
        inputs.append(info(into, TensorProto.FLOAT, shape))
        outputs.append(info(out, TensorProto.FLOAT, shape))
    graph = helper.make_graph(net.nodes, f"random_{seed}", inputs, outputs, net.initializers)
    net.model = helper.make_model(graph, functions=net.functions, ir_version=8, opset_imports=[
        helper.make_opsetid("", OPSET), helper.make_opsetid("local", 1)])
    if seed % 2:
        net.model = onnx.shape_inference.infer_shapes(net.model)
    onnx.checker.check_model(net.model, full_check=True)
    return net
