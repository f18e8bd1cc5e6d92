"""Dead and provably silent units go, exactly these, and the network behaves as before."""

import numpy as np
import onnx
import pytest

import planting
from harness import (assert_same_behaviour, assert_widths, check_valid, constants, fixture, fixtures, frozen_layers,
                     gone, reference, run, run_json, session_of, simulate_fixture)

EVERY = pytest.mark.parametrize("network", fixtures(), ids=lambda each: each.name)
PASSES = "dead_neuron_elimination,silent_neuron_elimination"


# --- what must go, from truth.json, the rates and numpy alone --------------------------


def weights_and_bias(network, model, layer):
    """[units][inputs] and [units] as the neurons see them: quantized weights and BatchNormalization worked out."""
    projection = layer["projection"]
    known = constants(model)
    node = next(node for node in model.graph.node
                if node.op_type == projection["op"] and leads_to(model, node.input[1], projection["weight_tensor"]))
    weights = evaluate(model, node.input[1], known)
    transposed = not any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    weights = weights.T if transposed else weights
    bias = evaluate(model, node.input[2], known) if len(node.input) > 2 else np.zeros(len(weights))
    if "batchnorm" in projection:
        fold = projection["batchnorm"]
        scale, shift, mean, variance = (known[fold[what]] for what in ("scale", "bias", "mean", "var"))
        factor = scale / np.sqrt(variance + fold["epsilon"])
        weights, bias = weights * factor[:, None], (bias - mean) * factor + shift
    return weights.astype(np.float64), np.asarray(bias, np.float64)


def leads_to(model, tensor, name):
    """The tensor is computed from the named one by nodes that read constants only."""
    makers = {output: node for node in model.graph.node for output in node.output}
    while tensor != name and tensor in makers and makers[tensor].input:
        tensor = makers[tensor].input[0]
    return tensor == name


def evaluate(model, tensor, known):
    """The value of a constant expression, computed by onnxruntime."""
    if tensor in known:
        return known[tensor]
    makers = {output: node for node in model.graph.node for output in node.output}
    needed, waiting = [], [tensor]
    while waiting:
        node = makers.get(waiting.pop())
        if node is not None and node not in needed:
            needed.append(node)
            waiting += node.input
    small = onnx.helper.make_graph([node for node in model.graph.node if node in needed], "constants", [],
                                   [onnx.ValueInfoProto(name=tensor)], model.graph.initializer)
    alone = onnx.helper.make_model(small, opset_imports=model.opset_import, ir_version=model.ir_version)
    return session_of(alone).run([tensor], {})[0]


def highest_membrane(layer, peak):
    """Upper bound of the membrane of each unit before its reset, from rest, when no input exceeds peak."""
    current = layer.get("current")
    if current:
        held = np.maximum(0, current["input_gain"] * peak / (1 - current["decay"]))
        peak = {"new": held, "old": held, "old+input": held + np.maximum(peak, 0)}[current["drives"]]
    drive = layer["input_gain"] * peak
    decay = layer["decay"]
    with np.errstate(divide="ignore", invalid="ignore"):
        steady = np.where(drive > 0, drive / (1 - decay) if decay < 1 else np.inf, 0)
    return np.maximum(steady, max(0.0, layer["reset_value"] or 0.0))


def has_bound(layer):
    return layer["spiking"] and layer["neuron"] != "custom"


def provably_silent(network, model):
    """Layer name -> (surely silent, surely not) for currents in [0, 1]. What is silent in one layer
    brings nothing to the next. The program must leave room for how a runtime rounds: a unit whose
    bound is within a twentieth of its threshold may stay, but one that can fire may never go."""
    verdicts = {}
    highest = np.ones(network.layers[0]["projection"]["inputs"])
    for layer in network.layers:
        weights, bias = weights_and_bias(network, model, layer)
        silent, fires = np.zeros(len(bias), bool), np.ones(len(bias), bool)
        if has_bound(layer):
            peak = bias + np.maximum(weights, 0) @ highest
            bound = highest_membrane(layer, peak) / layer["threshold"]
            silent, fires = bound < 0.95, bound > 1 + 1e-3
        verdicts[layer["name"]] = silent, fires
        highest = np.where(silent, 0.0, layer.get("graded", 1.0))
    return verdicts


def plant_bounds(network, model, ratios):
    """Gives units of the first layer (unit -> ratio) biases that let their membranes come up to this
    part of the threshold, and no further."""
    layer = network.layers[0]
    weights, bias = weights_and_bias(network, model, layer)
    name = layer["projection"]["bias_tensor"]
    planting.change(model, name, lambda values: np.add(values, 1, out=values))
    slope = weights_and_bias(network, model, layer)[1] - bias  # BatchNormalization may stand between
    planting.change(model, name, lambda values: np.subtract(values, 1, out=values))

    def edit(values):
        for unit, ratio in ratios.items():
            values[unit] += (peak_for(layer, ratio) - np.maximum(weights[unit], 0).sum() - bias[unit]) / slope[unit]

    planting.change(model, name, edit)


