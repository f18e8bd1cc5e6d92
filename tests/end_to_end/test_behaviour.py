"""Neurons whose spike trains agree are merged: which ones, and with what factor, is worked out
again from the spikes that onnxruntime sees."""

import numpy as np
import onnx
import pytest

import planting
from harness import (DIGITS, assert_widths, check_valid, correct, digits, fixture, gone, merged_units, run_json,
                     simulate, simulate_fixture, watching)

IMAGES, LABELS = DIGITS / "test-images-idx3-ubyte.gz", DIGITS / "test-labels-idx1-ubyte.gz"
PASS = ("--passes", "behavioural_redundancy")
CHAINS = pytest.mark.parametrize("name", ["seed-mlp-ts17-step", "snntorch-mlp-th-dy18-step", "norse-lif-li-ts17-step"])


def plant_twins(network, model, count=8, noise=0.002, seed=0):
    """Pairs of busy units: the second gets the weights of the first, a little off."""
    first, second = planting.layers(network, model)[:2]
    units = np.argsort(network.rates[network.layers[0]["name"]])[-2 * count:]
    random = np.random.default_rng(seed)

    def copy_rows(weights, bias):
        for kept, other in units.reshape(-1, 2):
            weights[other] = weights[kept] * (1 + noise * random.standard_normal(weights.shape[1]))
            bias[other] = bias[kept]

    first.edit(copy_rows)
    return {tuple(sorted(pair)) for pair in units.reshape(-1, 2).tolist()}


def spikes_of(network, model, layer):
    """In onnxruntime: [steps and samples, units] of one layer, and the outputs."""
    tensor = network.layers[layer]["spike_tensors"][0]
    recording = simulate_fixture(network, watching(model, [tensor]))
    return recording.outputs.pop(tensor).reshape(-1, network.layers[layer]["projection"]["units"]) != 0, recording


def merges(spikes, bound):
    """Gone unit -> kept unit, factor: as docs/passes.md says, in floating point."""
    x = spikes.astype(np.float64)
    counts, n, both = x.sum(axis=0), len(x), x.T @ x
    agreement = 1 - (counts[:, None] + counts - 2 * both) / n
    spread = np.sqrt(counts * (n - counts))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = (n * both - np.outer(counts, counts)) / np.outer(spread, spread)
    agree = (agreement >= bound) & (correlation >= 2 * bound - 1)
    kept, found = [], {}
    for unit in np.flatnonzero(spread > 0):
        others = [other for other in kept if agree[other, unit]]
        if others:
            best = max(others, key=lambda other: correlation[other, unit])
            found[int(unit)] = int(best), both[best, unit] / counts[best]
        else:
            kept.append(unit)
    return found


def optimize(network, model, folder, *options):
    path, out = folder / "planted.onnx", folder / "out.onnx"
    onnx.save(model, path)
    report = run_json("optimize", path, "-o", out, "--inputs", IMAGES, "--labels", LABELS, "--steps", network.steps,
                      *PASS, *options)
    check_valid(out)
    return report, onnx.load(out)


