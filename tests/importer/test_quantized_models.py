"""Real networks quantized by onnxruntime's own tools: units that are declared dead are cut, and leave no trace.

Weights of 7 bits (reduce_range) where onnxruntime is the judge: on processors without VNNI its kernels add up pairs
of products of 8 bits with saturation, so that a sum depends on which weights stand side by side.
"""

import shutil

import numpy as np
import onnx
import onnx.reference
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

import axis_judge
import harness

TYPES = {"int8": QuantType.QInt8, "uint8": QuantType.QUInt8}
DYNAMIC = ["seed-mlp-ts17-step", "sj14-csnn-ts17-step", "snntorch-conv-ts17-step", "ann-convbn-ts17", "sinabs-conv-ts17-T4"]
INTEGERS = ("MatMulInteger", "ConvInteger")
STATIC = ["seed-mlp-ts17-step", "sj14-csnn-ts17-step", "snntorch-conv-ts17-step"]


class Reference:
    """onnx's own evaluator, which adds up as the standard says."""

    def __init__(self, model):
        self.evaluator, self.model = onnx.reference.ReferenceEvaluator(model), model
        self.run = self.evaluator.run

    def get_inputs(self):
        return [Declared(value) for value in self.model.graph.input]

    def get_outputs(self):
        return [Declared(value) for value in self.model.graph.output]


class Declared:
    def __init__(self, value):
        self.name, self.type = value.name, "tensor(float)"
        self.shape = [dim.dim_value or dim.dim_param for dim in value.type.tensor_type.shape.dim]


def source_in(folder, name):
    """A copy: the tools write beside the file that they read, and take that away again."""
    return shutil.copy(harness.fixture(name).path, folder / "source.onnx")


def dynamic(folder, name, kind, per_channel=False, reduce_range=True):
    path = folder / "quantized.onnx"
    quantize_dynamic(source_in(folder, name), path, per_channel=per_channel, weight_type=TYPES[kind],
                     reduce_range=reduce_range)
    model = onnx.load(path)
    assert sum(node.op_type in INTEGERS for node in model.graph.node) >= 3
    return path, model


def inputs_of(model, steps):
    shape = [dim.dim_value or 1 for dim in model.graph.input[0].type.tensor_type.shape.dim]
    return np.random.default_rng(0).random((steps, *shape))


def told(path):
    return [{what: layer[what] for what in ("kind", "neuron", "units", "decay", "threshold", "reset", "input_gain")}
            for layer in axis_judge.inspect(path)["layers"]]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", DYNAMIC)
def test_units_go_from_integer_weights(tmp_path, name, kind):
    path, model = dynamic(tmp_path, name, kind, per_channel=kind == "int8")
    assert told(path) == told(harness.fixture(name).path)
    assert any(layer["frozen"] is None for layer in axis_judge.inspect(path)["layers"]), "nothing can be cut"
    shows = [axis_judge.judge(tmp_path, path, inputs_of(model, 6), seed=seed) for seed in range(2)]
    assert any(shows), "the dead units gave nothing"


def test_zero_points_and_scales_of_each_unit_go_with_it(tmp_path):
    """By the standard also with all 8 bits."""
    path, model = dynamic(tmp_path, "seed-mlp-ts17-step", "uint8", per_channel=True, reduce_range=False)
    zeros = [tensor for tensor in model.graph.initializer if tensor.name.endswith("weight_zero_point")]
    assert [list(zero.dims) for zero in zeros] == [[256], [64], [10]]
    shows = [axis_judge.judge(tmp_path, path, inputs_of(model, 4), seed=seed, runtime_of=Reference) for seed in range(2)]
    assert any(shows), "the dead units gave nothing"
    cut = {tensor.name: list(tensor.dims) for tensor in onnx.load(tmp_path / "out.onnx").graph.initializer}
    assert cut[zeros[0].name][0] < 256 and cut[zeros[0].name.replace("zero_point", "scale")] == cut[zeros[0].name]


class Samples(CalibrationDataReader):
    """Random values of every input, states too."""

    def __init__(self, model):
        random = np.random.default_rng(0)
        shapes = {value.name: [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim] for value in model.graph.input}
        self.left = [{name: random.random(shape).astype(np.float32) for name, shape in shapes.items()} for _ in range(8)]

    def get_next(self):
        return self.left.pop() if self.left else None


def static(folder, name, quant_format):
    path, source = folder / "quantized.onnx", source_in(folder, name)
    quantize_static(source, path, Samples(onnx.load(source)), quant_format=quant_format, weight_type=QuantType.QInt8)
    return path, onnx.load(path)


@pytest.mark.parametrize("name", STATIC)
def test_units_go_from_between_quantizations(tmp_path, name):
    """Everything is quantized: spikes, currents, membranes, thresholds. What is 0 stays 0."""
    path, model = static(tmp_path, name, QuantFormat.QDQ)
    layers = axis_judge.inspect(path)["layers"]
    assert [layer["frozen"] for layer in layers] == [None] * (len(layers) - 1) + ["graph output 'output'"]
    shows = [axis_judge.judge(tmp_path, path, inputs_of(model, 6), seed=seed) for seed in range(2)]
    assert any(shows), "the dead units gave nothing"


@pytest.mark.parametrize("name", STATIC)
def test_operators_in_integers_are_frozen_by_name(tmp_path, name):
    path, _ = static(tmp_path, name, QuantFormat.QOperator)
    before = axis_judge.inspect(harness.fixture(name).path)
    found = axis_judge.inspect(path)
    assert [layer["units"] for layer in found["layers"]] == [layer["units"] for layer in before["layers"]]
    assert len(found["states"]) == len(before["states"])
    for layer in found["layers"]:
        assert layer["kind"] == "custom"
        assert "computes in integers: prune the model before it is quantized" in layer["frozen"], layer
