"""What is planted in real networks is found: the right units go, and the outputs stay as they were.

Dead units get large outgoing weights, so that a wrong cut shows; what stands between
them and their reader turns their silence into something that is not 0.
"""

import numpy as np
import onnx
import pytest

import planting
from harness import (assert_same_behaviour, assert_widths, check_valid, fixture, gone, merged_units, run_json,
                     simulate_fixture)

CHAINS = pytest.mark.parametrize("network", [
    fixture(name) for name in ("seed-mlp-ts17-step", "snntorch-mlp-th-dy18-step", "norse-lif-li-ts17-step",
                               "sj14-lif-hard-dy18-step", "snntorch-syn-ts17-step")
], ids=lambda each: each.name)


class Case:
    """A planted network: saved, run, its rates measured, optimized, and run again."""

    def __init__(self, network, folder):
        self.network = network
        self.folder = folder
        self.model = network.load()
        self.layers = planting.layers(network, self.model)

    def busy(self, count, layer=0):
        """Units that fire a lot: were they cut by mistake, it would show."""
        rates = self.network.rates[self.network.layers[layer]["name"]]
        return np.argsort(rates)[-count:]

    def optimize(self, *options):
        path, out, rates = (self.folder / name for name in ("planted.onnx", "out.onnx", "rates.npz"))
        onnx.save(self.model, path)
        spiking = [layer for layer in self.network.layers if layer["spike_tensors"]]
        tensors = [layer["spike_tensors"][0] for layer in spiking]
        self.before = simulate_fixture(self.network, self.model, watch=tensors)
        self.rates = {layer["name"]: self.before.means[tensor] for layer, tensor in zip(spiking, tensors)}
        np.savez(rates, **self.rates)
        self.report = run_json("optimize", path, "-o", out, "--rates", rates, *options)
        check_valid(out)
        self.result = onnx.load(out)
        assert_widths(self.network, self.result)
        self.gone = gone(self.network, self.result)
        self.after = simulate_fixture(self.network, self.result)

    def assert_unchanged(self, **tolerances):
        assert_same_behaviour(self.network, self.before, self.after, **tolerances)

    def expect_dead_to_go(self):
        """Exactly the units that never fired, in every layer but the last."""
        for layer in self.network.layers[:-1]:
            assert self.gone[layer["name"]] == np.flatnonzero(self.rates[layer["name"]] == 0).tolist()
        assert self.gone[self.network.layers[-1]["name"]] == []


DEAD = ("--passes", "dead_neuron_elimination")


def plant_dead(network, folder, count=12, factor=20):
    case = Case(network, folder)
    case.dead = case.busy(count)
    planting.silence(case.layers[0], case.dead)
    planting.enlarge_outgoing(case.layers[1], case.dead, factor)
    return case


@CHAINS
def test_large_dead_units(network, tmp_path):
    case = plant_dead(network, tmp_path, factor=1000)
    case.optimize(*DEAD)
    case.expect_dead_to_go()
    assert set(case.dead) <= set(case.gone[network.layers[0]["name"]])
    case.assert_unchanged()


@CHAINS
def test_dead_units_behind_an_add(network, tmp_path):
    case = plant_dead(network, tmp_path)
    offset = np.random.default_rng(3).uniform(0.02, 0.05, case.layers[0].units).astype(np.float32)
    planting.add_constant(case.model, case.layers[0], offset)
    keep_function(case.layers[1], np.ones_like(offset), offset)
    case.optimize(*DEAD)
    case.expect_dead_to_go()
    case.assert_unchanged()


@CHAINS
def test_dead_units_behind_a_batch_normalization(network, tmp_path):
    case = plant_dead(network, tmp_path)
    rng = np.random.default_rng(4)
    units = case.layers[0].units
    scale, variance = rng.uniform(0.9, 1.1, units), rng.uniform(0.8, 1.2, units)
    bias, mean = rng.uniform(-0.05, 0.05, units), rng.uniform(0.0, 0.05, units)
    planting.normalize(case.model, case.layers[0], scale, bias, mean, variance)
    factor = scale / np.sqrt(variance + 1e-5)
    keep_function(case.layers[1], factor, bias - mean * factor)
    case.optimize(*DEAD)
    case.expect_dead_to_go()
    case.assert_unchanged()


