"""Every allocation and every system call of every command fails once: nothing is lost, nothing is left behind.

The work is done by run_faults (tests/faults/run_faults.c), which says what is demanded of each
run; here stand the commands and the models. SNNFIT_FAULTS_EVERY=1 (`make faults`) tries every
place on the middle-sized models, too; else so many are left out as keeps this short.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness import PROGRAM, files_end_at, fixture, run

RUN_FAULTS = PROGRAM.parent / "tests" / "run_faults"
EVERY = os.environ.get("SNNFIT_FAULTS_EVERY") == "1"
SANITIZED = any(mark in RUN_FAULTS.read_bytes() for mark in (b"__asan_init", b"__tsan_init"))
COUNTED = b"__gcov_dump" in RUN_FAULTS.read_bytes()
KINDS = ("memory", "memory-on", "calls", "full", "interrupted", "short", "term", "kill", "poor-calls", "poor-full",
         "poor-term", "poor-kill")

RATES = ("--rates", "rates.npz")
DATA = ("--inputs", "x.npy", "--labels", "y.npy", "--steps", "3", "--threads", "1", "--max-accuracy-drop", "30")
COMMANDS = {
    "inspect": ("inspect", "model.onnx", *RATES),
    "annotate": ("annotate", "model.onnx", *RATES, "-o", "out/model.onnx"),
    "estimate": ("estimate", "model.onnx", "--target", "ecp5-25k"),
    "optimize": ("optimize", "model.onnx", *RATES, "-o", "out/model.onnx"),
    "in place": ("optimize", "out/model.onnx", "--passes", "none", "-o", "out/model.onnx"),
    "copy": ("optimize", "model.onnx", "--passes", "none", "-o", "out/model.onnx"),
    "fit": ("fit", "model.onnx", *RATES, "--target-luts", "2000", "--arch", "event", "--max-iterations", "2",
            "-o", "out/model.onnx"),
    "simulate": ("simulate", "model.onnx", *DATA[:-2], "-o", "out/model.onnx"),
    "optimize measured": ("optimize", "model.onnx", *RATES, *DATA, "-o", "out/model.onnx"),
    "optimize recorded": ("optimize", "model.onnx", *DATA, "--passes", "behavioural_redundancy", "-o",
                          "out/model.onnx"),
    "fit measured": ("fit", "model.onnx", *DATA, "--target-luts", "2000", "--arch", "event", "--max-iterations", "2",
                     "-o", "out/model.onnx"),
    "report": ("report", "out/model.onnx", "--json", "--html", "out/page.html"),
    "targets": ("targets",),
    "batch": ("batch", "in", "-o", "out", "--", "optimize", "--rates", "{dir}/{stem}.npz"),
}
MEASURED = ("simulate", "optimize measured", "optimize recorded", "fit measured")  # these run the network


@pytest.fixture
def folder():
    """In memory where that can be: thousands of files are made."""
    memory = pathlib.Path("/dev/shm")
    path = pathlib.Path(tempfile.mkdtemp(prefix="snnfit-faults-", dir=memory if memory.is_dir() else None))
    yield path
    shutil.rmtree(path)


def step_of(widths):
    """One time step of dense layers of LIF neurons, the second neuron of each dead, the last two alike."""
    random = np.random.default_rng(7)
    nodes, constants, inputs, outputs, rates = [], [], [], [], {}

    def value(name, width):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, width])

    def constant(name, array):
        constants.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    constant("decay", 0.9)
    constant("threshold", 1.0)
    data = "input"
    for k, (columns, units) in enumerate(zip(widths, widths[1:])):
        weights, bias = random.standard_normal((units, columns)), 0.1 * random.standard_normal(units)
        weights[-1], bias[-1], bias[1] = weights[-2], bias[-2], -1e6
        rates[f"spikes{k}"] = np.where(np.arange(units) == 1, 0, 0.25)
        operands = [data, constant(f"weight{k}", weights), constant(f"bias{k}", bias)]
        nodes.append(helper.make_node("Gemm", operands, [f"drive{k}"], f"layer{k}", transB=1))
        for operator, names, out in (
            ("Mul", (f"state{k}", "decay"), f"decayed{k}"), ("Add", (f"decayed{k}", f"drive{k}"), f"membrane{k}"),
            ("Greater", (f"membrane{k}", "threshold"), f"fires{k}"), ("Cast", (f"fires{k}",), f"spikes{k}"),
            ("Mul", (f"spikes{k}", "threshold"), f"reset{k}"), ("Sub", (f"membrane{k}", f"reset{k}"), f"next{k}"),
        ):
            more = {"to": TensorProto.FLOAT} if operator == "Cast" else {}
            nodes.append(helper.make_node(operator, names, [out], out, **more))
        inputs.append(value(f"state{k}", units))
        outputs.append(value(f"next{k}", units))
        data = f"spikes{k}"
    graph = helper.make_graph(nodes, "step", [value("input", widths[0]), *inputs], [value(data, widths[-1]), *outputs],
                              constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), rates


def small(folder):
    model, rates = step_of((6, 10, 8, 5))
    onnx.save(model, folder / "model.onnx")
    np.savez(folder / "rates.npz", **rates)


def small_outside(folder):
    model, rates = step_of((6, 10, 8, 5))
    onnx.save(model, folder / "model.onnx", save_as_external_data=True, location="model.data", size_threshold=0)
    np.savez(folder / "rates.npz", **rates)


def middle(folder):
    network = fixture("snntorch-mlp-th-ts17-step")
    shutil.copy(network.path, folder / "model.onnx")
    shutil.copy(network.rates_path, folder)


def middle_outside(folder):
    network = fixture("seed-mlp-dy18-step")
    for file in (network.path, network.rates_path, network.folder / "model.onnx.data"):
        shutil.copy(file, folder)


# Of so many places one is tried. Primes: places come in loops.
MODELS = {small: 1, small_outside: 1, middle: 31, middle_outside: 31}


def stride_of(command, model, kind):
    if EVERY:
        return 1
    slow = 23 if SANITIZED else 3 if COUNTED else 1  # to fork under a sanitizer, to write the counters
    if COUNTED and kind.startswith("memory"):
        slow = 11  # while debugging arenas allocate more often
    runs = 11 if command in MEASURED else 1  # networks, again and again
    nested = 7 if command == "batch" and model is not small else 1  # what it runs stands above
    return MODELS[model] * slow * nested * runs


def prepare(folder, model, command):
    """What the command reads, and the outputs of an earlier run that it is to replace."""
    model(folder)
    (folder / "out").mkdir()
    random = np.random.default_rng(3)
    width = onnx.load(folder / "model.onnx").graph.input[0].type.tensor_type.shape.dim[-1].dim_value
    np.save(folder / "x.npy", random.random((12, width), np.float32))
    np.save(folder / "y.npy", random.integers(0, 5, 12))
    run("fit", "model.onnx", "--target-luts", "5000", "--arch", "event", "--max-iterations", "1", *RATES, "-q", "-o",
        "out/model.onnx", cwd=folder, expect=None)
    (folder / "out" / "page.html").write_text("an old page")
    if command == "batch":
        (folder / "in").mkdir()
        for file in folder.iterdir():
            if file.is_file():
                shutil.copy(file, folder / "in" / ("model.npz" if file.suffix == ".npz" else file.name))
        shutil.copy(folder / "in" / "model.onnx", folder / "in" / "second.onnx")
        shutil.copy(folder / "rates.npz", folder / "in" / "second.npz")


CASES = [(command, model) for command in COMMANDS for model in MODELS
         if command not in ("targets", *MEASURED) or model is small]


@pytest.mark.parametrize("command, model", CASES, ids=lambda part: getattr(part, "__name__", part))
def test_every_failure(command, model, folder):
    prepare(folder, model, command)
    for kind in KINDS:
        stride = str(stride_of(command, model, kind))
        done = subprocess.run([RUN_FAULTS, kind, stride, "--", *COMMANDS[command]], cwd=folder,
                              env={**os.environ, "TMPDIR": str(folder)}, capture_output=True, check=False)
        print(done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        assert done.returncode == 0, kind


def test_the_test_can_fail(folder):
    """A program that is right about an output that has changed meanwhile is wrong about the old one."""
    prepare(folder, small, "copy")
    done = subprocess.run([RUN_FAULTS, "calls", "1", "--", "inspect", "none.onnx"], cwd=folder, capture_output=True,
                          check=False)
    assert done.returncode == 2 and b"it fails by itself" in done.stderr


# --- a disk that is full, for once ------------------------------------------------------------


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@pytest.mark.parametrize("command", ("annotate", "optimize", "copy", "fit"))
def test_a_file_may_not_grow(command, model, folder):
    prepare(folder, model, command)
    before = contents(folder)
    done = run(*COMMANDS[command], cwd=folder, expect=4,
               preexec_fn=files_end_at(1000))
    assert contents(folder) == before
    assert len(done.stderr.splitlines()) == 1 and b"out/model.onnx" in done.stderr


def test_a_device_that_is_full(folder):
    prepare(folder, small, "copy")
    done = run("optimize", "model.onnx", "--passes", "none", "-o", "/dev/full", cwd=folder, expect=4)
    assert len(done.stderr.splitlines()) == 1
