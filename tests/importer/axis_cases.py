"""Small networks with one odd thing each, and what the importer is to say of their layers.

A case builds its network on a Net and returns what it expects: a layer's name -> None (free)
or a part of the reason why it is frozen. Layers are named by their weight operations.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Net:
    """A one-step network under construction."""

    def __init__(self, *shape, opset=17, seed=1):
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []
        self.opset, self.count = opset, 0
        self.shape = list(shape)
        self.inputs.append(helper.make_tensor_value_info("input", TensorProto.FLOAT, self.shape))

    def constant(self, values, name=None):
        values = np.asarray(values)
        if values.dtype == np.float64:
            values = values.astype(np.float32)
        name = name or self.name("c")
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def ints(self, *values, name=None):
        return self.constant(np.array(values, np.int64), name)

    def name(self, stem):
        self.count += 1
        return f"{stem}_{self.count}"

    def node(self, op, *inputs, outputs=1, name=None, domain="", **attributes):
        names = [self.name(op.lower()) for _ in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, name=name or self.name(op),
                                           domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def weights(self, *shape, scale=1.0):
        """Drives of about the threshold, when a third of the inputs are on."""
        fan = int(np.prod(shape[1:]))
        return scale * (self.random.random(shape) - 0.25) * 4 / np.sqrt(fan)

    def dense(self, x, columns, units, name, bias=True):
        inputs = [x, self.constant(self.weights(units, columns), f"{name}.weight")]
        if bias:
            inputs.append(self.constant(self.random.random(units) * 0.2, f"{name}.bias"))
        return self.node("Gemm", *inputs, name=name, transB=1)

    def conv(self, x, columns, units, name, kernel=3, group=1, **attributes):
        w = self.constant(self.weights(units, columns // group, kernel, kernel), f"{name}.weight")
        b = self.constant(self.random.random(units) * 0.2, f"{name}.bias")
        attributes.setdefault("pads", [kernel // 2] * 4)
        return self.node("Conv", x, w, b, name=name, group=group, kernel_shape=[kernel] * 2, **attributes)

    def state(self, name, *shape, kind=TensorProto.FLOAT):
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def lif(self, drive, *shape, name, decay=0.8):
        """Reset by subtraction, now; gives the spikes."""
        v = self.state(f"{name}_v", *shape)
        u = self.node("Add", self.node("Mul", v, self.constant(np.float32(decay))), drive)
        fires = self.node("Greater", u, self.constant(np.float32(1)))
        spikes = self.node("Cast", fires, to=TensorProto.FLOAT)
        self.nodes.append(helper.make_node("Sub", [u, spikes], [f"{name}_v_out"], name=self.name("Sub")))
        self.output(f"{name}_v_out", *shape)
        return spikes

    def output(self, name, *shape):
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def readout(self, spikes, columns, units=3, name="out"):
        self.answer(self.dense(spikes, columns, units, name), 1, units)

    def answer(self, tensor, *shape):
        self.nodes.append(helper.make_node("Identity", [tensor], ["answer"]))
        self.outputs.insert(0, helper.make_tensor_value_info("answer", TensorProto.FLOAT, shape))

    def model(self):
        graph = helper.make_graph(self.nodes, "case", self.inputs, self.outputs, self.constants)
        model = helper.make_model(graph, ir_version=8, opset_imports=[
            helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)])
        onnx.checker.check_model(model, full_check=True)
        return model


CASES = {}


def case(shape, opset=17):
    def keep(function):
        CASES[function.__name__] = (shape, opset, function)
        return function
    return keep


def build(name):
    """The model, the shape of its input, and what is expected."""
    shape, opset, function = CASES[name]
    net = Net(*shape, opset=opset)
    expected = function(net)
    return net.model(), shape, expected


# --- pools and layouts ------------------------------------------------------------


def conv_then(net, between, columns, more=None):
    """conv -> lif -> between(spikes) -> dense readout."""
    spikes = net.lif(net.conv("input", 2, 6, "conv"), 1, 6, 4, 4, name="conv")
    net.readout(between(net, spikes), columns)
    return {"conv": more, "out": "graph output"}


@case((1, 2, 4, 4))
def channels_last(net):
    return conv_then(net, lambda n, s: n.node("Flatten", n.node(
        "Transpose", n.node("MaxPool", s, kernel_shape=[2, 2], strides=[2, 2]), perm=[0, 2, 3, 1])), 24)


@case((1, 2, 4, 4))
def mean_over_positions(net):
    return conv_then(net, lambda n, s: n.node("ReduceMean", s, axes=[2, 3], keepdims=0), 6)


@case((1, 2, 4, 4), opset=18)
def mean_over_positions_as_input(net):
    return conv_then(net, lambda n, s: n.node("ReduceMean", s, n.ints(-1, -2), keepdims=0), 6)


@case((1, 2, 4, 4))
def mean_over_channels(net):
    return conv_then(net, lambda n, s: n.node("Flatten", n.node("ReduceMean", s, axes=[1], keepdims=0)), 16,
                     "ReduceMean")


@case((1, 2, 4, 4))
def lp_pool(net):
    """No rule says what it gives of spikes, so its reader freezes."""
    return conv_then(net, lambda n, s: n.node("Flatten", n.node(
        "LpPool", s, kernel_shape=[2, 2], strides=[2, 2])), 24, "reads something else")


@case((1, 2, 4, 4))
def max_pool_with_indices(net):
    """Its second output numbers positions over all channels."""
    def pool(n, s):
        pooled, indices = n.node("MaxPool", s, outputs=2, kernel_shape=[2, 2], strides=[2, 2])
        return n.node("Add", n.node("Flatten", pooled), n.node("Mul", n.constant(np.float32(0.01)), n.node(
            "Cast", n.node("Flatten", indices), to=TensorProto.FLOAT)))
    return conv_then(net, pool, 24, "MaxPool")


def two_populations(net, join, columns, reason=None):
    first = net.lif(net.conv("input", 2, 6, "a"), 1, 6, 4, 4, name="a")
    second = net.lif(net.conv(first, 6, 6, "b"), 1, 6, 4, 4, name="b")
    net.readout(join(net, first, second), columns)
    return {"a": reason, "b": reason, "out": "graph output"}


@case((1, 2, 4, 4))
def mean_of_a_sum(net):
    return two_populations(net, lambda n, a, b: n.node("Flatten", n.node(
        "AveragePool", n.node("Add", a, b), kernel_shape=[2, 2], strides=[2, 2])), 24)


@case((1, 2, 4, 4))
def largest_of_a_sum(net):
    return two_populations(net, lambda n, a, b: n.node("Flatten", n.node(
        "MaxPool", n.node("Add", a, b), kernel_shape=[3, 3], pads=[1, 1, 1, 1])), 96)


@case((1, 2, 4, 4))
def mean_of_a_difference(net):
    """Each may outweigh the other, so nothing of it has a bound; zero is still zero."""
    return two_populations(net, lambda n, a, b: n.node("Flatten", n.node(
        "AveragePool", n.node("Sub", a, b), kernel_shape=[2, 2], strides=[2, 2])), 24, "reads something else")


@case((1, 2, 4, 4))
def mean_with_padding_of_what_is_not_zero(net):
    """At the edge, zeros are averaged in: a silent unit gives another constant there."""
    def pool(n, s):
        return n.node("Flatten", n.node("AveragePool", n.node("Sub", n.constant(np.float32(1)), s),
                                        kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1))
    return conv_then(net, pool, 96, "reads something else")


@case((1, 2, 4, 4))
def mean_of_what_is_not_zero(net):
    def pool(n, s):
        return n.node("Flatten", n.node("AveragePool", n.node("Sub", n.constant(np.float32(1)), s),
                                        kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
    return conv_then(net, pool, 96)


@case((1, 3))
def relu(net):
    """An ANN: a unit whose activation is always 0 gives nothing."""
    hidden = net.node("Relu", net.dense("input", 3, 10, "fc"))
    net.readout(hidden, 10)
    return {"fc": None, "out": "graph output"}


@case((1, 3))
def leaky_relu(net):
    hidden = net.node("LeakyRelu", net.dense("input", 3, 10, "fc"), alpha=0.1)
    net.readout(hidden, 10)
    return None  # no population at all: refused


def one_by_one_of_what_is_not_zero(net, pads, reason):
    size = 4 + 2 * pads
    first = net.lif(net.conv("input", 2, 6, "a"), 1, 6, 4, 4, name="a")
    drive = net.conv(net.node("Sub", net.constant(np.float32(1)), first), 6, 5, "b", kernel=1, pads=[pads] * 4)
    net.readout(net.node("Flatten", net.lif(drive, 1, 5, size, size, name="b")), 5 * size * size)
    return {"a": reason, "b": None, "out": "graph output"}


@case((1, 2, 4, 4))
def convolution_of_one_by_one_of_what_is_not_zero(net):
    return one_by_one_of_what_is_not_zero(net, 0, None)


@case((1, 2, 4, 4))
def convolution_of_one_by_one_that_pads(net):
    return one_by_one_of_what_is_not_zero(net, 1, "not around the edge")


# --- grouped convolutions ------------------------------------------------------------


def grouped(net, units, group, reason=None, columns=96):
    first = net.lif(net.conv("input", 2, 6, "a"), 1, 6, 4, 4, name="a")
    second = net.lif(net.conv(first, 6, units, "b", group=group), 1, units, 4, 4, name="b")
    net.readout(net.node("Flatten", second), columns)
    return {"a": reason, "b": reason, "out": "graph output"}


@case((1, 2, 4, 4))
def depthwise(net):
    return grouped(net, 6, 6)


@case((1, 2, 4, 4))
def depthwise_with_two_kernels_a_channel(net):
    return grouped(net, 12, 6, "grouped convolution", 192)


@case((1, 2, 4, 4))
def two_groups(net):
    return grouped(net, 6, 2, "grouped convolution")


@case((1, 6, 4, 4))
def depthwise_of_the_input(net):
    net.readout(net.node("Flatten", net.lif(net.conv("input", 6, 6, "a", group=6), 1, 6, 4, 4, name="a")), 96)
    return {"a": "graph input", "out": "graph output"}


@case((1, 2, 4, 4))
def depthwise_without_a_neuron_before(net):
    """The first convolution has no spikes: its channels go with the neurons that they drive."""
    drive = net.conv(net.conv("input", 2, 6, "a"), 6, 6, "b", group=6)
    net.readout(net.node("Flatten", net.lif(drive, 1, 6, 4, 4, name="b")), 96)
    return {"a": None, "b": None, "out": "graph output"}


@case((1, 2, 4, 4))
def depthwise_of_the_membrane(net):
    """Whatever a channel gives to itself goes with it."""
    net.lif(net.conv("input", 2, 6, "a"), 1, 6, 4, 4, name="a")
    net.readout(net.node("Flatten", net.lif(net.conv("a_v_out", 6, 6, "b", group=6), 1, 6, 4, 4,
                                            name="b")), 96)
    return {"a": None, "b": None, "out": "graph output"}


@case((1, 2, 4, 4))
def depthwise_of_a_pool_of_what_is_not_zero(net):
    """What silent channels give is read only by channels that are silent too."""
    first = net.lif(net.conv("input", 2, 6, "a"), 1, 6, 4, 4, name="a")
    pooled = net.node("AveragePool", net.node("Sub", net.constant(np.float32(1)), first),
                      kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
    net.readout(net.node("Flatten", net.lif(net.conv(pooled, 6, 6, "b", group=6), 1, 6, 4, 4, name="b")), 96)
    return {"a": None, "b": None, "out": "graph output"}


@case((1, 2, 4, 4))
def depthwise_of_itself(net):
    """Recurrent: last step's spikes of the channel itself."""
    last = net.state("s", 1, 6, 4, 4)
    drive = net.node("Add", net.conv("input", 2, 6, "a"), net.conv(last, 6, 6, "loop", group=6))
    spikes = net.lif(drive, 1, 6, 4, 4, name="a")
    net.nodes.append(helper.make_node("Identity", [spikes], ["s_out"]))
    net.output("s_out", 1, 6, 4, 4)
    net.readout(net.node("Flatten", spikes), 96)
    return {"a": None, "out": "graph output"}


