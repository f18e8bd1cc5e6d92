"""layer_fusion: a near-silent layer becomes a linear map that keeps the mean drive of the next one."""

import numpy as np
import onnx
import pytest

import planting
from harness import check_valid, fixture, run_json, simulate, simulate_fixture, digits

NETWORKS = pytest.mark.parametrize("name", ["seed-mlp-ts17-step", "snntorch-mlp-th-ts17-step",
                                            "sj14-lif-hard-ts17-step", "snntorch-mlp-bn-ts17-step"])
FUSE = ("--passes", "layer_fusion")


def lower_bias(layer, amount):
    layer.bias = layer.bias - np.float32(amount)


def weaken(layer, amount):
    """As if the thresholds were raised: the mean drive keeps its sign."""
    normal = layer.truth["projection"].get("batchnorm")
    factors = (normal["scale"], normal["bias"]) if normal else (layer.weight_name, layer.bias_name)
    for name in factors:
        planting.write(layer.model, name, planting.read(layer.model, name) / np.float32(1 + amount))


WAYS = pytest.mark.parametrize("way", [lower_bias, weaken])


def quieten(network, way, low, high):
    """The network with its second layer made quieter until its largest rate lies in (low, high)."""
    middle = network.layers[1]
    spikes = middle["spike_tensors"][0]
    least, most = 0.0, 1e3
    for _ in range(60):
        model = network.load()
        amount = (least + most) / 2
        way(planting.layers(network, model)[1], amount)
        rate = simulate_fixture(network, model, watch=[spikes]).means[spikes].max()
        if low < rate < high:
            return model
        least, most = (amount, most) if rate >= high else (least, amount)
    raise AssertionError(f"{network.name}: no amount gives a largest rate in ({low}, {high})")


def drive_of_last(network, model):
    """The name of the tensor that the last layer's weight operation gives."""
    weight = network.layers[-1]["projection"]["weight_tensor"]
    return next(node.output[0] for node in model.graph.node if weight in node.input)


def optimize(network, model, folder, *options):
    path, out, rates = (folder / name for name in ("quiet.onnx", "out.onnx", "rates.npz"))
    tensors = [layer["spike_tensors"][0] for layer in network.layers]
    drive = drive_of_last(network, model)
    before = simulate_fixture(network, model, watch=[*tensors, drive])
    np.savez(rates, **{layer["name"]: before.means[tensor] for layer, tensor in zip(network.layers, tensors)})
    onnx.save(model, path)
    report = run_json("optimize", path, "-o", out, "--rates", rates, *options)
    check_valid(out)
    return before, onnx.load(out), report


def still_there(network, model):
    present = {value.name for value in model.graph.input}
    return [pair for pair in network.states if pair[0] in present]


@NETWORKS
@WAYS
def test_the_mean_drive_is_kept(name, way, tmp_path):
    network = fixture(name)
    quiet = quieten(network, way, 0.005, 0.0099)
    before, fused, report = optimize(network, quiet, tmp_path, *FUSE)
    (entry,) = report["passes"]
    assert entry["layers_fused"] == 1 and entry["changed"]
    states = still_there(network, fused)
    assert len(states) == len(network.states) - len(network.layers[1]["state_inputs"])
    drive = drive_of_last(network, quiet)
    currents, _ = digits()
    after = simulate(fused, states, currents, network.steps, watch=[drive])
    # Relative to what the silent layer contributes, which is little beside the biases.
    contributed = np.abs(before.means[drive] - planting.layers(network, quiet)[2].bias).max()
    np.testing.assert_allclose(after.means[drive], before.means[drive], rtol=0, atol=1e-5 * contributed)
    assert after.first.shape == before.first.shape


@NETWORKS
def test_the_result_is_a_network_of_two_layers(name, tmp_path):
    network = fixture(name)
    _, _, report = optimize(network, quieten(network, weaken, 0.005, 0.0099), tmp_path, *FUSE)
    layers = run_json("inspect", tmp_path / "out.onnx")["layers"]
    assert len(layers) == 2
    assert [layer["units"] for layer in layers] == [network.layers[0]["projection"]["units"], 10]
    parameters = report["parameters"]
    assert parameters["after"] < parameters["before"]


@NETWORKS
def test_not_at_one_point_one_percent(name, tmp_path):
    network = fixture(name)
    _, result, report = optimize(network, quieten(network, weaken, 0.0101, 0.012), tmp_path, *FUSE)
    (entry,) = report["passes"]
    assert entry["layers_fused"] == 0 and not entry["changed"]
    assert [value.name for value in result.graph.input] == [value.name for value in network.load().graph.input]


def test_a_working_network_is_not_touched(tmp_path):
    network = fixture("seed-mlp-ts17-step")
    _, _, report = optimize(network, network.load(), tmp_path, *FUSE)
    assert report["passes"][0]["layers_fused"] == 0
