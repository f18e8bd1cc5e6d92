"""Quantized weights of real networks: what is stored, in which type, and that it runs.

The judge is onnxruntime: the file that came out against the input file with the
float weights replaced by integer times scale, computed here.
"""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper

import harness

TYPES = {2: TensorProto.INT2, 3: TensorProto.INT4, 4: TensorProto.INT4, 6: TensorProto.INT8, 8: TensorProto.INT8,
         11: TensorProto.INT16, 16: TensorProto.INT16}  # fmt: skip
OPSETS = {TensorProto.INT2: (25, 13), TensorProto.INT4: (21, 10), TensorProto.INT16: (21, 10)}

# One of each: exporter, opset 13 to 23, transposed weights, expressions, functions, external data.
NETWORKS = [
    "seed-mlp-ts17-step",
    "seed-mlp-dy18-step",
    "brevitas-w8-ts17-qcdq",
    "norse-box-li-ts13-step",
    "sj14-if-soft-ts17-step",
    "snnfunc-modfunctions-ts17",
    "snntorch-mlp-bn-ts17-step",
    "snntorch-mlp-th-dy18-step-noopt",
    "snntorch-mlp-th-dy23-step",
    "snntorch-mlp-zero-ts17-step--slim",
    "snntorch-syn-ts17-step",
]


def quantized(name, folder, bits, *options):
    network = harness.fixture(name)
    target = folder / "quantized.onnx"
    harness.run("optimize", network.path, "-o", target, "--passes", "quantization", "--quantize-bits", bits, *options)
    onnx.checker.check_model(target, full_check=True)
    return network, onnx.load(target)


def dequantizers(model):
    """Weight operation's node name -> (integers, scale, axis) of the weights that it reads."""
    made_by = {output: node for node in model.graph.node for output in node.output}
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    found = {}
    for node in model.graph.node:
        if node.op_type not in ("Gemm", "MatMul") or node.input[1] not in made_by:
            continue
        maker = made_by[node.input[1]]
        assert maker.op_type == "DequantizeLinear" and len(maker.input) == 2
        axis = next((each.i for each in maker.attribute if each.name == "axis"), None)
        found[node.output[0]] = (stored[maker.input[0]], numpy_helper.to_array(stored[maker.input[1]]), axis)
    return found


def values(integers, scale, axis):
    shape = [-1 if axis == dim else 1 for dim in range(len(integers.dims))] if axis is not None else []
    return numpy_helper.to_array(integers).astype(np.float32) * scale.reshape(shape)