# --- pieces ------------------------------------------------------------------------


def sliced(net, spikes, start, end, name, **forms):
    bounds = [net.ints(start), net.ints(end), net.ints(1)]
    return net.node("Slice", spikes, *bounds)


@case((1, 5))
def two_slices(net):
    """Two readers, of the first 4 and of the last 6 units."""
    spikes = dense_then(net)
    first = net.dense(sliced(net, spikes, 0, 4, "a"), 4, 3, "a")
    second = net.dense(sliced(net, spikes, 4, 2**62, "b"), 6, 3, "b")
    net.answer(net.node("Add", first, second), 1, 3)
    return {"fc": None, "a": "graph output"}  # a and b drive the same units


@case((1, 5))
def overlapping_slices(net):
    spikes = dense_then(net)
    first = net.dense(sliced(net, spikes, 0, 7, "a"), 7, 3, "a")
    second = net.dense(sliced(net, spikes, -5, 2**62, "b"), 5, 3, "b")
    net.answer(net.node("Add", first, second), 1, 3)
    return {"fc": None, "a": "graph output"}


@case((1, 5))
def slice_from_the_end(net):
    spikes = dense_then(net)
    net.readout(sliced(net, spikes, -7, -2, "a"), 5)
    return {"fc": None, "out": "graph output"}


