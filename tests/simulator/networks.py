"""The real networks that the simulator is judged on: ours, and those of SNNFIT_SHARED if there."""

import json
import os
import pathlib
import re
import subprocess

import numpy as np
import onnx
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("SNNFIT", ROOT / "build" / "release" / "snnfit"))
TOOL = PROGRAM.parent / "tests" / "run_operators"
IMAGES = ROOT / "examples" / "mnist" / "test-images-idx3-ubyte.gz"
LABELS = ROOT / "examples" / "mnist" / "test-labels-idx1-ubyte.gz"
SLOW = "release" not in PROGRAM.parts  # sanitized, or counting
SHARED = pathlib.Path(os.environ.get("SNNFIT_SHARED", ROOT.parent / "shared")) / "fixtures"
# Everything in shared is run on the optimized program; the other builds see our own networks.
PLACES = [ROOT / "tests" / "fixtures", ROOT / "tests" / "fixtures_odd"] + ([] if SLOW else [SHARED])


# Where accuracy.txt is that of the model before it was changed: onnxruntime 1.31.1 on this one.
MEASURED = {"snntorch-conv-ts17-step--fp16": 0.905}


class Network:
    def __init__(self, folder):
        self.folder, self.name = folder, folder.name
        self.model = folder / "model.onnx"
        self.meta = json.loads((folder / "meta.json").read_text())
        self.truth = json.loads((folder / "truth.json").read_text())
        self.kind = self.meta.get("kind")
        self.steps = self.meta.get("rates_T")

    @property
    def is_refused(self):
        return bool(self.truth.get("refuse"))

    def accuracy(self):
        """Of this very file in onnxruntime, over the 2000 images; None: it could not run it."""
        if self.name in MEASURED:
            return MEASURED[self.name]
        text = (self.folder / "accuracy.txt").read_text()
        found = re.search(r"onnxruntime accuracy of this file.*?: ([0-9.]+)", text)
        return float(found[1]) if found else None


def networks():
    """Each once: ours come first."""
    found = {}
    for place in PLACES:
        for folder in sorted(place.glob("*/")) if place.is_dir() else []:
            if (folder / "meta.json").exists():
                found.setdefault(folder.name, Network(folder))
    return list(found.values())


def snnfit(*arguments, **options):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, **options)


def simulate(model, *arguments):
    """The report of `snnfit simulate`."""
    done = snnfit("simulate", model, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def inputs_of(model):
    with_defaults = {i.name for i in model.graph.initializer}
    return [i for i in model.graph.input if i.name not in with_defaults]


def dtype_of(value):
    return onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)


def recorded(network):
    """Runs as io.npz has them: for each, the inputs and the outputs, by name."""
    io = np.load(network.folder / "io.npz")
    model = onnx.load(network.model, load_external_data=False)
    names, outputs = [i.name for i in inputs_of(model)], [o.name for o in model.graph.output]
    for sample in range(len(io[f"in__{names[0]}"])):
        for step in range(io[f"in__{names[0]}"].shape[1]) if network.kind == "step" else [None]:
            at = sample if step is None else (sample, step)
            yield ({i.name: io[f"in__{i.name}"][at].astype(dtype_of(i)) for i in inputs_of(model)},
                   {name: io[f"out__{name}"][at] for name in outputs})


def session_of(model, optimized=True):
    """In onnxruntime, of a model or its path. One thread: tests run side by side."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    content = model.SerializeToString() if isinstance(model, onnx.ModelProto) else str(model)
    return onnxruntime.InferenceSession(content, options)


def run_in_onnxruntime(network, samples=3, steps=8):
    """The same, made now: steps from rest on the first images."""
    session = session_of(network.model)
    values, pairs = session.get_inputs(), network.truth.get("states", [])
    images = read_images()[:samples]
    outputs = [o.name for o in session.get_outputs()]
    for image in images:
        states = {v.name: np.zeros([d if isinstance(d, int) else 1 for d in v.shape], np.float32) for v in values[1:]}
        for _ in range(steps):
            shape = [d if isinstance(d, int) else 1 for d in values[0].shape]
            feed = {values[0].name: image.reshape(shape), **states}
            given = dict(zip(outputs, session.run(None, feed)))
            yield feed, given
            states = {name: given[output] for name, output in pairs} if pairs else {
                v.name: given[o] for v, o in zip(values[1:], outputs[-len(values[1:]):] if len(values) > 1 else [])}


def read_images():
    import gzip
    return np.frombuffer(gzip.open(IMAGES).read(), np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / np.float32(255)


def read_labels():
    import gzip
    return np.frombuffer(gzip.open(LABELS).read(), np.uint8, offset=8)
