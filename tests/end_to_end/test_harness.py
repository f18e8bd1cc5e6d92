"""The judge is judged first: it must reproduce known accuracies, and see a wrong cut."""

import numpy as np
import pytest

import planting
from harness import (assert_same_behaviour, check_valid, correct, every_fixture, fixture, fixtures, reference,
                     refused_fixtures, simulate_fixture)
import onnx

EVERY = pytest.mark.parametrize("network", fixtures(), ids=lambda each: each.name)


def test_no_network_is_left_out():
    assert len(every_fixture()) == 157
    assert len(fixtures()) == 44
    assert [each.name for each in refused_fixtures()] == ["snntorch-mlp-bn-ts17-step-train"]


@EVERY
def test_accuracy_is_the_recorded_one(network):
    assert correct(network, reference(network).first) == round(network.accuracy * 2000)


@EVERY
def test_many_samples_at_once_give_what_one_gives(network):
    few = simulate_fixture(network, network.load(), samples=4, one_by_one=True)
    np.testing.assert_allclose(few.first, reference(network).first[:, :4], rtol=0, atol=1e-6)


@EVERY
def test_the_input_file_is_valid(network):
    check_valid(network.path)


@EVERY
def test_rates_are_those_that_the_file_has(network):
    spiking = [layer for layer in network.layers if layer["spike_tensors"]]
    tensors = [layer["spike_tensors"][0] for layer in spiking]
    means = simulate_fixture(network, network.load(), watch=tensors).means
    assert len(spiking) >= 1
    for layer, tensor in zip(spiking, tensors):
        rates = network.rates[layer["name"]]
        spikes = (means[tensor] - rates) * 2000 * network.steps
        assert np.abs(spikes).max() < 2.5, "onnxruntime and the framework differ by more than two spikes"
        assert np.array_equal(means[tensor] == 0, rates == 0)


def cut_seed(wrong=0):
    network = fixture("seed-mlp-ts17-step")
    model = network.load()
    keep = network.rates["lif1"] > 0
    assert (~keep).sum() == 19
    alive = np.flatnonzero(keep)[np.argsort(network.rates["lif1"][keep])]
    keep[alive[len(alive) // 2 : len(alive) // 2 + wrong]] = False
    planting.cut_by_hand(network, model, 0, keep)
    return network, model


def test_a_right_cut_passes(tmp_path):
    network, model = cut_seed()
    onnx.save(model, tmp_path / "cut.onnx")
    check_valid(tmp_path / "cut.onnx")
    assert_same_behaviour(network, reference(network), simulate_fixture(network, model))


def test_one_wrong_unit_is_seen():
    network, model = cut_seed(wrong=1)
    with pytest.raises(AssertionError, match="spikes of output flip"):
        assert_same_behaviour(network, reference(network), simulate_fixture(network, model))


def test_a_read_out_that_is_off_is_seen():
    network = fixture("norse-lif-li-ts17-step")
    model = network.load()
    bias = planting.layers(network, model)[2]
    bias.bias = bias.bias + np.float32(1e-3)
    with pytest.raises(AssertionError, match="output is off"):
        assert_same_behaviour(network, reference(network), simulate_fixture(network, model))
