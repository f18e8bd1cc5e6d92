"""Spellings of weights that were once read or written wrongly, each against onnxruntime."""

import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import single_step as reference

COLUMNS, UNITS = 4, 6
DEAD = [1, 4]


def weights():
    w = np.random.default_rng(0).random((UNITS, COLUMNS)).astype(np.float32)
    w[DEAD] *= -1  # with inputs of at least 0 they never fire
    return w


def constant(name, values):
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(values)))


def network(first, functions=(), initializers=(), more_inputs=(), more_outputs=(),
            input_type=TensorProto.FLOAT):
    """input -> the nodes in first, which make "drive" -> neurons -> output."""
    nodes = list(first) + [
        helper.make_node("Mul", ["v", "decay"], ["decayed"]),
        helper.make_node("Add", ["decayed", "drive"], ["potential"]),
        helper.make_node("Greater", ["potential", "threshold"], ["fires"]),
        helper.make_node("Cast", ["fires"], ["spikes"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["spikes", "threshold"], ["reset"]),
        helper.make_node("Sub", ["potential", "reset"], ["v_out"]),
        helper.make_node("Gemm", ["spikes", "readout"], ["output"], transB=1),
    ]
    readout = np.arange(3 * UNITS).reshape(3, UNITS).astype(np.float32)
    constants = {"decay": np.float32(0.9), "threshold": np.float32(1), "readout": readout}
    constants |= dict(initializers)
    widths = {"input": COLUMNS, "output": 3}  # all others have UNITS

    def declared(names):
        return [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, widths.get(n, UNITS)])
                for n in names]

    graph = helper.make_graph(
        nodes, "g", declared(["input", "v", *more_inputs]), declared(["output", "v_out", *more_outputs]),
        [numpy_helper.from_array(np.array(v), n) for n, v in constants.items()])
    graph.input[0].type.tensor_type.elem_type = input_type
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    model = helper.make_model(graph, functions=list(functions), opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def function(name, inputs, outputs, nodes):
    return helper.make_function("local", name, inputs, outputs, nodes, [helper.make_opsetid("", 17)])


def weights_made_by_a_function():
    """The main graph goes on computing with a constant that a function made."""
    made = function("Weights", [], ["y"], [
        constant("stored", weights()), helper.make_node("Transpose", ["stored"], ["y"], perm=[1, 0])])
    other = np.zeros((COLUMNS, UNITS), np.float32)  # what it was once mistaken for
    return network([
        helper.make_node("Transpose", ["other"], ["zeros"], perm=[1, 0]),
        helper.make_node("Weights", [], ["turned"], domain="local"),
        helper.make_node("Transpose", ["turned"], ["w"], perm=[1, 0]),
        helper.make_node("Gemm", ["input", "w"], ["of_weights"], transB=1),
        helper.make_node("Gemm", ["input", "zeros"], ["of_zeros"], transB=1),
        helper.make_node("Add", ["of_weights", "of_zeros"], ["drive"]),
    ], [made], {"other": other})


def quantized_weights_in_a_function():
    scale = np.float32(np.abs(weights()).max() / 127)
    codes = np.round(weights() / scale).astype(np.int8)
    made = function("Dense", ["x"], ["y"], [
        constant("codes", codes), constant("scale", scale),
        helper.make_node("DequantizeLinear", ["codes", "scale"], ["w"]),
        helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)])
    return network([helper.make_node("Dense", ["input"], ["drive"], domain="local")], [made])


@pytest.mark.parametrize("options", [("silent_neuron_elimination", "--input-range", "0,1"),
                                     ("quantization", "--quantize-bits", "16")], ids=lambda each: each[0])
@pytest.mark.parametrize("make", [weights_made_by_a_function, quantized_weights_in_a_function])
def test_what_a_function_holds_stays(tmp_path, make, options):
    model = make()
    small, _ = reference.optimize(tmp_path, model, {}, *options)
    onnx.checker.check_model(small, full_check=True)
    inputs = np.random.default_rng(1).random((12, 1, COLUMNS)).astype(np.float32)
    assert np.allclose(reference.play(small, inputs), reference.play(model, inputs), atol=0.01)


@pytest.mark.parametrize("magnitude", [1e-4, 1e-2, 1])
@pytest.mark.parametrize("bits", [8, 14, 16])
def test_scales_in_float16_lose_no_weights(tmp_path, magnitude, bits):
    """A float16 has no number below 2^-24, and ever fewer digits from 2^-14 on."""
    w = (weights() * magnitude).astype(np.float16)
    model = network([
        helper.make_node("Cast", ["input"], ["half"], to=TensorProto.FLOAT16),
        helper.make_node("Gemm", ["half", "w"], ["current"], transB=1),
        helper.make_node("Cast", ["current"], ["drive"], to=TensorProto.FLOAT)], [], {"w": w})
    small, _ = reference.optimize(tmp_path, model, {}, "quantization", "--quantize-bits", str(bits))
    stored = {i.name: numpy_helper.to_array(i) for i in small.graph.initializer}
    scale = stored["w__scale"].astype(float).reshape(-1, 1)
    step = np.abs(w).max(axis=1, keepdims=True) / (2 ** (bits - 1) - 1)
    assert scale.min() > 0
    allowed = 1.05 * np.maximum(step, 2.0**-24) + np.abs(w.astype(float)) * 2.0**-11
    error = np.abs(stored["w__quantized"] * scale - w)
    assert (error <= allowed).all(), (error / allowed).max()


