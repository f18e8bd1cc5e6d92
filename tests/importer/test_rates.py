"""Firing rates of real networks, in every form and place that they come in, against numpy."""

import base64
import hashlib
import json
import pathlib
import sys

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))

import body_cases  # noqa: E402
import removal  # noqa: E402
from harness import fixture, run, run_json  # noqa: E402

# Both exporters, external data, a readout without rates, neurons in local functions.
NAMES = ("seed-mlp-ts17-step", "seed-mlp-dy18-step", "norse-lif-li-ts17-step", "snnfunc-modfunctions-ts17")
networks = pytest.mark.parametrize("network", [fixture(name) for name in NAMES], ids=lambda each: each.name)


def spiking(network):
    return [layer for layer in network.layers if layer["name"] in network.rates]


def spikes_of(layer):
    return layer["spike_tensors"][0]


def check(network, path, *options, tolerance=1e-7):
    """inspect gives every layer its rates, and None to those that have none."""
    found = run_json("inspect", path, *options)["layers"]
    by_weights = {layer["weight_tensor"]: layer["rates"] for layer in found}
    for layer in network.layers:
        rates = by_weights[layer["projection"]["weight_tensor"]]
        if layer["name"] in network.rates:
            np.testing.assert_allclose(np.ravel(rates), network.rates[layer["name"]].ravel(), atol=tolerance)
        else:
            assert rates is None


def document(network, change=lambda layer, entry: entry):
    entries = []
    for layer in spiking(network):
        rates = network.rates[layer["name"]].ravel()
        entry = {"tensor": spikes_of(layer), "shape": [rates.size], "rates": rates.tolist()}
        entries.append(change(layer, entry))
    return {"version": 1, "samples": 2000, "steps": network.steps, "layers": entries}


def fingerprint(network, layer):
    """FORMATS section 2, from the onnx package's view of the weights."""
    name = layer["projection"]["weight_tensor"]
    tensor = next(each for each in network.load().graph.initializer if each.name == name)
    raw = numpy_helper.to_array(tensor).tobytes()
    dims = np.array(tensor.dims, "<i8").tobytes()
    return hashlib.sha256(dims + raw[:4096] + raw[-4096:]).hexdigest()[:16]


# --- --rates FILE ------------------------------------------------------------------


@networks
@pytest.mark.parametrize("kind", ["<f4", ">f4", ">f8", "<f2"])
def test_arrays_of_other_types(network, kind, tmp_path):
    path = tmp_path / "rates.npz"
    np.savez_compressed(path, **{name: rates.astype(kind) for name, rates in network.rates.items()})
    check(network, network.path, "--rates", path, tolerance=1e-3 if kind == "<f2" else 1e-7)


@networks
def test_keys_are_spike_tensors_in_any_order(network, tmp_path):
    path = tmp_path / "rates.npz"
    np.savez(path, **{spikes_of(layer): network.rates[layer["name"]] for layer in reversed(spiking(network))})
    check(network, network.path, "--rates", path)


@networks
@pytest.mark.parametrize("axes, order", [("TN", (0, 1, 2)), ("TNU", (0, 1, 2)), ("NTU", (1, 0, 2)), ("UNT", (2, 1, 0))])
def test_rasters(network, axes, order, tmp_path):
    steps, samples, generator = 5, 40, np.random.default_rng(1)
    spikes = {name: (generator.random((steps, samples, rates.size)) < rates.ravel()).transpose(order)
              for name, rates in network.rates.items()}
    np.savez_compressed(tmp_path / "spikes.npz", **{k: np.asfortranarray(v) for k, v in spikes.items()})
    found = run_json("inspect", network.path, "--rates", tmp_path / "spikes.npz", "--rates-axes", axes)["layers"]
    by_weights = {layer["weight_tensor"]: layer["rates"] for layer in found}
    for layer in spiking(network):
        mean = spikes[layer["name"]].mean((axes.index("T"), axes.index("N")))
        np.testing.assert_allclose(np.ravel(by_weights[layer["projection"]["weight_tensor"]]), mean, atol=1e-12)


@networks
@pytest.mark.parametrize("axes", ["N/25", "/1000"])
def test_counts(network, axes, tmp_path):
    generator = np.random.default_rng(1)
    counts = {name: generator.integers(0, 26, (40, rates.size)) for name, rates in network.rates.items()}
    if axes == "/1000":
        counts = {name: each.sum(0) for name, each in counts.items()}
    np.savez(tmp_path / "counts.npz", **counts)
    found = run_json("inspect", network.path, "--rates", tmp_path / "counts.npz", "--rates-axes", axes)["layers"]
    by_weights = {layer["weight_tensor"]: layer["rates"] for layer in found}
    for layer in spiking(network):
        rates = counts[layer["name"]].reshape(-1, counts[layer["name"]].shape[-1]).sum(0) / 1000
        np.testing.assert_allclose(np.ravel(by_weights[layer["projection"]["weight_tensor"]]), rates, atol=1e-12)


