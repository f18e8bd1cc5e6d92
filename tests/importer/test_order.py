"""What is said of a network does not depend on the order in which its nodes stand."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto

import axis_cases
import reordering
from harness import every_fixture, run, run_json

# Whether a reset comes in its own step or at the start of the next, and a current before or after its decay, is the
# same function of the input: it shows in nothing but where the nodes stand (docs/importer.md).
SAID = ("kind", "units", "positions", "decay", "threshold", "comparison", "reset")


def said_of(path):
    """Exit status, kind and steps of time, and the layers, which come in the order of the nodes."""
    done = run("inspect", path, "--json", expect=None)
    if done.returncode:
        return done.returncode
    found = json.loads(done.stdout)
    return found["time"], sorted(str(each) for each in map(told, found["layers"]))


def told(layer):
    """What stands first in the file gives the name, and of several reasons to be frozen the one that is told."""
    values = [*map(layer.get, SAID), taken_off(layer), layer["frozen"] is None]
    return [round(value, 5) if isinstance(value, float) else value for value in values]


def taken_off(layer):
    """The reset as the next step sees it: what is subtracted in its own step decays with the membrane."""
    value, decay = layer.get("reset_value"), layer.get("decay")
    now = layer["reset"] == "subtract" and layer.get("reset_timing") == "now"
    return value * decay if now and isinstance(value, float) and isinstance(decay, float) else value


@pytest.mark.parametrize("network", every_fixture(), ids=lambda each: each.name)
def test_nodes_may_stand_in_any_order(network, tmp_path):
    model = onnx.load(network.path)
    before = [node.output[0] for node in model.graph.node]
    reordering.reorder(model, network.name)
    assert len(before) < 30 or [node.output[0] for node in model.graph.node] != before
    onnx.save(model, tmp_path / "in.onnx")
    assert said_of(tmp_path / "in.onnx") == said_of(network.path)


@pytest.mark.parametrize("seed", range(4))
def test_steps_of_different_weights_are_no_neuron_at_rest(seed, tmp_path):
    """Of the first step alone it would look like one whose state is folded away, in a file of one step."""
    net, v = axis_cases.Net(1, 8), None
    for step in range(3):
        drive = net.dense("input", 8, 6, f"fc{step}")
        u = drive if v is None else net.node("Add", net.node("Mul", v, net.constant(np.float32(0.75))), drive)
        spikes = net.node("Cast", net.node("Greater", u, net.constant(np.float32(1))), to=TensorProto.FLOAT)
        v = net.node("Sub", u, spikes)
    net.readout(spikes, 6)
    model = net.model()
    if seed:
        reordering.reorder(model, seed)
    onnx.save(model, tmp_path / "in.onnx")
    found = run_json("inspect", tmp_path / "in.onnx")
    assert found["time"] == {"kind": "unrolled", "steps": 3} and not any("no network over time" in note for note in found["notes"])
    assert sorted((layer["name"], layer["neuron"]) for layer in found["layers"]) == [
        ("fc0", "custom"), ("fc1", "custom"), ("fc2", "custom"), ("out", "readout")]
