"""Operators that onnxruntime's offline optimizer makes of several: read, cut, and played by onnxruntime."""

import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from onnxruntime.quantization import QuantType, quantize_dynamic

import axis_cases
import axis_judge
import harness

DYNAMICS = ("kind", "neuron", "units", "positions", "decay", "threshold", "reset", "input_gain", "frozen")


def fuse(source, path):
    """As the optimizer writes it, with the shapes that it leaves out: the judge needs them."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 4
    onnxruntime.InferenceSession(source, options)
    model = onnx.load(path)
    declare_from(model, onnx.load(source))
    onnx.save(model, path)
    return model, [node.op_type for node in model.graph.node if node.domain == "com.microsoft"]


def declare_from(model, source):
    """Shapes of the tensors that both have, as they are known of the source."""
    known = {value.name for value in [*model.graph.value_info, *model.graph.input, *model.graph.output]}
    made = {name for node in model.graph.node for name in node.output}
    model.graph.value_info.extend(value for value in onnx.shape_inference.infer_shapes(source).graph.value_info
                                  if value.name in made - known)


def told(path, without=()):
    return [{what: layer[what] for what in DYNAMICS if what not in without} for layer in axis_judge.inspect(path)["layers"]]


def inputs_of(model, steps=6):
    shape = [dim.dim_value or 1 for dim in model.graph.input[0].type.tensor_type.shape.dim]
    return np.random.default_rng(0).random((steps, *shape))


def cut_and_compare(folder, path, tolerance=0.0):
    model = onnx.load(path)
    shows = [axis_judge.judge(folder, path, inputs_of(model), seed=seed, tolerance=tolerance) for seed in range(3)]
    assert any(shows), "the dead units gave nothing"


@pytest.mark.parametrize("name,kinds", {"ann-convbn-ts17": ["FusedConv"] * 2, "ann-mlp-ts17": ["FusedGemm"] * 2}.items())
def test_activations_are_read_as_the_neurons_they_are(tmp_path, name, kinds):
    source = harness.fixture(name).path
    _, found = fuse(source, tmp_path / "fused.onnx")
    assert found == kinds
    assert told(tmp_path / "fused.onnx") == told(source)
    assert [layer["kind"] for layer in axis_judge.inspect(tmp_path / "fused.onnx")["layers"]] == ["relu", "relu", "readout"]
    cut_and_compare(tmp_path, tmp_path / "fused.onnx", tolerance=1e-5)


@pytest.mark.parametrize("name", ["seed-mlp-ts17-step", "sj14-csnn-ts17-step", "snntorch-conv-ts17-step", "ann-convbn-ts17",
                                  "sinabs-conv-ts17-T4"])
def test_fused_dynamic_quantization_is_read(tmp_path, name):
    shutil.copy(harness.fixture(name).path, tmp_path / "source.onnx")
    quantize_dynamic(tmp_path / "source.onnx", tmp_path / "quantized.onnx", per_channel=True, weight_type=QuantType.QInt8,
                     reduce_range=True)
    model, found = fuse(tmp_path / "quantized.onnx", tmp_path / "fused.onnx")
    assert "DynamicQuantizeMatMul" in found
    assert told(tmp_path / "fused.onnx") == told(tmp_path / "quantized.onnx")
    cut_and_compare(tmp_path, tmp_path / "fused.onnx", tolerance=1e-5 if name == "ann-convbn-ts17" else 0)
    before = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    after = {tensor.name: list(tensor.dims) for tensor in onnx.load(tmp_path / "out.onnx").graph.initializer}
    cut = {tensor for tensor, dims in before.items() if after[tensor] != dims}
    assert any(tensor.endswith("_quantized") for tensor in cut)
    assert name != "seed-mlp-ts17-step" or {"net.fc2.weight_scale", "net.fc2.weight_zero_point", "net.fc2.bias"} <= cut


# --- by hand ---------------------------------------------------------------------------


class Fused(axis_cases.Net):
    """With every shape declared: inference does not know these operators."""

    def __init__(self, *shape):
        super().__init__(*shape)
        self.declared = []

    def fused(self, op, *inputs, shape, **attributes):
        made = self.node(op, *inputs, domain="com.microsoft", **attributes)
        self.declared.append(helper.make_tensor_value_info(made, TensorProto.FLOAT, shape))
        return made

    def model(self):
        model = super().model()
        model.graph.value_info.extend(self.declared)
        return model


def fused_conv(net, x, units, name="fused", bias=True, extra=(), kernel=3, columns=2, size=4,
               **attributes):
    w = net.constant(net.weights(units, columns, kernel, kernel), f"{name}.weight")
    b = net.constant(net.random.random(units) * 0.2 - 0.1, f"{name}.bias") if bias else ""
    return net.fused("FusedConv", x, w, b, *extra, name=name, kernel_shape=[kernel] * 2, pads=[kernel // 2] * 4,
                     shape=[1, units, size, size], **attributes)


def fused_gemm(net, x, columns, units, name="fused", bias=True, **attributes):
    w = net.constant(net.weights(units, columns), f"{name}.weight")
    b = (net.constant(net.random.random(units) * 0.2 - 0.1, f"{name}.bias"),) if bias else ()
    return net.fused("FusedGemm", x, w, *b, name=name, transB=1, shape=[1, units], **attributes)


def judged(folder, net, expected, tolerance=1e-5):
    onnx.save(net.model(), folder / "in.onnx")
    said = {layer["name"]: layer for layer in axis_judge.inspect(folder / "in.onnx")["layers"]}
    assert said.keys() == expected.keys()
    for layer, reason in expected.items():
        assert (reason in said[layer]["frozen"]) if reason else said[layer]["frozen"] is None, said[layer]
    if None in expected.values():
        cut_and_compare(folder, folder / "in.onnx", tolerance)
    return said


# name of the activation -> its numbers, and what the layer is
ACTIVATIONS = {"Relu": ([], "relu"), "Clip": ([0.0, 0.7], "relu"), "LeakyRelu": ([0.3], "readout"), "Sigmoid": ([], "readout"),
               "Tanh": ([], "readout"), "HardSigmoid": ([0.3, 0.4], "readout")}


def expected_of(kind):
    return {"first": None, "fused": None if kind == "relu" else "reads something else", "out": "graph output"}


@pytest.mark.parametrize("op", ACTIVATIONS)
def test_convolutions_with_any_activation(tmp_path, op):
    """What is 0 where it is not above 0 may be dead. Of the others nobody knows, but what they read is cut."""
    numbers, kind = ACTIVATIONS[op]
    net = Fused(1, 2, 4, 4)
    spikes = net.lif(net.conv("input", 2, 5, "first"), 1, 5, 4, 4, name="first")
    made = fused_conv(net, spikes, 6, columns=5, activation=op, **({"activation_params": numbers} if numbers else {}))
    net.readout(net.node("Flatten", made), 96)
    said = judged(tmp_path, net, expected_of(kind))
    assert said["fused"]["kind"] == kind and said["fused"]["positions"] == 16


@pytest.mark.parametrize("op", ["Relu", "LeakyRelu", "Tanh"])
def test_gemms_with_any_activation(tmp_path, op):
    numbers, kind = ACTIVATIONS[op]
    net = Fused(1, 8)
    spikes = net.lif(net.dense("input", 8, 10, "first"), 1, 10, name="first")
    made = fused_gemm(net, spikes, 10, 12, activation=op, **({"activation_alpha": numbers[0]} if numbers else {}))
    net.readout(made, 12)
    said = judged(tmp_path, net, expected_of(kind))
    assert said["fused"]["kind"] == kind


def test_an_operand_that_is_added_before_the_activation(tmp_path):
    """A skip connection: both convolutions drive one population."""
    net = Fused(1, 2, 4, 4)
    skip = net.conv("input", 2, 6, "skip", kernel=1)
    made = fused_conv(net, "input", 6, extra=(skip,), activation="Relu")
    net.readout(net.node("Flatten", made), 96)
    said = judged(tmp_path, net, {"skip": None, "out": "graph output"})
    assert said["skip"]["kind"] == "relu"


def test_a_constant_operand_is_cut(tmp_path):
    net = Fused(1, 2, 4, 4)
    map_of_units = net.constant(net.random.random((1, 6, 4, 4)) - 0.3, "map")
    made = fused_conv(net, "input", 6, extra=(map_of_units,), activation="Relu")
    net.readout(net.node("Flatten", made), 96)
    judged(tmp_path, net, {"fused": None, "out": "graph output"})
    assert [list(t.dims) for t in onnx.load(tmp_path / "out.onnx").graph.initializer if t.name == "map"][0][1] < 6


def spikes_of_a_dense_layer(net, units=10):
    return net.lif(net.dense("input", 8, units, "fc"), 1, units, name="fc")


@pytest.mark.parametrize("bias", [True, False])
def test_what_a_silent_unit_still_gives_goes_into_the_bias_before_the_activation(tmp_path, bias):
    """1 - S: the constant of the units that are gone is added where the bias is, also to none."""
    net = Fused(1, 8)
    inverted = net.node("Sub", net.constant(np.float32(1)), spikes_of_a_dense_layer(net))
    made = fused_gemm(net, inverted, 10, 12, bias=bias, activation="Relu")
    net.readout(made, 12)
    judged(tmp_path, net, {"fc": None, "fused": None, "out": "graph output"})
    nodes = {node.name: node for node in onnx.load(tmp_path / "out.onnx").graph.node}
    assert len(nodes["fused"].input) == 3 and nodes["fused"].domain == "com.microsoft"


def test_channels_that_are_something_when_silent(tmp_path):
    """Of a convolution with a kernel of one position, without a bias but with something added."""
    net = Fused(1, 2, 4, 4)
    spikes = net.lif(net.conv("input", 2, 2, "conv"), 1, 2, 4, 4, name="conv")
    inverted = net.node("Sub", net.constant(np.float32(1)), spikes)
    made = fused_conv(net, inverted, 6, bias=False, kernel=1, extra=(net.conv("input", 2, 6, "skip"),), activation="Relu")
    net.readout(net.node("Flatten", made), 96)
    judged(tmp_path, net, {"conv": None, "skip": None, "out": "graph output"})


def test_no_bias_can_be_added_where_something_else_stands(tmp_path):
    """C is a state: an Add behind the node would come after the activation."""
    net = Fused(1, 8)
    inverted = net.node("Sub", net.constant(np.float32(1)), spikes_of_a_dense_layer(net))
    state = net.state("v", 1, 12)
    w = net.constant(net.weights(12, 10), "fused.weight")
    made = net.fused("FusedGemm", inverted, w, state, name="fused", transB=1, beta=1.0, activation="Relu", shape=[1, 12])
    net.readout(made, 12)
    net.nodes.append(helper.make_node("Mul", [made, net.constant(np.float32(0.5))], ["v_out"]))
    net.output("v_out", 1, 12)
    judged(tmp_path, net, {"fc": "no place for another bias", "fused": "no place for another bias", "out": "graph output"})


def test_an_activation_that_is_not_known_is_frozen_by_name(tmp_path):
    """Before and behind it."""
    reason = "com.microsoft::FusedGemm fused is several operators in one"
    net = Fused(1, 8)
    net.readout(fused_gemm(net, spikes_of_a_dense_layer(net), 10, 12, activation="ParametricSoftplus"), 12)
    judged(tmp_path, net, {"fc": reason, "fused": reason, "out": "graph output"})


@pytest.mark.parametrize("alpha", [1.0, 0.25])
def test_scaled_products(tmp_path, alpha):
    """The scale is in the gain; behind it no bias can be added, so that nothing goes where one is needed."""
    net = Fused(1, 8)
    spikes = spikes_of_a_dense_layer(net)
    w = net.constant(net.weights(10, 12).copy(), "fused.weight")
    drive = net.fused("FusedMatMul", spikes, w, name="fused", alpha=alpha, shape=[1, 12])
    net.readout(net.lif(drive, 1, 12, name="fused"), 12)
    reason = "no place for another bias"
    said = judged(tmp_path, net, {"fc": reason, "fused": reason, "out": "graph output"})
    assert (said["fused"]["threshold"], said["fused"]["decay"]) == (1, pytest.approx(0.8))
    assert said["fused"]["kind"] == "spiking" and said["fused"]["input_gain"] == pytest.approx(alpha)


def test_turned_weights_of_a_fused_product_are_frozen_by_name(tmp_path):
    net = Fused(1, 8)
    w = net.constant(net.weights(12, 8), "fused.weight")
    drive = net.fused("FusedMatMul", "input", w, name="fused", transB=1, shape=[1, 12])
    net.readout(net.lif(drive, 1, 12, name="fused"), 12)
    judged(tmp_path, net, {"fused": "com.microsoft::FusedMatMul fused is several operators in one", "out": "graph output"})


def test_groups_of_a_fused_convolution_follow_its_channels(tmp_path):
    net = Fused(1, 2, 4, 4)
    before = fused_conv(net, "input", 6, name="first", activation="Relu")
    w = net.constant(net.weights(6, 1, 3, 3), "depth.weight")
    b = net.constant(net.random.random(6) * 0.2, "depth.bias")
    made = net.fused("FusedConv", before, w, b, name="depth", kernel_shape=[3, 3], pads=[1] * 4, group=6, activation="Relu",
                     shape=[1, 6, 4, 4])
    net.readout(net.node("Flatten", made), 96)
    judged(tmp_path, net, {"first": None, "depth": None, "out": "graph output"})
    small = {node.name: node for node in onnx.load(tmp_path / "out.onnx").graph.node}
    group = next(a.i for a in small["depth"].attribute if a.name == "group")
    assert group < 6


def test_weights_are_written_into_fused_operators(tmp_path):
    """Pruning changes weights and keeps the shape of a convolution's kernels."""
    source = harness.fixture("ann-convbn-ts17").path
    fuse(source, tmp_path / "fused.onnx")
    harness.run("optimize", tmp_path / "fused.onnx", "-o", tmp_path / "out.onnx", "--passes", "magnitude_pruning",
                "--prune-threshold", "0.05")
    harness.run("optimize", source, "-o", tmp_path / "plain.onnx", "--passes", "magnitude_pruning",
                "--prune-threshold", "0.05")
    models = [onnx.load(tmp_path / name) for name in ("out.onnx", "plain.onnx")]
    data = inputs_of(models[1], 1)[0].astype(np.float32)
    fused, plain = (axis_judge.session(model).run(None, {"input": data})[0] for model in models)
    np.testing.assert_allclose(fused, plain, rtol=1e-4, atol=1e-4)
    whole = axis_judge.session(onnx.load(source)).run(None, {"input": data})[0]
    assert not np.allclose(whole, plain, atol=1e-3), "pruning changed nothing"


