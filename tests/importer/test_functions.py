"""What a silent unit gives through a function is a constant: every function, of spikes with a gain and an
offset for each unit, of means of spikes and of activations, cut and judged by onnxruntime.
"""

import numpy as np
import onnx
import pytest
from onnx import TensorProto

import axis_judge
from axis_cases import Net, bound

FUNCTIONS = {
    "Abs": lambda n, x: n.node("Abs", x),
    "Cast": lambda n, x: n.node("Cast", n.node("Cast", x, to=TensorProto.INT32), to=TensorProto.FLOAT),
    "Ceil": lambda n, x: n.node("Ceil", x),
    "Clip": lambda n, x: n.node("Clip", x, bound(n, -0.2), bound(n, 0.6)),
    "Exp": lambda n, x: n.node("Exp", x),
    "Floor": lambda n, x: n.node("Floor", x),
    "LeakyRelu": lambda n, x: n.node("LeakyRelu", x, alpha=0.2),
    "Max": lambda n, x: n.node("Max", x, bound(n, 0.1)),
    "Min": lambda n, x: n.node("Min", bound(n, 0.3), x),
    "Pow": lambda n, x: n.node("Pow", x, bound(n, 3)),
    "Relu": lambda n, x: n.node("Relu", x),
    "Round": lambda n, x: n.node("Round", x),
    "Sigmoid": lambda n, x: n.node("Sigmoid", x),
    "Sign": lambda n, x: n.node("Sign", x),
    "Sqrt": lambda n, x: n.node("Sqrt", n.node("Abs", x)),
    "Tanh": lambda n, x: n.node("Tanh", x),
    "Reciprocal": lambda n, x: n.node("Reciprocal", n.node("Add", n.node("Abs", x), bound(n, 0.5))),
    "Greater": lambda n, x: n.node("Cast", n.node("Greater", x, bound(n, 0.1)), to=TensorProto.FLOAT),
    "GreaterOrEqual": lambda n, x: n.node("Cast", n.node("GreaterOrEqual", x, bound(n, 0.1)), to=TensorProto.FLOAT),
    "Less": lambda n, x: n.node("Where", n.node("Less", x, bound(n, 0.1)), bound(n, 0.5), bound(n, 2)),
    **{f"codes of {kind}": lambda n, x, kind=kind, zero=zero, scale=scale: codes(n, x, n.typed(kind, zero), scale)
       for kind, zero, scale in (("UINT8", 120, 0.015), ("INT8", -5, 0.017), ("UINT16", 30000, 0.01), ("INT16", -7, 0.01),
                                 ("UINT4", 7, 0.25), ("INT4", 2, 0.25))},
}


class TypedNet(Net):
    def typed(self, kind, number):
        name = self.name("zero")
        self.constants.append(onnx.helper.make_tensor(name, getattr(TensorProto, kind), [], [number]))
        return name


def codes(net, x, zero, scale):
    step = bound(net, scale)
    return net.node("DequantizeLinear", net.node("QuantizeLinear", x, step, zero), step, zero)


def graded(net, x, units, *more):
    """A gain and an offset for each unit."""
    gain = net.constant(np.linspace(0.4, 1.9, units).reshape(-1, *more))
    offset = net.constant(np.linspace(-0.83, 0.71, units).reshape(-1, *more))
    return net.node("Add", net.node("Mul", x, gain), offset)


def spikes(net, function):
    x = net.lif(net.dense("input", 5, 10, "fc"), 1, 10, name="fc")
    net.readout(function(net, graded(net, x, 10)), 10)
    return (1, 5)


def means(net, function):
    x = net.node("AveragePool", net.lif(net.conv("input", 2, 6, "fc"), 1, 6, 4, 4, name="fc"), kernel_shape=[2, 2], strides=[2, 2])
    net.readout(net.node("Flatten", function(net, graded(net, x, 6, 1, 1))), 24)
    return (1, 2, 4, 4)


def activations(net, function):
    net.readout(function(net, graded(net, net.node("Relu", net.dense("input", 5, 10, "fc")), 10)), 10)
    return (1, 5)


# Means are not between the ends of what falls and rises, and tests of them, and of activations, are not
# followed: nothing is cut there.
FROZEN = {("means", "Abs"), ("means", "LeakyRelu"), ("means", "Pow"), ("means", "Sqrt"), ("means", "Reciprocal"),
          ("activations", "Cast"), *((of, test) for of in ("means", "activations") for test in ("Greater", "GreaterOrEqual",
          "Less"))}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("of", [spikes, means, activations])
def test_silent_units_leave_what_the_function_gives(of, function, tmp_path):
    shape = {spikes: (1, 5), means: (1, 2, 4, 4), activations: (1, 5)}[of]
    net = TypedNet(*shape, opset=21)
    of(net, FUNCTIONS[function])
    model = net.model()
    model.ir_version = 10
    onnx.save(model, tmp_path / "in.onnx")
    said = {layer["name"]: layer["frozen"] for layer in axis_judge.inspect(tmp_path / "in.onnx")["layers"]}
    frozen = (of.__name__, function) in FROZEN
    assert (said["fc"] is not None) == frozen, said
    inputs = np.random.default_rng(0).random((8, *shape))
    assert axis_judge.judge(tmp_path, tmp_path / "in.onnx", inputs, tolerance=1e-5), "the dead units gave nothing"
