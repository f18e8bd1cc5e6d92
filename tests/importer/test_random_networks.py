"""Whatever the importer lets go can be cut: random networks against onnxruntime."""

import json
import os
import subprocess

import numpy as np
import onnx
import onnxruntime
import pytest

import random_networks

SNNFIT = os.environ.get("SNNFIT", os.path.join(os.path.dirname(__file__), "../../build/release/snnfit"))
COUNT = int(os.environ.get("SNNFIT_RANDOM_NETWORKS", "100"))
STEPS = 12


def session(model):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def play(model, inputs):
    """The first output over all steps, states fed back in the order of the interface."""
    runtime = session(model)
    names = [i.name for i in runtime.get_inputs()]
    shapes = {i.name: i.shape for i in runtime.get_inputs()}
    states = {n: np.zeros(shapes[n], np.float32) for n in names[1:]}
    outputs = [o.name for o in runtime.get_outputs()]
    seen = []
    for x in inputs:
        out = dict(zip(outputs, runtime.run(None, {names[0]: x, **states})))
        states = {n: out[f"{n}_out"] for n in names[1:]}
        seen.append(out[outputs[0]])
    return np.array(seen)


def optimize(tmp_path, model, rates, passes, *more):
    onnx.save(model, tmp_path / "in.onnx")
    layers = [{"tensor": n, "shape": [len(r)], "rates": list(r)} for n, r in rates.items()]
    (tmp_path / "rates.json").write_text(json.dumps({"version": 1, "layers": layers}))
    if rates:
        more = (*more, "--rates", tmp_path / "rates.json")
    done = subprocess.run(
        [SNNFIT, "optimize", tmp_path / "in.onnx", "-o", tmp_path / "out.onnx", "--passes", passes,
         "--json", *more],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return onnx.load(tmp_path / "out.onnx"), json.loads(done.stdout)


def check(seed, model, small):
    """The small model is valid, and its output the same spikes at every step."""
    onnx.checker.check_model(small, full_check=True)
    onnx.shape_inference.infer_shapes(small, strict_mode=True)
    columns = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    inputs = np.random.default_rng(seed).random((STEPS, 1, columns)).astype(np.float32)
    before, after = play(model, inputs), play(small, inputs)
    assert np.array_equal(before, after), f"{np.count_nonzero(before != after)} of {before.size} spikes differ"


def dead_units(rates):
    return sum(int((r == 0).sum()) for r in rates.values())


@pytest.mark.parametrize("seed", range(COUNT))
def test_dead_units_go_and_outputs_stay(tmp_path, seed):
    model, rates, _ = random_networks.build(seed)
    small, _ = optimize(tmp_path, model, rates, "dead_neuron_elimination")
    check(seed, model, small)


@pytest.mark.parametrize("seed", range(COUNT))
def test_copies_are_merged_and_outputs_stay(tmp_path, seed):
    model, rates, _ = random_networks.build(seed)
    small, _ = optimize(tmp_path, model, rates, "redundancy_elimination")
    check(seed, model, small)


@pytest.mark.parametrize("seed", range(COUNT))
def test_silent_units_go_and_outputs_stay(tmp_path, seed):
    model, _, _ = random_networks.build(seed)
    small, _ = optimize(tmp_path, model, {}, "silent_neuron_elimination", "--input-range", "0,1")
    check(seed, model, small)


def test_most_of_it_does_go(tmp_path):
    """The tests above would pass if everything was frozen."""
    dead = planted = removed = silent = merged = 0
    for seed in range(60):
        model, rates, copies = random_networks.build(seed)
        dead += dead_units(rates)
        planted += copies
        _, report = optimize(tmp_path, model, rates, "dead_neuron_elimination")
        removed += report["passes"][0]["dead_neurons_removed"]
        _, report = optimize(tmp_path, model, rates, "redundancy_elimination")
        merged += report["passes"][0]["redundant_pairs_merged"]
        _, report = optimize(tmp_path, model, {}, "silent_neuron_elimination", "--input-range", "0,1")
        silent += report["passes"][0]["silent_neurons_removed"]
    print(f"{removed} of {dead} dead removed, {silent} provably silent, {merged} of {planted} copies merged")
    assert removed > 0.4 * dead and silent > 0.2 * dead and merged > 0.25 * planted
