"""Numbers of a neuron that the file works out of others: they are those that onnxruntime works out.

Each case makes the threshold t, in ONNX's text form, from the constants of NUMBERS.
"""

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest

import axis_judge

NUMBERS = """float a = {1.7}, float b = {-0.6}, float zero = {0.0}, float one = {1.0}, float[4] list = {0.5, 1.25, 2.0, 3.5},
    float[2,3] table = {0.5, 1.5, 2.5, 3.5, 4.5, 5.5}, float[0] none = {}, int64 n = {7}, int64 m = {-3}, int64[1] first = {0},
    int64[1] second = {1}, int64[1] third = {2}, int64[1] last = {-1}, int64[1] far = {-9}, int64[1] beyond = {9},
    int64[2] both = {0, 1}, int64[2] three_two = {3, 2}, int64[2] open = {-1, 2}, int64[2] kept = {0, -1}, int64[2] sizes = {1, 3},
    uint8 code = {200}, uint8 offset = {120}, int8 signed = {-5}, int8 signed_offset = {3}, float scale = {0.03125}, bool yes = {1}, bool no = {0}"""

UNARY = ["Abs", "Exp", "Sqrt", "Reciprocal", "Relu", "Floor", "Ceil", "Sigmoid", "Tanh", "Sign", "Log", "Neg", "Identity"]
CASES = {
    **{f"{op} of a positive": f"t = {op}(a)" for op in UNARY if op != "Neg"},
    **{f"{op} of a negative": f"u = {op}(b) t = Add(u, a)" for op in UNARY if op not in ("Sqrt", "Log")},
    **{f"{op} of nothing": f"u = {op}(zero) t = Add(u, a)" for op in ("Sign", "Relu", "Abs")},
    **{op: f"t = {op}(a, one)" for op in ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min")},
    **{f"{op} the other way": f"u = {op}(b, a) t = Abs(u)" for op in ("Add", "Sub", "Mul", "Div", "Max", "Min")},
    **{f"{op} {x} {y}": f"f = {op}({x}, {y}) u = Cast<to = 1>(f) t = Add(u, a)"
       for op in ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal") for x, y in (("a", "b"), ("b", "a"), ("a", "a"))},
    **{f"{op} {x} {y}": f"f = {op}({x}, {y}) t = Where(f, a, one)" for op in ("And", "Or") for x, y in
       (("yes", "yes"), ("yes", "no"), ("no", "no"))},
    "Not": "f = Not(yes) g = Not(no) h = And(f, g) t = Where(h, one, a)",
    "Clip from below": "u = Clip(b, one) t = Add(u, a)",
    "Clip from above": "t = Clip(a, zero, one)",
    "Clip between": "two = Add(one, one) t = Clip(a, one, two)",
    "Max of three": "t = Max(zero, a, one)",
    "Min of three": "t = Min(a, a, one)",
    "integers divided": "u = Div(n, m) v = Abs(u) t = Cast<to = 1>(v)",
    "Cast towards zero": "u = Cast<to = 7>(a) t = Cast<to = 1>(u)",
    "Cast to bool": "u = Cast<to = 9>(b) v = Cast<to = 1>(u) t = Add(v, a)",
    "CastLike": "u = CastLike(n, a) t = Sub(u, a)",
    "DequantizeLinear": "t = DequantizeLinear(code, scale, offset)",
    "DequantizeLinear of signed codes": "u = DequantizeLinear(signed, scale, signed_offset) t = Abs(u)",
    "DequantizeLinear without an offset": "t = DequantizeLinear(code, scale)",
    "QuantizeLinear": "q = QuantizeLinear(a, scale, offset) t = DequantizeLinear(q, scale, offset)",
    "QuantizeLinear beyond its range": "big = Exp(a) big2 = Exp(big) q = QuantizeLinear(big2, scale, signed_offset) "
                                       "t = DequantizeLinear(q, scale, signed_offset)",
    "QuantizeLinear without an offset": "q = QuantizeLinear(a, scale) t = DequantizeLinear(q, scale)",
    "Reshape": "u = Reshape(table, three_two) v = Gather(u, second) t = Gather<axis = 1>(v, last)",
    "Reshape, worked out": "u = Reshape(table, open) v = Gather(u, third) t = Gather<axis = 1>(v, first)",
    "Reshape, kept": "u = Reshape(table, kept) v = Gather(u, second) t = Gather<axis = 1>(v, last)",
    "Transpose": "u = Transpose(table) v = Gather(u, second) t = Gather<axis = 1>(v, first)",
    "Transpose in an order": "u = Transpose<perm = [0, 1]>(table) v = Gather(u, second) t = Gather<axis = 1>(v, first)",
    "Unsqueeze": "u = Unsqueeze(list, both) v = Gather<axis = 2>(u, third) t = Squeeze(v, both)",
    "Squeeze of an axis": "u = Unsqueeze(list, last) v = Squeeze(u, second) t = Gather(v, third)",
    "Slice": "t = Slice(list, second, third, first)",
    "Slice from the end": "t = Slice(list, last, beyond, first)",
    "Slice backwards": "u = Slice(list, last, far, first, last) t = Gather(u, first)",
    "Slice backwards in twos": "two = Neg(third) u = Slice(list, beyond, far, first, two) t = Gather(u, second)",
    "Slice backwards from before the beginning": "u = Slice(list, far, far, first, last) t = Gather(u, first)",
    "Slice without axes": "t = Slice(list, last, beyond)",
    "Split": "u, v = Split(list) t = Gather(v, first)",
    "Split of sizes": "u, v = Split(list, sizes) t = Gather(v, last)",
    "Split along the last axis": "u, v, w = Split<axis = -1>(table) t = Gather(v, second)",
    "Expand": "u = Expand(a, three_two) v = Gather(u, first) t = Gather<axis = 1>(v, last)",
    "Expand of some": "u = Gather(list, second) v = Expand(u, three_two) w = Gather(v, last) t = Gather<axis = 1>(w, last)",
    "Gather along the last axis": "u = Gather<axis = -1>(table, third) t = Gather(u, second)",
    "Gather one": "u = Squeeze(third, first) t = Gather(list, u)",
    "Concat": "u = Concat<axis = 0>(list, list) t = Gather(u, last)",
    "Concat along the last axis": "u = Concat<axis = -1>(table, table) v = Gather(u, second) t = Gather<axis = 1>(v, last)",
    "ConstantOfShape": "u = ConstantOfShape<value = float[1] {1.5}>(three_two) v = Gather(u, first) t = Gather<axis = 1>(v, last)",
}


def network(expression):
    """Three neurons; t is their threshold, an output too."""
    return onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["": 17]>
        g (float[1,2] input, float[1,3] membrane) => (float[1,3] spikes, float[1,3] next, float[] threshold)
        <float[3,2] weights = {{0.5, 1.5, 1.0, 2.0, 2.5, 0.25}}, float decay = {{0.75}}, {NUMBERS}> {{
            {expression}
            current = Gemm<transB = 1>(input, weights) left = Mul(membrane, decay) now = Add(left, current)
            fires = Greater(now, t) spikes = Cast<to = 1>(fires) reset = Mul(spikes, t) next = Sub(now, reset)
            threshold = Identity(t) }}""")


@pytest.mark.parametrize("name", CASES)
def test_threshold_is_what_onnxruntime_works_out(name, tmp_path):
    model = network(CASES[name])
    del model.graph.value_info[:]
    inputs = {"input": np.zeros((1, 2), np.float32), "membrane": np.zeros((1, 3), np.float32)}
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    threshold = onnxruntime.InferenceSession(model.SerializeToString(), options).run(["threshold"], inputs)[0]
    assert threshold.size == 1 and threshold.item() != 0
    del model.graph.output[2], model.graph.node[-1]
    onnx.save(model, tmp_path / "in.onnx")
    layer, = axis_judge.inspect(tmp_path / "in.onnx")["layers"]
    assert layer["kind"] == "spiking" and layer["decay"] == 0.75
    assert layer["threshold"] == pytest.approx(threshold.item(), rel=1e-6)


def test_a_slice_of_nothing_is_nothing(tmp_path):
    """Backwards from before the beginning: there is no first element to take. Nothing is no threshold."""
    model = network("nought = Slice(none, far, far, first, last) t = Concat<axis = 0>(nought, list)")
    del model.graph.output[2], model.graph.node[-1]
    onnx.save(model, tmp_path / "in.onnx")
    assert "not a spiking network" not in axis_judge.inspect(tmp_path / "in.onnx")["layers"]