# --- at random -----------------------------------------------------------------------------


def something_between(net, data, kind, units, positions):
    """What stands between two layers: nothing, what gives a constant without a spike, or a scale."""
    choice = net.random.integers(5)
    if choice == 0:
        return net.node("Sub", net.constant(np.float32(1)), data)
    if choice == 1:
        return net.node("Mul", data, net.constant(np.float32(0.5)))
    if choice == 2 and kind == "conv":
        scale, shift, mean, variance = (net.constant(net.random.random(units) + 0.5) for _ in range(4))
        return net.node("BatchNormalization", data, scale, shift, mean, variance)
    if choice == 3 and kind == "conv":
        return net.node("AveragePool" if net.random.random() < 0.5 else "MaxPool", data, kernel_shape=[3, 3], pads=[1] * 4)
    return data


def random_fused(seed):
    """Layers of fused ReLUs and of spiking neurons in any order, of convolutions and then dense."""
    net = Fused(1, 3, 4, 4)
    net.random = np.random.default_rng(seed)
    data, units, shapes = "input", 3, []
    for index in range(net.random.integers(1, 4)):
        after, kernel = int(net.random.integers(3, 8)), int(net.random.choice([1, 3]))
        name, bias = f"conv{index}", net.random.random() < 0.6
        extra = ()
        if shapes and net.random.random() < 0.3:
            after = units
            extra = (data,)
        elif net.random.random() < 0.3:
            extra = (net.conv(data, units, after, f"skip{index}", kernel=1),)
        activation = {"activation": str(net.random.choice(["Relu", "Relu", "LeakyRelu", "Clip", "Tanh"]))}
        if activation["activation"] in ("LeakyRelu", "Clip"):
            activation["activation_params"] = [0.25] if activation["activation"] == "LeakyRelu" else [0.0, 0.75]
        spiking = net.random.random() < 0.5
        made = fused_conv(net, data, after, name, bias, extra, kernel, units, **({} if spiking else activation))
        if spiking:
            made = net.lif(made, 1, after, 4, 4, name=name)
        shapes.append(after)
        data, units = something_between(net, made, "conv", after, 16), after
    if net.random.random() < 0.5:
        data, columns = net.node("Flatten", net.node("GlobalAveragePool", data)), units
    else:
        data, columns = net.node("Flatten", data), units * 16
    for index in range(net.random.integers(0, 3)):
        after, name = int(net.random.integers(4, 10)), f"gemm{index}"
        made = fused_gemm(net, data, columns, after, name, bool(net.random.random() < 0.6),
                          activation=str(net.random.choice(["Relu", "Relu", "Relu", "Sigmoid"])))
        data, columns = something_between(net, made, "gemm", after, 1), after
    net.readout(data, columns)
    return net.model()


@pytest.mark.parametrize("seed", range(24))
def test_random_networks_of_fused_operators(tmp_path, seed, cut_so_far):
    onnx.save(random_fused(seed), tmp_path / "in.onnx")
    if harness.run("inspect", tmp_path / "in.onnx", expect=None).returncode == 3:
        return
    axis_judge.judge(tmp_path, tmp_path / "in.onnx", np.random.default_rng(seed).random((6, 1, 3, 4, 4)), seed=seed,
                     tolerance=1e-4)
    cut_so_far.append(sum(layer["frozen"] is None for layer in axis_judge.inspect(tmp_path / "in.onnx")["layers"]))


@pytest.fixture(scope="module")
def cut_so_far():
    """How many layers of each network were free; enough of them have to be."""
    found = []
    yield found
    assert len(found) < 12 or sum(count > 0 for count in found) > 0.3 * len(found)