@case((1, 5))
def slice_of_a_slice(net):
    spikes = dense_then(net)
    net.readout(sliced(net, sliced(net, spikes, 2, 9, "a"), 1, 5, "b"), 4)
    return {"fc": None, "out": "graph output"}


@case((1, 5))
def shared_bounds(net):
    """One constant is the end of one slice, the start of another, the axis and the step."""
    spikes = dense_then(net)
    one, four = net.ints(1, name="one"), net.ints(4, name="four")
    first = net.node("Slice", spikes, one, four, one, one)
    second = net.node("Slice", spikes, four, net.ints(10), one, one)
    net.answer(net.node("Add", net.dense(first, 3, 3, "a"), net.dense(second, 6, 3, "b")), 1, 3)
    return {"fc": None, "a": "graph output"}


@case((1, 5))
def slice_with_steps(net):
    spikes = dense_then(net)
    net.readout(net.node("Slice", spikes, net.ints(0), net.ints(10), net.ints(1), net.ints(2)), 5)
    return {"fc": "every so many", "out": "graph output"}


@case((1, 2, 8, 8))
def positions_in_steps(net):
    """Every second position, as residual paths of other sizes are made: the channels stay what they are."""
    def thinned(net, spikes):
        small = net.node("Slice", spikes, net.ints(0, 7), net.ints(2**62, -(2**62)), net.ints(2, 3), net.ints(2, -2))
        return net.node("Flatten", net.node("Add", small, net.constant(np.float32(0.25))), axis=1)

    spikes = net.lif(net.conv("input", 2, 6, "conv"), 1, 6, 8, 8, name="conv")
    net.readout(thinned(net, spikes), 96)
    return {"conv": None, "out": "graph output"}


@case((1, 5), opset=9)
def slice_with_attributes(net):
    """Bounds in attributes do not move."""
    spikes = dense_then(net)
    net.readout(net.node("Slice", spikes, axes=[1], starts=[2], ends=[7]), 5)
    return {"fc": "in an attribute", "out": "graph output"}


@case((1, 5))
def slice_to_the_size_of_another(net):
    spikes = dense_then(net)
    other = net.lif(net.dense("input", 5, 4, "other"), 1, 4, name="other")
    size = net.node("Slice", net.node("Shape", other), net.ints(1), net.ints(2))
    part = net.node("Slice", spikes, net.ints(0), size, net.ints(1))
    net.answer(net.node("Add", net.dense(part, 4, 3, "a"), net.dense(other, 4, 3, "b")), 1, 3)
    return {"fc": "its size is used", "other": "its units", "a": "graph output"}


@case((1, 5))
def halves_added(net):
    """Unit i of the first half and unit i of the second are one: neither can go alone."""
    spikes = dense_then(net)
    net.readout(net.node("Add", sliced(net, spikes, 0, 5, "a"), sliced(net, spikes, 5, 10, "b")), 5)
    return {"fc": "tied to each other", "out": "graph output"}


@case((1, 5))
def split_with_sizes(net):
    spikes = dense_then(net)
    first, second = net.node("Split", spikes, net.ints(4, 6), outputs=2, axis=1)
    net.answer(net.node("Add", net.dense(first, 4, 3, "a"), net.dense(second, 6, 3, "b")), 1, 3)
    return {"fc": None, "a": "graph output"}


@case((1, 5))
def split_in_equal_parts(net):
    spikes = dense_then(net)
    first, second = net.node("Split", spikes, outputs=2, axis=1)
    net.answer(net.node("Add", net.dense(first, 5, 3, "a"), net.dense(second, 5, 3, "b")), 1, 3)
    return {"fc": "in an attribute", "a": "graph output"}


@case((1, 5), opset=11)
def split_with_attributes(net):
    spikes = dense_then(net)
    first, second = net.node("Split", spikes, outputs=2, axis=1, split=[4, 6])
    net.answer(net.node("Add", net.dense(first, 4, 3, "a"), net.dense(second, 6, 3, "b")), 1, 3)
    return {"fc": "in an attribute", "a": "graph output"}


@case((1, 5))
def split_and_swapped(net):
    spikes = dense_then(net)
    first, second = net.node("Split", spikes, net.ints(4, 6), outputs=2, axis=1)
    net.readout(net.node("Concat", second, first, axis=1), 10)
    return {"fc": None, "out": "graph output"}


@case((1, 5))
def gather_one_unit(net):
    """The unit that is picked stays, and its number is how many are left before it."""
    spikes = dense_then(net)
    picked = net.node("Gather", spikes, net.constant(np.array(6)), axis=1)
    net.answer(net.node("Add", net.dense(spikes, 10, 3, "out"), net.node("Unsqueeze", picked, net.ints(1))), 1, 3)
    return {"fc": None, "out": "graph output"}


@case((1, 5))
def gather_some_units(net):
    spikes = dense_then(net)
    net.readout(net.node("Gather", spikes, net.ints(6, 2, 3), axis=1), 3)
    return {"fc": "Gather", "out": "graph output"}


@case((1, 5))
def slice_of_one_unit(net):
    spikes = dense_then(net)
    one = sliced(net, spikes, 6, 7, "a")
    net.answer(net.node("Add", net.dense(spikes, 10, 3, "out"), net.node("Mul", one, net.constant([[1., 2., 3.]]))),
               1, 3)
    return {"fc": None, "out": "graph output"}


