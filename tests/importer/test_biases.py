"""What a dead unit leaves in its readers goes to their bias: where that stands, onnxruntime judges.

The readers see spikes + 0.25, so that a unit that never fires still gives them something."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import single_step as reference

INPUTS, HIDDEN, OUTPUTS = 6, 4, 3
node = helper.make_node


def network(batch, readers, constants, dead):
    """input -> neurons -> shifted -> the nodes in readers -> output, for a fixed batch."""
    random = np.random.default_rng(0)
    weights = random.normal(size=(INPUTS, HIDDEN))
    weights[:, dead] = 0
    stored = {"weights": weights, "decay": 0.5, "threshold": 1, "shift": 0.25,
              "readout": random.normal(size=(HIDDEN, OUTPUTS)),
              "second": random.normal(size=(HIDDEN, OUTPUTS)), **constants}
    nodes = [
        node("MatMul", ["input", "weights"], ["drive"]), node("Mul", ["v", "decay"], ["decayed"]),
        node("Add", ["decayed", "drive"], ["u"]), node("Greater", ["u", "threshold"], ["fires"]),
        node("Cast", ["fires"], ["spikes"], to=TensorProto.FLOAT),
        node("Mul", ["spikes", "threshold"], ["reset"]), node("Sub", ["u", "reset"], ["v_out"]),
        node("Add", ["spikes", "shift"], ["shifted"])]

    def values(**widths):
        return [helper.make_tensor_value_info(n, TensorProto.FLOAT, [batch, w]) for n, w in widths.items()]

    graph = helper.make_graph(
        nodes + readers, "g", values(input=INPUTS, v=HIDDEN), values(output=OUTPUTS, v_out=HIDDEN),
        [numpy_helper.from_array(np.array(v, np.float32), n) for n, v in stored.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def output(model, batch):
    random = np.random.default_rng(1)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    width = session.get_inputs()[1].shape[1]
    fed = {"input": random.normal(size=(batch, INPUTS)).astype(np.float32),
           "v": np.zeros((batch, width), np.float32)}
    return session.run(["output"], fed)[0]


def without(tmp_path, model, dead, units=HIDDEN):
    rates = [0.0 if unit == dead else 0.5 for unit in range(units)]
    small, report = reference.optimize(tmp_path, model, {"spikes": rates}, "dead_neuron_elimination")
    onnx.checker.check_model(small, full_check=True)
    assert report["passes"][0]["dead_neurons_removed"] == 1
    return small


PRODUCT = [node("MatMul", ["shifted", "readout"], ["product"]), node("Add", ["product", "c"], ["output"])]
GEMM = [node("Gemm", ["shifted", "readout", "c"], ["output"])]


@pytest.mark.parametrize("batch", [1, OUTPUTS, 5])
@pytest.mark.parametrize("shape", ["for each sample", "for each unit", "for both", "alone"])
@pytest.mark.parametrize("readers", [PRODUCT, GEMM], ids=["MatMul", "Gemm"])
def test_a_number_for_each_sample_is_no_bias(tmp_path, batch, shape, readers):
    dims = {"for each sample": (batch, 1), "for each unit": (1, OUTPUTS), "for both": (batch, OUTPUTS),
            "alone": (1,)}[shape]
    model = network(batch, readers, {"c": np.random.default_rng(2).normal(size=dims)}, [1])
    small = without(tmp_path, model, 1)
    np.testing.assert_allclose(output(small, batch), output(model, batch), rtol=1e-5, atol=1e-6)


def test_what_is_added_behind_a_gemm_of_another_current_is_its_bias(tmp_path):
    """The second product has the first for its third input: a new bias is added behind it, once."""
    readers = [node("Gemm", ["shifted", "readout"], ["first"]),
               node("Gemm", ["shifted", "second", "first"], ["output"])]
    model = network(2, readers, {}, [1, 3])
    first = without(tmp_path, model, 1)
    last = without(tmp_path, first, 2, HIDDEN - 1)
    np.testing.assert_allclose(output(last, 2), output(model, 2), rtol=1e-5, atol=1e-6)
    assert [n.op_type for n in last.graph.node] == [n.op_type for n in first.graph.node]
