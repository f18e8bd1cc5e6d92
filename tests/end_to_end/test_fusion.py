"""layer_fusion: a near-silent layer becomes a linear map that keeps the mean drive of the next one; with data, the one
that comes closest to it: worked out again by numpy from the spikes that onnxruntime sees."""

import numpy as np
import onnx
import pytest

import planting
from harness import DIGITS, check_valid, constants, correct, digits, fixture, run, run_json, simulate, simulate_fixture, watching

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


# --- with data -----------------------------------------------------------------------

SAMPLES = 500
RIDGE = 1e-6
FLIPS = 3  # spikes on the way that rounding may turn: of a million


def fit(network, model, folder, *options):
    onnx.save(model, folder / "quiet.onnx")
    for name, values in zip(("x", "y"), digits()):
        np.save(folder / f"{name}.npy", values[:SAMPLES])
    report = run_json("optimize", folder / "quiet.onnx", "-o", folder / "fitted.onnx", "--inputs", folder / "x.npy",
                      "--labels", folder / "y.npy", "--steps", network.steps, *FUSE, *options)
    check_valid(folder / "fitted.onnx")
    return onnx.load(folder / "fitted.onnx"), report


def traces(model, states, steps, tensors):
    """In onnxruntime, over the digits: of each tensor [steps and samples, units]."""
    seen = simulate(watching(model, tensors), states, digits()[0][:SAMPLES], steps)
    return [seen.outputs[name].reshape(-1, seen.outputs[name].shape[-1]).astype(np.float64) for name in tensors]


def least_squares(x, y):
    """(map, R^2, how much a unit of y in one step can change the map) of y by x, numpy's own way; the ridge as more
    samples."""
    n = x.shape[1]
    centred = x - x.mean(axis=0)
    lift = np.sqrt(RIDGE * (centred**2).sum() / n) * np.eye(n)
    w = np.linalg.lstsq(np.concatenate([centred, lift]), np.concatenate([y - y.mean(axis=0), np.zeros((n, y.shape[1]))]),
                        rcond=None)[0].T
    reach = np.abs(np.linalg.solve(centred.T @ centred + lift @ lift, centred.T)).max()
    return w, r_squared(y, centred @ w.T + y.mean(axis=0)), reach


def r_squared(y, fitted):
    return 1 - ((y - fitted) ** 2).sum() / ((y - y.mean(axis=0)) ** 2).sum()


def fused_weights(model, units):
    """[10, units] of the one weight operation that reads the first layer."""
    known = constants(model)
    found = [known[name] for node in model.graph.node if node.op_type in ("Gemm", "MatMul")
             for name in node.input if name in known and sorted(known[name].shape) == sorted((10, units))]
    assert len(found) == 1, [each.shape for each in found]
    return found[0] if found[0].shape == (10, units) else found[0].T


@NETWORKS
def test_the_map_is_that_of_least_squares(name, tmp_path):
    """The drive of the last layer, of the network with the quiet layer and of the fitted one, and numpy's map."""
    network = fixture(name)
    quiet = quieten(network, weaken, 0.005, 0.0099)
    fitted, report = fit(network, quiet, tmp_path, "--fusion-activity", "0.02")
    (entry,) = report["passes"]
    assert entry["layers_fused"] == 1 and entry["samples_recorded"] == SAMPLES
    drive, tensors = drive_of_last(network, quiet), [layer["spike_tensors"][0] for layer in network.layers[:2]]
    spikes, hushed, before = traces(quiet, network.states, network.steps, [*tensors, drive])
    (after,) = traces(fitted, still_there(network, fitted), network.steps, [drive])
    assert r_squared(before, after) == pytest.approx(entry["fusion_r2"], abs=1e-5)
    np.testing.assert_allclose(after.mean(axis=0), before.mean(axis=0), rtol=0, atol=1e-5)
    last = planting.layers(network, quiet)[2].weights.astype(np.float64)
    exact = hushed @ last.T  # before any rounding
    wanted, best, reach = least_squares(spikes, exact)
    w = fused_weights(fitted, spikes.shape[1])
    np.testing.assert_allclose(w, wanted, rtol=1e-5, atol=FLIPS * reach * np.abs(last).max())
    assert best - 1e-6 < r_squared(exact, (spikes - spikes.mean(axis=0)) @ w.T + exact.mean(axis=0)) < best + 1e-6
    assert entry["fusion_r2"] == pytest.approx(best, abs=1e-4)
    assert 0 < entry["fusion_r2"] < 1


def test_the_fit_beats_the_means(tmp_path):
    """By the rates alone, the same network gets a map that keeps less of how the drive varies."""
    network = fixture("seed-mlp-ts17-step")
    quiet = quieten(network, weaken, 0.005, 0.0099)
    fitted, report = fit(network, quiet, tmp_path, "--fusion-activity", "0.02")
    _, averaged, _ = optimize(network, quiet, tmp_path, *FUSE)
    drive = drive_of_last(network, quiet)
    (before,) = traces(quiet, network.states, network.steps, [drive])
    of_fit, of_means = (r_squared(before, traces(model, still_there(network, model), network.steps, [drive])[0])
                        for model in (fitted, averaged))
    assert of_fit > of_means
    assert "layer_fusion" in run("report", tmp_path / "fitted.onnx").stdout.decode()
    assert f"1 layer fused (R^2 {report['passes'][0]['fusion_r2']:.3f})" in run("report", tmp_path / "fitted.onnx").stdout.decode()


def test_a_fit_that_costs_too_much_is_left(tmp_path):
    """A layer that does the work: near-silent only because that is what the limit says."""
    network = fixture("seed-mlp-ts17-step")
    free, report = fit(network, network.load(), tmp_path, "--fusion-activity", "1.1")
    (entry,) = report["passes"]
    assert entry["layers_fused"] == 1
    lost = report["accuracy"]["before"] - report["accuracy"]["after"]
    assert lost > 0
    told = simulate(free, still_there(network, free), digits()[0][:SAMPLES], network.steps)
    assert correct(network, told.first) == round(SAMPLES * report["accuracy"]["after"])
    for limit, fused in ((100 * lost - 0.01, 0), (100 * lost + 0.01, 1)):
        _, report = fit(network, network.load(), tmp_path, "--fusion-activity", "1.1", "--max-accuracy-drop", limit)
        (entry,) = report["passes"]
        assert entry["layers_fused"] == fused and entry["undone"] == 0
        assert ("fusion_r2" in entry) == bool(fused)
        assert fused or any("too much accuracy" in each["reason"] for each in entry["skipped"])
