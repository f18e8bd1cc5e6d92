"""One-step models whose states are named NAME and NAME_out: optimized, run over time, and compared."""

import json
import os
import subprocess

import numpy as np
import onnx
import onnxruntime

SNNFIT = os.environ.get("SNNFIT", os.path.join(os.path.dirname(__file__), "../../build/release/snnfit"))
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