def peak_for(layer, ratio):
    """The peak drive at which the bound is this part of the threshold."""
    if layer["decay"] == 1:  # any positive drive gets there in the end
        return ratio - 1
    low, high = 0.0, 1e3
    for _ in range(80):
        middle = (low + high) / 2
        below = highest_membrane(layer, np.array([middle]))[0] < ratio * layer["threshold"]
        low, high = (middle, high) if below else (low, middle)
    return high


# --- the tests -------------------------------------------------------------------------


def optimize(path, out, *options):
    return run_json("optimize", path, "-o", out, *options)


@EVERY
def test_exactly_the_dead_units_go(network, tmp_path):
    out = tmp_path / "out.onnx"
    report = optimize(network.path, out, "--rates", network.rates_path, "--passes", PASSES,
                      "--input-range", "0,1")
    model = onnx.load(out)
    frozen = frozen_layers(network, network.path)
    silent = provably_silent(network, network.load())
    expected = {}
    for layer in network.layers:
        name, units = layer["name"], layer["projection"]["units"]
        dead = network.rates.get(name, np.ones(units)) == 0
        assert not (silent[name][0] & ~dead).any(), "a unit that cannot fire has fired: the bound here is wrong"
        expected[name] = [] if name in frozen else np.flatnonzero(dead).tolist()
    assert gone(network, model) == expected
    assert_widths(network, model)
    removed = sum(each["dead_neurons_removed"] + each["silent_neurons_removed"] for each in report["passes"])
    assert removed == sum(map(len, expected.values()))


@EVERY
def test_the_output_is_valid_and_behaves_as_the_input(network, tmp_path):
    out = tmp_path / "out.onnx"
    optimize(network.path, out, "--rates", network.rates_path, "--passes", PASSES)
    check_valid(out)
    assert_same_behaviour(network, reference(network), simulate_fixture(network, onnx.load(out)))


@EVERY
def test_exactly_the_provably_silent_units_go(network, tmp_path):
    """Without rates only what cannot fire goes: units are planted just below and just above that."""
    planted = network.load()
    below, above = [3, 17, 40], [4, 18, 41]
    if has_bound(network.layers[0]):
        plant_bounds(network, planted, {**dict.fromkeys(below, 0.92), **dict.fromkeys(above, 1.02)})
    path, out = tmp_path / "planted.onnx", tmp_path / "out.onnx"
    onnx.save(planted, path)
    optimize(path, out, "--passes", "silent_neuron_elimination", "--input-range", "0,1")
    model = onnx.load(out)
    check_valid(out)
    verdicts = provably_silent(network, planted)
    removed = gone(network, model)
    frozen = frozen_layers(network, network.path)
    for layer in network.layers:
        silent, fires = verdicts[layer["name"]]
        took = np.zeros(len(silent), bool)
        took[removed[layer["name"]]] = True
        if layer["name"] in frozen:
            assert not took.any()
            continue
        assert not (silent & ~took).any(), f"{layer['name']} keeps silent units {np.flatnonzero(silent & ~took)}"
        assert not (took & fires).any(), f"{layer['name']} loses units {np.flatnonzero(took & fires)}"
    if has_bound(network.layers[0]):
        first = removed[network.layers[0]["name"]]
        assert set(below) <= set(first) and not set(above) & set(first)
    assert_same_behaviour(network, simulate_fixture(network, planted), simulate_fixture(network, model))


def test_without_an_input_range_the_first_layer_is_left_alone(tmp_path):
    network = fixture("seed-mlp-ts17-step")
    planted = network.load()
    plant_bounds(network, planted, {5: 0.5})
    onnx.save(planted, tmp_path / "planted.onnx")
    report = optimize(tmp_path / "planted.onnx", tmp_path / "out.onnx", "--passes",
                      "silent_neuron_elimination")
    assert gone(network, onnx.load(tmp_path / "out.onnx"))["lif1"] == []
    (entry,) = report["passes"]
    assert any("input-range" in skip["reason"] for skip in entry["skipped"])


@EVERY
def test_default_passes_twice_change_nothing_the_second_time(network, tmp_path):
    once, twice = tmp_path / "once.onnx", tmp_path / "twice.onnx"
    optimize(network.path, once, "--rates", network.rates_path)
    report = optimize(once, twice)
    assert not any(each["changed"] for each in report["passes"]), report["passes"]
    first, second = onnx.load(once), onnx.load(twice)
    for model in (first, second):
        for entry in model.metadata_props:
            if entry.key in ("snn.resources", "snn.neuron_map"):
                entry.value = ""  # each tells of its own run
    assert first == second
    assert_same_behaviour(network, reference(network), simulate_fixture(network, onnx.load(once)))


@EVERY
def test_no_pass_changes_nothing_at_all(network, tmp_path):
    run("optimize", network.path, "-o", tmp_path / "same.onnx", "--passes", "none")
    before, after = onnx.load(network.path), onnx.load(tmp_path / "same.onnx")
    for model in (before, after):
        for tensor in model.graph.initializer:
            tensor.ClearField("data_location")
            tensor.ClearField("external_data")
    assert before == after

