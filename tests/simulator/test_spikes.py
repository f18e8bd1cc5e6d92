"""Spikes that go from neurons to products as bits give what numbers give.

Small networks at random, of numbers that floats add without rounding: whatever the order, spikes,
products and counts are those of onnxruntime exactly.
"""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from networks import session_of, simulate

SAMPLES, STEPS = 70, 9  # over two blocks of samples, and not whole ones; more steps than go at once


class Maker:
    """A model of one time step: layers with membranes that leak by half."""

    def __init__(self, seed, image):
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants, self.states, self.watched = [], [], [], []
        self.shape, self.at, self.products = image, "input", []

    def node(self, kind, inputs, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def weights(self, *shape):
        return self.constant(self.random.integers(-8, 12, shape) / np.float32(16))

    def fire(self, drive, reset, graded=1.0):
        """Spikes of neurons that get a drive; their membrane is a state."""
        number = len(self.states)
        membrane, after = f"m{number}", f"m{number}_out"
        threshold = self.constant(0.75)
        was_over = self.node("Cast", [self.node("Greater", [membrane, threshold])], to=TensorProto.FLOAT)
        held = self.node("Add", [self.node("Mul", [membrane, self.constant(0.5)]), drive])
        if reset == "subtract":
            self.nodes.append(helper.make_node("Sub", [held, was_over], [after], after))
        else:
            held = self.node("Where", [self.node("Greater", [membrane, threshold]), self.constant(0), held])
            self.nodes.append(helper.make_node("Identity", [held], [after], after))
        over = self.node("Greater", [self.node("Sub", [after, threshold]), self.constant(0)])
        if reset == "subtract":
            spikes = self.node("Cast", [over], to=TensorProto.FLOAT)
        else:
            spikes = self.node("Where", [over, self.constant(1), self.constant(0)])
        if graded != 1:
            spikes = self.node("Mul", [spikes, self.constant(graded)])
        self.states.append((membrane, after, list(self.shape)))
        self.watched.append(spikes)
        self.at = spikes
        return spikes

    def convolve(self, channels, kernel, stride=1, pad=0, groups=1):
        weights = self.weights(channels, self.shape[1] // groups, kernel, kernel)
        self.products.append((self.at, np.array(self.shape), (kernel, stride, pad, groups, channels)))
        drive = self.node("Conv", [self.at, weights, self.weights(channels)], kernel_shape=[kernel] * 2,
                          strides=[stride] * 2, pads=[pad] * 4, group=groups)
        sides = [(side + 2 * pad - kernel) // stride + 1 for side in self.shape[2:]]
        self.shape = [1, channels, *sides]
        return drive

    def pool(self, kernel=2, stride=2, pad=0):
        self.at = self.node("MaxPool", [self.at], kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)
        self.shape = self.shape[:2] + [(side + 2 * pad - kernel) // stride + 1 for side in self.shape[2:]]

    def flatten(self):
        self.at = self.node("Flatten", [self.at])
        self.shape = [1, int(np.prod(self.shape))]

    def connect(self, units, kind="Gemm"):
        self.products.append((self.at, np.array(self.shape), units))
        if kind == "Gemm":
            drive = self.node("Gemm", [self.at, self.weights(units, self.shape[1]), self.weights(units)], transB=1)
        else:
            drive = self.node("Add", [self.node("MatMul", [self.at, self.weights(self.shape[1], units)]),
                                      self.weights(units)])
        self.shape = [1, units]
        return drive

    def model(self, image):
        def value(name, shape):
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

        self.nodes.append(helper.make_node("Identity", [self.at], ["output"], "output"))
        graph = helper.make_graph(
            self.nodes, "g", [value("input", image)] + [value(m, s) for m, _, s in self.states],
            [value("output", self.shape)] + [value(m, s) for _, m, s in self.states], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def seen(side, kernel, stride, pad):
    """How many windows along a side see each pixel."""
    windows = (side + 2 * pad - kernel) // stride + 1
    counts = np.zeros(side + 2 * pad)
    for first in range(0, windows * stride, stride):
        counts[first : first + kernel] += 1
    return counts[pad : pad + side]


def arrivals(spikes, given, product):
    """Non-zeros that arrive at weights, times how many weights each meets."""
    if isinstance(product, int):
        return np.count_nonzero(spikes) * product
    kernel, stride, pad, groups, channels = product
    rows, columns = (seen(side, kernel, stride, pad) for side in given[2:])
    windows = np.count_nonzero(spikes.reshape(given), axis=(0, 1)) * np.outer(rows, columns)
    return windows.sum() * (channels // groups)


def judge(maker, data):
    """Steps in onnxruntime: classes, spikes of each layer, and what arrives at weights."""
    model = maker.model([1, *data.shape[1:]])
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    wanted = list(dict.fromkeys(maker.watched + [at for at, _, _ in maker.products if at != "input"]))
    shown.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in wanted)
    session = session_of(shown)
    names = [o.name for o in session.get_outputs()]
    scores, spikes, operations = [], np.zeros(len(maker.watched)), 0
    for x in data:
        states = {m: np.zeros(shape, np.float32) for m, _, shape in maker.states}
        score = 0
        for _ in range(STEPS):
            got = dict(zip(names, session.run(None, {"input": x[None], **states})))
            states = {m: got[after] for m, after, _ in maker.states}
            score = score + got["output"]
            spikes += [np.count_nonzero(got[name]) for name in maker.watched]
            operations += sum(arrivals(got.get(at, x), given, product) for at, given, product in maker.products)
        scores.append(score.ravel())
    return model, np.array(scores), spikes, operations


def plain(m):
    """What the usual convolutional network has."""
    m.fire(m.convolve(6, 3), "subtract")
    m.pool()
    m.fire(m.convolve(19, 5), "subtract")
    m.pool()
    m.flatten()
    m.fire(m.connect(7), "subtract")


def odd_sides(m):
    """Pools of an odd number of pixels, and overlapping ones."""
    m.fire(m.convolve(5, 4), "subtract")
    m.pool()
    m.fire(m.convolve(3, 3, pad=1), "zero")
    m.pool(3, 2, 1)
    m.flatten()
    m.fire(m.connect(4, "MatMul"), "zero")


def grouped(m):
    """Convolutions in groups and with strides, several channels side by side in a pattern."""
    m.fire(m.convolve(8, 3, stride=2), "zero")
    m.fire(m.convolve(8, 3, pad=2, groups=4), "subtract")
    m.fire(m.convolve(17, 2, stride=2), "subtract")
    m.fire(m.convolve(4, 1), "subtract")
    m.flatten()
    m.fire(m.connect(3), "subtract")


def dense(m):
    """Rows that end within a word, many spikes and few."""
    m.flatten()
    for units in (130, 64, 65, 1, 5):
        m.fire(m.connect(units, "Gemm" if units % 2 else "MatMul"), "zero" if units == 64 else "subtract")


def read_as_numbers(m):
    """Spikes that something else reads, too; graded ones."""
    m.fire(m.convolve(4, 3, pad=1), "subtract")
    first = m.at
    drive = m.convolve(4, 3, pad=1)
    m.fire(m.node("Add", [drive, first]), "subtract", graded=0.5)
    m.pool()
    m.flatten()
    m.fire(m.connect(6), "zero")


def read_membrane(m):
    """The membrane of neurons whose drive stays is asked for after every step."""
    m.flatten()
    m.fire(m.connect(65), "subtract")
    m.at = m.states[0][1]


def read_averaged_membrane(m):
    """The same, by a node that looks at more than one of them."""
    m.fire(m.convolve(4, 3, pad=1), "subtract")
    m.at = m.node("AveragePool", [m.states[0][1]], kernel_shape=[2] * 2, strides=[2] * 2)
    m.shape = m.shape[:2] + [side // 2 for side in m.shape[2:]]
    m.flatten()


def at_random(m):
    """Convolutions of any channels, windows and groups; strides, pads and pools."""
    for _ in range(m.random.integers(1, 4)):
        sides = m.shape[2:]
        kernel, stride, pad = m.random.integers(1, 6), m.random.integers(1, 3), m.random.integers(0, 3)
        if min(sides) + 2 * pad < kernel:
            break
        groups = m.random.choice([1, 1, 1, m.shape[1]])
        channels = int(groups * m.random.integers(1, 3) if groups > 1 else m.random.choice([3, 8, 16, 17, 40]))
        drive = m.convolve(channels, int(kernel), int(stride), int(pad), int(groups))
        m.fire(drive, m.random.choice(["subtract", "zero"]))
        if min(m.shape[2:]) > 2 and m.random.random() < 0.5:
            m.pool(*map(int, (m.random.integers(2, 4), m.random.integers(1, 3))))
    m.flatten()
    m.fire(m.connect(int(m.random.choice([5, 16, 17]))), "subtract")


def spikes_judged(build, seed, image, folder):
    """Of each layer in onnxruntime; ours are the same, or it fails."""
    random = np.random.default_rng(seed)
    data = (random.integers(0, 4, (SAMPLES, *image)) / np.float32(4)).astype(np.float32)
    maker = Maker(seed, [1, *image])
    build(maker)
    model, scores, spikes, operations = judge(maker, data)
    onnx.save(model, folder / "model.onnx")
    np.save(folder / "x.npy", data)
    np.save(folder / "y.npy", scores.argmax(1))
    report = simulate(folder / "model.onnx", "--inputs", folder / "x.npy", "--labels", folder / "y.npy", "--steps",
                      STEPS, "--decoding", "count", *(f"--state={m}={after}" for m, after, _ in maker.states))
    assert report["right"] == SAMPLES
    assert report["synaptic_operations_per_inference"] * SAMPLES == pytest.approx(operations, rel=1e-9)
    rates = [layer["mean_rate"] * layer["units"] * layer["positions"] for layer in report["layers"]]
    assert rates == pytest.approx(list(spikes / SAMPLES / STEPS), rel=1e-6)
    return spikes


@pytest.mark.parametrize("build", [plain, odd_sides, grouped, dense, read_as_numbers, read_membrane,
                                   read_averaged_membrane])
@pytest.mark.parametrize("seed", range(3))
def test_gives_exactly_what_onnxruntime_gives(build, seed, tmp_path):
    image = [(1, 20, 16), (2, 17, 21), (3, 26, 19)][seed]
    assert spikes_judged(build, seed, image, tmp_path).min() > 0


@pytest.mark.parametrize("seed", range(100, 130))
def test_so_do_networks_at_random(seed, tmp_path):
    channels, *sides = np.random.default_rng(seed).integers((1, 5, 5), (9, 20, 30))
    assert spikes_judged(at_random, seed, (int(channels), *map(int, sides)), tmp_path).sum() > 0
