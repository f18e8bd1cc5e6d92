"""What the end-to-end tests share: the program, real networks, and onnxruntime as the judge.

Nothing here uses our own library: every number that a test compares comes from
onnxruntime, from the onnx package or from numpy.
"""

import dataclasses
import functools
import gzip
import json
import os
import pathlib
import resource
import subprocess

import numpy as np
import onnx
import onnxruntime

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = REPOSITORY / "tests" / "fixtures"
DIGITS = REPOSITORY / "examples" / "mnist"
PROGRAM = pathlib.Path(os.environ.get("SNNFIT", REPOSITORY / "build" / "release" / "snnfit")).resolve()


# --- the program ---------------------------------------------------------------


def run(*arguments, expect=0, stdin=None, **options):
    """Runs snnfit; fails when its exit status is not the expected one (None: any)."""
    done = subprocess.run(
        [str(PROGRAM), *map(str, arguments)],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=300,
        check=False,
        **options,
    )
    alarm = [word for word in (b"Sanitizer", b"runtime error:") if word in done.stderr]
    assert not alarm and done.returncode in range(6), done.stderr.decode(errors="replace")
    if expect is not None:
        assert done.returncode == expect, (
            f"exit {done.returncode}, expected {expect}: snnfit {' '.join(map(str, arguments))}\n"
            f"{done.stderr.decode(errors='replace')}"
        )
    return done


def files_end_at(bytes_):
    """For preexec_fn: no file grows beyond. Not for good: a build that counts what is run writes its counters at the
    end (tests/counting.c)."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, hard))


def run_json(*arguments, expect=0, **options):
    """Runs snnfit with --json and gives the one document that it prints."""
    return json.loads(run(*arguments, "--json", expect=expect, **options).stdout)


# --- real networks -------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Fixture:
    """One export of a trained network with what is known about it."""

    folder: pathlib.Path

    @property
    def name(self):
        return self.folder.name

    @property
    def path(self):
        return self.folder / "model.onnx"

    @property
    def rates_path(self):
        return self.folder / "rates.npz"

    @functools.cached_property
    def truth(self):
        return json.loads((self.folder / "truth.json").read_text())

    @functools.cached_property
    def steps(self):
        return json.loads((self.folder / "meta.json").read_text())["rates_T"]

    @functools.cached_property
    def accuracy(self):
        """Of this very file in onnxruntime, as recorded when it was exported."""
        for line in (self.folder / "accuracy.txt").read_text().splitlines():
            if line.startswith("onnxruntime accuracy of this file"):
                return float(line.rsplit(":", 1)[1])
        raise LookupError(f"{self.name}: no accuracy recorded")

    @functools.cached_property
    def layers(self):
        return self.truth["layers"]

    @functools.cached_property
    def rates(self):
        """Layer name -> firing rates, for the layers that have some."""
        with np.load(self.rates_path) as arrays:
            return {key: arrays[key].astype(np.float64) for key in arrays.files if not key.startswith("__")}

    @functools.cached_property
    def states(self):
        return [tuple(pair) for pair in self.truth["state_pairs"]]

    @functools.cached_property
    def recorded(self):
        """Real inputs, and what onnxruntime made of them; None where it cannot run the file."""
        if not (self.folder / "io.npz").exists():
            return None
        with np.load(self.folder / "io.npz") as arrays:
            return {key: arrays[key] for key in arrays.files}

    def load(self):
        return onnx.load(self.path)


def fixture(name):
    return Fixture(FIXTURES / name)


@functools.cache
def every_fixture():
    """Every real network here."""
    return [Fixture(path.parent) for path in sorted(FIXTURES.glob("*/truth.json"))]


def is_dense_chain(network):
    """One time step with its states in the interface, and every dense layer reads the one before."""
    return network.truth["kind"] == "step" and all(
        layer["projection"]["positions"] == 1
        and layer["projection"]["op"] in ("Gemm", "MatMul")
        and "source" not in layer["projection"]
        for layer in network.layers
    )


def fixtures():
    """The dense chains that can be optimized: they run all the digits at once."""
    return [each for each in every_fixture() if is_dense_chain(each) and "refuse" not in each.truth]


def refused_fixtures():
    return [each for each in every_fixture() if is_dense_chain(each) and "refuse" in each.truth]


@functools.lru_cache(maxsize=1)
def digits():
    """2000 test images as currents [2000, 784] and their labels [2000]."""
    with gzip.open(DIGITS / "test-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(DIGITS / "test-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    assert len(pixels) == len(labels) == 2000
    return (pixels / np.float32(255)).astype(np.float32), labels.astype(np.int64)


# --- running a network over time -------------------------------------------------


@dataclasses.dataclass
class Recording:
    """What a network gave: outputs [steps, samples, units] by name, watched tensors' means [units]."""

    outputs: dict
    means: dict

    @property
    def first(self):
        return next(iter(self.outputs.values()))


