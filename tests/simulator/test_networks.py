"""Real networks in the simulator beside onnxruntime and the framework that trained them.

Ours are always run; those of SNNFIT_SHARED (default: ../shared) too, if they are there.
"""

import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
import subprocess

from networks import (IMAGES, LABELS, TOOL, dtype_of, inputs_of, networks, read_images, recorded,
                      run_in_onnxruntime, session_of, simulate, snnfit)

NETWORKS = networks()
# Without io.npz because onnxruntime refuses it; its accuracy is judged below.
NOT_RECORDED = {"snnloop-script-seq-ts17--sim"}
RUNNABLE = [n for n in NETWORKS if not n.is_refused and n.kind]
STEPPED = [n for n in RUNNABLE if n.kind == "step"]


def names(some):
    return [n.name for n in some]


def write_runs(runs, model, folder):
    """Lines for the tool; the outputs that are wanted."""
    lines, wanted = [], []
    for number, (given, results) in enumerate(runs):
        fields = [str(model), str(folder / f"out{number}")]
        for i, value in enumerate(inputs_of(onnx.load(model, load_external_data=False))):
            path = folder / f"in{number}_{i}.pb"
            path.write_bytes(numpy_helper.from_array(np.ascontiguousarray(given[value.name])).SerializeToString())
            fields.append(str(path))
        lines.append("\t".join(fields))
        wanted.append(results)
    return lines, wanted


COMPARED = [n for n in RUNNABLE if n.name not in NOT_RECORDED]