@case((1, 2, 4, 4))
def slice_of_channels(net):
    return conv_then(net, lambda n, s: n.node("Flatten", n.node("Slice", s, n.ints(1), n.ints(5), n.ints(1))), 64)


@case((1, 2, 4, 4))
def slice_of_flat_channels(net):
    """The bounds fall between channels, but the axis has factors: not followed."""
    return conv_then(net, lambda n, s: sliced(n, n.node("Flatten", s), 16, 80, "a"), 64, "Slice")


@case((1, 5))
def slice_of_a_current(net):
    """One operation drives two layers: no population of its own, and not taken apart."""
    drive = net.dense("input", 5, 10, "fc")
    a = net.lif(sliced(net, drive, 0, 4, "a"), 1, 4, name="a")
    b = net.lif(sliced(net, drive, 4, 10, "b"), 1, 6, name="b")
    net.answer(net.node("Add", net.dense(a, 4, 3, "out"), net.dense(b, 6, 3, "more")), 1, 3)
    return None  # the layers that it drives are not read: a known limit


# --- put together -------------------------------------------------------------------


@case((1, 5))
def stacked_currents(net):
    """Two operations drive one population, each a part of it."""
    drive = net.node("Concat", net.dense("input", 5, 4, "a"), net.dense("input", 5, 6, "b"), axis=1)
    net.readout(net.lif(drive, 1, 10, name="a"), 10)
    return {"a": None, "out": "graph output"}


@case((1, 5))
def stacked_currents_of_slices(net):
    first = net.lif(net.dense("input", 5, 12, "first"), 1, 12, name="first")
    drive = net.node("Concat", net.dense(sliced(net, first, 0, 5, "x"), 5, 4, "a"),
                     net.dense(sliced(net, first, 5, 12, "y"), 7, 6, "b", bias=False), axis=-1)
    net.readout(net.lif(drive, 1, 10, name="a"), 10)
    return {"first": None, "a": None, "out": "graph output"}


@case((1, 5))
def stacked_currents_and_a_recurrent_one(net):
    last = net.state("s", 1, 10)
    drive = net.node("Concat", net.dense("input", 5, 4, "a"), net.dense("input", 5, 6, "b"), axis=1)
    spikes = net.lif(net.node("Add", drive, net.dense(last, 10, 10, "loop")), 1, 10, name="a")
    net.nodes.append(helper.make_node("Identity", [spikes], ["s_out"]))
    net.output("s_out", 1, 10)
    net.readout(spikes, 10)
    return {"a": None, "out": "graph output"}


@case((1, 2, 4, 4))
def stacked_convolutions(net):
    drive = net.node("Concat", net.conv("input", 2, 3, "a"), net.conv("input", 2, 5, "b", kernel=1), axis=1)
    spikes = net.lif(drive, 1, 8, 4, 4, name="a")
    net.readout(net.node("Flatten", net.node("GlobalAveragePool", spikes)), 8)
    return {"a": None, "out": "graph output"}


@case((1, 2, 4, 4))
def concatenated_channels_flattened(net):
    a = net.lif(net.conv("input", 2, 3, "a"), 1, 3, 4, 4, name="a")
    b = net.lif(net.conv("input", 2, 5, "b"), 1, 5, 4, 4, name="b")
    net.readout(net.node("Flatten", net.node("Concat", a, b, axis=1)), 128)
    return {"a": None, "b": None, "out": "graph output"}


@case((1, 2, 4, 4))
def concatenated_channels_last(net):
    """Units of both at every position: as many pieces as there are positions."""
    a = net.lif(net.conv("input", 2, 3, "a"), 1, 3, 4, 4, name="a")
    b = net.lif(net.conv("input", 2, 5, "b"), 1, 5, 4, 4, name="b")
    net.readout(net.node("Flatten", net.node("Transpose", net.node("Concat", a, b, axis=1),
                                             perm=[0, 2, 3, 1])), 128)
    return {"a": None, "b": None, "out": "graph output"}


@case((1, 5))
def concatenated_and_scaled(net):
    """What is put together goes through an Add: a silent unit gives a constant of its own."""
    a = net.lif(net.dense("input", 5, 4, "a"), 1, 4, name="a")
    b = net.lif(net.dense("input", 5, 6, "b"), 1, 6, name="b")
    both = net.node("Add", net.node("Concat", a, b, axis=1), net.constant(net.random.random(10)))
    net.readout(both, 10)
    return {"a": None, "b": None, "out": "graph output"}


@case((1, 5))
def concatenated_with_the_input(net):
    a = net.lif(net.dense("input", 5, 4, "a"), 1, 4, name="a")
    net.readout(net.node("Concat", a, "input", axis=1), 9)
    return {"a": "reads something else", "out": "graph output"}


@case((1, 5))
def concatenated_with_a_constant(net):
    a = net.lif(net.dense("input", 5, 4, "a"), 1, 4, name="a")
    net.readout(net.node("Concat", a, net.constant([[1.0, 2.0]]), axis=1), 6)
    return {"a": None, "out": "graph output"}


@case((1, 5))
def concatenated_in_two_orders(net):
    """Units tied across two layers of unequal sizes: a part of each is tied to the other."""
    a = net.lif(net.dense("input", 5, 4, "a"), 1, 4, name="a")
    b = net.lif(net.dense("input", 5, 6, "b"), 1, 6, name="b")
    net.readout(net.node("Add", net.node("Concat", a, b, axis=1), net.node("Concat", b, a, axis=1)), 10)
    return {"a": "its units", "b": "tied to each other", "out": "graph output"}


@case((1, 5))
def concatenated_twice_the_same(net):
    a = dense_then(net)
    net.readout(net.node("Concat", a, a, axis=1), 20)
    return {"fc": None, "out": "graph output"}


@case((1, 5))
def concatenated_membranes(net):
    """Layers that are only looked at together stay two populations."""
    a = net.lif(net.dense("input", 5, 4, "a"), 1, 4, name="a")
    b = net.lif(net.dense(a, 4, 6, "b"), 1, 6, name="b")
    net.readout(b, 6)
    net.nodes.append(helper.make_node("Concat", ["a_v_out", "b_v_out"], ["seen"], axis=1))
    net.output("seen", 1, 10)
    return {"a": "graph output", "b": "graph output", "out": "graph output"}