@networks
def test_counts_are_not_taken_for_rates(network, tmp_path):
    np.savez(tmp_path / "counts.npz", **{name: np.full(rates.size, 7) for name, rates in network.rates.items()})
    done = run("inspect", network.path, "--rates", tmp_path / "counts.npz", expect=3)
    assert b"--rates-axes" in done.stderr


@networks
def test_json(network, tmp_path):
    (tmp_path / "rates.json").write_text(json.dumps(document(network)))
    check(network, network.path, "--rates", tmp_path / "rates.json")


@networks
def test_json_through_a_pipe(network):
    done = run("inspect", network.path, "--rates", "/dev/stdin", "--json", stdin=json.dumps(document(network)).encode())
    assert [layer["rates"] is not None for layer in json.loads(done.stdout)["layers"]].count(True) == len(spiking(network))


@networks
def test_fingerprints_find_renamed_tensors(network, tmp_path):
    def renamed(layer, entry):
        return {**entry, "tensor": "lost", "fingerprint": fingerprint(network, layer)}

    changed = document(network, renamed)
    changed["layers"].reverse()
    (tmp_path / "rates.json").write_text(json.dumps(changed))
    check(network, network.path, "--rates", tmp_path / "rates.json")
    done = run("inspect", network.path, "--rates", tmp_path / "rates.json")
    assert b"fingerprint" in done.stdout + done.stderr


# --- in the model --------------------------------------------------------------------


def annotated(network, tmp_path, annotate):
    """A copy of the model, its weights inside, with annotate(model, layer, rates) done for each layer."""
    model = network.load()
    model.ir_version = max(model.ir_version, 10)
    for layer in spiking(network):
        annotate(model, layer, network.rates[layer["name"]].ravel())
    onnx.save(model, tmp_path / "annotated.onnx")
    return tmp_path / "annotated.onnx"


def add_annotation(model, layer, rates):
    name = spikes_of(layer) + ".rates"
    model.graph.initializer.append(numpy_helper.from_array(rates.astype(np.float32), name))
    annotation = model.graph.quantization_annotation.add(tensor_name=spikes_of(layer))
    annotation.quant_parameter_tensor_names.add(key="FIRING_RATE_TENSOR", value=name)


def add_to_node(model, layer, rates):
    node = next(node for node in model.graph.node if spikes_of(layer) in node.output)
    node.metadata_props.add(key="snn.firing_rate", value=json.dumps(rates.tolist()))


def add_to_value(model, layer, rates):
    values = [*model.graph.value_info, *model.graph.output]
    value = next((value for value in values if value.name == spikes_of(layer)), None)
    if value is None:
        value = model.graph.value_info.add()
        value.CopyFrom(helper.make_tensor_value_info(spikes_of(layer), onnx.TensorProto.FLOAT, None))
    value.metadata_props.add(key="snn.firing_rate", value=json.dumps(rates.tolist()))


def add_base64(model, layer, rates):
    if not model.metadata_props:
        model.metadata_props.add(key="snn.firing_rates", value='{"version": 1, "layers": []}')
    said = json.loads(model.metadata_props[0].value)
    packed = base64.b64encode(rates.astype("<f4").tobytes()).decode()
    said["layers"].append({"tensor": spikes_of(layer), "shape": [rates.size], "rates_b64": packed})
    model.metadata_props[0].value = json.dumps(said)


@networks
@pytest.mark.parametrize("carrier", [add_annotation, add_to_node, add_to_value, add_base64])
def test_carriers_in_a_model(network, carrier, tmp_path):
    check(network, annotated(network, tmp_path, carrier))


@networks
def test_precedence_and_warnings(network, tmp_path):
    def both(model, layer, rates):
        add_to_node(model, layer, rates)
        add_annotation(model, layer, np.zeros(rates.size))

    path = annotated(network, tmp_path, both)
    layers = run_json("inspect", path)["layers"]
    assert all(not np.any(layer["rates"]) for layer in layers if layer["rates"] is not None)
    check(network, path, "--rates", network.rates_path)
    done = run("inspect", path, "--rates", network.rates_path)
    assert (done.stdout + done.stderr).count(b"differ from those of") == len(spiking(network))


@networks
def test_a_broken_annotation_is_replaced(network, tmp_path):
    path = annotated(network, tmp_path, lambda model, layer, rates: add_to_node(model, layer, -1 - rates))
    done = run("inspect", path, expect=3)
    assert b"index 0" in done.stderr and b"-1" in done.stderr
    run("annotate", path, "--rates", network.rates_path, "-o", tmp_path / "repaired.onnx")
    check(network, tmp_path / "repaired.onnx")


