"""What must be true of every real network: that `inspect` says what truth.json says, check by check.

    SNNFIT=build/release/snnfit .venv/bin/python tests/end_to_end/checks.py [FIXTURE...]

prints what fails.
"""

import collections
import functools
import json
import sys

import numpy as np

import removal
from harness import every_fixture, run
from removal import units_of, weight_tensors

SILENT_STATE = ("zero", "baked")  # one step whose state is a constant: how it goes on is not in the file


@functools.lru_cache(maxsize=4)
def inspected(network):
    """What inspect prints with the fixture's rates; None when it finds no spiking network."""
    options = ["--rates", network.rates_path] if network.rates_path.exists() else []
    done = run("inspect", network.path, *options, "--json", expect=None)
    assert done.returncode in (0, 3), done.stderr.decode()
    if done.returncode == 0:
        return json.loads(done.stdout)
    assert b"not a spiking network" in done.stderr, done.stderr.decode()
    return None


def document_of(network):
    document = inspected(network)
    assert document is not None, "no population was found"
    return document


def pairs(network):
    """(what is true, what was found), one a layer, matched by the weight tensor."""
    found = collections.defaultdict(list)
    for layer in document_of(network)["layers"]:
        found[layer["weight_tensor"]].append(layer)
    matched = []
    for truth in network.layers:
        name = next((name for name in weight_tensors(truth) if found[name]), None)
        assert name is not None, f"no population has the weights {truth['projection']['weight_tensor']}"
        matched.append((truth, found[name].pop(0)))
    extra = [layer["name"] for layers in found.values() for layer in layers]
    assert not extra, f"no populations of their own: {', '.join(extra)}"
    return matched


def is_refused(network, found):
    """The population is frozen for an operator that no tool has to understand: nothing more is promised of it."""
    refused = network.truth.get("refuse", "")
    words = [word for word in ("QGemm", "QLinearConv", "nchwc", "training mode") if word in refused]
    return any(word in (found["frozen"] or "") for word in words)


# --- the checks ------------------------------------------------------------------


def layers(network):
    for truth, found in pairs(network):
        if is_refused(network, found):
            continue
        assert found["units"] == units_of(truth), f"{truth['name']} has {found['units']} units"
        assert found["positions"] == truth["projection"]["positions"], f"{truth['name']} at {found['positions']}"
        kinds = {"readout": ["readout"], "relu": ["relu"], "custom": ["custom"],
                 "adaptive LIF": ["spiking", "custom"]}.get(truth["neuron"], ["spiking"])
        assert found["kind"] in kinds, f"{truth['name']} is {found['kind']}"


def same_number(truth, found, what):
    expected = truth.get(f"{what}_values", truth[what])
    if what == "decay":
        expected = np.clip(expected, 0, 1)  # as every exporter does that stores it apart
    values = np.atleast_1d(np.asarray(found[what], np.float64))
    tolerance = truth["tolerance"]
    return np.allclose(values, expected, rtol=tolerance, atol=tolerance)


def neurons(network):
    """Model, decay, threshold, comparison, reset; but one step from a constant state does not show them all."""
    unknown = network.truth["kind"] in SILENT_STATE
    for truth, found in pairs(network):
        truth = {**truth, "tolerance": network.truth["constant_tolerance"]}
        name = truth["name"]
        if is_refused(network, found):
            continue
        if truth["neuron"] in ("custom", "adaptive LIF"):
            assert found["neuron"] in ("custom", truth["neuron"]), f"{name} is {found['neuron']}"
            continue  # no normal form: nothing more is promised
        models = [truth["neuron"]]
        if unknown and found["decay"] is None:
            models += ["LIF", "IF"]  # a step from rest shows no leak
        assert found["neuron"] in models, f"{name} is {found['neuron']}, not {truth['neuron']}"
        for what in ("comparison", "reset", "reset_timing"):
            if unknown and what != "comparison" and found[what] in (None, "none"):
                continue
            assert found[what] == truth[what], f"{name}: {what} is {found[what]}, not {truth[what]}"
        for what in ("decay", "input_gain", "threshold"):
            if truth[what] is None or truth["neuron"] == "relu" or (truth["decay"], what) == (None, "input_gain") or (unknown and what == "decay" and found[what] is None):
                continue
            assert found[what] is not None, f"{name}: {what} is not known"
            assert same_number(truth, found, what), f"{name}: {what} is {found[what]}, not {truth[what]}"
        if truth["reset"] == "set" and found["reset"] == "set":
            assert same_number(truth, found, "reset_value"), f"{name}: reset to {found['reset_value']}"
        if "current" in truth and not (unknown and found.get("current_decay") is None):
            assert found.get("current_decay") is not None, f"{name}: no synaptic current"
            assert np.allclose(found["current_decay"], truth["current"]["decay"], rtol=truth["tolerance"]), name


