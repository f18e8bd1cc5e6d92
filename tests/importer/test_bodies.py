"""What the importer says of networks inside bodies, and that what it lets go can be cut."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import body_cases
import removal
from harness import run, run_json

DRAWS = 3


def declare_dead(layers, dice, path):
    """A third of the units of every free layer get a rate of 0, whether they fire or not."""
    dead, listed = {}, []
    for layer in layers:
        if layer["frozen"] or not layer["spike_tensors"]:
            continue
        units = layer["units"]
        dead[layer["name"]] = np.sort(dice.permutation(units)[:max(1, units // 3)])
        rates = np.full(units, 0.5)
        rates[dead[layer["name"]]] = 0
        listed.append({"tensor": layer["spike_tensors"][0], "shape": [units], "rates": rates.tolist()})
    path.write_text(json.dumps({"version": 1, "layers": listed}))
    return dead


def played(model, drives):
    session = removal.session_of(model)
    name = session.get_inputs()[0].name
    return [dict(zip([each.name for each in session.get_outputs()], session.run(None, {name: drive})))
            for drive in drives]


def forced(model, layers, dead):
    """The network with the spikes of the dead units forced to zero, where the comparison gives them."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    made = {output: node for nodes in removal.bodies(copy) for node in nodes for output in node.output}
    for layer in layers:
        if layer["name"] not in dead:
            continue
        keep = np.ones((1, layer["units"]), bool)
        keep[0, dead[layer["name"]]] = False
        tensors = [name for name in layer["spike_tensors"] if made[name].op_type in ("Greater", "GreaterOrEqual")]
        for name in tensors or layer["spike_tensors"]:  # inside a function a comparison has no name outside
            assert removal.mask_tensor(copy, name, keep), name
    return copy


@pytest.mark.parametrize("name", body_cases.CASES)
def test_free_layers_can_be_cut(tmp_path, name):
    model, expected, steps = body_cases.CASES[name]()
    path = tmp_path / "in.onnx"
    onnx.save(model, path)
    if expected == "refused":
        assert b"could not be followed" in run("inspect", path, expect=3).stderr
        return
    document = run_json("inspect", path)
    layers = document["layers"]
    if expected is not None:
        said = {layer["name"]: layer["frozen"] for layer in layers}
        assert said.keys() == expected.keys()
        for layer, reason in expected.items():
            assert (reason in (said[layer] or "")) if reason else said[layer] is None, said
        assert document["time"] == {"kind": "loop", "steps": steps}
    for draw in range(DRAWS):
        dice = np.random.default_rng(draw)
        dead = declare_dead(layers, dice, tmp_path / "rates.json")
        run("optimize", path, "-o", tmp_path / "out.onnx", "--passes", "dead_neuron_elimination",
            "--rates", tmp_path / "rates.json")
        small = onnx.load(tmp_path / "out.onnx")
        onnx.checker.check_model(small, full_check=True)
        onnx.shape_inference.infer_shapes(small, check_type=True, strict_mode=True)
        after = {layer["name"]: layer["units"] for layer in run_json("inspect", tmp_path / "out.onnx")["layers"]}
        assert after == {layer["name"]: layer["units"] - len(dead.get(layer["name"], ())) for layer in layers}
        shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
        drives = dice.random((4, *shape)).astype(np.float32)
        before, now = played(forced(model, layers, dead), drives), played(small, drives)
        for one, other in zip(before, now, strict=True):
            assert not removal.differences(one, other, 1e-5)
        if dead:
            whole = played(model, drives)
            assert any(removal.differences(one, other, 1e-5) for one, other in zip(whole, before)), "nothing showed"


def doubling(depth, last):
    """Functions of which each calls the next one twice: 2^depth calls of the last one."""
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    functions = [last]
    for level in range(1, depth):
        calls = [helper.make_node(f"f{level - 1}", [a], [b], domain="f") for a, b in (("a", "m"), ("m", "b"))]
        functions.append(helper.make_function("f", f"f{level}", ["a"], ["b"], calls, opsets))
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy"]
    node = helper.make_node(f"f{depth - 1}", ["x"], ["y"], domain="f")
    graph = helper.make_graph([node], "laughs", values[:1], values[1:])
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=functions)


@pytest.mark.parametrize("what", ["a node", "nothing", "a loop"])
def test_functions_that_call_the_next_one_twice_are_refused(tmp_path, what):
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    body = onnx.parser.parse_graph("body (int64 t, bool go, float[1,4] v) => (bool go, float[1,4] w) { w = Neg (v) }")
    nodes = {"a node": [helper.make_node("Neg", ["a"], ["b"])], "nothing": [],
             "a loop": [helper.make_node("Loop", ["", "", "a"], ["b"], body=body)]}[what]
    last = helper.make_function("f", "f0", ["a"], ["b" if nodes else "a"], nodes, opsets)
    onnx.save(doubling(40, last), tmp_path / "in.onnx")
    assert b"spelling out functions" in run("inspect", tmp_path / "in.onnx", expect=3).stderr


def test_many_loops_that_change_their_shape_are_followed_in_time(tmp_path):
    """Each is found out anew, and what comes after it with it: after three rounds all are taken for opaque."""
    lines, last = [], "x"
    for i in range(500):
        lines.append(f"""o{i} = Loop ("", "", {last}) <body = b{i} (int64 t{i}, bool c{i}, float[N] v{i})
            => (bool d{i}, float[M] w{i}) {{ w{i} = Concat <axis = 0> (v{i}, v{i}) d{i} = Identity (c{i}) }}>""")
        last = f"o{i}"
    text = "\n".join(lines)
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["": 17]> net (float[4] x) => (float[K] {last}) {{ {text} }}')
    onnx.save(model, tmp_path / "in.onnx")
    assert b"not a spiking network" in run("inspect", tmp_path / "in.onnx", expect=3).stderr