# --- quantized activations -----------------------------------------------------------


def quantized(net, x, zero, scale=0.02):
    constants = [net.constant(np.float32(scale)), net.constant(np.array(zero))]
    return net.node("DequantizeLinear", net.node("QuantizeLinear", x, *constants), *constants)


@case((1, 3))
def relu_inside_quantization(net):
    """The smallest code stands for 0: what is below becomes 0."""
    net.readout(quantized(net, net.dense("input", 3, 10, "fc"), np.uint8(0)), 10)
    return {"fc": None, "out": "graph output"}


@case((1, 3))
def relu_inside_signed_quantization(net):
    hidden = quantized(net, net.dense(quantized(net, "input", np.int8(-128)), 3, 10, "fc"), np.int8(-128))
    net.readout(hidden, 10)
    return {"fc": None, "out": "graph output"}


@case((1, 3))
def quantized_relu(net):
    net.readout(quantized(net, net.node("Relu", net.dense("input", 3, 10, "fc")), np.int8(0)), 10)
    return {"fc": None, "out": "graph output"}


@case((1, 3))
def quantization_without_a_relu(net):
    net.readout(quantized(net, net.dense("input", 3, 10, "fc"), np.int8(0)), 10)
    return None  # a linear network


@case((1, 3))
def integer_operators(net):
    scale, zero = net.constant(np.float32(0.02)), net.constant(np.uint8(0))
    weights = [net.constant((net.random.random((3, 10)) * 50).astype(np.uint8), "fc.weight"), scale, zero]
    codes = net.node("QLinearMatMul", net.node("QuantizeLinear", "input", scale, zero), scale, zero, *weights,
                     scale, zero, name="fc")
    net.readout(net.node("DequantizeLinear", codes, scale, zero), 10)
    return {"fc": "QLinearMatMul fc computes in integers", "out": "graph output"}


def integers_then(net, spikes, name="out", columns=10, units=3, **extra):
    """A layer with dynamic quantization, as onnxruntime's tool writes it."""
    codes, scale, zero = net.node("DynamicQuantizeLinear", spikes, outputs=3, name=f"{name}_scale")
    w = extra.get("weights") or net.constant(net.random.integers(-40, 41, (columns, units)).astype(np.int8), f"{name}.weight")
    whole = net.node("MatMulInteger", codes, w, extra.get("zero", zero), *extra.get("zeros", ()), name=name)
    current = net.node("Cast", whole, to=TensorProto.FLOAT)
    return net.node("Mul", current, net.node("Mul", scale, net.constant(np.float32(1 / 16))))


@case((1, 5))
def integer_weights(net):
    hidden = net.lif(integers_then(net, dense_then(net, name="fc1"), "fc2", units=8), 1, 8, name="fc2")
    net.readout(hidden, 8)
    return {"fc1": None, "fc2": None, "out": "graph output"}


@case((1, 5))
def integer_weights_computed(net):
    """Turned, and with zero points of each unit."""
    codes = net.constant(net.random.integers(-40, 41, (8, 10)).astype(np.int8))
    zeros = net.constant(net.random.integers(-3, 4, 8).astype(np.int8))
    drive = integers_then(net, dense_then(net, name="fc1"), "fc2", weights=net.node("Transpose", codes, perm=[1, 0]),
                          zeros=[zeros])
    net.readout(net.lif(drive, 1, 8, name="fc2"), 8)
    return {"fc1": None, "fc2": None, "out": "graph output"}


@case((1, 5))
def codes_of_a_constant(net):
    """A silent unit gives 1: the scale would be another one without it."""
    inverse = net.node("Sub", net.constant(np.float32(1)), dense_then(net))
    net.answer(integers_then(net, inverse), 1, 3)
    return {"fc": "reads something else", "out": "graph output"}


@case((1, 5))
def codes_of_different_spikes(net):
    """Rounded to the steps of the largest: no multiple of a spike."""
    graded = net.node("Mul", dense_then(net), net.constant(np.linspace(0.1, 1, 10)))
    net.answer(integers_then(net, graded), 1, 3)
    return {"fc": "reads something else", "out": "graph output"}


@case((1, 5))
def codes_from_another_zero(net):
    """What is taken off is no zero point of what it reads."""
    net.answer(integers_then(net, dense_then(net), zero=net.constant(np.uint8(3))), 1, 3)
    return {"fc": "reads something else", "out": "graph output"}


@case((1, 5))
def spikes_as_integers(net):
    """Nothing is taken off, and there is no scale."""
    codes = net.node("Cast", dense_then(net), to=TensorProto.UINT8)
    w = net.constant(net.random.integers(-40, 41, (10, 3)).astype(np.int8), "out.weight")
    net.answer(net.node("Cast", net.node("MatMulInteger", codes, w, name="out"), to=TensorProto.FLOAT), 1, 3)
    return {"fc": None, "out": "graph output"}


@case((1, 5))
def the_scale_of_membranes(net):
    """Not zero in a silent unit."""
    spikes = dense_then(net)
    scale = net.node("DynamicQuantizeLinear", "fc_v_out", outputs=3, name="codes")[1]
    net.answer(net.node("Add", net.dense(spikes, 10, 3, "out"), scale), 1, 3)
    return {"fc": "DynamicQuantizeLinear codes takes its scale from all of its units", "out": "graph output"}


@case((1, 5))
def the_scale_is_read_elsewhere(net):
    """Of units that spike or not it says whether any does; they may go while one stays."""
    codes, scale, zero = net.node("DynamicQuantizeLinear", dense_then(net), outputs=3)
    w = net.constant(net.random.integers(-40, 41, (10, 3)).astype(np.int8), "out.weight")
    whole = net.node("Cast", net.node("MatMulInteger", codes, w, zero, name="out"), to=TensorProto.FLOAT)
    net.answer(net.node("Add", whole, scale), 1, 3)
    return {"fc": None, "out": "graph output"}


# --- functions of spikes -------------------------------------------------------------


def function_then(net, make, reason=None):
    """dense -> lif -> make(spikes) -> dense readout: what a silent unit gives is a constant."""
    net.readout(make(net, dense_then(net)), 10)
    return {"fc": reason, "out": "graph output"}


def bound(net, *values):
    return net.constant(np.array(values if len(values) > 1 else values[0], np.float32))


