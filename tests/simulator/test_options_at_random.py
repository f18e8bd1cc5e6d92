"""Data of shapes that may not fit, and options that may not go together: a report, or one line that says why not."""

import numpy as np
import onnx
import pytest

from networks import ROOT, snnfit

NETWORKS = ["seed-mlp-ts17-step", "sj14-csnn-ts17-step", "odd-two-heads-ts17-step", "odd-rec-rleaky-ts17-step",
            "snntorch-syn-ts17-unroll", "snnloop-script-seq-ts17", "sinabs-conv-ts17-T4", "ann-mlp-ts17--qdq"]
RUNS = 16


def shapes_of(random, dims, samples):
    """What a sample may be taken to be: the input, without its batch, flat, with an axis of time, or something else."""
    time = int(random.integers(1, 5))
    size = int(np.prod(dims))
    fit = [[samples, *dims[1:]], [samples, size], [samples, time, *dims[1:]], [samples, time, size]]
    return 2 * fit + [[samples, *dims], [samples, time, *dims], [samples, time], [samples], list(dims)]


def options_of(random, folder, samples):
    pick = lambda *choices: choices[random.integers(len(choices))]
    options = ["--steps", pick(0, 1, 2, 3, 4, 7)] if pick(0, 1, 1, 1) else []
    options += ["--encoding", pick("direct", "poisson", "latency", "time", "time")] if pick(0, 1, 1) else []
    if pick(0, 1):
        np.save(folder / "y.npy", random.integers(0, 10, pick(samples, samples, samples, 1, 4)))
        options += ["--labels", folder / "y.npy", *pick([], ["--decoding", "last"], ["--decoding", "maximum"])]
    return options + pick([], [], ["--threads", 1])


@pytest.mark.parametrize("name", NETWORKS)
def test_data_and_options_at_random_end_in_a_report_or_a_line(name, tmp_path):
    model = ROOT / "tests" / "fixtures" / name / "model.onnx"
    graph = onnx.load(model).graph
    constants = {tensor.name for tensor in graph.initializer}
    inputs = {each.name: [dim.dim_value or 2 for dim in each.type.tensor_type.shape.dim]
              for each in graph.input if each.name not in constants}
    random = np.random.default_rng(NETWORKS.index(name))
    for _ in range(RUNS):
        samples = int(random.integers(1, 5))
        arrays = {}
        for key, dims in inputs.items():
            shapes = shapes_of(random, dims, samples)
            arrays[key] = random.random(shapes[random.integers(len(shapes))]).astype(random.choice(["f4", "f8", "f2"]))
        np.savez(tmp_path / "x.npz", **arrays)
        arguments = ["--inputs", tmp_path / "x.npz", *options_of(random, tmp_path, samples)]
        command = [["simulate"], ["optimize", "--dry-run"], ["fit", "--target", "hx8k", "--max-iterations", 1, "--dry-run"]]
        done = snnfit(*command[random.integers(0, 5) % 3], model, *arguments)
        said = (arguments, {key: array.shape for key, array in arrays.items()}, done.stderr)
        assert done.returncode in (0, 1, 2, 3), said
        if done.returncode > 1:
            assert done.stdout == "" and len(done.stderr.splitlines()) == 1 and "error: " in done.stderr, said