def graph_inputs(model):
    """The inputs that a caller must feed: initializers may be listed as inputs too."""
    known = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in known]


def session_of(model):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1  # tests run side by side: more would wait for each other, spinning
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def with_any_batch(model):
    """A copy whose first axis is free, so that many samples run at once."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for value in [*graph_inputs(copy), *copy.graph.output]:
        dims = value.type.tensor_type.shape.dim
        if dims:
            dims[0].dim_param = "samples"
    del copy.graph.value_info[:]
    return copy


def batch_is_baked_in(model):
    """True when some operator's constants hold the batch size (the file was exported for one sample)."""
    return any(node.op_type in ("Reshape", "Expand", "ScatterND") for node in model.graph.node)


def watching(model, tensors):
    """A copy that also gives these tensors as outputs."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    known = {value.name for value in copy.graph.output}
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors if name not in known)
    return copy


def simulate(model, states, currents, steps, watch=(), one_by_one=None):
    """Runs the one-step model over time from rest, each sample's current constant.

    states: (input, output) names. Outputs are kept for every step; of the
    watched tensors the mean over samples and steps. A file whose batch size is
    baked in runs one sample after the other.
    """
    if one_by_one is None:
        one_by_one = batch_is_baked_in(model)
    fed = [value.name for value in graph_inputs(model)]
    state_inputs = {name for name, _ in states}
    drives = [name for name in fed if name not in state_inputs]
    assert len(drives) == 1 and state_inputs <= set(fed), (fed, states)
    widths = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim[1:]]
        for value in graph_inputs(model)
    }
    state_outputs = {name for _, name in states}
    results = [value.name for value in model.graph.output if value.name not in state_outputs]
    # A read-out may be its own state: then it is a result all the same.
    if not results or model.graph.output[0].name not in results:
        results.insert(0, model.graph.output[0].name)
    wanted = list(dict.fromkeys([*results, *(name for _, name in states), *watch]))
    session = session_of(watching(model if one_by_one else with_any_batch(model), watch))
    outputs = {name: [] for name in results}
    sums = {name: 0.0 for name in watch}
    for part in np.split(currents, len(currents)) if one_by_one else [currents]:
        feed = {drives[0]: part}
        feed.update((name, np.zeros([len(part), *widths[name]], np.float32)) for name in state_inputs)
        trace = {name: [] for name in results}
        for _ in range(steps):
            got = dict(zip(wanted, session.run(wanted, feed)))
            feed.update((into, got[out]) for into, out in states)
            for name in results:
                trace[name].append(got[name])
            for name in watch:
                sums[name] = sums[name] + got[name].sum(axis=0, dtype=np.float64)
        for name in results:
            outputs[name].append(np.stack(trace[name]))
    return Recording(
        {name: parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1) for name, parts in outputs.items()},
        {name: total / (len(currents) * steps) for name, total in sums.items()},
    )


def simulate_fixture(network, model, watch=(), states=None, samples=None, **options):
    currents, _ = digits()
    return simulate(model, network.states if states is None else states, currents[:samples], network.steps, watch,
                    **options)


def is_spiking(network):
    return network.layers[-1]["spiking"]


def correct(network, outputs):
    """How many of the digits are told right: most spikes, or the highest membrane of a read-out."""
    _, labels = digits()
    score = outputs.sum(axis=0) if is_spiking(network) else outputs.max(axis=0)
    return int((score.argmax(axis=1) == labels[: len(score)]).sum())


def flip_rate(before, after):
    """The part of the outputs that is not the same."""
    assert before.shape == after.shape, (before.shape, after.shape)
    return float(np.mean(before != after))


def assert_same_behaviour(network, before, after, flips=1e-5, analog=1e-4, images=1):
    """The contract of a lossless pass, on whatever both recordings hold."""
    assert before.outputs.keys() == after.outputs.keys()
    for name, values in before.outputs.items():
        if values is before.first and is_spiking(network):
            rate = flip_rate(values, after.outputs[name])
            assert rate <= flips, f"{network.name}: {rate:.2e} of the spikes of {name} flip"
        else:
            assert values.shape == after.outputs[name].shape, name
            worst = float(np.abs(values - after.outputs[name]).max())
            assert worst <= analog, f"{network.name}: {name} is off by {worst:.2e}"
    gap = abs(correct(network, before.first) - correct(network, after.first))
    assert gap <= images, f"{network.name}: {gap} of the digits are told otherwise"


@functools.lru_cache(maxsize=64)
def reference(network):
    """How the untouched file behaves over the 2000 digits."""
    return simulate_fixture(network, network.load())


# --- looking into a file -----------------------------------------------------------


def check_valid(path):
    """Valid by the letter: the full checker, and shape inference that allows no contradiction."""
    onnx.checker.check_model(str(path), full_check=True)
    return onnx.shape_inference.infer_shapes(onnx.load(path), check_type=True, strict_mode=True, data_prop=True)


def constants(model):
    """Name -> array, of initializers, Constant nodes and Identity nodes of either."""
    known = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value":
                    known[node.output[0]] = onnx.numpy_helper.to_array(attribute.t)
        elif node.op_type == "Identity" and node.input[0] in known:
            known[node.output[0]] = known[node.input[0]]
    return known


def metadata(model):
    return {entry.key: entry.value for entry in model.metadata_props}


def resources(model):
    return json.loads(metadata(model)["snn.resources"])


# --- what has gone, from the file that was written ------------------------------------


def neuron_map(model):
    """Weight tensor of the input model -> its population's entry of snn.neuron_map."""
    layers = json.loads(metadata(model)["snn.neuron_map"])["layers"]
    return {entry["weight_tensor"]: entry for entry in layers}


def kept_units(model, layer):
    """The units kept, by their index in the input model."""
    return neuron_map(model)[layer["projection"]["weight_tensor"]]["kept"]


def merged_units(model, layer):
    """Unit kept -> the units merged into it, for those that have some."""
    merged = neuron_map(model)[layer["projection"]["weight_tensor"]]["merged"]
    return {int(kept): units for kept, units in merged.items()}


def gone(network, model):
    """Layer name -> the units that are no longer there."""
    return {
        layer["name"]: sorted(set(range(layer["projection"]["units"])) - set(kept_units(model, layer)))
        for layer in network.layers
    }


def assert_widths(network, model):
    """The states are as wide as the map says."""
    values = {value.name: value for value in (*model.graph.input, *model.graph.output)}
    for layer in network.layers:
        for name in (*layer["state_inputs"], *layer["state_outputs"]):
            assert values[name].type.tensor_type.shape.dim[-1].dim_value == len(kept_units(model, layer)), name


def frozen_layers(network, path):
    """The layers that inspect says must keep their width."""
    frozen = {layer["weight_tensor"]: layer["frozen"] for layer in run_json("inspect", path)["layers"]}
    return {layer["name"] for layer in network.layers if frozen[layer["projection"]["weight_tensor"]]}