@CHAINS
def test_dead_units_that_are_read_as_one_minus_them(network, tmp_path):
    case = plant_dead(network, tmp_path, factor=5)
    planting.invert(case.model, case.layers[0], case.layers[1])
    case.optimize(*DEAD)
    case.expect_dead_to_go()
    case.assert_unchanged()


def keep_function(reader, factor, shift):
    """The reader gets shift + factor * spikes now: its weights and bias make up for that."""

    def edit(weights, bias):
        weights /= factor
        bias -= weights @ shift

    reader.edit(edit)


@pytest.mark.parametrize("name", ["odd-res-sew-ts17-step", "odd-res-sew-dy18-step"])
def test_a_residual_add_loses_a_unit_only_when_it_is_dead_in_both(name, tmp_path):
    network = fixture(name)
    case = Case(network, tmp_path)
    first, second, third = case.layers
    both, one, other = np.split(np.argsort(np.minimum(network.rates["lif1"], network.rates["lif2"]))[-15:], 3)
    planting.silence(first, np.append(both, one))
    planting.silence(second, np.append(both, other))
    planting.enlarge_outgoing(third, both, 1000)
    case.optimize(*DEAD)
    expected = np.flatnonzero((case.rates["lif1"] == 0) & (case.rates["lif2"] == 0)).tolist()
    assert set(both) <= set(expected) and not {*one, *other} & set(expected)
    assert case.gone == {"lif1": expected, "lif2": expected, "lif3": []}
    case.assert_unchanged()


def test_when_all_are_dead_one_stays(tmp_path):
    network = fixture("seed-mlp-ts17-step")
    case = Case(network, tmp_path)
    planting.silence(case.layers[1], np.arange(64))
    case.optimize(*DEAD)
    assert len(case.gone["lif2"]) == 63
    case.assert_unchanged()


def test_units_that_nobody_reads_any_more_go_too(tmp_path):
    network = fixture("seed-mlp-ts17-step")
    case = Case(network, tmp_path)
    unread, dead = np.split(case.busy(12), 2)
    readers_of_unread = case.busy(64, layer=1)[-5:]
    planting.silence(case.layers[0], dead)

    def only_these_read(weights, _):
        weights[np.ix_(np.setdiff1d(np.arange(64), readers_of_unread), unread)] = 0

    case.layers[1].edit(only_these_read)
    planting.silence(case.layers[1], readers_of_unread)
    case.optimize(*DEAD)
    assert (case.rates["lif1"][unread] > 0).all()
    assert set(case.gone["lif1"]) == {*unread, *np.flatnonzero(case.rates["lif1"] == 0)}
    case.assert_unchanged()


# --- redundant units -----------------------------------------------------------------

MERGE = ("--passes", "redundancy_elimination")
SCALED_THRESHOLD = "snntorch-mlp-th-ts17-step"


def assert_merged(case, layer, group):
    """Of the group exactly one unit is kept, and the map says that the others went into it."""
    name = case.network.layers[layer]["name"]
    left = set(group) - set(case.gone[name])
    assert len(left) == 1, f"kept of {group}: {left}"
    assert set(merged_units(case.result, case.network.layers[layer])[left.pop()]) | left < set(group)


@CHAINS
def test_equal_rows_become_one(network, tmp_path):
    case = Case(network, tmp_path)
    kept, *copies = group = case.busy(4).tolist()
    planting.duplicate(case.layers[0], kept, copies)
    case.optimize(*MERGE)
    assert len(set(case.rates[network.layers[0]["name"]][group])) == 1, "the planted units fire alike"
    assert_merged(case, 0, group)
    assert len(case.gone[network.layers[0]["name"]]) == 3
    case.assert_unchanged()


def test_rows_scaled_like_their_thresholds_become_one(tmp_path):
    network = fixture(SCALED_THRESHOLD)
    case = Case(network, tmp_path)
    kept, copy, *others = case.busy(6).tolist()
    thresholds = np.full(128, 0.7, np.float32)
    thresholds[copy] *= 2
    thresholds[others] *= 1.5  # a threshold alone makes no twin
    planting.duplicate(case.layers[0], kept, [copy], scale=2.0)
    planting.vector_threshold(case.model, "/net/lif1/", 0.7, "planted_thresholds", thresholds)
    case.optimize(*MERGE)
    assert case.rates["lif1"][kept] == case.rates["lif1"][copy]
    assert_merged(case, 0, [kept, copy])
    assert len(case.gone["lif1"]) == 1 and case.gone["lif2"] == []
    case.assert_unchanged()