def test_a_monitor_is_no_recurrent_state(tmp_path):
    """The first layer reads its own spikes (z); the second one's are put out, last of all."""
    random = np.random.default_rng(2)
    into_second = random.random((UNITS, UNITS)).astype(np.float32)
    into_second[DEAD] *= -1
    model = network([
        helper.make_node("Gemm", ["input", "w"], ["current"], transB=1),
        helper.make_node("Gemm", ["z", "recurrent", "current"], ["first_potential"]),
        helper.make_node("Greater", ["first_potential", "threshold"], ["first_fires"]),
        helper.make_node("Cast", ["first_fires"], ["z_out"], to=TensorProto.FLOAT),
        helper.make_node("Gemm", ["z_out", "into_second"], ["drive"], transB=1),
    ], [], {"w": 2 * np.abs(weights()), "into_second": into_second,
            "recurrent": random.standard_normal((UNITS, UNITS)).astype(np.float32)},
        ["z"], ["z_out", "spikes"])
    rates = np.full(UNITS, 0.5)
    rates[DEAD] = 0
    small, _ = reference.optimize(tmp_path, model, {"spikes": rates}, "dead_neuron_elimination")
    inputs = random.random((12, 1, COLUMNS)).astype(np.float32)
    assert np.array_equal(reference.play(small, inputs), reference.play(model, inputs))
    assert small.graph.output[-1].type.tensor_type.shape.dim[1].dim_value == UNITS


def test_what_a_function_makes_of_weights_is_declared_as_cut(tmp_path):
    turn = function("Turn", ["x"], ["y"], [helper.make_node("Transpose", ["x"], ["y"], perm=[1, 0])])
    model = network([
        helper.make_node("Turn", ["w"], ["turned"], domain="local"),
        helper.make_node("Transpose", ["turned"], ["back"], perm=[1, 0]),
        helper.make_node("Gemm", ["input", "back"], ["drive"], transB=1),
    ], [turn], {"w": weights()})
    for name, shape in {"turned": [COLUMNS, UNITS], "back": [UNITS, COLUMNS]}.items():
        model.graph.value_info.append(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    rates = np.full(UNITS, 0.5)
    rates[DEAD] = 0
    small, report = reference.optimize(tmp_path, model, {"spikes": rates}, "dead_neuron_elimination")
    assert report["passes"][0]["dead_neurons_removed"] == len(DEAD)
    reference.check(0, model, small)


@pytest.mark.parametrize("options", [("quantization",), ("magnitude_pruning", "--prune-threshold", "0.5")],
                         ids=lambda each: each[0])
def test_halves_that_a_function_makes_are_not_written_as_floats(tmp_path, options):
    """The main graph does not tell the type of such weights: a refusal, not an invalid model."""
    made = function("Weights", [], ["y"], [constant("y", weights().astype(np.float16))])
    model = network([
        helper.make_node("Weights", [], ["w"], domain="local"),
        helper.make_node("Identity", ["w"], ["same"]),
        helper.make_node("Gemm", ["input", "same"], ["current"], transB=1),
        helper.make_node("Cast", ["current"], ["drive"], to=TensorProto.FLOAT)], [made],
        input_type=TensorProto.FLOAT16)
    onnx.save(model, tmp_path / "in.onnx")
    done = subprocess.run(
        [reference.SNNFIT, "optimize", tmp_path / "in.onnx", "-o", tmp_path / "out.onnx",
         "--passes", *options], capture_output=True, text=True)
    assert done.returncode == 3 and "weights" in done.stderr, done.stderr
    assert not (tmp_path / "out.onnx").exists()


PIECES = {
    "split": (lambda w: np.concatenate([w + 5, w, w - 5]), "Split", [], {"axis": 0}, 3, 1),
    "split_sizes": (lambda w: np.concatenate([w[:, :1] + 5, w], axis=1), "Split", [[1, COLUMNS]], {"axis": -1}, 2, 1),
    "steps": (lambda w: np.repeat(w, 3, axis=0), "Slice", [[1], [2**62], [0], [3]], {}, 1, 0),
    "backwards": (lambda w: np.repeat(w, 2, axis=1)[::-1, ::-1], "Slice",
                  [[-1, 2 * COLUMNS], [-(2**62), -(2**62)], [0, 1], [-1, -2]], {}, 1, 0),
}


@pytest.mark.parametrize("name", PIECES)
def test_weights_that_are_pieces_of_others_are_read_as_onnxruntime_does(tmp_path, name):
    """Pruning writes all weights that it read: but for the smallest one they are what they were."""
    whole_of, operator, lists, attributes, outputs, which = PIECES[name]
    planted = weights()
    planted[2, 1] = 1e-4
    names = [f"w{k}" for k in range(outputs)]
    names[which] = "w"
    listed = {f"list{k}": np.array(each, np.int64) for k, each in enumerate(lists)}
    model = network([helper.make_node(operator, ["whole", *listed], names, **attributes),
                     helper.make_node("Gemm", ["input", "w"], ["drive"], transB=1)],
                    initializers={"whole": np.ascontiguousarray(whole_of(planted), np.float32), **listed})
    onnx.save(model, tmp_path / "in.onnx")
    subprocess.run([reference.SNNFIT, "optimize", tmp_path / "in.onnx", "-o", tmp_path / "out.onnx", "--passes",
                    "magnitude_pruning", "--prune-threshold", "0.001", "-q"], check=True)
    written = onnx.load(tmp_path / "out.onnx")
    gemm = next(node for node in written.graph.node if node.output[0] == "drive")
    stored = next(each for each in written.graph.initializer if each.name == gemm.input[1])
    expected = np.where(planted < 0.001, np.where(planted > 0, 0, planted), planted)
    np.testing.assert_array_equal(numpy_helper.to_array(stored), expected)
    inputs = np.random.default_rng(1).random((12, 1, COLUMNS)).astype(np.float32)
    assert np.allclose(reference.play(written, inputs), reference.play(model, inputs), atol=1e-3)
