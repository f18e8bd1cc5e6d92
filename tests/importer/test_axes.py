"""What the importer says of odd networks, and that what it lets go can be cut."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto

import axis_cases
import axis_judge
from harness import run, run_json

STEPS = 10


@pytest.mark.parametrize("name", axis_cases.CASES)
def test_free_layers_can_be_cut(tmp_path, name):
    model, shape, expected = axis_cases.build(name)
    onnx.save(model, tmp_path / "in.onnx")
    if expected is None:
        assert "no weight operation leads to" in axis_judge.refusal(tmp_path / "in.onnx")
        return
    said = {layer["name"]: layer["frozen"] for layer in axis_judge.inspect(tmp_path / "in.onnx")["layers"]}
    assert said.keys() == expected.keys()
    for layer, reason in expected.items():
        assert (reason in said[layer]) if reason else said[layer] is None, said
    inputs = np.random.default_rng(0).random((STEPS, *shape))
    shows = [axis_judge.judge(tmp_path, tmp_path / "in.onnx", inputs, seed=seed, tolerance=1e-5)
             for seed in range(3)]
    assert any(shows), "the dead units gave nothing"


def test_layers_left_out_are_said(tmp_path):
    """A layer that is in no report must not be missed in silence: an estimate would be too low."""
    for name, said in (("weights_beyond_computing", True), ("weights_put_together", False)):
        onnx.save(axis_cases.build(name)[0], tmp_path / "in.onnx")
        stderr = run("estimate", tmp_path / "in.onnx", "--target", "ecp5", "--arch", "event").stderr
        assert (b"left out, in estimates too: 1 weight operations (first Gemm fc)" in stderr) == said, stderr


def of_any_size():
    """A convolution, and another with a stride, of a picture whose size is not in the file."""
    net = axis_cases.Net(1, 2, "height", "width")
    fires = [net.constant(np.float32(0.6)), net.constant(np.float32(0.9))]
    data = "input"
    for index, (columns, units) in enumerate(((2, 6), (6, 8))):
        current = net.conv(data, columns, units, f"conv{index}", strides=[index + 1] * 2)
        data = net.node("Cast", net.node("Greater", current, fires[index]), to=TensorProto.FLOAT)
    pooled = net.node("Flatten", net.node("GlobalAveragePool", data), axis=1)
    net.answer(net.dense(pooled, 8, 3, "out"), 1, 3)
    return net.model()


def test_positions_that_are_not_in_the_file_are_unknown(tmp_path):
    """Rates are one a channel then, and channels can be cut by them."""
    model = of_any_size()
    onnx.save(model, tmp_path / "in.onnx")
    found = run_json("inspect", tmp_path / "in.onnx")
    assert [layer["positions"] for layer in found["layers"]] == [None, None, 1]
    assert any("how many positions" in note for note in found["notes"])
    assert "6 x ?" in run("inspect", tmp_path / "in.onnx").stdout.decode()
    dead = {"conv0": [0, 3], "conv1": [2, 5, 6]}
    (tmp_path / "rates.json").write_text(json.dumps({"version": 1, "layers": [
        {"tensor": layer["spike_tensors"][0],
         "rates": [0.0 if unit in dead[layer["name"]] else 0.5 for unit in range(layer["units"])]}
        for layer in found["layers"][:2]]}))
    run("optimize", tmp_path / "in.onnx", "-o", tmp_path / "out.onnx", "--rates", tmp_path / "rates.json", "--passes",
        "dead_neuron_elimination")
    small = onnx.load(tmp_path / "out.onnx")
    onnx.checker.check_model(small, full_check=True)
    after = run_json("inspect", tmp_path / "out.onnx")["layers"]
    assert [layer["units"] for layer in after] == [4, 5, 3]
    assert after[0]["rates"] == [0.5] * 4
    silent = axis_judge.silenced(model, [{**layer, "positions": 1} for layer in found["layers"][:2]], dead)
    data = np.random.default_rng(1).random((1, 2, 9, 12)).astype(np.float32)
    whole, before, now = (axis_judge.session(each).run(None, {"input": data})[0] for each in (model, silent, small))
    np.testing.assert_allclose(now, before, atol=1e-6)
    assert np.abs(whole - before).max() > 0.01, "the channels gave nothing"
