"""`snnfit inspect --json` finds in every real network what truth.json says is there."""

import numpy as np
import onnx
import pytest

from harness import fixtures, refused_fixtures, run, run_json

EVERY = pytest.mark.parametrize("network", fixtures(), ids=lambda each: each.name)


@pytest.fixture(scope="module")
def inspected():
    cache = {}

    def inspect(network):
        if network.name not in cache:
            cache[network.name] = run_json("inspect", network.path, "--rates", network.rates_path)
        return cache[network.name]

    return inspect


def pairs(network, document):
    """(what is true, what was found), one a layer, matched by the weight tensor."""
    found = {layer["weight_tensor"]: layer for layer in document["layers"]}
    names = [layer["projection"]["weight_tensor"] for layer in network.layers]
    assert set(found) == set(names)
    return [(layer, found[name]) for layer, name in zip(network.layers, names)]


def assert_number(network, expected, found, what):
    tolerance = network.truth["constant_tolerance"]
    values = np.atleast_1d(np.asarray(found, np.float64))
    assert np.allclose(values, expected, rtol=tolerance, atol=tolerance), (what, expected, found)


@EVERY
def test_layers_and_sizes(network, inspected):
    for truth, found in pairs(network, inspected(network)):
        assert found["units"] == truth["projection"]["units"]
        assert found["positions"] == truth["projection"]["positions"]
        expected = "readout" if not truth["spiking"] else "custom" if truth["neuron"] == "custom" else "spiking"
        assert found["kind"] == expected


@EVERY
def test_neuron_model(network, inspected):
    for truth, found in pairs(network, inspected(network)):
        assert found["neuron"] == truth["neuron"]
        if truth["neuron"] == "custom":
            continue  # its dynamics have no normal form: nothing more is promised
        assert found["comparison"] == truth["comparison"]
        assert found["reset"] == truth["reset"]
        assert found["reset_timing"] == truth["reset_timing"]
        for what in ("decay", "input_gain", "threshold"):
            if truth[what] is not None:
                assert_number(network, truth[what], found[what], what)
        if truth["reset"] == "set":
            assert_number(network, truth["reset_value"], found["reset_value"], "reset_value")


@EVERY
def test_spike_tensors(network, inspected):
    for truth, found in pairs(network, inspected(network)):
        known = set(truth["spike_tensors"])
        for group in (*truth["spike_aliases"], *truth.get("comparison_tensors", ()),
                      *truth.get("spike_reshaped", ())) if truth["spiking"] else ():
            known |= set(group)
        assert bool(found["spike_tensors"]) == truth["spiking"]
        assert set(found["spike_tensors"]) <= known, (found["spike_tensors"], known)


@EVERY
def test_states(network, inspected):
    document = inspected(network)
    assert {tuple(pair) for pair in document["states"]} == set(network.states)
    for truth, found in pairs(network, document):
        expected = set(zip(truth["state_inputs"], truth["state_outputs"]))
        assert set(zip(found["state_inputs"], found["state_outputs"])) == expected


@EVERY
def test_interface_and_time(network, inspected):
    document = inspected(network)
    assert document["time"] == {"kind": "step", "steps": 1}
    roles = network.truth["inputs"]
    assert document["inputs"] == [name for name, role in roles.items() if role == "input of one step"]
    states = {name for _, name in network.states}
    assert [name for name in document["outputs"] if name not in states] == [
        name for name in network.truth["outputs"] if name not in states
    ]


@EVERY
def test_rates_reach_their_layers(network, inspected):
    for truth, found in pairs(network, inspected(network)):
        if truth["name"] in network.rates:
            np.testing.assert_allclose(np.ravel(found["rates"]), network.rates[truth["name"]].ravel(), atol=1e-7)
        else:
            assert found["rates"] is None


@EVERY
def test_only_the_interface_is_frozen(network, inspected):
    for truth, found in pairs(network, inspected(network)):
        if truth["prunable_units"] == 0:
            assert found["frozen"], f"{truth['name']} must keep its width"
        elif found["frozen"]:
            assert "may_freeze_because" in truth, f"{truth['name']} is frozen: {found['frozen']}"


@pytest.mark.parametrize("network", refused_fixtures(), ids=lambda each: each.name)
def test_layers_in_training_mode_keep_their_units(network, tmp_path):
    """Their statistics come from the batch: nothing that is known of one sample holds for another."""
    assert "training mode" in network.truth["refuse"]
    layers = run_json("inspect", network.path)["layers"]
    for layer in layers[:-1]:
        assert "training mode" in layer["frozen"] and "eval()" in layer["frozen"]
    report = run_json("optimize", network.path, "-o", tmp_path / "out.onnx", "--input-range", "0,1")
    assert [layer["units"] for layer in report["layers"]] == [layer["units"] for layer in layers]
    onnx.checker.check_model(onnx.load(tmp_path / "out.onnx"), full_check=True)


def test_people_get_a_table():
    network = fixtures()[0]
    text = run("inspect", network.path).stdout.decode()
    for layer in network.layers:
        assert str(layer["projection"]["units"]) in text