def test_equal_rows_with_other_thresholds_stay(tmp_path):
    network = fixture(SCALED_THRESHOLD)
    case = Case(network, tmp_path)
    kept, copy = case.busy(2).tolist()
    thresholds = np.full(128, 0.7, np.float32)
    thresholds[copy] *= 2
    planting.duplicate(case.layers[0], kept, [copy])
    planting.vector_threshold(case.model, "/net/lif1/", 0.7, "planted_thresholds", thresholds)
    case.optimize(*MERGE)
    assert case.gone["lif1"] == []
    case.assert_unchanged()


@CHAINS
def test_sixty_four_copies_become_one(network, tmp_path):
    case = Case(network, tmp_path)
    kept, *copies = group = case.busy(64).tolist()
    planting.duplicate(case.layers[0], kept, copies)
    case.optimize(*MERGE)
    assert_merged(case, 0, group)
    assert len(case.gone[network.layers[0]["name"]]) == 63
    case.assert_unchanged()


def test_several_groups_do_not_run_together(tmp_path):
    network = fixture("seed-mlp-ts17-step")
    case = Case(network, tmp_path)
    groups = case.busy(12).reshape(4, 3).tolist()
    for kept, *copies in groups:
        planting.duplicate(case.layers[0], kept, copies)
    case.optimize(*MERGE)
    for group in groups:
        assert_merged(case, 0, group)
    assert len(case.gone["lif1"]) == 8
    case.assert_unchanged()


@pytest.mark.parametrize("cosine, length, merged", [
    (0.989, 1.0, False), (0.991, 1.0, True), (0.9999, 1.009, True), (0.9999, 1.02, False), (1.0, 3.0, False),
])
def test_what_is_only_alike(cosine, length, merged, tmp_path):
    network = fixture("seed-mlp-ts17-step")
    case = Case(network, tmp_path)
    kept, other = case.busy(2).tolist()
    planting.turn(case.layers[0], kept, other, cosine, length)
    case.optimize(*MERGE)
    assert len(case.gone["lif1"]) == int(merged)
    (entry,) = case.report["passes"]
    assert entry["redundant_pairs_merged"] == int(merged)
    if merged:
        assert_merged(case, 0, [kept, other])
    else:
        case.assert_unchanged(flips=0)


def test_pairs_are_not_chained(tmp_path):
    """b is like a, and c like b, but c is not like a: c stays."""
    network = fixture("seed-mlp-ts17-step")
    case = Case(network, tmp_path)
    a, b, c = case.busy(3).tolist()
    angle = np.arccos(0.9915)
    step = np.random.default_rng(5).standard_normal(785)

    def edit(weights, bias):
        row = np.append(weights[a], bias[a]).astype(np.float64)
        off = step - step @ row / (row @ row) * row
        off *= np.linalg.norm(row) / np.linalg.norm(off)
        for unit, turn in ((b, angle), (c, 2 * angle)):
            turned = np.cos(turn) * row + np.sin(turn) * off
            weights[unit], bias[unit] = turned[:-1], turned[-1]

    case.layers[0].edit(edit)
    case.optimize(*MERGE)
    assert len(case.gone["lif1"]) == 1


@CHAINS
def test_every_reader_gets_the_sum(network, tmp_path):
    case = Case(network, tmp_path)
    kept, *copies = group = case.busy(5).tolist()
    planting.duplicate(case.layers[0], kept, copies)
    planting.second_reader(case.model, case.layers[0], 7)
    case.optimize(*MERGE)
    assert_merged(case, 0, group)
    assert "planted_probe" in case.after.outputs
    case.assert_unchanged()


@CHAINS
def test_every_reader_loses_the_dead(network, tmp_path):
    case = plant_dead(network, tmp_path)
    planting.second_reader(case.model, case.layers[0], 7)
    case.optimize(*DEAD)
    case.expect_dead_to_go()
    assert "planted_probe" in case.after.outputs
    case.assert_unchanged()