def time(network):
    document = document_of(network)
    kind, steps = (network.truth[what] for what in ("kind", "steps_in_file"))
    assert document["time"]["kind"] == kind, f"{document['time']['kind']}, not {kind}"
    if steps is not None:
        assert document["time"]["steps"] == steps, f"{document['time']['steps']} steps, not {steps}"


def states(network):
    found = {tuple(pair) for pair in document_of(network)["states"]}
    assert found == set(network.states), f"{sorted(found)}, not {sorted(network.states)}"
    for truth, layer in pairs(network):
        expected = set(zip(truth["state_inputs"], truth["state_outputs"]))
        assert set(zip(layer["state_inputs"], layer["state_outputs"])) == expected, truth["name"]


def interface(network):
    document = document_of(network)
    expected = [name for name, role in network.truth["inputs"].items() if not role.startswith("state of")]
    assert document["inputs"] == expected, f"inputs {document['inputs']}, not {expected}"
    paired = {out for _, out in network.states}
    found = [name for name in document["outputs"] if name not in paired]
    expected = [name for name in network.truth["outputs"] if name not in paired]
    assert found == expected, f"outputs {found}, not {expected}"


def spikes(network):
    """Tensors said to hold a population's spikes do, and there is one."""
    for truth, found in pairs(network):
        if truth["neuron"] == "relu" or is_refused(network, found):
            continue  # truth.json does not name them; `removal` finds the activation by itself
        known = set(truth["spike_tensors"])
        if truth["spiking"]:
            for group in (*truth.get("spike_aliases", ()), *truth.get("comparison_tensors", ()),
                          *truth.get("spike_reshaped", ())):
                known |= set(group)
        assert bool(found["spike_tensors"]) == truth["spiking"], f"{truth['name']}: {found['spike_tensors']}"
        other = sorted(set(found["spike_tensors"]) - known)
        other = [name for name in other if not removal.same_values(network, name, truth["spike_tensors"])]
        assert not other, f"{truth['name']}: {other} are not its spikes"


def rates(network):
    for truth, found in pairs(network):
        expected = network.rates.get(truth["name"]) if network.rates_path.exists() else None
        if expected is None or truth["neuron"] == "readout":
            assert found["rates"] is None, f"{truth['name']} got rates of another layer"
            continue
        assert found["rates"] is not None, f"{truth['name']} got no rates"
        got = np.ravel(found["rates"])
        assert got.shape == np.ravel(expected).shape, f"{truth['name']}: {got.size} rates"
        assert np.allclose(got, np.ravel(expected), atol=1e-6), f"{truth['name']} got other rates"


def frozen(network):
    """Only what truth.json says is frozen; of a file that is refused, hidden layers may be, for the reason given."""
    refused = network.truth.get("refuse")
    if refused and inspected(network) is None:
        assert all(truth["neuron"] == "readout" for truth in network.layers), "exit 3, but there are populations"
    for truth, found in pairs(network):
        name, reason = truth["name"], found["frozen"]
        if is_refused(network, found):
            continue
        if truth["prunable_units"] == 0:
            may_be_right = refused and truth is not network.layers[-1]  # a correct cut is no fault
            assert reason or may_be_right, f"{name} must keep its width"
        if reason:
            allowed = "may_freeze_because" in truth or (truth["prunable_units"] == 0 and not refused) or (
                truth is network.layers[-1])
            assert allowed, f"{name} is frozen: {reason}"


READING = {check.__name__: check for check in (layers, neurons, time, states, interface, spikes, rates, frozen)}
CHECKS = READING | {"dead_units_go": removal.dead_units_go}


def verdict(network, check):
    """None, or why the check fails."""
    try:
        CHECKS[check](network)
    except AssertionError as failure:
        return " ".join(str(failure).split()) or "assertion failed"
    return None


def main(names):
    known = {network.name for network in every_fixture()}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"checks: no such fixture: {', '.join(unknown)}")
    failures = 0
    for network in every_fixture():
        if names and network.name not in names:
            continue
        for check in CHECKS:
            why = verdict(network, check)
            failures += why is not None
            if why:
                print(f"{network.name}: {check} FAILS: {why}", flush=True)
    print(f"{failures} failures")
    return failures


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