def test_annotations_survive_new_names(tmp_path):
    """As after a tool that renames every tensor inside: the fingerprint finds the layers."""
    network = fixture("seed-mlp-ts17-step")
    run("annotate", network.path, "--rates", network.rates_path, "-o", tmp_path / "annotated.onnx")
    model = onnx.load(tmp_path / "annotated.onnx")
    kept = {value.name for value in [*model.graph.input, *model.graph.output, *model.graph.initializer]}
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [name if not name or name in kept else f"renamed_{name}" for name in names]
    del model.graph.value_info[:]
    onnx.save(model, tmp_path / "renamed.onnx")
    check(network, tmp_path / "renamed.onnx")


def add_inside(model, name, rates):
    """To the node in a body that makes the tensor."""
    for nodes in removal.bodies(model):
        for node in nodes:
            if name in node.output:
                node.metadata_props.add(key="snn.firing_rate", value=json.dumps(rates))


@pytest.mark.parametrize("case", ["membrane_starts_as_a_scalar", "spikes_in_a_sequence", "steps_within_steps"])
def test_nodes_in_bodies_carry_rates_and_lose_those_of_units_that_go(case, tmp_path):
    model = body_cases.CASES[case]()[0]
    model.ir_version = 10
    onnx.save(model, tmp_path / "plain.onnx")
    layer = run_json("inspect", tmp_path / "plain.onnx")["layers"][0]
    rates = [0.0, 0.125, 0.0] + [0.5] * (layer["units"] - 3)
    add_inside(model, layer["spike_tensors"][0], rates)
    onnx.save(model, tmp_path / "in.onnx")
    assert run_json("inspect", tmp_path / "in.onnx")["layers"][0]["rates"] == rates
    run("optimize", tmp_path / "in.onnx", "-o", tmp_path / "out.onnx", "--passes", "dead_neuron_elimination")
    small = onnx.load(tmp_path / "out.onnx")
    left = [rate for rate in rates if rate]
    said = [json.loads(entry.value) for nodes in removal.bodies(small) for node in nodes for entry in node.metadata_props]
    assert said == [left]
    again = run("inspect", tmp_path / "out.onnx", "--json")
    assert json.loads(again.stdout)["layers"][0]["rates"] == left and b"differ" not in again.stderr


@pytest.mark.parametrize("outside", [False, True])
def test_annotations_in_bodies_carry_rates_and_lose_those_of_units_that_go(outside, tmp_path):
    """The tensor that holds them is the body's own, or one of the main graph."""
    model = body_cases.CASES["membrane_starts_as_a_scalar"]()[0]
    onnx.save(model, tmp_path / "plain.onnx")
    layer = run_json("inspect", tmp_path / "plain.onnx")["layers"][0]
    rates = [0.0, 0.125, 0.0] + [0.5] * (layer["units"] - 3)
    bodies = [attribute.g for node in model.graph.node for attribute in node.attribute if attribute.HasField("g")]
    body = next(each for each in bodies if any(layer["spike_tensors"][0] in node.output for node in each.node))
    (model.graph if outside else body).initializer.append(numpy_helper.from_array(np.array(rates, np.float32), "the_rates"))
    body.quantization_annotation.add(tensor_name=layer["spike_tensors"][0]).quant_parameter_tensor_names.add(
        key="FIRING_RATE_TENSOR", value="the_rates")
    onnx.save(model, tmp_path / "in.onnx")
    assert run_json("inspect", tmp_path / "in.onnx")["layers"][0]["rates"] == rates
    run("optimize", tmp_path / "in.onnx", "-o", tmp_path / "out.onnx", "--passes", "dead_neuron_elimination")
    left = [rate for rate in rates if rate]
    again = run("inspect", tmp_path / "out.onnx", "--json")
    assert json.loads(again.stdout)["layers"][0]["rates"] == left and b"differ" not in again.stderr
    small = onnx.load(tmp_path / "out.onnx")
    small_body = next(attribute.g for node in small.graph.node for attribute in node.attribute
                      if attribute.HasField("g") and attribute.g.quantization_annotation)
    kept = next(tensor for tensor in (small.graph if outside else small_body).initializer if tensor.name == "the_rates")
    assert numpy_helper.to_array(kept).tolist() == left