@case((1, 5))
def clipped_spikes(net):
    return function_then(net, lambda n, s: n.node("Clip", s, bound(n, 0.25), bound(n, 0.75)))


@case((1, 5), opset=10)
def clipped_spikes_by_attributes(net):
    return function_then(net, lambda n, s: n.node("Clip", s, min=-1.0, max=0.5))


@case((1, 5))
def largest_of_spikes_and_constants(net):
    return function_then(net, lambda n, s: n.node("Max", bound(n, *np.linspace(0, 0.5, 10)), s))


@case((1, 5))
def smallest_of_graded_spikes(net):
    return function_then(net, lambda n, s: n.node("Min", n.node("Mul", s, bound(n, *np.linspace(0.2, 2, 10))), bound(n, 1)))


@case((1, 5))
def a_chain_of_functions(net):
    return function_then(net, lambda n, s: n.node("Tanh", n.node("Exp", n.node("Sub", bound(n, 0.5), n.node("Sqrt", s)))))


@case((1, 5))
def tests_of_spikes(net):
    return function_then(net, lambda n, s: n.node("Where", n.node("Less", s, bound(n, 0.5)), bound(n, 0.75), bound(n, -0.25)))


@case((1, 5))
def rounded_spikes(net):
    return function_then(net, lambda n, s: n.node("Round", n.node("Mul", s, bound(n, 0.7))))


@case((1, 5))
def rounded_on_the_edge(net):
    """0.1 times 15 is not quite a half more than 1: what a last bit decides is not decided here."""
    return function_then(net, lambda n, s: n.node("Round", n.node("Mul", n.node("Mul", s, bound(n, 0.1)), bound(n, 15))),
                         "reads something else")


@case((1, 5))
def spikes_without_a_logarithm(net):
    return function_then(net, lambda n, s: n.node("Reciprocal", s), "reads something else")


@case((1, 5))
def two_layers_in_one_function(net):
    """What the two add up to is 0, 1 or 2: no function of one of them."""
    one, other = dense_then(net, name="a"), dense_then(net, name="b")
    net.readout(net.node("Clip", net.node("Add", one, other), bound(net, 0), bound(net, 1)), 10)
    return {"a": "reads something else", "b": "reads something else", "out": "graph output"}


@case((1, 5))
def two_layers_side_by_side_in_one_function(net):
    both = net.node("Concat", dense_then(net, name="a"), dense_then(net, units=6, name="b"), axis=1)
    net.readout(net.node("Max", both, bound(net, 0.25)), 16)
    return {"a": None, "b": None, "out": "graph output"}


@case((1, 2, 4, 4))
def a_function_of_mean_spikes(net):
    """Between the same ends, as it only rises; where all are silent it is what it is of 0."""
    return conv_then(net, lambda n, s: n.node("Flatten", n.node("Sqrt", n.node(
        "AveragePool", s, kernel_shape=[2, 2], strides=[2, 2]))), 24)


@case((1, 2, 4, 4))
def a_constant_around_the_edge(net):
    """The padding is 0, but a silent unit is 0.25."""
    raised = net.node("Max", net.lif(net.conv("input", 2, 6, "conv"), 1, 6, 4, 4, name="conv"), bound(net, 0.25))
    hidden = net.lif(net.conv(raised, 6, 5, "deep"), 1, 5, 4, 4, name="deep")
    net.readout(net.node("Flatten", hidden), 80)
    return {"conv": "Conv deep reads a constant of it", "deep": None, "out": "graph output"}


@case((1, 2, 4, 4))
def graded_spikes_into_a_convolution(net):
    graded = net.node("Mul", net.lif(net.conv("input", 2, 6, "conv"), 1, 6, 4, 4, name="conv"), bound(net, 0.5))
    hidden = net.lif(net.conv(graded, 6, 5, "deep"), 1, 5, 4, 4, name="deep")
    net.readout(net.node("Flatten", hidden), 80)
    return {"conv": None, "deep": None, "out": "graph output"}


@case((1, 5))
def quantized_spikes(net):
    """0 has a code of its own; 1 becomes 0.98."""
    return function_then(net, lambda n, s: quantized(n, s, np.uint8(7), 0.07))


@case((1, 5))
def quantized_spikes_beyond_the_largest_code(net):
    return function_then(net, lambda n, s: quantized(n, n.node("Sub", bound(n, 1), s), np.int8(100), 0.02))


@case((1, 3))
def relu_up_to_six(net):
    net.readout(net.node("Clip", net.node("Relu", net.dense("input", 3, 10, "fc")), bound(net, 0), bound(net, 6)), 10)
    return {"fc": None, "out": "graph output"}


@case((1, 3))
def relu_with_a_ceiling(net):
    net.readout(net.node("Clip", net.dense("input", 3, 10, "fc"), bound(net, 0), bound(net, 0.5)), 10)
    return {"fc": None, "out": "graph output"}


@case((1, 3))
def two_ceilings(net):
    """Their difference is no nothing."""
    current = net.dense("input", 3, 10, "fc")
    high, low = (net.node("Clip", current, bound(net, 0), bound(net, top)) for top in (6, 0.25))
    net.readout(net.node("Add", net.node("Sub", high, low), net.node("Relu", current)), 10)
    return {"fc": "reads something else", "out": "graph output"}


# --- operators without a rule ----------------------------------------------------------


@case((1, 2, 4, 4))
def a_layer_behind_an_unknown_operator(net):
    """Only what it touches is frozen."""
    first = net.lif(net.conv("input", 2, 6, "a"), 1, 6, 4, 4, name="a")
    normal = net.node("LRN", first, size=3, name="norm")
    second = net.lif(net.conv(normal, 6, 5, "b"), 1, 5, 4, 4, name="b")
    net.readout(net.node("Flatten", second), 80)
    return {"a": "operator LRN norm", "b": None, "out": "graph output"}


@case((1, 2, 4, 4))
def a_layer_behind_a_transposed_convolution(net):
    first = net.lif(net.conv("input", 2, 6, "a"), 1, 6, 4, 4, name="a")
    large = net.node("ConvTranspose", first, net.constant(net.weights(6, 3, 2, 2)), strides=[2, 2], name="up")
    second = net.lif(net.conv(large, 3, 5, "b"), 1, 5, 8, 8, name="b")
    net.readout(net.node("Flatten", second), 320)
    return {"a": "operator ConvTranspose up", "b": None, "out": "graph output"}


