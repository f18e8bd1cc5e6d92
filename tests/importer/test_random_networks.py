"""Random networks in every layout of time, over all operators: passes that lose nothing change no output."""

import json
import os

import numpy as np
import onnx
import pytest

import graph_fuzz
import random_networks
import removal

COUNT = int(os.environ.get("SNNFIT_RANDOM_NETWORKS", "150"))
FEWER = 2 * COUNT // 3


@pytest.fixture(scope="module")
def outcomes():
    return {}


@pytest.mark.parametrize("seed", range(COUNT))
def test_units_declared_dead_leave_no_trace(seed, outcomes):
    outcomes[seed] = graph_fuzz.outcome_of(seed)
    assert not graph_fuzz.is_bad(outcomes[seed]), outcomes[seed]["verdict"]


def test_enough_of_them_goes_and_is_seen(outcomes):
    """The test above would pass if everything was frozen, or nothing showed."""
    cut = [each for each in outcomes.values() if each["removed"]]
    print(graph_fuzz.summary(outcomes.values()))
    assert len(cut) > 0.1 * len(outcomes)
    assert sum(each["told"] for each in outcomes.values()) > 0.15 * sum(each["populations"] for each in outcomes.values())
    assert sum(each["seen"] is True for each in cut) > 0.5 * len(cut)


def optimize(tmp_path, net, passes, *options):
    onnx.save(net.model, tmp_path / "in.onnx")
    done = graph_fuzz.run("optimize", tmp_path / "in.onnx", "-o", tmp_path / "out.onnx", "--passes", passes, *options)
    if done.returncode == 3:
        return None, None
    small = onnx.load(tmp_path / "out.onnx")
    onnx.checker.check_model(small, full_check=True)
    onnx.shape_inference.infer_shapes(small, check_type=True, strict_mode=True)
    return small, json.loads(done.stdout)["passes"][0]


def assert_same_results(net, small):
    """Equal but for the states, which are fewer."""
    before, after = graph_fuzz.play(net, net.model, net.seed), graph_fuzz.play(net, small, net.seed)
    results = [name for name in before if not name.startswith("state")]
    off = removal.differences({name: before[name] for name in results}, {name: after[name] for name in results}, 1e-4)
    assert not off, off


def without_silent(tmp_path, net):
    return optimize(tmp_path, net, "silent_neuron_elimination", "--input-range", "0,1")


def without_firing(tmp_path, net):
    return optimize(tmp_path, net, "always_firing_elimination", "--input-range", "0,1")


def without_copies(tmp_path, net):
    onnx.save(net.model, tmp_path / "in.onnx")
    found, _ = graph_fuzz.found_layers(net, tmp_path / "in.onnx")
    if found is None:
        return None, None
    graph_fuzz.write_rates(net, found, {index: [] for index in found}, tmp_path / "rates.json")
    return optimize(tmp_path, net, "redundancy_elimination", "--rates", tmp_path / "rates.json")


@pytest.mark.parametrize("seed", range(FEWER))
@pytest.mark.parametrize("shrink", [without_silent, without_firing, without_copies])
def test_other_passes_that_lose_nothing(tmp_path, seed, shrink):
    net = random_networks.build(seed, copies=shrink is without_copies, firing=shrink is without_firing)
    small, _ = shrink(tmp_path, net)
    if small is not None:
        assert_same_results(net, small)


def test_enough_of_it_goes_there_too(tmp_path):
    planted = silent = always = firing = copies = merged = 0
    for seed in range(FEWER):
        net = random_networks.build(seed, layout=random_networks.as_one_step)
        planted += sum(int(population.silent.sum()) for population in net.populations)
        _, report = without_silent(tmp_path, net)
        silent += report["silent_neurons_removed"] if report else 0
        net = random_networks.build(seed, layout=random_networks.as_one_step, firing=True)
        always += sum(int(population.firing.sum()) for population in net.populations)
        _, report = without_firing(tmp_path, net)
        firing += report["always_firing_neurons_folded"] if report else 0
        net = random_networks.build(seed, copies=True, layout=random_networks.as_one_step)
        copies += net.planted
        _, report = without_copies(tmp_path, net)
        merged += report["redundant_pairs_merged"] if report else 0
    print(f"{silent} of {planted} planted silent, {firing} of {always} planted firing, {merged} of {copies} copies merged")
    assert silent > 0.08 * planted and firing > 0.08 * always and merged > 0.08 * copies
