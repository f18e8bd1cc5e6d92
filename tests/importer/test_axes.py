"""What the importer says of odd networks, and that what it lets go can be cut."""

import numpy as np
import onnx
import pytest

import axis_cases
import axis_judge
from harness import run

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