@case((1, 5))
def a_layer_behind_an_unknown_shape(net):
    first = net.lif(net.dense("input", 5, 8, "a"), 1, 8, name="a")
    top = net.node("TopK", first, net.ints(4), outputs=2, name="top")[0]
    second = net.lif(net.dense(top, 4, 10, "b"), 1, 10, name="b")
    net.readout(second, 10)
    return {"a": "operator TopK top", "b": None, "out": "graph output"}


# --- sums over units ---------------------------------------------------------------


def dense_then(net, units=10, name="fc"):
    return net.lif(net.dense("input", 5, units, name), 1, units, name=name)


@case((1, 5))
def sum_over_units(net):
    """How many units spiked, as global inhibition."""
    spikes = dense_then(net)
    total = net.node("ReduceSum", spikes, net.ints(1), keepdims=1)
    net.answer(net.node("Sub", net.dense(spikes, 10, 3, "out"), total), 1, 3)
    return {"fc": None, "out": "graph output"}


@case((1, 5))
def norm_over_units(net):
    spikes = dense_then(net)
    net.answer(net.node("Sub", net.dense(spikes, 10, 3, "out"), net.node("ReduceL2", spikes, axes=[-1])), 1, 3)
    return {"fc": None, "out": "graph output"}


@case((1, 5))
def sum_of_what_is_not_zero(net):
    spikes = dense_then(net)
    silent = net.node("Sub", net.constant(np.float32(1)), spikes)
    total = net.node("ReduceSum", silent, net.ints(1), keepdims=1)
    net.answer(net.node("Sub", net.dense(spikes, 10, 3, "out"), total), 1, 3)
    return {"fc": "ReduceSum", "out": "graph output"}


# --- the other operators of the table --------------------------------------------------


def between(net, operator, reason=None, columns=10):
    spikes = dense_then(net)
    net.readout(operator(net, spikes), columns)
    return {"fc": reason, "out": "graph output"}


@case((1, 5))
def softmax(net):
    return between(net, lambda n, s: n.node("Softmax", s, axis=1), "Softmax")


@case((1, 5))
def cumulative_sum(net):
    return between(net, lambda n, s: n.node("CumSum", s, n.constant(np.array(1))), "CumSum")


@case((1, 5))
def pad_units(net):
    return between(net, lambda n, s: n.node("Pad", s, n.ints(0, 1, 0, 1)), "Pad", 12)


@case((1, 2, 4, 4))
def pad_positions(net):
    return conv_then(net, lambda n, s: n.node("Flatten", n.node("GlobalMaxPool", n.node(
        "Pad", s, n.ints(0, 0, 1, 1, 0, 0, 1, 1)))), 6, "reads something else")


@case((1, 5))
def tile_units(net):
    return between(net, lambda n, s: n.node("Tile", s, n.ints(1, 2)), "reads something else", 20)


@case((1, 5))
def tiled_threshold(net):
    """A constant of one element, repeated once a unit: the number of repeats is cut too."""
    v = net.state("v", 1, 10)
    u = net.node("Add", net.node("Mul", v, net.constant(np.float32(0.8))), net.dense("input", 5, 10, "fc"))
    threshold = net.node("Tile", net.constant([[1.0]]), net.ints(1, 10))
    spikes = net.node("Cast", net.node("Greater", u, threshold), to=TensorProto.FLOAT)
    net.nodes.append(helper.make_node("Sub", [u, spikes], ["v_out"]))
    net.output("v_out", 1, 10)
    net.readout(spikes, 10)
    return {"fc": None, "out": "graph output"}


@case((1, 5))
def expanded_threshold(net):
    v = net.state("v", 1, 10)
    u = net.node("Add", net.node("Mul", v, net.constant(np.float32(0.8))), net.dense("input", 5, 10, "fc"))
    threshold = net.node("Expand", net.constant(np.float32(1)), net.ints(1, 10))
    spikes = net.node("Cast", net.node("Greater", u, threshold), to=TensorProto.FLOAT)
    net.nodes.append(helper.make_node("Sub", [u, spikes], ["v_out"]))
    net.output("v_out", 1, 10)
    net.readout(spikes, 10)
    return {"fc": None, "out": "graph output"}


@case((1, 5))
def scatter_into_units(net):
    def scatter(n, s):
        return n.node("ScatterND", s, n.constant(np.array([[0, 2]])), n.constant([1.0]))
    return between(net, scatter, "ScatterND")


@case((1, 5))
def scatter_rows(net):
    """Whole rows are put into a table of two: its units are the population's."""
    def scatter(n, s):
        table = n.node("ScatterND", n.constant(np.zeros((2, 10))), n.constant(np.array([[1]])), s)
        return n.node("Gather", table, n.ints(1), axis=0)
    return between(net, scatter)


@case((1, 5))
def scatter_elements(net):
    def scatter(n, s):
        return n.node("ScatterElements", s, n.constant(np.array([[2]])), n.constant([[1.0]]), axis=1)
    return between(net, scatter, "ScatterElements")


@case((1, 5))
def gather_elements(net):
    return between(net, lambda n, s: n.node("GatherElements", s, n.constant(np.array([[2, 1, 0]])), axis=1),
                   "GatherElements", 3)


@case((1, 5))
def argmax(net):
    """Only the unit that is furthest over its threshold spikes."""
    def inhibit(n, s):
        best = n.node("ArgMax", s, axis=1, keepdims=0)
        return n.node("Mul", s, n.node("OneHot", best, n.constant(np.array(10)), n.constant([0.0, 1.0])))
    between(net, inhibit)
    return {"fc": "ArgMax", "out": "graph output"}  # what comes after OneHot is not followed


@case((1, 5))
def noise(net):
    """Noise on the drive, switched off so that runs can be compared."""
    drive = net.dense("input", 5, 10, "fc")
    off = net.node("Mul", net.node("RandomNormalLike", drive), net.constant(np.float32(0)))
    net.readout(net.lif(net.node("Add", drive, off), 1, 10, name="fc"), 10)
    return {"fc": None, "out": "graph output"}


