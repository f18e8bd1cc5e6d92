"""Cutting judged by onnxruntime: whatever is free, cut without its units, gives the same as the
network whose units' spikes are forced to zero.

Nothing is planted: units that fire are declared dead, so what they gave is missed in both.
"""

import json
import os
import subprocess

import numpy as np
import onnx

import removal
from single_step import session

SNNFIT = os.environ.get("SNNFIT", os.path.join(os.path.dirname(__file__), "../../build/release/snnfit"))


def inspect(path):
    done = subprocess.run([SNNFIT, "inspect", path, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refusal(path):
    done = subprocess.run([SNNFIT, "inspect", path], capture_output=True, text=True)
    assert done.returncode == 3
    return done.stderr


NUMPY = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}


def play(model, states, inputs, runtime_of=session):
    """All outputs that are no states, over the steps; states start at zero and are fed back."""
    runtime = runtime_of(model)
    interface = {i.name: i for i in runtime.get_inputs()}
    fed = {i: np.zeros([n if isinstance(n, int) else 1 for n in interface[i].shape], NUMPY[interface[i].type])
           for i, _ in states}
    answers = [o.name for o in runtime.get_outputs() if o.name not in {o for _, o in states}]
    first = next(name for name in interface if name not in fed)
    seen = []
    for x in inputs:
        names = answers + [o for _, o in states]
        out = dict(zip(names, runtime.run(names, {first: x.astype(NUMPY[interface[first].type]), **fed})))
        fed = {i: out[o] for i, o in states}
        seen.append([out[name] for name in answers])
    return [np.array(each, np.float64) for each in zip(*seen)]


def describe(model):
    """Element type and shape of every tensor that shape inference knows."""
    known = onnx.shape_inference.infer_shapes(model).graph
    return {v.name: (v.type.tensor_type.elem_type, [d.dim_value for d in v.type.tensor_type.shape.dim])
            for v in [*known.value_info, *known.input, *known.output]}


def silenced(model, layers, gone):
    """A copy in which these units' spikes, of all steps, are zero to everything that reads them."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    known = describe(model)
    for layer in layers:
        for tensor in layer["spike_tensors"]:
            kind, shape = known[tensor]
            assert removal.mask_tensor(copy, tensor, mask_of(layer, gone[layer["name"]], shape), kind), tensor
    return copy


def mask_of(layer, gone, shape):
    """False where the tensor of that shape holds these units."""
    mask = np.ones(layer["units"], bool)
    mask[gone] = False
    if layer["units"] not in shape[1:]:  # flattened
        mask = np.repeat(mask, layer["positions"])
    axis = shape.index(len(mask), 1)
    return mask.reshape([-1] + [1] * (len(shape) - 1 - axis))


def cut(folder, path, layers, dead, passes="dead_neuron_elimination"):
    """The file without the dead units, and what was said."""
    rates = []
    for layer in layers:
        values = np.full((layer["units"], layer["rates"]), 0.25)
        values[dead[layer["units"]]] = 0
        rates.append({"tensor": layer["spike_tensors"][0], "shape": list(values.shape),
                      "rates": values.ravel().tolist()})
    (folder / "rates.json").write_text(json.dumps({"version": 1, "layers": rates}))
    done = subprocess.run(
        [SNNFIT, "optimize", path, "-o", folder / "out.onnx", "--passes", passes, "--rates",
         folder / "rates.json", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    small = onnx.load(folder / "out.onnx")
    onnx.checker.check_model(small, full_check=True)
    onnx.shape_inference.infer_shapes(small, strict_mode=True)
    return small, json.loads(done.stdout)


def gone_units(model, layers):
    """Layer name -> units that are gone, by the map in the model."""
    text = next(entry.value for entry in model.metadata_props if entry.key == "snn.neuron_map")
    kept = {layer["name"]: layer["kept"] for layer in json.loads(text)["layers"]}
    return {layer["name"]: sorted(set(range(layer["units"])) - set(kept[layer["name"]])) for layer in layers}


def judge(folder, path, inputs, seed=0, share=0.4, tolerance=0.0, runtime_of=session):
    """Cuts a share of the units of every free layer (the same of equally wide ones: they may be
    tied) and compares. Gives whether it shows in the answers that those units are silent."""
    model = onnx.load(path)
    found = inspect(path)
    free = [layer for layer in found["layers"] if not layer["frozen"]]
    layers = [layer for layer in free if layer["spike_tensors"]]  # others go with those
    for layer in layers:
        layer["rates"] = layer["positions"] or 1  # of each unit
        if layer["positions"] is None:  # not in the file
            layer["positions"] = int(np.prod(describe(model)[layer["spike_tensors"][0]][1][1:])) // layer["units"]
    rng = np.random.default_rng(seed)
    dead = {n: np.sort(rng.permutation(n)[:min(n - 1, max(1, int(n * share)))])
            for n in sorted({layer["units"] for layer in layers})}
    small, _ = cut(folder, path, layers, dead)
    gone = gone_units(small, found["layers"])
    for layer in found["layers"]:
        units = gone[layer["name"]]
        assert bool(units) == (layer in free), f"{layer['name']} loses the units {units}"
    expected = play(silenced(model, layers, gone), found["states"], inputs, runtime_of)
    got = play(small, found["states"], inputs, runtime_of)
    for before, now in zip(expected, got, strict=True):
        np.testing.assert_allclose(now, before, rtol=tolerance, atol=tolerance)
    whole = play(model, found["states"], inputs, runtime_of)
    return not layers or any(not np.array_equal(a, b) for a, b in zip(whole, expected))
