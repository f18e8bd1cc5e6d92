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
COUNT = int(os.environ.get("SNNFIT_RANDOM_NETWORKS", "150"))
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


def optimize(tmp_path, model, rates, passes):
    onnx.save(model, tmp_path / "in.onnx")
    layers = [{"tensor": n, "shape": [len(r)], "rates": list(r)} for n, r in rates.items()]
    (tmp_path / "rates.json").write_text(json.dumps({"version": 1, "layers": layers}))
    done = subprocess.run(
        [SNNFIT, "optimize", tmp_path / "in.onnx", "-o", tmp_path / "out.onnx", "--rates",
         tmp_path / "rates.json", "--passes", passes, "--json"],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return onnx.load(tmp_path / "out.onnx"), json.loads(done.stdout)


def dead_left(model, rates, report):
    """Units of rate 0 that stayed, by layer."""
    return sum(int((r == 0).sum()) for r in rates.values()) - report["passes"][0]["dead_neurons_removed"]


@pytest.mark.parametrize("seed", range(COUNT))
def test_dead_units_go_and_outputs_stay(tmp_path, seed):
    model, rates = random_networks.build(seed)
    small, report = optimize(tmp_path, model, rates, "dead_neuron_elimination")
    onnx.checker.check_model(small, full_check=True)
    onnx.shape_inference.infer_shapes(small, strict_mode=True)
    random = np.random.default_rng(seed)
    inputs = random.random((STEPS, 1, model.graph.input[0].type.tensor_type.shape.dim[1].dim_value)).astype(np.float32)
    before, after = play(model, inputs), play(small, inputs)
    assert np.array_equal(before, after), f"{np.count_nonzero(before != after)} of {before.size} spikes differ"


def test_most_networks_do_get_smaller(tmp_path):
    """The test above would pass if everything was frozen."""
    removed = total = 0
    for seed in range(40):
        model, rates = random_networks.build(seed)
        _, report = optimize(tmp_path, model, rates, "dead_neuron_elimination")
        total += sum(int((r == 0).sum()) for r in rates.values())
        removed += report["passes"][0]["dead_neurons_removed"]
    assert removed > total * 0.4, f"{removed} of {total} dead units removed"