@case((1, 5))
def seeded_noise(net):
    drive = net.dense("input", 5, 10, "fc")
    net.readout(net.lif(net.node("Add", drive, net.node("RandomNormalLike", drive, seed=1.0)), 1, 10,
                        name="fc"), 10)
    return {"fc": "has a seed", "out": "graph output"}


@case((1, 2, 4, 4))
def instance_normalization(net):
    drive = net.node("InstanceNormalization", net.conv("input", 2, 6, "conv"),
                     net.constant(net.random.random(6) + 1), net.constant(net.random.random(6)))
    net.readout(net.node("Flatten", net.lif(drive, 1, 6, 4, 4, name="conv")), 96)
    return {"conv": None, "out": "graph output"}


@case((1, 5))
def parametric_relu(net):
    drive = net.node("PRelu", net.dense("input", 5, 10, "fc"), net.constant(net.random.random(10)))
    net.readout(net.lif(drive, 1, 10, name="fc"), 10)
    return {"fc": None, "out": "graph output"}


@case((1, 5))
def smaller_of_two(net):
    drive = net.node("Min", net.dense("input", 5, 10, "fc"), net.constant(net.random.random(10) + 1))
    net.readout(net.lif(drive, 1, 10, name="fc"), 10)
    return {"fc": None, "out": "graph output"}


# --- weights that are computed from constants -----------------------------------------


def made_weights(net, make, reason=None):
    """fc1 -> fc -> readout; the weights of fc, [8, 10], are what make gives."""
    net.readout(net.lif(net.node("Gemm", dense_then(net, name="fc1"), make(net), name="fc", transB=1), 1, 8, name="fc"), 8)
    return {"fc1": reason, "fc": reason, "out": "graph output"}


@case((1, 5))
def weights_put_together(net):
    return made_weights(net, lambda n: n.node("Concat", n.constant(n.weights(3, 10)), n.constant(n.weights(5, 10)),
                                              axis=0))


@case((1, 5))
def weights_put_together_turned(net):
    return made_weights(net, lambda n: n.node("Transpose", n.node(
        "Concat", n.constant(n.weights(10, 3)), n.constant(n.weights(10, 5)), axis=-1), perm=[1, 0]))


@case((1, 5))
def weights_of_nine_parts(net):
    parts = [1, 1, 1, 1, 1, 1, 1, 1, 2]
    said = made_weights(net, lambda n: n.node("Concat", *(n.constant(n.weights(8, k)) for k in parts), axis=1))
    return {**said, "fc1": "one row of a Concat"}


@case((1, 5))
def weights_cut_out(net):
    return made_weights(net, lambda n: n.node("Slice", n.constant(n.weights(12, 10)), n.ints(2), n.ints(10), n.ints(0)))


@case((1, 5))
def weights_picked(net):
    return made_weights(net, lambda n: n.node("Gather", n.constant(n.weights(2, 8, 10)), n.constant(np.array(1)), axis=0))


@case((1, 5))
def weights_picked_by_unit(net):
    return made_weights(net, lambda n: n.node("Gather", n.constant(n.weights(6, 10)), n.ints(0, 1, -1, 3, 4, 2, 2, 0)))


@case((1, 5))
def weights_repeated(net):
    return made_weights(net, lambda n: n.node("Expand", n.constant(n.weights(8, 1)), n.ints(8, 10)))


@case((1, 5))
def weights_all_alike(net):
    value = onnx.helper.make_tensor("value", onnx.TensorProto.FLOAT, [1], [0.125])
    return made_weights(net, lambda n: n.node("ConstantOfShape", n.ints(8, 10), value=value))


@case((1, 5))
def weights_split_off(net):
    return made_weights(net, lambda n: n.node("Split", n.constant(n.weights(12, 10)), n.ints(4, 8), outputs=2)[1])


@case((1, 5))
def weights_split_in_half(net):
    """Sizes that are not written cannot be changed."""
    said = made_weights(net, lambda n: n.node("Split", n.constant(n.weights(16, 10)), outputs=2)[1])
    return {**said, "fc": "its size is computed"}


@case((1, 5))
def weights_in_steps(net):
    said = made_weights(net, lambda n: n.node("Slice", n.constant(n.weights(16, 10)), n.ints(15), n.ints(-17), n.ints(0),
                                              n.ints(-2)))
    return {**said, "fc": "every so many"}


def beyond_computing(net, *shape):
    return net.node("Sin", net.constant(net.random.random(shape) * 0.2))


def unknown_bias(net, drive):
    """-> lif -> lif -> readout: the layers after it are read and cut."""
    net.readout(net.lif(net.dense(net.lif(drive, 1, 8, name="fc"), 8, 6, "fc2"), 1, 6, name="fc2"), 6)
    return {"fc1": None, "fc": "the bias of", "fc2": None, "out": "graph output"}


@case((1, 5))
def added_bias_beyond_computing(net):
    """Never a reason to refuse the whole file, nor to freeze what comes before."""
    product = net.node("MatMul", dense_then(net, name="fc1"), net.constant(net.weights(10, 8)), name="fc")
    return unknown_bias(net, net.node("Add", beyond_computing(net, 8), product))


@case((1, 5))
def bias_beyond_computing(net):
    return unknown_bias(net, net.node("Gemm", net.node("Sub", net.constant(np.float32(1)), dense_then(net, name="fc1")),
                                      net.constant(net.weights(8, 10)), beyond_computing(net, 8), name="fc", transB=1))


@case((1, 2, 4, 4))
def bias_of_a_convolution_beyond_computing(net):
    current = net.node("Conv", "input", net.constant(net.weights(6, 2, 1, 1)), beyond_computing(net, 6), name="conv",
                       kernel_shape=[1, 1])
    net.readout(net.node("Flatten", net.lif(current, 1, 6, 4, 4, name="conv"), axis=1), 96)
    return {"conv": "the bias of", "out": "graph output"}


@case((1, 5))
def weights_beyond_computing(net):
    """Never a reason to refuse the whole file."""
    drive = net.node("Gemm", dense_then(net, name="fc1"),
                     net.node("CumSum", net.constant(net.weights(8, 10)), net.constant(np.array(0))), name="fc", transB=1)
    net.readout(net.lif(net.dense(net.lif(drive, 1, 8, name="fc"), 8, 6, "fc2"), 1, 6, name="fc2"), 6)
    return {"fc1": "fold constants", "fc2": None, "out": "graph output"}