def with_float_weights(model):
    """The model with plain float initializers in place of its DequantizeLinear nodes."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for output, parts in dequantizers(model).items():
        node = next(each for each in copy.graph.node if output in each.output)
        name = node.input[1] + "__as_float"
        copy.graph.initializer.append(numpy_helper.from_array(values(*parts), name))
        node.input[1] = name
    return copy


ALREADY = "brevitas-w8-ts17-qcdq"  # its weights are 8-bit integers: no width above that changes them


@pytest.mark.parametrize(
    "name,bits", [(name, bits) for name in NETWORKS for bits in TYPES if name != ALREADY or bits < 8]
)
def test_a_width_gets_the_smallest_type_and_runs(name, bits, tmp_path):
    network, model = quantized(name, tmp_path, bits)
    parts = dequantizers(model)
    assert len(parts) == len(network.layers)
    for integers, scale, axis in parts.values():
        assert integers.data_type == TYPES[bits] and not integers.int32_data
        whole = numpy_helper.to_array(integers).astype(np.int64)
        assert whole.min() >= -(2 ** (bits - 1)) and whole.max() < 2 ** (bits - 1)
        assert scale.shape == (whole.shape[axis],) and (scale > 0).all()
    before = network.load()
    version = {each.domain: each.version for each in model.opset_import}[""]
    old_version = {each.domain: each.version for each in before.opset_import}[""]
    opset, ir = OPSETS.get(TYPES[bits], (13, 3))
    assert version == max(old_version, opset) and model.ir_version == max(before.ir_version, ir)
    currents = harness.digits()[0][:4]
    runs = [
        harness.simulate(each, network.states, currents, 5, one_by_one=True).outputs
        for each in (model, with_float_weights(model))
    ]
    for key, outputs in runs[0].items():
        assert np.isfinite(outputs).all()
        np.testing.assert_allclose(outputs, runs[1][key], atol=1e-4)


@pytest.mark.parametrize("name", ["sj14-if-hard-ts17-multistep", "sinabs-iaf-ts17-T4"])
def test_two_bits_are_not_written_where_onnxruntime_reads_them_wrongly(name, tmp_path):
    """Its MatMulNBits: of INT2 with columns that are no multiple of 4, as for ten classes."""
    network, model = quantized(name, tmp_path, 2)
    parts = dequantizers(model)
    assert {integers.data_type for integers, _, axis in parts.values() if axis == 1 and integers.dims[1] % 4} == {
        TensorProto.INT4}
    for integers, _, _ in parts.values():
        assert abs(numpy_helper.to_array(integers).astype(int)).max() <= 1
    sessions = [onnxruntime.InferenceSession(each.SerializeToString(), providers=["CPUExecutionProvider"])
                for each in (model, with_float_weights(model))]
    made, meant = (np.concatenate([session.run(None, {"input": sample})[0] for sample in network.recorded["in__input"]])
                   for session in sessions)
    # A sum that is rounded otherwise makes a spike more or less: wrong weights make most of them so.
    assert np.count_nonzero(meant) > 10 and np.count_nonzero(made != meant) <= 1


@pytest.mark.parametrize("name", NETWORKS[:2])
def test_one_scale_a_tensor(name, tmp_path):
    _, model = quantized(name, tmp_path, 8, "--quantize-per-tensor")
    for integers, scale, axis in dequantizers(model).values():
        assert axis is None and scale.shape == ()
        assert abs(numpy_helper.to_array(integers)).max() > 32


def test_weights_are_the_nearest_that_the_scale_has(tmp_path):
    network, model = quantized("seed-mlp-ts17-step", tmp_path, 8)
    stored = {each.name: numpy_helper.to_array(each) for each in network.load().graph.initializer}
    layers = {layer["projection"]["weight_shape"][0]: layer for layer in network.layers}
    for integers, scale, axis in dequantizers(model).values():
        floats = stored[layers[integers.dims[0]]["projection"]["weight_tensor"]]
        wanted = np.clip(np.rint(floats / scale[:, None]), -127, 127)
        whole = numpy_helper.to_array(integers)
        close = np.abs(floats / scale[:, None] - whole) <= 0.5 + 1e-3
        assert (close | (wanted == whole)).all()


@pytest.mark.parametrize("bits,fallback", [(4, TensorProto.INT8), (16, TensorProto.INT32)])
def test_an_operator_that_would_change_keeps_the_opset(bits, fallback, tmp_path):
    """ReduceMax reads its axes from an attribute up to opset 17: the model stays there, and says so."""
    network = harness.fixture("seed-mlp-ts17-step")
    model = network.load()
    model.graph.node.append(onnx.helper.make_node("ReduceMax", [network.states[0][1]], ["top"], "top", axes=[1]))
    model.graph.output.append(onnx.helper.make_tensor_value_info("top", TensorProto.FLOAT, [1, 1]))
    source, target = tmp_path / "source.onnx", tmp_path / "target.onnx"
    onnx.save(model, source)
    done = harness.run("optimize", source, "-o", target, "--passes", "quantization", "--quantize-bits", bits)
    made = onnx.load(target)
    onnx.checker.check_model(target, full_check=True)
    assert {each.domain: each.version for each in made.opset_import}[""] == 17
    assert {integers.data_type for integers, _, _ in dequantizers(made).values()} == {fallback}
    said = (done.stdout + done.stderr).decode()
    assert "ReduceMax" in said and "opset 21" in said
