"""always_firing_elimination: neurons that spike in every step, whatever comes in, go into biases; no others do."""

import itertools
import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import planting
from harness import (assert_same_behaviour, check_valid, fixture, kept_units, metadata, reference, run_json, simulate,
                     simulate_fixture)

FOLD = ("--passes", "always_firing_elimination", "--input-range", "0,1")
INPUTS, HIDDEN, OUT, STEPS = 6, 10, 4, 12
DECAY, THRESHOLD = 0.75, 1.0
ALWAYS, ALMOST, WHEN_DRIVEN = (2, 5), 7, 8  # units of the hidden layer


class Net:
    """A network of one step under construction: its states are fed back."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants, self.states = [], [], []

    def node(self, op, *inputs, **attributes):
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def constant(self, values):
        name = f"c_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def state(self, name, shape):
        self.states.append((name, f"{name}_out", shape))
        return name

    def put(self, name, value):
        self.nodes.append(helper.make_node("Identity", [value], [f"{name}_out"]))

    def dense(self, data, w, b):
        return self.node("Gemm", data, self.constant(w), self.constant(b), transB=1)

    def model(self, outputs, shape):
        info = helper.make_tensor_value_info
        state = [(info(into, TensorProto.FLOAT, size), info(out, TensorProto.FLOAT, size))
                 for into, out, size in self.states]
        graph = helper.make_graph(
            self.nodes, "net", [info("x", TensorProto.FLOAT, shape), *(into for into, _ in state)],
            [*(info(name, TensorProto.FLOAT, size) for name, size in outputs), *(out for _, out in state)],
            self.constants)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(made, full_check=True)
        return made

    @property
    def pairs(self):
        return [(into, out) for into, out, _ in self.states]


def spikes_of(net, potential, compare):
    return net.node("Cast", net.node(compare, potential, net.constant(THRESHOLD)), to=TensorProto.FLOAT)


def subtract_now(net, drive, v, compare):
    u = net.node("Add", net.node("Mul", v, net.constant(DECAY)), drive)
    s = spikes_of(net, u, compare)
    return s, net.node("Sub", u, net.node("Mul", s, net.constant(THRESHOLD))), u


def subtract_late(net, drive, v, compare):
    fired = spikes_of(net, v, compare)
    u = net.node("Sub", net.node("Add", net.node("Mul", v, net.constant(DECAY)), drive),
                 net.node("Mul", fired, net.constant(THRESHOLD)))
    return spikes_of(net, u, compare), u, u


def set_now(net, drive, v, compare, value=-0.5):
    u = net.node("Add", net.node("Mul", v, net.constant(DECAY)), drive)
    fired = net.node(compare, u, net.constant(THRESHOLD))
    return (net.node("Cast", fired, to=TensorProto.FLOAT), net.node("Where", fired, net.constant(value), u), u)


def charging(net, drive, v, compare):
    """u = v + (x - v) / tau, as in SpikingJelly, and a reset by a product."""
    u = net.node("Add", v, net.node("Div", net.node("Sub", drive, v), net.constant(1 / (1 - DECAY))))
    s = spikes_of(net, u, compare)
    held = net.node("Mul", net.node("Sub", net.constant(1.0), s), u)
    return s, held, u


def no_reset(net, drive, v, compare):
    u = net.node("Add", net.node("Mul", v, net.constant(DECAY)), drive)
    return spikes_of(net, u, compare), u, u


# The smallest drive that is over the threshold in every step.
LEAST = {
    no_reset: THRESHOLD,
    subtract_now: THRESHOLD,                              # DECAY (1 - 1) + least = 1
    subtract_late: 2 * THRESHOLD - DECAY * THRESHOLD,     # DECAY 1 - 1 + least = 1
    set_now: THRESHOLD + 0.5 * DECAY,                     # DECAY (-0.5) + least = 1
    charging: THRESHOLD / (1 - DECAY),                    # least / tau = 1
}
NEURONS = pytest.mark.parametrize("neuron", LEAST, ids=lambda each: each.__name__)
COMPARE = pytest.mark.parametrize("compare", ["Greater", "GreaterOrEqual"])


def hidden_weights(net, least):
    """Two units that must spike, one that need not but by a hair, one that only does on the data below."""
    w = net.random.normal(0, 0.5, (HIDDEN, INPUTS))
    b = net.random.normal(0, 0.3, HIDDEN)
    lowest = np.minimum(w, 0).sum(axis=1)  # inputs are from 0 to 1
    for unit in ALWAYS:
        b[unit] = least - lowest[unit] + 0.01
    b[ALMOST] = least - lowest[ALMOST] - 0.01
    w[WHEN_DRIVEN] = 0
    w[WHEN_DRIVEN, 0] = 40
    return w, b


def layer(net, name, data, w, b, neuron, compare, shape=None):
    v = net.state(f"{name}_v", shape or [1, len(b)])
    drive = net.dense(data, w, b) if shape is None else net.node(
        "Conv", data, net.constant(w), net.constant(b), kernel_shape=w.shape[2:])
    s, after, u = neuron(net, drive, v, compare)
    net.put(v, after)
    return s, u


def one_reader(net, neuron, compare, s, _):
    out, _ = layer(net, "out", s, net.random.normal(0, 1, (OUT, HIDDEN)), net.random.normal(0, 1, OUT), neuron, compare)
    return [(net.node("Identity", out), [1, OUT])]


def two_readers(net, neuron, compare, s, _):
    """One of them behind 1 - S, without a bias, as a read-out."""
    outs = one_reader(net, neuron, compare, s, None)
    read = net.node("Sub", net.constant(1.0), net.node("Mul", s, net.constant(0.5)))
    w = net.random.normal(0, 1, (HIDDEN, OUT))
    return [*outs, (net.node("MatMul", read, net.constant(w)), [1, OUT])]


def fixed_width(net, neuron, compare, s, u):
    """The potential is read, too."""
    w = net.random.normal(0, 1, (HIDDEN, OUT))
    more = net.node("MatMul", u, net.constant(w))
    return [*one_reader(net, neuron, compare, s, None), (more, [1, OUT])]


def recurrent(net, neuron, compare, s, _):
    back = net.state("s_before", [1, HIDDEN])
    net.put(back, s)
    read = net.node("Add", net.dense(s, net.random.normal(0, 1, (OUT, HIDDEN)), net.random.normal(0, 1, OUT)),
                    net.node("MatMul", back, net.constant(net.random.normal(0, 1, (HIDDEN, OUT)))))
    v = net.state("out_v", [1, OUT])
    out, after, _ = neuron(net, read, v, compare)
    net.put(v, after)
    return [(net.node("Identity", out), [1, OUT])]


def build(neuron, compare, readers, seed=1):
    net = Net(seed)
    s, u = layer(net, "hidden", "x", *hidden_weights(net, LEAST[neuron]), neuron, compare)
    return net, net.model(readers(net, neuron, compare, s, u), [1, INPUTS])


def optimize(model, folder, *options):
    onnx.save(model, folder / "in.onnx")
    report = run_json("optimize", folder / "in.onnx", "-o", folder / "out.onnx", *options)
    check_valid(folder / "out.onnx")
    return onnx.load(folder / "out.onnx"), report["passes"][0], report


def inputs(shape=(INPUTS,), count=200):
    """From 0 to 1, and both ends; the first input is never small."""
    values = np.random.default_rng(9).random((count, *shape)).astype(np.float32)
    values[: count // 2] = values[: count // 2].round()
    values.reshape(count, -1)[:, 0] = 0.5 + values.reshape(count, -1)[:, 0] / 2
    return values


def first_layer(model):
    return json.loads(metadata(model)["snn.neuron_map"])["layers"][0]


def assert_same_outputs(net, before, after, data=None):
    """Spikes exactly, numbers to rounding; and something happens."""
    data = inputs() if data is None else data
    a, b = (simulate(each, net.pairs, data, STEPS, one_by_one=False) for each in (before, after))
    assert a.outputs.keys() == b.outputs.keys()
    for name, values in a.outputs.items():
        np.testing.assert_allclose(b.outputs[name], values, rtol=0, atol=1e-4, err_msg=name)
        assert values.std() > 0


@NEURONS
@COMPARE
@pytest.mark.parametrize("readers", [one_reader, two_readers], ids=lambda each: each.__name__)
def test_those_that_must_spike_go(neuron, compare, readers, tmp_path):
    net, model = build(neuron, compare, readers)
    small, entry, _ = optimize(model, tmp_path, *FOLD)
    assert entry["always_firing_neurons_folded"] == 2 and entry["changed"]
    assert first_layer(small)["removed"] == {"always_firing": list(ALWAYS)}
    assert_same_outputs(net, model, small)
    again, entry, _ = optimize(small, tmp_path, *FOLD)
    assert not entry["changed"] and len(first_layer(again)["kept"]) == HIDDEN - 2


@NEURONS
@COMPARE
def test_the_reason_is_a_true_one(neuron, compare):
    """The judge of the above: units that were folded do spike in every step, for the worst inputs too; the one that
    was kept by a hair does not."""
    net, model = build(neuron, compare, one_reader)
    s = next(node.output[0] for node in model.graph.node if node.op_type == "Cast"
             and any(node.output[0] in other.input and other.op_type == "Gemm" for other in model.graph.node))
    w, _ = hidden_weights(Net(1), LEAST[neuron])
    worst = np.array([(w[unit] < 0) for unit in range(HIDDEN)], np.float32)
    rates = np.array([simulate(model, net.pairs, row[None], STEPS, watch=[s], one_by_one=False).means[s]
                      for row in worst])
    assert all(rates[unit, unit] == 1 for unit in ALWAYS)
    assert rates[ALMOST, ALMOST] < 1 and rates[WHEN_DRIVEN, WHEN_DRIVEN] < 1


@pytest.mark.parametrize("readers, reason", [(fixed_width, "something else of it than its spikes"),
                                             (recurrent, "has none in the first")],
                         ids=["membrane", "recurrent"])
def test_readers_that_see_more_keep_them(readers, reason, tmp_path):
    net, model = build(subtract_now, "Greater", readers)
    told = [f"--state={into}={out}" for into, out in net.pairs]
    small, entry, _ = optimize(model, tmp_path, *FOLD, *told)
    assert not entry["changed"] and any(reason in each["reason"] for each in entry["skipped"]), entry["skipped"]
    assert len(first_layer(small)["kept"]) == HIDDEN
    assert_same_outputs(net, model, small)


def test_without_a_range_nothing_is_known_of_the_first_layer(tmp_path):
    _, model = build(subtract_now, "Greater", one_reader)
    _, entry, _ = optimize(model, tmp_path, "--passes", "always_firing_elimination")
    assert not entry["changed"] and "--input-range" in json.dumps(entry["skipped"])


def test_what_only_spikes_on_the_data_is_told_and_kept(tmp_path):
    """WHEN_DRIVEN gets over its threshold in every step of these data, ALMOST, too."""
    net, model = build(subtract_now, "Greater", one_reader)
    np.save(tmp_path / "x.npy", inputs())
    small, entry, report = optimize(model, tmp_path, *FOLD, "--inputs", tmp_path / "x.npy", "--steps", STEPS)
    assert entry["always_firing_neurons_folded"] == 2 and entry["always_firing_neurons_unproved"] == 2
    assert {ALMOST, WHEN_DRIVEN} < set(first_layer(small)["kept"])
    assert any("2 of the neurons spiked in every step" in note for note in report["notes"]), report["notes"]
    assert_same_outputs(net, model, small)


def test_a_first_step_without_a_spike_keeps_it(tmp_path):
    """v grows to 4 times the drive, which is under the threshold at first: it spikes in all steps but one."""
    net = Net(3)
    w, b = np.zeros((3, INPUTS)), np.array([0.9, 1.1, 0.0])
    w[2] = 1
    s, _ = layer(net, "hidden", "x", w, b, no_reset, "Greater")
    read = net.node("MatMul", s, net.constant(net.random.normal(0, 1, (3, OUT))))
    model = net.model([(read, [1, OUT])], [1, INPUTS])
    small, entry, _ = optimize(model, tmp_path, *FOLD)
    assert first_layer(small)["kept"] == [0, 2] and entry["always_firing_neurons_folded"] == 1
    assert_same_outputs(net, model, small)


@pytest.mark.parametrize("pads, pool, folded", [(0, None, 2), (1, None, 0), (0, "MaxPool", 2), (0, "AveragePool", 2),
                                                (0, "padded", 0)])
def test_convolutions_that_pad_keep_them(pads, pool, folded, tmp_path):
    net = Net(4)
    w = net.random.normal(0, 0.5, (4, 1, 3, 3))
    b = net.random.normal(0, 0.3, 4)
    for channel in (1, 3):
        b[channel] = THRESHOLD - np.minimum(w[channel], 0).sum() + 0.01
    s, _ = layer(net, "hidden", "x", w, b, subtract_now, "Greater", [1, 4, 6, 6])
    if pool == "padded":
        s = net.node("AveragePool", s, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
    elif pool:
        s = net.node(pool, s, kernel_shape=[2, 2], strides=[1, 1])
    size = {None: 6, "padded": 6}.get(pool, 5) + 2 * pads - 2
    drive = net.node("Conv", s, net.constant(net.random.normal(0, 1, (3, 4, 3, 3))), kernel_shape=[3, 3],
                     pads=[pads] * 4)
    v = net.state("out_v", [1, 3, size, size])
    out, after, _ = subtract_now(net, drive, v, "Greater")
    net.put(v, after)
    model = net.model([(net.node("Identity", out), [1, 3, size, size])], [1, 1, 8, 8])
    small, entry, _ = optimize(model, tmp_path, *FOLD)
    assert entry["always_firing_neurons_folded"] == folded, entry
    assert folded or any("edge of what is padded" in each["reason"] for each in entry["skipped"])
    assert_same_outputs(net, model, small, inputs((1, 8, 8), 50))


# --- real networks ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["seed-mlp-ts17-step", "snntorch-mlp-zero-ts17-step", "sj14-if-hard-ts17-step",
                                  "sj14-lif-soft-nodecay-ts17-step", "norse-lif-li-ts17-step",
                                  "snntorch-syn-ts17-step"])
def test_planted_in_real_networks(name, tmp_path):
    """A quarter of the first layer gets a bias that nothing takes away."""
    network = fixture(name)
    model = network.load()
    layer_of = planting.layers(network, model)[0]
    bias = layer_of.bias
    planted = np.arange(0, layer_of.units, 4)
    bias[planted] = 1000
    layer_of.bias = bias
    before = simulate_fixture(network, model, samples=200)
    small, entry, _ = optimize(model, tmp_path, *FOLD)
    kept = kept_units(small, network.layers[0])
    gone = sorted(set(range(layer_of.units)) - set(kept))
    assert entry["always_firing_neurons_folded"] == len(gone)
    assert gone == planted.tolist()
    assert_same_behaviour(network, before, simulate_fixture(network, small, samples=200))