@CHAINS
def test_twins_that_are_a_little_off(name, tmp_path):
    network = fixture(name)
    model = network.load()
    planted = plant_twins(network, model)
    report, result = optimize(network, model, tmp_path)
    first, before = spikes_of(network, model, 0)
    second, _ = spikes_of(network, model, 1)
    wanted, later = merges(first, 0.99), merges(second, 0.99) if len(network.layers) > 2 else {}
    assert_widths(network, result)
    (entry,) = report["passes"]
    assert entry["redundant_pairs_merged"] == len(wanted) + len(later)
    assert entry["samples_recorded"] == 2000 and 0.99 <= entry["least_agreement"] < 1
    # Most of them agree, and are no exact copies.
    pairs = {tuple(sorted((unit, kept))) for unit, (kept, _) in wanted.items()}
    assert len(pairs & planted) >= 4 and any(factor != 1 for _, factor in wanted.values())
    assert set(gone(network, result)[network.layers[0]["name"]]) == set(wanted)
    into = merged_units(result, network.layers[0])
    for unit, (kept, _) in wanted.items():
        assert unit in into[kept]
    reader, made = planting.layers(network, model)[1], planting.layers(network, result)[1]
    columns = reader.weights.astype(np.float64)
    room = np.full_like(columns, 1e-6)
    for unit, (kept, factor) in wanted.items():
        columns[:, kept] += factor * reader.weights[:, unit]
        # A spike that rounding decides otherwise than in onnxruntime, or two, are in the factor.
        room[:, kept] += 2 / first[:, kept].sum() * np.abs(reader.weights[:, unit])
    left = np.setdiff1d(np.arange(columns.shape[1]), list(wanted))
    rows = np.setdiff1d(np.arange(len(columns)), list(later))
    assert (np.abs(made.weights - columns[np.ix_(rows, left)]) <= room[np.ix_(rows, left)]).all()
    after = simulate_fixture(network, result)
    assert abs(report["accuracy"]["after"] * 2000 - correct(network, after.first)) <= 1
    assert abs(report["accuracy"]["before"] * 2000 - correct(network, before.first)) <= 1


@pytest.mark.parametrize("drop", [0, 0.5])
def test_no_more_than_accuracy_allows(drop, tmp_path):
    """At 65 % everything is merged that somehow goes together: too much for the network."""
    network = fixture("seed-mlp-ts17-step")
    model = network.load()
    loose = ("--behavioural-agreement", 0.65)
    everything, spoilt = optimize(network, model, tmp_path, *loose)
    report, result = optimize(network, model, tmp_path, *loose, "--max-accuracy-drop", drop)
    (all_merged,), (entry,) = everything["passes"], report["passes"]
    assert 0 < entry["redundant_pairs_merged"] < all_merged["redundant_pairs_merged"]
    assert any("would cost too much accuracy" in skip["reason"] for skip in entry["skipped"])
    right = [correct(network, simulate_fixture(network, each).first) for each in (model, result, spoilt)]
    assert right[0] - right[1] <= 20 * drop < right[0] - right[2]
    # The same again, whatever the thread count.
    assert optimize(network, model, tmp_path, *loose, "--max-accuracy-drop", drop, "--threads", 1) == (report, result)


def test_steps_inside_the_file_are_the_same_network(tmp_path):
    counts = []
    for name in ("seed-mlp-ts17-step", "seed-mlp-ts17-unroll25"):
        network = fixture(name)
        model = network.load()
        first = planting.layers(network, model)[0]
        units = np.argsort(fixture("seed-mlp-ts17-step").rates["lif1"])[-6:]
        planting.duplicate(first, units[0], units[1:])
        path = tmp_path / f"{name}.onnx"
        onnx.save(model, path)
        steps = () if "unroll" in name else ("--steps", 25)
        report = run_json("optimize", path, "-o", tmp_path / "out.onnx", "--inputs", IMAGES, "--labels", LABELS, *PASS,
                          *steps)
        assert report["accuracy"]["before"] == report["accuracy"]["after"]
        counts.append(report["passes"][0]["redundant_pairs_merged"])
    assert counts == [5, 5]


def test_channels_agree_over_all_positions(tmp_path):
    network = fixture("snntorch-conv-ts17-step")
    model = network.load()
    names = [layer["projection"]["weight_tensor"] for layer in network.layers]
    planting.change(model, names[0], lambda weights: weights.__setitem__(5, weights[2]))
    bias = network.layers[0]["projection"].get("bias_tensor")
    if bias:
        planting.change(model, bias, lambda values: values.__setitem__(5, values[2]))
    report, result = optimize(network, model, tmp_path)
    assert report["passes"][0]["redundant_pairs_merged"] == 1
    assert report["passes"][0]["least_agreement"] == 1
    images = digits()[0][:200].reshape(-1, 1, 28, 28)
    before, after = (simulate(each, network.states, images, network.steps) for each in (model, result))
    assert np.mean(before.first != after.first) <= 1e-4
