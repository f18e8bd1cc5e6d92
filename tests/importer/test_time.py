"""Networks whose time is inside the file: every way to write a neuron's steps gives the neuron that was written."""

import itertools
import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import removal
from harness import run, run_json

INPUTS, UNITS, OUTPUTS = 5, 7, 3


class Writer:
    """Writes nodes one after the other; numbers are initializers of their own."""

    def __init__(self):
        self.nodes, self.initializers = [], []

    def constant(self, values, kind=np.float32):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    def node(self, operator, *inputs, output=None, **attributes):
        inputs = [each if isinstance(each, str) else self.constant(each) for each in inputs]
        output = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=f"node_{output}", **attributes))
        return output

    def model(self, inputs, outputs):
        def declare(shapes):
            return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]

        graph = helper.make_graph(self.nodes, "steps", declare(inputs), declare(outputs), self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model


class Neurons:
    """One layer, step by step. spec: decay, gain, threshold, greater, reset, current."""

    def __init__(self, writer, units, spec):
        self.writer, self.spec = writer, spec
        self.membrane = self.current = writer.constant(np.zeros((1, units)))
        self.spikes = None

    def fires(self, potential):
        shifted = self.writer.node("Sub", potential, self.spec["threshold"])
        test = self.writer.node(self.spec["comparison"], shifted, 0.0)
        return self.writer.node("Cast", test, to=TensorProto.FLOAT)

    def reset(self, potential, spikes):
        kind, value = self.spec["reset"][:2]
        if kind == "subtract":
            return self.writer.node("Sub", potential, self.writer.node("Mul", spikes, value))
        if kind == "set":
            kept = self.writer.node("Mul", self.writer.node("Sub", 1.0, spikes), potential)
            return self.writer.node("Add", kept, self.writer.node("Mul", spikes, value))
        return potential

    def drive(self, current):
        if self.spec["current"]:
            self.current = self.writer.node(
                "Add", self.writer.node("Mul", self.current, self.spec["current"]), current)
            current = self.current
        return self.writer.node("Mul", current, self.spec["gain"]) if self.spec["gain"] != 1 else current

    def step(self, current):
        late = self.spec["reset"][-1] == "late"
        drive = self.drive(current)
        membrane, kind = self.membrane, self.spec["reset"][0]
        again = self.fires(membrane) if late and kind != "none" else None
        if late and kind == "set":
            membrane = self.reset(membrane, again)
        potential = self.writer.node("Add", self.writer.node("Mul", membrane, self.spec["decay"]), drive)
        if late and kind == "subtract":
            potential = self.reset(potential, again)
        self.spikes = self.fires(potential)
        self.membrane = potential if late else self.reset(potential, self.spikes)
        return self.spikes


def random_weights(writer, rows, columns, seed):
    random = np.random.default_rng(seed)
    return writer.constant(random.normal(size=(rows, columns))), writer.constant(random.normal(size=rows) / 8)


def unrolled(spec, steps, constant_input=False):
    """input -> spec's neurons -> the same neurons -> all of their spikes."""
    writer = Writer()
    first, second = random_weights(writer, UNITS, INPUTS, 0), random_weights(writer, OUTPUTS, UNITS, 1)
    hidden, last = Neurons(writer, UNITS, spec), Neurons(writer, OUTPUTS, spec)
    outputs, held = [], None
    for step in range(steps):
        if constant_input:
            held = held or writer.node("Gemm", "input", *first, transB=1)
            current = held
        else:
            data = writer.node("Gather", "input", writer.constant(step, np.int64), axis=0)
            current = writer.node("Gemm", data, *first, transB=1)
        spikes = hidden.step(current)
        spikes = last.step(writer.node("Gemm", spikes, *second, transB=1))
        outputs.append(writer.node("Unsqueeze", spikes, writer.constant([0], np.int64)))
    writer.node("Concat", *outputs, output="output", axis=0)
    shape = [1, INPUTS] if constant_input else [steps, 1, INPUTS]
    return writer.model({"input": shape}, {"output": [steps, 1, OUTPUTS]})


def taken(writer, tensor, step, steps, form):
    """[steps, 1, units] -> [1, units]."""
    if form == "Gather":
        return writer.node("Gather", tensor, writer.constant(step, np.int64), axis=0)
    bounds = [writer.constant([each], np.int64) for each in (step, step + 1, 0)]
    return writer.node("Squeeze", writer.node("Slice", tensor, *bounds), writer.constant([0], np.int64))


def layer_by_layer(spec, steps, form, layer=Neurons, sizes=(INPUTS, UNITS, OUTPUTS)):
    """The same, each layer all of its steps at once."""
    writer = Writer()
    data = "input"
    for index, (columns, rows) in enumerate(zip(sizes, sizes[1:])):
        weights, bias = random_weights(writer, rows, columns, index)
        turned = writer.node("Transpose", weights, perm=[1, 0])
        current = writer.node("Add", writer.node("MatMul", data, turned), bias)
        neurons = layer(writer, rows, spec)
        spikes = [neurons.step(taken(writer, current, step, steps, form)) for step in range(steps)]
        stacked = [writer.node("Unsqueeze", each, writer.constant([0], np.int64)) for each in spikes]
        data = writer.node("Concat", *stacked, output="output" if index == len(sizes) - 2 else None, axis=0)
    return writer.model({"input": [steps, 1, INPUTS]}, {"output": [steps, 1, OUTPUTS]})


class Counting(Neurons):
    """S = how often the threshold fits into U; V = max(U - threshold S, floor)."""

    def step(self, current):
        potential = self.writer.node("Add", self.writer.node("Mul", self.membrane, self.spec["decay"]), current)
        if not self.spec["counted_first"]:
            above = self.above(potential)
        ratio = potential if self.spec["threshold"] == 1 else self.writer.node("Div", potential, self.spec["threshold"])
        if self.spec["cast"]:
            whole = self.writer.node("Cast", self.writer.node("Cast", ratio, to=TensorProto.INT64), to=TensorProto.FLOAT)
        else:
            size = self.writer.node("Floor", self.writer.node("Abs", ratio))
            whole = self.writer.node("Mul", size, self.writer.node("Sign", ratio))
        if self.spec["counted_first"]:
            above = self.above(potential)
        self.spikes = self.writer.node("Mul", above, whole)
        taken_off = self.writer.node("Mul", self.spikes, self.spec["threshold"])
        self.membrane = self.writer.node("Sub", potential, taken_off)
        if self.spec["floor"] is not None:
            above_floor = self.writer.node("Relu", self.writer.node("Sub", self.membrane, self.spec["floor"]))
            self.membrane = self.writer.node("Add", above_floor, self.spec["floor"])
        return self.spikes

    def above(self, potential):
        return self.writer.node("Cast", self.writer.node("Greater", potential, 0.0), to=TensorProto.FLOAT)


def saved(model, tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    return path


def specs():
    resets = [("none", None, "now"), ("subtract", 1.25, "now"), ("subtract", 1.25, "late"),
              ("set", 0.0, "now"), ("set", 0.25, "now"), ("set", 0.0, "late")]
    for reset, decay, current in itertools.product(resets, (1.0, 0.75), (None, 0.5)):
        if reset[0] == "none" and current:
            continue  # which of the two decays is which does not show
        yield {"decay": decay, "gain": 1.0 if reset[0] == "subtract" else 0.5, "threshold": 1.25,
               "comparison": "Greater" if decay == 1 else "GreaterOrEqual", "reset": reset, "current": current}


def name_of(spec):
    return "-".join(str(part) for part in (*spec["reset"], spec["decay"], spec["current"]))


@pytest.mark.parametrize("steps", [3, 9])
@pytest.mark.parametrize("constant_input", [False, True], ids=["sequence", "constant"])
@pytest.mark.parametrize("spec", list(specs()), ids=name_of)
def test_the_neuron_that_was_written_is_found(spec, constant_input, steps, tmp_path):
    found = run_json("inspect", saved(unrolled(spec, steps, constant_input), tmp_path))
    assert found["time"] == {"kind": "unrolled", "steps": steps}
    assert [layer["units"] for layer in found["layers"]] == [UNITS, OUTPUTS]
    for layer in found["layers"]:
        assert layer["kind"] == "spiking"
        assert layer["comparison"] == {"Greater": ">", "GreaterOrEqual": ">="}[spec["comparison"]]
        assert layer["decay"] == pytest.approx(spec["decay"])
        assert layer["threshold"] == pytest.approx(spec["threshold"])
        assert layer["reset"] == spec["reset"][0]
        if spec["reset"][0] != "none":
            assert layer["reset_value"] == pytest.approx(spec["reset"][1])
            # one layer with a constant input: nothing stands between the steps but the next layer's weights
            assert layer["reset_timing"] == spec["reset"][2]
        if spec["current"]:
            assert layer["current_decay"] == pytest.approx(spec["current"])
        else:
            assert layer["input_gain"] == pytest.approx(spec["gain"])
        assert len(layer["spike_tensors"]) >= steps
    assert not found["layers"][0]["frozen"] and "output" in found["layers"][1]["frozen"]


LIF = {"decay": 0.75, "gain": 1.0, "threshold": 1.25, "comparison": "Greater", "reset": ("subtract", 1.25, "late"),
       "current": None}


def test_weights_of_many_steps_count_and_are_written_once(tmp_path):
    path = saved(unrolled(LIF, 4), tmp_path)
    report = run_json("optimize", path, "-o", tmp_path / "out.onnx", "--passes", "magnitude_pruning",
                      "--prune-threshold", "0.2")
    weights = UNITS * INPUTS + UNITS + OUTPUTS * UNITS + OUTPUTS
    assert report["parameters"]["before"] == weights
    before, after = onnx.load(path).graph, onnx.load(tmp_path / "out.onnx").graph
    assert len(after.node) == len(before.node) and len(after.initializer) == len(before.initializer)
    first = {node.input[1] for node in after.node if node.op_type == "Gemm"}
    assert len(first) == 2
    values = {each.name: numpy_helper.to_array(each) for each in after.initializer}
    assert all((np.abs(values[name][values[name] != 0]) > 0.2).all() for name in first)


def test_layers_of_several_steps_are_not_fused(tmp_path):
    path = saved(unrolled(LIF, 4), tmp_path)
    rates = tmp_path / "rates.json"
    tensor = run_json("inspect", path)["layers"][0]["spike_tensors"][2]
    rates.write_text(json.dumps({"version": 1, "layers": [{"tensor": tensor, "rates": [0.001] * UNITS}]}))
    report = run_json("optimize", path, "--dry-run", "--passes", "layer_fusion", "--rates", rates)
    assert "several time steps" in json.dumps(report["passes"])


@pytest.mark.parametrize("form", ["Gather", "Slice"])
@pytest.mark.parametrize("spec", list(specs()), ids=name_of)
def test_layer_by_layer_it_is_the_same_neuron(spec, form, tmp_path):
    found = run_json("inspect", saved(layer_by_layer(spec, 5, form), tmp_path))
    assert found["time"] == {"kind": "unrolled", "steps": 5}
    assert [layer["units"] for layer in found["layers"]] == [UNITS, OUTPUTS]
    for layer in found["layers"]:
        assert (layer["kind"], layer["reset"]) == ("spiking", spec["reset"][0])
        assert (layer["decay"], layer["threshold"]) == (pytest.approx(spec["decay"]), pytest.approx(spec["threshold"]))
        if spec["reset"][0] != "none":
            assert layer["reset_value"] == pytest.approx(spec["reset"][1])
    assert not found["layers"][0]["frozen"]


@pytest.mark.parametrize("cast", [False, True], ids=["sign", "cast"])
@pytest.mark.parametrize("threshold", [1.0, 1.25])
@pytest.mark.parametrize("floor", [None, -0.5])
@pytest.mark.parametrize("counted_first", [False, True], ids=["tested-first", "counted-first"])
def test_neurons_that_spike_several_times_a_step(counted_first, floor, threshold, cast, tmp_path):
    """Whatever the order of the nodes: optimizers write them in another one."""
    spec = {"decay": 0.75, "threshold": threshold, "floor": floor, "cast": cast, "counted_first": counted_first}
    path = saved(layer_by_layer(spec, 4, "Gather", Counting, (INPUTS, UNITS, UNITS, OUTPUTS)), tmp_path)
    for layer in run_json("inspect", path)["layers"]:
        assert (layer["kind"], layer["neuron"], layer["comparison"]) == ("spiking", "multi-spike", ">=")
        assert (layer["decay"], layer["threshold"]) == (pytest.approx(0.75), pytest.approx(threshold))
        assert (layer["reset"], layer["reset_timing"]) == ("subtract", "now")
        assert layer["reset_value"] == pytest.approx(threshold)
        assert layer.get("floor") == (None if floor is None else pytest.approx(floor))
        assert len(layer["spike_tensors"]) >= 4
    report = json.dumps(run_json("optimize", path, "--dry-run", "--input-range", "0,1", "--passes",
                                 "silent_neuron_elimination,redundancy_elimination")["passes"])
    # what reads counts has no bound, and a floor is no part of what the passes reason about
    assert ("not known to be single spikes" if floor is None else "its membrane has a floor") in report


def one_step(membrane):
    writer = Writer()
    weights, bias = random_weights(writer, UNITS, INPUTS, 0)
    current = writer.node("Gemm", "input", weights, bias, transB=1)
    potential = writer.node("Add", writer.constant(membrane), current)
    test = writer.node("Greater", writer.node("Sub", potential, 1.25), 0.0)
    spikes = writer.node("Cast", test, to=TensorProto.FLOAT)
    writer.node("Gemm", spikes, *random_weights(writer, OUTPUTS, UNITS, 1), output="output", transB=1)
    return writer.model({"input": [1, INPUTS]}, {"output": [1, OUTPUTS]})


@pytest.mark.parametrize("kind", ["zero", "baked"])
def test_one_step_from_a_constant_state_says_so(kind, tmp_path):
    state = np.zeros((1, UNITS)) if kind == "zero" else np.random.default_rng(2).normal(size=(1, UNITS))
    path = saved(one_step(state), tmp_path)
    found = run_json("inspect", path)
    assert found["time"] == {"kind": kind, "steps": 1}
    assert any("no network over time" in note for note in found["notes"])
    hidden = found["layers"][0]
    assert (hidden["kind"], hidden["decay"], hidden["threshold"]) == ("spiking", None, pytest.approx(1.25))
    assert "no network over time" in run("inspect", path).stderr.decode()


class Limited(Neurons):
    """How rockpool writes it: S = [U >= threshold] floor(U / threshold), at most so many; the spikes of the step
    before come back through weights that each step has under a name of its own; a synaptic current."""

    def step(self, current):
        writer, spec = self.writer, self.spec
        if self.spikes or spec["zero"]:
            recurrent = np.zeros((UNITS, UNITS)) if spec["zero"] else np.random.default_rng(3).normal(size=(UNITS, UNITS))
            spikes = self.spikes or writer.constant(np.zeros((1, UNITS)))  # as some exporters write the first step
            current = writer.node("Add", current, writer.node("Gemm", spikes, writer.constant(recurrent), transB=1))
        current = writer.node("Mul", writer.node("Add", self.current, current), 0.5)
        potential = writer.node("Add", writer.node("Mul", self.membrane, 0.75), writer.node(
            "ReduceSum", writer.node("Unsqueeze", current, writer.constant([2], np.int64)), writer.constant([2], np.int64),
            keepdims=0))
        above = writer.node("Cast", writer.node("LessOrEqual", 0.5, potential), to=TensorProto.FLOAT)
        count = writer.node("Mul", above, writer.node("Floor", writer.node("Div", potential, 0.5)))
        self.spikes = self.at_most(count)
        self.current, self.membrane = current, writer.node("Sub", potential, writer.node("Mul", self.spikes, 0.5))
        return self.spikes

    def at_most(self, count):
        if self.spec["limit"] == "none":
            return count
        over = self.writer.node("Greater", count, 2.0)
        if self.spec["limit"] == "where":
            return self.writer.node("Where", over, 2.0, count)
        excess = self.writer.node("Sub", count, 2.0)
        return self.writer.node("Sub", count, self.writer.node(
            "Mul", excess, self.writer.node("Cast", over, to=TensorProto.FLOAT)))


def written_in_place(spec, steps, operator):
    """One layer, whose steps are written into zeros one by one, and weights that read them all."""
    writer = Writer()
    current = writer.node("Add", writer.node("MatMul", "input", random_weights(writer, INPUTS, UNITS, 0)[0]), 0.25)
    neurons, whole = Limited(writer, UNITS, spec), writer.constant(np.zeros((steps, 1, UNITS)))
    for step in range(steps):
        spikes = writer.node("Unsqueeze", neurons.step(taken(writer, current, step, steps, "Gather")),
                             writer.constant([0], np.int64))
        if operator == "ScatterElements":
            whole = writer.node(operator, whole, writer.constant(np.full((1, 1, UNITS), step), np.int64), spikes, axis=0)
        else:
            at = [writer.constant([each], np.int64) for each in ([step], [1, 1])]
            whole = writer.node(operator, whole, writer.node("Expand", *at), spikes)
    writer.node("MatMul", whole, random_weights(writer, UNITS, OUTPUTS, 1)[0], output="output")
    return writer.model({"input": [steps, 1, INPUTS]}, {"output": [steps, 1, OUTPUTS]})


@pytest.mark.parametrize("operator", ["ScatterElements", "ScatterND"])
@pytest.mark.parametrize("zero", [True, False], ids=["zero", "recurrent"])
@pytest.mark.parametrize("limit", ["none", "sub", "where"])
def test_limited_counts_written_in_place(limit, zero, operator, tmp_path):
    """And the units that go leave no trace in onnxruntime."""
    steps = 12
    path = saved(written_in_place({"limit": limit, "zero": zero}, steps, operator), tmp_path)
    found = run_json("inspect", path)
    hidden, last = found["layers"]
    assert found["time"] == {"kind": "unrolled", "steps": steps}
    assert (hidden["kind"], hidden["neuron"], hidden["comparison"]) == ("spiking", "multi-spike", ">=")
    assert (hidden["decay"], hidden["current_decay"], hidden["input_gain"]) == (0.75, 0.5, 1)
    assert (hidden["threshold"], hidden["reset"], hidden["reset_value"]) == (0.5, "subtract", 0.5)
    assert hidden.get("count_limit") == (None if limit == "none" else 2)
    assert not hidden["frozen"] and "output" in last["frozen"] and len(hidden["spike_tensors"]) >= steps
    dead = sorted(np.random.default_rng(0).normal(size=(INPUTS, UNITS)).sum(0).argsort()[-2:])  # the busiest
    rates = [0.0 if unit in dead else 0.5 for unit in range(UNITS)]
    (tmp_path / "rates.json").write_text(json.dumps(
        {"version": 1, "layers": [{"tensor": hidden["spike_tensors"][0], "rates": rates}]}))
    run("optimize", path, "-o", tmp_path / "out.onnx", "--passes", "dead_neuron_elimination", "--rates",
        tmp_path / "rates.json")
    silent, small = onnx.load(path), onnx.load(tmp_path / "out.onnx")
    onnx.checker.check_model(small, full_check=True)
    for name in hidden["spike_tensors"][:steps]:
        assert removal.mask_tensor(silent, name, np.asarray(rates) > 0)
    drive = np.random.default_rng(5).random((steps, 1, INPUTS)).astype(np.float32) * 4
    whole, before, after = (removal.session_of(model).run(None, {"input": drive})[0]
                            for model in (onnx.load(path), silent, small))
    np.testing.assert_allclose(after, before, atol=1e-5)
    assert np.abs(whole - before).max() > 0.01, "the units gave nothing"
    assert run_json("inspect", tmp_path / "out.onnx")["layers"][0]["units"] == UNITS - len(dead)


@pytest.mark.parametrize("size", [7, 300])
@pytest.mark.parametrize("value", [1.0, np.inf])
def test_zeros_times_weights_are_zero_if_those_are_finite(value, size, tmp_path):
    """Of any size; zero times infinity is no number, and nothing is known of such a neuron."""
    writer, recurrent = Writer(), np.ones((size, size))
    recurrent[size // 2, 1] = value
    product = writer.node("MatMul", writer.constant(np.zeros((1, size))), writer.constant(recurrent))
    weights = writer.constant(np.random.default_rng(0).normal(size=(INPUTS, size)))
    potential = writer.node("Add", writer.node("MatMul", "input", weights), product)
    spikes = writer.node("Cast", writer.node("Greater", potential, 0.5), to=TensorProto.FLOAT)
    writer.node("MatMul", spikes, writer.constant(np.ones((size, OUTPUTS))), output="output")
    path = saved(writer.model({"input": [1, INPUTS]}, {"output": [1, OUTPUTS]}), tmp_path)
    assert run_json("inspect", path)["layers"][0]["kind"] == ("spiking" if value == 1 else "custom")


def test_equal_weights_of_parallel_layers_stay_apart(tmp_path):
    """Of one size and one content, but for other units: each keeps its own."""
    writer = Writer()
    same = np.random.default_rng(0).normal(size=(UNITS, INPUTS))
    layers = [Neurons(writer, UNITS, LIF) for _ in range(2)]
    for _ in range(3):
        spikes = [layer.step(writer.node("Gemm", "input", writer.constant(same), transB=1)) for layer in layers]
        both = writer.node("Concat", *spikes, axis=1)
    writer.node("Gemm", both, random_weights(writer, OUTPUTS, 2 * UNITS, 1)[0], output="output", transB=1)
    path = saved(writer.model({"input": [1, INPUTS]}, {"output": [1, OUTPUTS]}), tmp_path)
    found = run_json("inspect", path)
    assert [layer["units"] for layer in found["layers"]] == [UNITS, UNITS, OUTPUTS]
    assert found["time"] == {"kind": "unrolled", "steps": 3}


def test_the_same_weights_twice_in_one_step_are_not_one_current(tmp_path):
    """Two inputs through equal weights: U has both, and no bound may forget one."""
    writer = Writer()
    weights = np.abs(np.random.default_rng(0).normal(size=(UNITS, INPUTS)))
    current = writer.node("Add", *(writer.node("Gemm", each, writer.constant(weights), transB=1)
                                   for each in ("input", "other")))
    potential = writer.node("Add", writer.node("Mul", "state", 0.5), current)
    spikes = writer.node("Cast", writer.node("Greater", potential, float(weights.sum(1).max() * 3)), to=TensorProto.FLOAT)
    writer.node("Sub", potential, writer.node("Mul", spikes, 1.0), output="state_out")
    writer.node("Gemm", spikes, random_weights(writer, OUTPUTS, UNITS, 1)[0], output="output", transB=1)
    path = saved(writer.model({"input": [1, INPUTS], "other": [1, INPUTS], "state": [1, UNITS]},
                              {"output": [1, OUTPUTS], "state_out": [1, UNITS]}), tmp_path)
    # 2 a step through both inputs: up to 4 in all, where the threshold is 3
    report = run_json("optimize", path, "--dry-run", "--input-range", "0,1", "--passes", "silent_neuron_elimination")
    assert report["passes"][0]["silent_neurons_removed"] == 0


@pytest.mark.parametrize("taken", ["every step", "the last", "the sum"])
@pytest.mark.parametrize("steps", [2, 3, 5])
def test_the_decay_of_a_read_out(steps, taken, tmp_path):
    """Of two steps a sum over time has another ratio: then it is not known."""
    writer = Writer()
    first, second = random_weights(writer, UNITS, INPUTS, 0), random_weights(writer, OUTPUTS, UNITS, 1)
    hidden, membrane, seen = Neurons(writer, UNITS, LIF), writer.constant(np.zeros((1, OUTPUTS))), []
    for step in range(steps):
        data = writer.node("Gather", "input", writer.constant(step, np.int64), axis=0)
        current = writer.node("Gemm", hidden.step(writer.node("Gemm", data, *first, transB=1)), *second, transB=1)
        membrane = writer.node("Add", writer.node("Mul", membrane, 0.625), current)
        seen.append(writer.node("Unsqueeze", membrane, writer.constant([0], np.int64)))
    if taken == "the last":
        writer.node("Identity", seen[-1], output="output")
    elif taken == "the sum":
        total = seen[0]
        for each in seen[1:]:
            total = writer.node("Add", total, each)
        writer.node("Identity", total, output="output")
    else:
        writer.node("Concat", *seen, output="output", axis=0)
    shape = [steps if taken == "every step" else 1, 1, OUTPUTS]
    path = saved(writer.model({"input": [steps, 1, INPUTS]}, {"output": shape}), tmp_path)
    last = run_json("inspect", path)["layers"][1]
    assert last["kind"] == "readout"
    if taken != "the sum":
        assert last["decay"] == pytest.approx(0.625)
    elif steps == 2:
        assert last["decay"] is None
    else:  # what leaves is the sum of what leaks: without a leak, of a current that decays
        assert (last["decay"], last["current_decay"]) == (pytest.approx(1), pytest.approx(0.625))


@pytest.mark.parametrize("operator", ["ScatterElements", "ScatterND"])
def test_spikes_written_in_another_order_are_no_reset(operator, tmp_path):
    """Every unit loses a threshold when its neighbour fires: that is no neuron in normal form."""
    writer, order = Writer(), np.roll(np.arange(UNITS), 1)
    weights = random_weights(writer, UNITS, INPUTS, 0)[0]
    potential = writer.node("Add", writer.node("Mul", "state", 0.75), writer.node("Gemm", "input", weights, transB=1))
    spikes = writer.node("Cast", writer.node("Greater", potential, 1.0), to=TensorProto.FLOAT)
    if operator == "ScatterElements":
        zeros, at = writer.constant(np.zeros((1, UNITS))), writer.constant(order.reshape(1, -1), np.int64)
        moved = writer.node(operator, zeros, at, spikes, axis=1)
    else:
        at = writer.constant([[0, unit] for unit in order], np.int64)
        flat = writer.node("Reshape", spikes, writer.constant([UNITS], np.int64))
        moved = writer.node(operator, writer.constant(np.zeros((1, UNITS))), at, flat)
    writer.node("Sub", potential, moved, output="state_out")
    writer.node("Gemm", spikes, random_weights(writer, OUTPUTS, UNITS, 1)[0], output="output", transB=1)
    path = saved(writer.model({"input": [1, INPUTS], "state": [1, UNITS]},
                              {"output": [1, OUTPUTS], "state_out": [1, UNITS]}), tmp_path)
    layer = run_json("inspect", path)["layers"][0]
    assert (layer["kind"], layer["neuron"], layer["reset"]) == ("custom", "custom", "none")
    assert "by number" in layer["frozen"]