@pytest.mark.parametrize("network", COMPARED, ids=names(COMPARED))
def test_gives_what_onnxruntime_gives(network, tmp_path):
    """Every output of every step, spikes and states, from the same inputs: to 1e-5 relative, and no
    spike differs."""
    if (network.folder / "io.npz").exists():
        runs = recorded(network)
    else:
        runs = run_in_onnxruntime(network)
    lines, wanted = write_runs(runs, network.model, tmp_path)
    done = subprocess.run([TOOL], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    outputs = onnx.load(network.model, load_external_data=False).graph.output
    assert len(done.stdout.splitlines()) == len(wanted) > 0
    for number, (said, results) in enumerate(zip(done.stdout.splitlines(), wanted)):
        assert said.startswith("ok"), said
        for i, output in enumerate(outputs):
            ours = np.frombuffer((tmp_path / f"out{number}.{i}.bin").read_bytes(), dtype_of(output))
            theirs = results[output.name].astype(np.float64).ravel()
            off = np.abs(ours.astype(np.float64) - theirs) / np.maximum(1, np.abs(theirs))
            assert off.max(initial=0) <= 1e-5, f"run {number}, {output.name}: off by {off.max()}"


def options_of(network):
    """What this file does not say of itself."""
    options = []
    graph = onnx.load(network.model, load_external_data=False).graph
    inputs = [i for i in graph.input if i.name not in {tensor.name for tensor in graph.initializer}]
    open_ended = any(not dim.dim_value for i in inputs for dim in i.type.tensor_type.shape.dim)
    if (network.kind == "step" or "seq" in network.kind) and (len(inputs) > 1 or open_ended):
        options += ["--steps", network.steps or network.meta["T"]]
    if network.name == "norse-box-li-dy18-seq":
        options += ["--decoding", "maximum"]  # a membrane read-out whose time is inside
    return options


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Of each network, run once over the 2000 images, and its annotated file."""
    folder, made = tmp_path_factory.mktemp("annotated"), {}

    def report(network):
        if network.name not in made:
            output = folder / f"{network.name}.onnx"
            write = ["-o", output] if network.kind == "step" else []
            made[network.name] = output, simulate(network.model, "--inputs", IMAGES, "--labels", LABELS,
                                                  *options_of(network), *write)
        return made[network.name]

    return report


@pytest.mark.parametrize("network", RUNNABLE, ids=names(RUNNABLE))
def test_accuracy_is_that_of_onnxruntime(network, reports):
    _, report = reports(network)
    if network.accuracy() is None:  # onnxruntime refuses the file: then the framework's
        assert network.name.startswith("snnloop-script-seq")
        assert abs(report["accuracy"] - 0.9275) <= 1 / 2000 + 1e-9
        return
    assert report["samples"] == 2000
    assert abs(report["accuracy"] - network.accuracy()) <= 1 / 2000 + 1e-9
    low, high = report["interval"]
    assert low < report["accuracy"] < high


# Layers that the importer does not (yet) see as spiking populations of their own, so that nobody
# asks for their rates.
NOT_POPULATIONS = {"odd-conv-depthwise": {"lif2"}, "odd-conv-groups": {"lif2"}, "odd-two-heads": {"lif2"},
                   "odd-two-slice": {"lif2"}}


def recorded_layers(network, framework):
    """The framework's layers, by spike tensor."""
    found = {}
    for layer in network.truth["layers"]:
        if layer["name"] in framework.files:
            for tensor in layer["spike_tensors"] + [t for some in layer.get("spike_aliases", []) for t in some]:
                found[tensor] = layer["name"]
    return found


@pytest.mark.parametrize("network", STEPPED, ids=names(STEPPED))
def test_rates_are_those_of_the_framework(network, reports):
    output, report = reports(network)
    framework = np.load(network.folder / "rates.npz")
    of_tensor = recorded_layers(network, framework)
    done = snnfit("inspect", output, "--json")
    assert done.returncode == 0, done.stderr
    layers = [layer for layer in json.loads(done.stdout)["layers"] if layer["rates"] is not None]
    keys = [next(of_tensor[t] for t in layer["spike_tensors"] if t in of_tensor) for layer in layers]
    missing = {key for key in framework.files if "__" not in key} - set(keys)
    assert missing <= NOT_POPULATIONS.get(network.name.rsplit("-", 2)[0], set()) and len(set(keys)) == len(keys) > 0
    worst = max(np.abs(framework[key].ravel() - layer["rates"]).max() for key, layer in zip(keys, layers))
    print(f"{network.name}: rates within {worst:.1e}")
    changed = any(word in network.name for word in ("fp16", "brevitas"))  # the file is not what was trained
    # One spike in 10,000 steps is 1e-4; the framework's rates are floats.
    assert worst <= (0.05 if changed else 1e-4 + 1e-7)
    said = {layer["name"]: layer for layer in report["layers"]}
    for layer in layers:
        assert said[layer["name"]]["mean_rate"] == pytest.approx(np.mean(layer["rates"]), abs=1e-9)


def rates_measured(network, tmp_path, images, steps):
    """What -o writes, by spike tensor."""
    np.save(tmp_path / "x.npy", images)
    report = simulate(network.model, "--inputs", tmp_path / "x.npy", "--steps", steps, "-o", tmp_path / "out.onnx")
    assert report["steps"] == steps and report["notes"] == []
    done = snnfit("inspect", tmp_path / "out.onnx", "--json")
    assert done.returncode == 0, done.stderr
    layers = [layer for layer in json.loads(done.stdout)["layers"] if layer["rates"] is not None]
    spikes = sum(np.sum(layer["rates"]) for layer in layers if layer["kind"] in ("spiking", "custom"))
    assert report["spikes_per_inference"] == pytest.approx(spikes * steps, rel=1e-6)
    return {tensor: np.array(layer["rates"]) for layer in layers for tensor in layer["spike_tensors"]}


def in_file(network):
    """Steps that the file has inside, one after the other."""
    return len(network.truth["layers"][0]["spike_tensors"])


UNROLLED = [n for n in RUNNABLE if in_file(n) > 1]


@pytest.mark.parametrize("network", UNROLLED, ids=names(UNROLLED))
def test_rates_of_unrolled_steps_are_those_in_onnxruntime(network, tmp_path):
    """The mean of the spike tensors of all steps, made outputs of the file."""
    images = read_images()[:40]
    layers = [layer for layer in network.truth["layers"] if layer["spike_tensors"]]
    model = onnx.load(network.model)
    wanted = [tensor for layer in layers for tensor in layer["spike_tensors"]]
    model.graph.output.extend(onnx.helper.make_tensor_value_info(tensor, onnx.TensorProto.FLOAT, None)
                              for tensor in wanted if tensor not in {o.name for o in model.graph.output})
    session = session_of(model, optimized=False)
    given = session.get_inputs()[0]
    shape = [d if isinstance(d, int) else 1 for d in given.shape]
    results = [session.run(wanted, {given.name: np.resize(image, shape)}) for image in images]
    seen = {tensor: np.mean([result[i].ravel() for result in results], axis=0) for i, tensor in enumerate(wanted)}
    ours = rates_measured(network, tmp_path, images, in_file(network))
    for layer in layers:
        theirs = np.mean([seen[tensor] for tensor in layer["spike_tensors"]], axis=0)
        # Rates are written as float32.
        assert ours[layer["spike_tensors"][0]] == pytest.approx(theirs, abs=1e-6), layer["name"]


LOOPS = [n for n in RUNNABLE if n.kind == "seq" and in_file(n) == 1 and n.steps == n.meta["T"]]


@pytest.mark.parametrize("network", LOOPS, ids=names(LOOPS))
def test_rates_inside_of_loops_are_those_of_the_framework(network, tmp_path):
    framework = np.load(network.folder / "rates.npz")
    ours = rates_measured(network, tmp_path, read_images(), network.steps)
    of_tensor = recorded_layers(network, framework)
    found = {of_tensor[tensor]: rates for tensor, rates in ours.items() if tensor in of_tensor}
    assert set(found) == {key for key in framework.files if "__" not in key}
    for name, rates in found.items():
        assert np.abs(framework[name].ravel() - rates).max() <= 1e-4 + 1e-7, name


REFUSED = [n for n in NETWORKS if n.is_refused and n.kind]


@pytest.mark.parametrize("network", REFUSED, ids=names(REFUSED))
def test_an_unknown_operator_is_refused_by_name(network):
    done = snnfit("simulate", network.model, "--inputs", IMAGES, "--steps", "4")
    assert done.returncode == 3
    assert "cannot be simulated" in done.stderr and len(done.stderr.splitlines()) == 1
    assert any(name in done.stderr for name in ("QLinearConv", "QGemm", "com.microsoft.nchwc"))
