"""A graph made in memory, as ONNX: real networks, spelled anew from what was understood of them.

The new file holds nothing of the old one's nodes, so that it gives the same spikes
in onnxruntime shows that the normal form is the network, and that the functions
say what the normal form says.
"""

import os
import pathlib
import subprocess

import numpy as np
import onnx
import pytest

import harness

TOOL = pathlib.Path(os.environ.get("AS_NEW_MODEL", harness.PROGRAM.parent / "tests" / "as_new_model"))
NOT_NORMAL = {"snnidiom-inhib-ts17-step", "snntorch-mlp-bn-ts17-step-train"}  # inhibition; Dropout in training


def respelled(network, folder, expect=0):
    target = folder / "new.onnx"
    done = subprocess.run([TOOL, network.path, target], capture_output=True, timeout=60, check=False)
    assert done.returncode == expect, done.stderr.decode()
    return target, done.stderr.decode()


@pytest.mark.parametrize("network", [each for each in harness.fixtures() if each.name not in NOT_NORMAL], ids=lambda each: each.name)
def test_a_real_network_spelled_anew_does_the_same(network, tmp_path):
    path, _ = respelled(network, tmp_path)
    onnx.checker.check_model(path, full_check=True)
    onnx.shape_inference.infer_shapes_path(path, tmp_path / "inferred.onnx", strict_mode=True, data_prop=True)
    model = onnx.load(path)
    assert model.ir_version == 8
    assert {each.domain: each.version for each in model.opset_import} == {"": 17, "snnfit": 1}
    assert {node.domain for node in model.graph.node} <= {"", "snnfit"}
    inputs = [each.name for each in model.graph.input]
    outputs = [each.name for each in model.graph.output]
    states = list(zip(inputs[1:], outputs[len(outputs) - len(inputs) + 1 :]))
    assert all(given.removesuffix("_in") == taken.removesuffix("_out") for given, taken in states)
    currents = harness.digits()[0][:20]
    old = harness.simulate(network.load(), network.states, currents, 10)
    new = harness.simulate(model, states, currents, 10)
    np.testing.assert_allclose(new.first, old.first, atol=1e-5)
    assert np.any(old.first != 0)


def play(model, states, inputs):
    """The first output over the steps, from rest."""
    session = harness.session_of(model)
    shapes = {each.name: [d if isinstance(d, int) else 1 for d in each.shape] for each in session.get_inputs()}
    first, answer = session.get_inputs()[0].name, session.get_outputs()[0].name
    held = {given: np.zeros(shapes[given], np.float32) for given, _ in states}
    seen = []
    for x in inputs:
        outputs = session.run([answer, *(taken for _, taken in states)], {first: x.reshape(shapes[first]), **held})
        held = dict(zip(held, outputs[1:]))
        seen.append(outputs[0].ravel())
    return np.array(seen)


# Layers that read their own spikes, two layers side by side, or learnt numbers.
ODD = [f"{name}-{digits}-step" for name in ("odd-rec-norse", "odd-rec-rleaky", "odd-two-cat", "odd-neu-learn")
       for digits in ("dy18", "ts17")]


@pytest.mark.parametrize("name", ODD)
def test_an_odd_network_spelled_anew_does_the_same(name, tmp_path):
    path = harness.FIXTURES / name / "model.onnx"
    target = tmp_path / "new.onnx"
    done = subprocess.run([TOOL, path, target], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    onnx.checker.check_model(target, full_check=True)
    model = onnx.load(target)
    inputs, outputs = [each.name for each in model.graph.input], [each.name for each in model.graph.output]
    states = list(zip(inputs[1:], outputs[len(outputs) - len(inputs) + 1 :]))
    known = harness.run_json("inspect", path)["states"]
    for image in harness.digits()[0][:5]:
        image = np.asarray(image, np.float32)
        old, new = play(onnx.load(path), known, [image] * 10), play(model, states, [image] * 10)
        np.testing.assert_allclose(new, old, atol=1e-4)
        assert np.any(old != 0)


@pytest.mark.parametrize("name, why", [
    ("odd-two-heads-ts17-step", "only dense layers can be made into a new model"),
    ("odd-res-sew-ts17-step", "it reads more than the units of a layer side by side"),
    ("odd-conv-gap-ts17-step", "only dense layers can be made into a new model"),
    ("odd-neu-alif-ts17-step", "normal form")])
def test_what_cannot_be_spelled_anew_is_refused(name, why, tmp_path):
    done = subprocess.run([TOOL, harness.FIXTURES / name / "model.onnx", tmp_path / "new.onnx"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 3 and why in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "new.onnx").exists()


@pytest.mark.parametrize("name", sorted(NOT_NORMAL))
def test_what_has_no_normal_form_is_refused(name, tmp_path):
    _, said = respelled(harness.fixture(name), tmp_path, expect=3)
    assert "normal form" in said