def test_an_annotation_in_a_body_names_a_tensor_that_it_sees(tmp_path):
    model = body_cases.CASES["membrane_starts_as_a_scalar"]()[0]
    body = next(attribute.g for node in model.graph.node for attribute in node.attribute if attribute.HasField("g"))
    body.quantization_annotation.add(tensor_name=body.output[0].name).quant_parameter_tensor_names.add(
        key="FIRING_RATE_TENSOR", value="nowhere")
    onnx.save(model, tmp_path / "in.onnx")
    assert b'"nowhere" is no initializer' in run("inspect", tmp_path / "in.onnx", expect=None).stderr


LAYER = """
    v{k}, s{k} = {function} (cur{k}, state{k})
    out{k} = Identity (v{k})"""


CELL = """
<domain: "f", opset_import: ["": 17]> {name} (current, v) => (v_next, s) {{
  th = Constant <value = float {{0.4}}> ()
  kept = Mul (v, th)
  u = Add (kept, current)
  fires = Greater (u, th)
  s = CastLike (fires, u)
  minus = Mul (s, th)
  v_next = Sub (u, minus)
}}"""


def in_functions(names):
    """input -> two layers whose neurons are these functions' -> output."""
    head, neurons = """<ir_version: 10, opset_import: ["": 17, "f": 1]>
net (float[1,5] input, float[1,8] state1, float[1,4] state2) => (float[1,3] output, float[1,8] out1, float[1,4] out2)
<float[5,8] w1, float[8,4] w2, float[4,3] w3>""", [LAYER.format(k=k + 1, function=f"f.{name}") for k, name in enumerate(names)]
    model = onnx.parser.parse_model(f"""{head} {{
    cur1 = MatMul (input, w1){neurons[0]}
    cur2 = MatMul (s1, w2){neurons[1]}
    output = MatMul (s2, w3)
}}""" + "".join(CELL.format(name=name) for name in dict.fromkeys(names)))
    dice = np.random.default_rng(0)
    for name, shape in (("w1", (5, 8)), ("w2", (8, 4)), ("w3", (4, 3))):
        model.graph.initializer.append(numpy_helper.from_array(dice.normal(size=shape).astype(np.float32), name))
    onnx.checker.check_model(model, full_check=True)
    return model


@pytest.mark.parametrize("names", [("First", "Second"), ("Both", "Both")], ids=["once", "twice"])
def test_nodes_of_functions_carry_rates_if_one_layer_calls_them(names, tmp_path):
    """Whose rates those of a function of two layers are, nobody can tell."""
    model = in_functions(names)
    rates = [0.0, 0.125, 0.0] + [0.5] * 5
    next(node for node in model.functions[0].node if "s" in node.output).metadata_props.add(
        key="snn.firing_rate", value=json.dumps(rates))
    onnx.save(model, tmp_path / "in.onnx")
    found = run_json("inspect", tmp_path / "in.onnx")["layers"]
    assert [layer["units"] for layer in found] == [8, 4, 3]
    assert [layer["rates"] for layer in found] == [rates if names[0] == "First" else None, None, None]
    if names[0] == "Both":
        return
    run("optimize", tmp_path / "in.onnx", "-o", tmp_path / "out.onnx", "--passes", "dead_neuron_elimination")
    small = onnx.load(tmp_path / "out.onnx")
    assert not any(node.metadata_props for function in small.functions for node in function.node)
    assert run_json("inspect", tmp_path / "out.onnx")["layers"][0]["rates"] == [rate for rate in rates if rate]


def test_nodes_of_a_function_that_every_step_calls_carry_rates(tmp_path):
    """All calls are the same layer's, at one step after the other."""
    steps = "".join(f"""
    cur{k} = MatMul (input, w1)
    v{k}, s{k} = f.Cell (cur{k}, v{k - 1})
    out{k} = MatMul (s{k}, w3)""" for k in (1, 2, 3))
    model = onnx.parser.parse_model(f"""<ir_version: 10, opset_import: ["": 17, "f": 1]>
net (float[1,5] input) => (float[1,3] output) <float[1,8] v0, float[5,8] w1, float[8,3] w3> {{{steps}
    output = Sum (out1, out2, out3)
}}""" + CELL.format(name="Cell"))
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((1, 8), np.float32), "v0"))
    dice = np.random.default_rng(0)
    for name, shape in (("w1", (5, 8)), ("w3", (8, 3))):
        model.graph.initializer.append(numpy_helper.from_array(dice.normal(size=shape).astype(np.float32), name))
    onnx.checker.check_model(model, full_check=True)
    rates = [0.0, 0.125, 0.0] + [0.5] * 5
    next(node for node in model.functions[0].node if "s" in node.output).metadata_props.add(
        key="snn.firing_rate", value=json.dumps(rates))
    onnx.save(model, tmp_path / "in.onnx")
    layers = run_json("inspect", tmp_path / "in.onnx")["layers"]
    assert [(layer["units"], layer["rates"]) for layer in layers] == [(8, rates), (3, None)]
