"""Element by element operations of a time step, which are run as one (simulator/tape.c), as onnxruntime
runs them: the class that the outputs over time say is the same for every sample.
"""

import numpy as np
import onnx
import onnx.parser
import pytest

from networks import session_of, simulate, snnfit

SAMPLES, STEPS, UNITS = 200, 6, 10
EXPRESSIONS = {
    "Min": "y = Min(u, d)", "Max": "y = Max(u, d)", "Min of one": "m = Min(u) y = Neg(m)", "Abs": "a = Abs(u) y = Sub(a, d)",
    "Relu": "a = Relu(u) y = Sub(a, d)", "Floor": "a = Floor(u) y = Add(a, d)", "Neg": "a = Neg(u) y = Max(a, d)",
    "Div": "b = Abs(d) c = Add(b, one) y = Div(u, c)", "Mul by one": "a = Mul(u, one) b = Mul(one, d) y = Add(a, b)",
    "Clip": "a = Clip(u, low, high) y = Sub(a, d)", "Clip above": "a = Clip(u, low) y = Sub(a, d)",
    "Clip by what is worked out": "m = ReduceMax<keepdims = 0>(d) a = Clip(u, low, m) y = Sub(a, d)",
    "Where": "y = Where(f, u, d)", "Where of a number": "y = Where(f, one, d)",
    "And": "g = Greater(d, low) h = And(f, g) y = Where(h, u, d)", "Or": "g = Greater(d, low) h = Or(f, g) y = Where(h, u, d)",
    "Not": "h = Not(f) y = Where(h, u, d)", "Less": "h = Less(u, d) y = Where(h, u, one)",
    "LessOrEqual": "h = LessOrEqual(u, low) y = Where(h, u, d)", "GreaterOrEqual": "h = GreaterOrEqual(u, d) y = Where(h, d, one)",
    "Equal of flags": "g = Greater(d, low) h = Equal(f, g) y = Where(h, u, d)",
    "Equal of floats": "a = Floor(u) b = Floor(d) h = Equal(a, b) y = Where(h, u, d)",
    "Cast to bool": "a = Relu(d) h = Cast<to = 9>(a) y = Where(h, u, low)", "Cast of a flag": "a = Cast<to = 1>(f) y = Sub(d, a)",
    "a flag from outside": "g = Greater(d, low) h = Xor(f, g) y = Where(h, u, d)",
    "a flag for outside": "g = Greater(d, low) h = And(f, g) i = Xor(h, f) k = Cast<to = 1>(i) y = Add(k, d)",
    "a number for each unit": "a = Mul(u, each) b = Add(a, each) y = Max(b, d)",
    "integers between": "a = Cast<to = 6>(u) b = Add(a, a) c = Cast<to = 1>(b) y = Add(c, d)",
    "a size that changes": "at = NonZero(f) a = Cast<to = 1>(at) b = Mul(a, each1) c = Add(b, each1) r = ReduceSum<keepdims = 0>(c) "
                           "q = Mul(d, r) y = Add(q, u)",
    "more than go together": " ".join(f"a{i} = Sub({'u' if i == 0 else f'a{i - 1}'}, each) b{i} = Max(a{i}, d)" for i in range(60)) +
                             " y = Add(b59, u)",
}


def network(expression):
    """Neurons whose membranes u, drives d and spikes f (as bool) an expression makes the output y of."""
    random = np.random.default_rng(3)
    weights = ", ".join(f"{w:.4f}" for w in random.normal(size=UNITS * UNITS))
    each = ", ".join(f"{w:.4f}" for w in random.random(UNITS))
    return onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["": 17]>
        g (float[1,{UNITS}] x, float[1,{UNITS}] v) => (float[1,{UNITS}] y, float[1,{UNITS}] v_next)
        <float[{UNITS},{UNITS}] weights = {{{weights}}}, float[{UNITS}] each = {{{each}}}, float[1] each1 = {{0.375}}, float decay = {{0.75}},
         float one = {{1.0}}, float low = {{-0.25}}, float high = {{0.75}}> {{
            d = Gemm(x, weights) left = Mul(v, decay) u = Add(left, d) f = Greater(u, one) {expression}
            s = Cast<to = 1>(f) v_next = Sub(u, s) }}""")


def classes(model, x):
    """Of each sample, by the mean of the outputs over time in onnxruntime."""
    session = session_of(model)
    found = []
    for sample in x:
        v, sums = np.zeros((1, UNITS), np.float32), np.zeros((1, UNITS), np.float64)
        for _ in range(STEPS):
            y, v = session.run(["y", "v_next"], {"x": sample[None], "v": v})
            sums += y
        found.append(int(sums.argmax()))
    return np.array(found)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_classes_are_those_of_onnxruntime(name, tmp_path):
    model = network(EXPRESSIONS[name])
    onnx.save(model, tmp_path / "model.onnx")
    x = np.random.default_rng(5).normal(size=(SAMPLES, UNITS)).astype(np.float32)
    labels = classes(model, x)
    assert len(np.unique(labels)) > 4, "an output that says little"
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", labels)
    report = simulate(tmp_path / "model.onnx", "--inputs", tmp_path / "x.npy", "--labels", tmp_path / "y.npy", "--steps", STEPS,
                      "--state", "v=v_next", "--decoding", "mean")
    # One of 200 may be a tie that another rounding decides.
    assert report["samples"] == SAMPLES and report["accuracy"] >= 1 - 1 / SAMPLES


@pytest.mark.parametrize("expression, status, said", [
    ("wide = Concat<axis = 1>(u, u) y = Identity(u)", 2, "--state v=v_next: their shapes or types differ"),
    ("wide = Cast<to = 11>(u) y = Identity(u)", 3, "v_next")])
def test_a_state_that_comes_back_otherwise_is_refused(expression, status, said, tmp_path):
    model = network(expression)
    hidden = [onnx.helper.make_node("SequenceConstruct", ["wide"], ["alone"]), onnx.helper.make_node("SequenceAt", ["alone",
      "at"], ["v_next"])]
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.int64(0), "at"))
    model.graph.node[-1].output[0] = "unread"
    model.graph.node.extend(hidden)
    onnx.save(model, tmp_path / "model.onnx")
    np.save(tmp_path / "x.npy", np.ones((3, UNITS), np.float32))
    done = snnfit("simulate", tmp_path / "model.onnx", "--inputs", tmp_path / "x.npy", "--steps", STEPS, "--state", "v=v_next")
    assert done.returncode == status and done.stdout == "", done.stderr
    assert len(done.stderr.splitlines()) == 1 and said in done.stderr, done.stderr
