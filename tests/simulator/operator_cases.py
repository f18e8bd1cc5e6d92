"""Small models in ONNX's text form, with inputs: what onnxruntime makes of them, and what it refuses.

GIVEN: models that both run. REFUSED: models that neither runs, with the words of our line.
NOT_DONE: models that onnxruntime runs and we refuse. An input is an array, a number or a list
of its values, or its shape as a tuple: then its values are drawn. The judge is onnxruntime; "as
float" with floats for the doubles that it has no kernel for; or onnx's reference.
"""

import zlib

import numpy as np
import onnx.parser
from onnx import helper, numpy_helper


class Case:
    def __init__(self, name, text, opset=17, says=None, judge="onnxruntime", **inputs):
        self.name, self.text, self.opset, self.says, self.judge = name, text, opset, says, judge
        self.given = inputs

    def parsed(self, text=None):
        return onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": {self.opset}, "local": 1]> g {text or self.text}')

    def values(self, model):
        """The inputs, in the types that the text says."""
        random = np.random.default_rng(zlib.crc32(self.name.encode()))
        found = {}
        for value in model.graph.input:
            given = self.given[value.name]
            dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
            if isinstance(given, tuple):
                given = random.normal(size=given) * 4
                if dtype.kind == "u":
                    given = np.abs(given)
            found[value.name] = np.asarray(given).astype(dtype)
        return found


def hidden(name, source):
    """Nodes that make name of source, of which only a run knows the shape and the values."""
    return [helper.make_node("SequenceConstruct", [source], [name + "_alone"]),
            helper.make_node("SequenceAt", [name + "_alone", "nought"], [name])]


def fixed(model, values):
    """The same with all inputs but the first as constants, the first in its shape, all of them
    hidden: a model that nothing is known to be wrong with before it runs."""
    graph, first = model.graph, model.graph.input[0]
    nodes, names = [], {}
    for value in list(graph.input):
        names[value.name] = value.name + "_seen"
        nodes += hidden(names[value.name], value.name)
    for value in list(graph.input)[1:]:
        graph.input.remove(value)
        graph.initializer.append(numpy_helper.from_array(values[value.name], value.name))
    graph.initializer.append(numpy_helper.from_array(np.int64(0), "nought"))
    first.type.tensor_type.shape.Clear()
    for size in values[first.name].shape:
        first.type.tensor_type.shape.dim.add().dim_value = size
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
    body = list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes + body)
    return model


GIVEN = []


def given(name, text, **keywords):
    GIVEN.append(Case(name, text, **keywords))


# --- sequences: one goes in or comes out of no model, so they are made and taken apart inside ------

X = np.arange(12).reshape(3, 4)
given("sequence: of inputs, at both ends", """(float[a,b] x, float[a,b] z, int64 at) => (float[a,b] y, float[a,b] last, int64 n) {
    s = SequenceConstruct(x, z, x) y = SequenceAt(s, at) minus = Constant<value_int = -1>()
    t = SequenceErase(s, minus) last = SequenceAt(t, minus) n = SequenceLength(t) }""", x=(2, 3), z=(2, 3), at=1)
given("sequence: erased without a place, counted", """(float[a,b] x, float[a,b] z) => (float[c,b] y, int64 n) {
    s = SequenceConstruct(x, z) t = SequenceErase(s) y = ConcatFromSequence<axis = 0>(t) n = SequenceLength(s) }""",
      x=(2, 3), z=(1, 3))
given("sequence: inserted at places", """(float[b] x, float[b] z) => (float[c,b] y) {
    e = SequenceEmpty<dtype = 1>() s = SequenceInsert(e, x) minus = Constant<value_int = -1>()
    zero = Constant<value_int = 0>() t = SequenceInsert(s, z, minus) u = SequenceInsert(t, x, zero)
    y = ConcatFromSequence<axis = 0, new_axis = 1>(u) }""", x=(3,), z=(3,))
given("sequence: concatenated along the last axis", """(float[a,b] x, float[a,c] z) => (float[a,d] y) {
    s = SequenceConstruct(x, z) y = ConcatFromSequence<axis = -1>(s) }""", x=(2, 3), z=(2, 2))
for axis in (0, 1, -1):
    given(f"split to sequence: ones along {axis}", """(float[a,b] x) => (float[c,d] y, int64 n) {
        s = SplitToSequence<axis = %d>(x) n = SequenceLength(s) i = Constant<value_int = 1>() y = SequenceAt(s, i) }""" % axis,
          x=X)
    given(f"split to sequence: ones along {axis}, axis gone", """(float[a,b] x) => (float[c] y) {
        s = SplitToSequence<axis = %d, keepdims = 0>(x) i = Constant<value_int = -2>() y = SequenceAt(s, i) }""" % axis,
          x=X)
    given(f"split to sequence: pieces of two along {axis}", """(float[a,b] x) => (float[c,d] y, int64 n) <int64 two = {2}> {
        s = SplitToSequence<axis = %d>(x, two) n = SequenceLength(s) i = Constant<value_int = -1>() y = SequenceAt(s, i) }"""
          % axis, x=X)
given("split to sequence: sizes", """(float[a,b] x) => (float[c,d] y) <int64[3] sizes = {1, 2, 1}> {
    s = SplitToSequence<axis = 1>(x, sizes) i = Constant<value_int = 1>() y = SequenceAt(s, i) }""", x=X)

# --- integers in every operation ---------------------------------------------------------------------

SIGNED, UNSIGNED = ("int8", "int16", "int32", "int64"), ("uint8", "uint16", "uint32", "uint64")
for t in SIGNED:
    for op in ("Abs", "Sign", "Neg"):
        given(f"{op} {t}", f"({t}[n] x) => ({t}[n] y) {{ y = {op}(x) }}", x=[-7, 0, 5, 100, -100])
given("Relu int32", "(int32[n] x) => (int32[n] y) { y = Relu(x) }", x=[-7, 0, 5])
for t in ("int32", "int64", "float", "double"):
    for op in ("ReduceSum", "ReduceProd", "ReduceMean", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceMax", "ReduceMin"):
        if (op, t) not in {("ReduceMean", "int64"), ("ReduceL1", "int64"), ("ReduceL2", "int64"), ("ReduceL1", "double"),
                           ("ReduceL2", "double")}:
            given(f"{op} {t}", f"({t}[a,b,c] x) => ({t}[a,c] y, {t}[a,b,c] z) "
                  f"{{ y = {op}<axes = [1], keepdims = 0>(x) z = {op}(x) }}", opset=11,
                  x=np.array([[[3, -4], [5, 2]], [[-1, 7], [2, 2]]]))
given("ReduceLogSum int32", "(int32[a,b] x) => (int32[a] y) { y = ReduceLogSum<axes = [1], keepdims = 0>(x) }", opset=11,
      x=[[9, 4], [1, 1]])
for t in SIGNED + UNSIGNED + ("float", "double"):
    x = [7, 100, 3, 12] if t in UNSIGNED else [7, -100, 3, -12]
    by = [2, 7, 3, 5] if t in UNSIGNED else [2, 7, -2, 5]
    for op in ("Add", "Sub", "Mul", "Div", "Mod", "Max", "Min", "Greater", "Less", "Equal"):
        if op == "Mod" and t in ("float", "double") or (op in ("Add", "Sub", "Mul", "Div", "Greater", "Less", "Max", "Min") and
                                                        t in ("int8", "int16", "uint8", "uint16", "uint32", "uint64")):
            continue
        out = "bool" if op in ("Greater", "Less", "Equal") else t
        given(f"{op} {t}", f"({t}[n] x, {t}[n] by) => ({out}[n] y) {{ y = {op}(x, by) }}", x=x, by=by)
    if t not in ("int8", "int16", "uint8", "uint16"):
        given(f"Mod {t} as in C", f"({t}[n] x, {t}[n] by) => ({t}[n] y) {{ y = Mod<fmod = 1>(x, by) }}", x=x, by=by)
given("Pow int32 of negative exponents", "(int32[n] x, int32[n] by) => (int32[n] y) { y = Pow(x, by) }",
      x=[2, 1, 3, -1, 5], by=[-1, -2, 0, 3, 2])
given("Pow int64 of a float", "(int64[n] x, float[n] by) => (int64[n] y) { y = Pow(x, by) }", x=[2, 9, 3, -2, 5],
      by=[0.5, 0.5, 2, 3, -1])
given("Pow uint64 of a float", "(int64[n] x, float[n] by) => (int64[n] y) { u = Cast<to = 13>(x) p = Pow(u, by) y = Cast<to = 7>(p) }",
      judge="reference", x=[2, 9, 3], by=[0.5, 0.5, 2])
given("Pow float of an int64", "(float[n] x, int64[n] by) => (float[n] y) { y = Pow(x, by) }", x=[2, 9, -3], by=[-1, 2, 3])
given("PRelu of integers", "(int32[n] x, int32[n] by) => (int32[n] y) { y = PRelu(x, by) }", judge="reference",
      x=[-2, 3, 0], by=[3, 3, 3])
given("Clip of old", "(float[n] x) => (float[n] y) { y = Clip<min = -1.0, max = 2.0>(x) }", opset=6, x=[-3, 0, 1, 7])
for t in ("int8", "int32", "int64", "uint8", "uint64", "double"):
    given(f"Clip {t}", f"({t}[n] x, {t} low, {t} high) => ({t}[n] y, {t}[n] z) {{ y = Clip(x, low, high) z = Clip(x, \"\", high) }}".replace('""', ""),
          x=[9, 1, 5, 3], low=2, high=6)

# --- casts: every type from every type ---------------------------------------------------------------

NUMBERS = {"float": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9, "float16": 10,
           "double": 11, "uint32": 12, "uint64": 13}
for a in NUMBERS:
    outs = ", ".join(f"{b}[n] to_{b}" for b in NUMBERS)
    body = " ".join(f"to_{b} = Cast<to = {n}>(x)" for b, n in NUMBERS.items())
    given(f"Cast from {a}", f"({a}[n] x) => ({outs}) {{ {body} }}", x=[0, 1, 2, 100, 127])
given("Cast of a uint64 beyond int64", "(uint64[n] x) => (float[n] y, double[n] z) { y = Cast<to = 1>(x) z = Cast<to = 11>(x) }",
      x=np.array([2**63 + 2**40, 2**64 - 1, 5], np.uint64))
given("Cast of fractions, towards zero", "(float[n] x) => (int32[n] y, int64[n] z, bool[n] b) "
      "{ y = Cast<to = 6>(x) z = Cast<to = 7>(x) b = Cast<to = 9>(x) }", x=[-1.9, -0.5, 0, 0.5, 1.9])
given("Cast through bfloat16", "(float[n] x) => (float[n] y) { b = Cast<to = 16>(x) y = Cast<to = 1>(b) }", x=(9,))
given("Cast through int4 and uint4", "(int8[n] x) => (int8[n] y, uint8[n] z) "
      "{ b = Cast<to = 22>(x) y = Cast<to = 3>(b) u = Cast<to = 21>(x) z = Cast<to = 2>(u) }", opset=21, x=[0, 3, 7, 5])

# --- shapes -------------------------------------------------------------------------------------------

for start, end, step in [(0, 9, 1), (-2, 99, 1), (1, -1, 2), (3, 0, -1), (-1, -99, -1), (-1, -99, -2), (99, 0, -2), (2, 2, 1),
                         (3, 1, 1), (-99, -1, 1), (5, 99, 3), (99, 100, 1), (-99, -100, -1)]:
    given(f"Slice from {start} to {end} by {step}", """(float[a,b] x, int64[k] s, int64[k] e, int64[k] ax, int64[k] st) =>
        (float[a,c] y) { y = Slice(x, s, e, ax, st) }""", x=(2, 6), s=[start], e=[end], ax=[-1], st=[step])
for start, end, step in [(-9, -9, -1), (0, 9, 1), (5, -5, -2)]:
    given(f"Slice of nothing from {start} to {end} by {step}",
          """(float[a,b] x, int64[k] s, int64[k] e, int64[k] ax, int64[k] st) =>
        (float[a,c] y) { y = Slice(x, s, e, ax, st) }""", x=(2, 0), s=[start], e=[end], ax=[-1], st=[step])
given("Slice of old", "(float[a,b] x) => (float[c,d] y) { y = Slice<starts = [1, 0], ends = [3, -1]>(x) }", opset=9, x=(3, 4))
for t in ("int8", "float16", "int16", "double", "bool"):
    given(f"Slice backwards {t}", f"({t}[a] x, int64[k] s, int64[k] e, int64[k] ax, int64[k] st) => ({t}[c] y) "
          "{ y = Slice(x, s, e, ax, st) }", x=[3, 0, 1, 5, 2], s=[4], e=[-9], ax=[0], st=[-1])
    given(f"Transpose {t}", f"({t}[a,b] x) => ({t}[b,a] y) {{ y = Transpose(x) }}", x=[[3, 0, 1], [5, 2, 0]])
for mode in ("constant", "reflect", "edge", "wrap"):
    given(f"Pad {mode}", """(float[a,b] x, int64[k] pads) => (float[c,d] y) { y = Pad<mode = "%s">(x, pads) }""" % mode,
          opset=19, x=(3, 4), pads=[1, 2, 2, 1])
    for pads in ([-1, 2, 0, -1], [1, -1, 1, -2], [0, -3, 0, 0], [-2, 1, -1, 1]):
        given(f"Pad {mode} that takes away {pads}",
              """(float[a,b] x, int64[k] pads) => (float[c,d] y) { y = Pad<mode = "%s">(x, pads) }"""
              % mode, opset=19, x=(4, 4), pads=pads)
given("Pad with a value, some axes", "(float[a,b] x, int64[k] pads, float v, int64[l] ax) => (float[c,d] y) "
      "{ y = Pad(x, pads, v, ax) }", opset=18, x=(2, 3), pads=[1, 2], v=7, ax=[-1])
given("Pad of old", "(float[a,b] x) => (float[c,d] y) { y = Pad<pads = [0, 1, 0, 2], value = 3.0>(x) }", opset=10, x=(2, 3))
given("Tile", "(float[a,b] x, int64[k] r) => (float[c,d] y) { y = Tile(x, r) }", x=(2, 3), r=[2, 0])
given("Expand both ways", "(float[a,b] x, int64[k] s) => (float[c,d,e] y) { y = Expand(x, s) }", x=(3, 1), s=[2, 1, 4])
for mode, block in (("DCR", 2), ("CRD", 2), ("CRD", 1)):
    given(f"DepthToSpace {mode} {block}",
          """(float[a,b,c,d] x) => (float[a,e,f,g] y) { y = DepthToSpace<blocksize = %d, mode = "%s">(x) }"""
          % (block, mode), x=(2, 8, 2, 3))
given("SpaceToDepth", "(float[a,b,c,d] x) => (float[a,e,f,g] y) { y = SpaceToDepth<blocksize = 2>(x) }", x=(2, 3, 4, 2))
given("Reshape: zeros kept, the rest worked out", "(float[a,b] x, int64[k] s) => (float[c,d,e] y) { y = Reshape(x, s) }",
      x=(4, 6), s=[0, -1, 2])
given("Reshape: zeros meant", "(float[a,b] x, int64[k] s) => (float[c,d,e] y) { y = Reshape<allowzero = 1>(x, s) }",
      x=(0, 6), s=[3, 0, 2])
given("Reshape of nothing, worked out", "(float[a,b] x, int64[k] s) => (float[c,d] y) { y = Reshape(x, s) }", x=(0, 6), s=[-1, 3])
for axis in (-2, 0, 1, 2, 3):
    given(f"Flatten at {axis}", "(float[a,b,c] x) => (float[d,e] y) { y = Flatten<axis = %d>(x) }" % axis, x=(2, 3, 4))
given("Squeeze all ones", "(float[a,b,c] x) => (float[d] y) { y = Squeeze(x) }", x=(1, 3, 1))
given("Squeeze from the end", "(float[a,b,c] x, int64[k] ax) => (float[d,e] y) { y = Squeeze(x, ax) }", x=(1, 3, 1), ax=[-1])
given("Unsqueeze", "(float[a] x, int64[k] ax) => (float[d,e,f] y) { y = Unsqueeze(x, ax) }", x=(3,), ax=[-1, 0])
for start, end in ((0, 9), (-2, 3), (1, -1), (-9, 2), (2, 1)):
    given(f"Shape from {start} to {end}", "(float[a,b,c] x) => (int64[k] y, int64 n) "
          "{ y = Shape<start = %d, end = %d>(x) n = Size(x) }" % (start, end), x=(2, 3, 4))
given("Concat from the end", "(int8[a,b] x, int8[a,c] z) => (int8[a,d] y) { y = Concat<axis = -1>(x, z, x) }", x=(2, 3), z=(2, 1))
given("Split in unlike parts", "(float[a,b] x) => (float[a,c] y, float[a,d] z) { y, z = Split<axis = -1, num_outputs = 2>(x) }",
      opset=18, x=(2, 5))
given("Split of sizes", "(float[a,b] x, int64[k] s) => (float[c,b] y, float[d,b] z) { y, z = Split(x, s) }", x=(5, 2), s=[4, 1])
given("Split of old", "(float[a,b] x) => (float[c,b] y, float[d,b] z) { y, z = Split<split = [1, 3]>(x) }", opset=11, x=(4, 2))

# --- picking ------------------------------------------------------------------------------------------

for axis in (0, 1, -1):
    given(f"Gather along {axis}", "(float[a,b] x, int64[c,d] i) => (float[e,f,g] y) { y = Gather<axis = %d>(x, i) }" % axis,
          x=(3, 4), i=[[0, -1, 2], [1, -3, 0]])
    given(f"GatherElements along {axis}", "(float[a,b] x, int64[c,d] i) => (float[c,d] y) { y = GatherElements<axis = %d>(x, i) }"
          % axis, x=(3, 4), i=[[0, -1, 2], [1, -3, 0]])
    for reduction in ("none", "add", "mul", "max", "min"):
        given(f"ScatterElements along {axis}, {reduction}", """(float[a,b] x, int64[c,d] i, float[c,d] u) => (float[a,b] y)
            { y = ScatterElements<axis = %d, reduction = "%s">(x, i, u) }""" % (axis, reduction), opset=18, x=(3, 4),
              i=[[0, -1, 2], [1, 0, -2]] if reduction == "none" else [[0, -1, 2], [0, 0, -1]], u=(2, 3))
given("Gather one", "(int16[a,b] x, int32 i) => (int16[b] y) { y = Gather(x, i) }", x=(3, 4), i=-1)
for batch in (0, 1):
    given(f"GatherND of {batch} batches", "(float[a,b,c] x, int64[d,e] i) => (float[f,g] y) { y = GatherND<batch_dims = %d>(x, i) }"
          % batch, x=(2, 3, 2), i=[[1], [-1]] if batch else [[1, -1], [0, 2]])
for reduction in ("none", "add", "mul", "max", "min"):
    given(f"ScatterND {reduction}", """(float[a,b] x, int64[c,d] i, float[c,b] u) => (float[a,b] y)
        { y = ScatterND<reduction = "%s">(x, i, u) }""" % reduction, opset=18, x=(3, 4), i=[[2], [-3]], u=(2, 4))
given("Scatter of old", "(float[a,b] x, int64[c,d] i, float[c,d] u) => (float[a,b] y) { y = Scatter<axis = 1>(x, i, u) }", opset=9,
      x=(2, 4), i=[[1, 0]], u=(1, 2))
given("Compress", "(float[a,b] x, bool[c] k) => (float[d,b] y, float[a,e] z, float[f] flat) "
      "{ y = Compress<axis = 0>(x, k) z = Compress<axis = -1>(x, k) flat = Compress(x, k) }", x=(3, 4), k=[0, 1, 1])
given("NonZero", "(int32[a,b] x) => (int64[c,d] y) { y = NonZero(x) }", x=[[0, 3, 0], [1, 0, -1]])
for axis in (0, 1, -1):
    given(f"OneHot along {axis}",
          "(int64[a,b] i, int64 n, float[c] v) => (float[d,e,f] y) { y = OneHot<axis = %d>(i, n, v) }" % axis,
          i=[[0, 2], [-1, 7]], n=3, v=[-1, 5])
given("Where broadcasts", "(bool[a,b] c, int64[b] x, int64[d,e] z) => (int64[a,b] y) { y = Where(c, x, z) }",
      c=[[1, 0, 0], [0, 1, 1]], x=[1, 2, 3], z=[[-1], [-2]])
for upper, k in ((0, 0), (0, 1), (0, -1), (1, 1), (1, -1), (1, 9)):
    given(f"Trilu {upper} {k}", "(float[a,b] x, int64 k) => (float[a,b] y) { y = Trilu<upper = %d>(x, k) }" % upper, x=(3, 4), k=k)
for k in (-1, 0, 2, 9):
    given(f"EyeLike {k}", "(int32[a,b] x) => (int32[a,b] y, float[a,b] z) { y = EyeLike<k = %d>(x) z = EyeLike<k = %d, dtype = 1>(x) }"
          % (k, k), x=(3, 4))
for t, numbers in (("float", (1, 2.5, 0.5)), ("float", (3, 1, -0.75)), ("int64", (5, -3, -3)), ("int32", (1, 1, 2)),
                   ("double", (0, 1, 0.3))):
    given(f"Range {t} {numbers}", f"({t} a, {t} b, {t} c) => ({t}[n] y) {{ y = Range(a, b, c) }}",
          a=numbers[0], b=numbers[1], c=numbers[2])

# --- along an axis ------------------------------------------------------------------------------------

for t in ("float", "double", "int32", "int8", "uint8"):
    for op in ("ArgMax", "ArgMin"):
        given(f"{op} {t}", f"({t}[a,b] x) => (int64[c] y, int64[a,d] last) {{ y = {op}<axis = 0, keepdims = 0>(x) "
              f"last = {op}<axis = -1, select_last_index = 1>(x) }}", x=[[3, 1, 3], [3, 1, 1]])
for op in ("Softmax", "LogSoftmax", "Hardmax"):
    for axis in (0, 1, -1):
        given(f"{op} along {axis}", "(float[a,b,c] x) => (float[a,b,c] y) { y = %s<axis = %d>(x) }" % (op, axis), x=(2, 3, 4))
        given(f"{op} of old from {axis}", "(float[a,b,c] x) => (float[a,b,c] y) { y = %s<axis = %d>(x) }" % (op, axis), opset=11,
              x=(2, 3, 4))
for exclusive, reverse in ((0, 0), (1, 0), (0, 1), (1, 1)):
    for t in ("float", "int64", "double", "int32"):
        given(f"CumSum {t} {exclusive} {reverse}", f"({t}[a,b] x, int32 axis) => ({t}[a,b] y) "
              f"{{ y = CumSum<exclusive = {exclusive}, reverse = {reverse}>(x, axis) }}", x=X, axis=-1)
for largest in (0, 1):
    for t in ("float", "int64", "int32", "double"):
        given(f"TopK {t} {largest}", f"({t}[a,b] x, int64[k] n) => ({t}[c,b] v, int64[c,b] i) "
              f"{{ v, i = TopK<axis = 0, largest = {largest}>(x, n) }}", x=[[3, 1], [3, 7], [-1, 7]], n=[2])

# --- windows ------------------------------------------------------------------------------------------

WINDOWS = ["kernel_shape = [3, 2]", "kernel_shape = [2, 2], strides = [2, 2]", "kernel_shape = [3, 3], pads = [1, 0, 1, 2]",
           "kernel_shape = [2, 3], strides = [2, 2], ceil_mode = 1",
           'kernel_shape = [3, 3], strides = [2, 2], auto_pad = "SAME_UPPER"',
           'kernel_shape = [2, 2], strides = [3, 3], auto_pad = "SAME_LOWER"',
           'kernel_shape = [1, 1], strides = [2, 2], auto_pad = "SAME_UPPER"',
           'kernel_shape = [3, 3], auto_pad = "VALID"', "kernel_shape = [2, 2], dilations = [2, 1]"]
for t in ("float", "double"):
    for window in WINDOWS:
        for op, more in (("MaxPool", ""), ("AveragePool", ""), ("AveragePool", ", count_include_pad = 1")):
            if op == "MaxPool" and "SAME" in window and t == "float" and "kernel_shape = [3, 3]" not in window:
                continue  # onnxruntime has negative pads there, and refuses them
            given(f"{op} {t} {window}{more}", f"({t}[a,b,c,d] x) => ({t}[a,b,e,f] y) {{ y = {op}<{window}{more}>(x) }}", opset=19,
                  x=(2, 3, 5, 6), judge="as float" if t == "double" and op == "AveragePool" else "onnxruntime")
    for op in ("GlobalAveragePool", "GlobalMaxPool"):
        given(f"{op} {t}", f"({t}[a,b,c] x, {t}[a,b,d,e,f] z) => ({t}[a,b,g] y, {t}[a,b,h,i,j] w) {{ y = {op}(x) w = {op}(z) }}",
              x=(2, 3, 5), z=(1, 2, 2, 3, 2),
              judge="as float" if t == "double" else "onnxruntime")
for t in ("int8", "uint8"):
    given(f"MaxPool {t}", f"({t}[a,b,c,d] x) => ({t}[a,b,e,f] y) {{ y = MaxPool<kernel_shape = [2, 2]>(x) }}", x=(1, 2, 4, 4))
for order in (0, 1):
    given(f"MaxPool with places {order}", "(float[a,b,c,d] x) => (float[a,b,e,f] y, int64[a,b,e,f] i) "
          "{ y, i = MaxPool<kernel_shape = [2, 3], strides = [1, 2], pads = [1, 1, 0, 0], storage_order = %d>(x) }" % order, x=(2,
          2, 4, 6))
for size in (4, 5, 6, 9, 17, 40):  # halving has kernels of its own
    given(f"MaxPool that halves {size}",
          "(float[a,b,c,d] x) => (float[a,b,e,f] y) { y = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(x) }",
          x=(1, 3, size, size + 1))
CONVOLUTIONS = [(1, "", (2, 4, 9), (6, 4, 3)), (1, "strides = [2], pads = [1, 1]", (2, 4, 9), (6, 4, 3)),
                (2, "group = 2, dilations = [2]", (1, 4, 9), (6, 2, 3)), (1, "", (2, 3, 6, 6), (5, 3, 3, 3)),
                (1, 'auto_pad = "SAME_LOWER", strides = [2, 1]', (1, 3, 6, 7), (5, 3, 2, 3)),
                (3, "group = 3, pads = [1, 1, 1, 1]", (1, 3, 6, 6), (6, 1, 3, 3)),
                (1, "pads = [0, 1, 0, 0, 0, 1]", (1, 2, 3, 4, 5), (3, 2, 2, 2, 2)),
                (2, "group = 2, strides = [1, 2, 1]", (2, 4, 3, 4, 5), (4, 2, 1, 3, 2))]
for number, (groups, attributes, x, w) in enumerate(CONVOLUTIONS):
    for t in ("float", "double"):
        given(f"Conv {t} {number}", f"({t}[] x, {t}[] w, {t}[] b) => ({t}[] y, {t}[] plain) {{ y = Conv<{attributes}>(x, w, b) "
              f"plain = Conv<{attributes}>(x, w) }}".replace("<>", ""), x=x, w=w, b=(w[0],),
              judge="reference" if t == "double" else "onnxruntime")

# --- bodies --------------------------------------------------------------------------------------------

DOUBLED = "<body = b (int64 i, bool go, float[n] v) => (bool go_on, float[n] w, float[n] out) { go_on = Identity(go) w = Add(v, v) out = Neg(w) }>"
given("Loop", "(float[n] x, int64 m) => (float[n] y, float[k,n] all) { yes = Constant<value = bool {1}>() y, all = Loop %s (m, yes, x) }" % DOUBLED,
      x=(3,), m=3)
given("Loop that ends itself", """(float x) => (float y) { y = Loop <body = b (int64 i, bool go, float v) => (bool go_on, float w) {
    w = Add(v, v) hundred = Constant<value_float = 100.0>() go_on = Less(w, hundred) }> ("", "", x) }""", x=3)
for way, back in ((0, 0), (1, 0), (0, 1), (1, 1)):
    given(f"Scan {way} {back}", """(float[n] s, float[n,t] x) => (float[n] y, float[a,b] all) { y, all = Scan <num_scan_inputs = 1,
        scan_input_axes = [-1], scan_output_axes = [1], scan_input_directions = [%d], scan_output_directions = [%d],
        body = b (float[n] v, float[n] e) => (float[n] w, float[n] out) { w = Add(v, e) out = Mul(w, w) }> (s, x) }""" % (way,
        back),
          s=(3,), x=(3, 4))
for which in (0, 1):
    given(f"If {which}", """(float[n] x, bool c) => (float[a] y) { y = If <then_branch = t () => (float[a] p) { p = Neg(x) },
        else_branch = e () => (float[a] q) { q = Concat<axis = 0>(x, x) }> (c) }""", x=(3,), c=which)

# --- numbers that are near no other -------------------------------------------------------------------------

given("Constant lists", "(float[n] x) => (float[n] y, int64[k] z) { f = Constant<value_floats = [1.5, -2.0, 0.25]>() y = Add(x, f) "
      "z = Constant<value_ints = [3, -4]>() }", x=(3,))
given("Cast beyond the range", "(double[n] x) => (uint64[n] y, float[n] z) { y = Cast<to = 13>(x) z = Cast<to = 1>(x) }", x=[1e19,
      3, 0])
given("random numbers lie where they are to", """(float[n] x) => (bool a, bool b, bool c) { low = Constant<value_float = 2.0>()
    high = Constant<value_float = 3.0>() r = RandomUniform<low = 2.0, high = 3.0, shape = [40, 5]>() l = ReduceMin<keepdims = 0>(r)
    h = ReduceMax<keepdims = 0>(r) a = GreaterOrEqual(l, low) b = Less(h, high) g = RandomNormal<mean = 2.5, scale = 0.1, shape = [1000]>()
    m = ReduceMean<keepdims = 0>(g) d = Greater(m, low) e = Less(m, high) c = And(d, e) }""", x=(1,))
# --- functions of the model: attributes that they are called with, or that stand there -------------------

LEAKY = """ <domain: "local", opset_import: ["": 17]> leaky <alpha: float = 0.25> (a) => (b) { b = LeakyRelu<alpha: float = @alpha>(a) }"""
TWICE = """ <domain: "local", opset_import: ["": 17, "local": 1]> twice <slope> (a) => (b) {
    c = local.leaky<alpha: float = @slope>(a) d = Neg(c) b = local.leaky(d) }"""
given("a function with its attribute", "(float[n] x) => (float[n] y) { y = local.leaky<alpha = 0.5>(x) }" + LEAKY, x=(9,))
given("a function with the attribute that stands there", "(float[n] x) => (float[n] y) { y = local.leaky(x) }" + LEAKY, x=(9,))
given("a function in a function, its attribute handed on",
      "(float[n] x) => (float[n] y) { y = local.twice<slope = 0.125>(x) }" + LEAKY +
      TWICE, x=(9,))

# --- what is refused ------------------------------------------------------------------------------------

REFUSED, NOT_DONE = [], []


def refused(name, says, text, **keywords):
    REFUSED.append(Case(name, text, says=says, **keywords))


def not_done(name, says, text, **keywords):
    NOT_DONE.append(Case(name, text, says=says, **keywords))


def of(node, inputs="", outputs="float[] y"):
    """A model of x and more inputs; its node makes y."""
    return f"(float[] x{inputs}) => ({outputs}) {{ {node} }}"


WRONG_INDEX = "an index outside of what it picks from"
refused("Gather beyond the end", WRONG_INDEX, of("y = Gather<axis = 1>(x, i)", ", int64[n] i"), x=(2, 3), i=[0, 3])
refused("Gather before the beginning", WRONG_INDEX, of("y = Gather(x, i)", ", int64[n] i"), x=(2, 3), i=[-3])
refused("GatherElements beyond the end", WRONG_INDEX, of("y = GatherElements(x, i)", ", int64[a,b] i"), x=(2, 3), i=[[0, 2, 0]])
refused("GatherND beyond the end", WRONG_INDEX, of("y = GatherND(x, i)", ", int64[a,b] i"), x=(2, 3), i=[[1, 3]])
refused("ScatterElements beyond the end", WRONG_INDEX, of("y = ScatterElements(x, i, u)", ", int64[a,b] i, float[a,b] u"), x=(2, 3),
        i=[[5]], u=[[1]])
refused("ScatterND beyond the end", WRONG_INDEX, of("y = ScatterND(x, i, u)", ", int64[a,b] i, float[a] u"), x=(2, 3), i=[[1, 3]],
        u=[1])
NO_AXIS = "an array, indices, and an axis of the array"
refused("Gather along an axis that x does not have", NO_AXIS, of("y = Gather<axis = 2>(x, i)", ", int64[n] i"), x=(2, 3), i=[0])
refused("GatherElements of another shape", "its indices do not have the array's shape", of("y = GatherElements(x, i)",
        ", int64[a,b] i"),
        x=(2, 3), i=[[0, 0, 0, 0]])
refused("GatherElements of another rank", "its indices do not have the array's shape", of("y = GatherElements(x, i)",
        ", int64[a] i"),
        x=(2, 3), i=[0])
refused("GatherND of tuples too long", "tuples longer than the array's rank", of("y = GatherND(x, i)", ", int64[a,b] i"), x=(2, 3),
        i=[[0, 0, 0]])
refused("GatherND of batches that differ", "its batches differ", of("y = GatherND<batch_dims = 1>(x, i)", ", int64[a,b] i"), x=(2,
        3),
        i=[[0], [0], [0]])
refused("GatherND of more batches than axes", "it takes an array and tuples of indices",
        of("y = GatherND<batch_dims = 2>(x, i)", ", int64[a,b] i"), x=(2, 3), i=[[0], [0]])
refused("ScatterElements of updates of another size", "indices and updates do not go with the array",
        of("y = ScatterElements(x, i, u)", ", int64[a,b] i, float[a,c] u"), x=(2, 3), i=[[1]], u=[[1, 2]])
refused("ScatterND of updates of another size", "indices and updates do not go with the array",
        of("y = ScatterND(x, i, u)", ", int64[a,b] i, float[a] u"), x=(2, 3), i=[[1]], u=[1])
refused("Compress along an axis that x does not have", "it takes an array, a condition, and an axis",
        of("y = Compress<axis = 2>(x, k)", ", bool[a] k"), x=(2, 3), k=[1, 0])

TOGETHER = "the shapes of its inputs do not go together"
refused("Add of shapes that do not broadcast", TOGETHER, of("y = Add(x, z)", ", float[a] z"), x=(2, 3), z=(2,))
refused("Expand to a shape that does not fit", TOGETHER, of("y = Expand(x, s)", ", int64[a] s"), x=(2, 3), s=[2, 2])
refused("MatMul of batches that do not broadcast", TOGETHER, of("y = MatMul(x, z)", ", float[a,b,c] z"), x=(2, 2, 3), z=(3, 3, 2))
refused("Concat of shapes that differ", TOGETHER, of("y = Concat<axis = 0>(x, z)", ", float[a,b] z"), x=(2, 3), z=(2, 2))
refused("MatMul of depths that differ", "matrices of 3 columns and 2 rows", of("y = MatMul(x, z)", ", float[a,b] z"), x=(2, 3),
        z=(2, 3))
refused("Gemm of depths that differ", "matrices of 3 columns and 2 rows", of("y = Gemm(x, z)", ", float[a,b] z"), x=(2, 3), z=(2,
        3))
refused("Gemm with a bias that does not fit", "C does not go with the product", of("y = Gemm(x, z, b)",
        ", float[a,b] z, float[a] b"),
        x=(2, 3), z=(3, 2), b=(3,))
refused("Gemm of vectors", "it takes two matrices of one type", of("y = Gemm(x, z)", ", float[a] z"), x=(2, 3), z=(3,))
refused("Concat of another rank", "input 1 is of another type or rank", of("y = Concat<axis = 0>(x, z)", ", float[a] z"), x=(2,
        3), z=(3,))
refused("Concat along an axis that x does not have", "an axis that it does not have", of("y = Concat<axis = 3>(x, z)",
        ", float[a,b] z"),
        x=(2, 3), z=(2, 3))
refused("Add of types that differ", "inputs of types float and int64", of("y = Add(x, z)", ", int64[a] z"), x=(2, 3), z=[1, 2, 3])
refused("MatMul of types that differ", "inputs of types float and double", of("y = MatMul(x, z)", ", double[a,b] z"), x=(2, 3),
        z=(3, 2))
refused("Max of types that differ", "input 1 is missing, or of another type", of("y = Max(x, z)", ", double[a] z"), x=(2, 3),
        z=(3,))
refused("Where of types that differ", "its two values have types float and int32", of("y = Where(c, x, z)",
        ", bool[a] c, int32[a] z"),
        x=(2, 3), c=[1, 0, 1], z=[1, 2, 3])
refused("Clip with several bounds", "its bounds must be single numbers", of("y = Clip(x, low)", ", float[a] low"), x=(2, 3),
        low=(3,))

refused("Reshape into too many", "6 elements do not go into the shape asked for", of("y = Reshape(x, s)", ", int64[a] s"), x=(2,
        3), s=[7])
refused("Reshape with two unknowns", "a shape that cannot be", of("y = Reshape(x, s)", ", int64[a] s"), x=(2, 3), s=[-1, -1])
refused("Reshape into a negative size", "a shape that cannot be", of("y = Reshape(x, s)", ", int64[a] s"), x=(2, 3), s=[-2, 3])
refused("Reshape into sizes beyond 2^64", "a shape that cannot be", of("y = Reshape(x, s)", ", int64[a] s"), x=(2, 3), s=[2**62,
        2**62])
refused("Flatten beyond the rank", "an axis that it does not have", of("y = Flatten<axis = 4>(x)"), x=(2, 3))
refused("Squeeze of an axis of three", "an axis of size 3", of("y = Squeeze(x, ax)", ", int64[a] ax"), x=(1, 3), ax=[1])
refused("Squeeze of an axis that x does not have", "axes that it does not have", of("y = Squeeze(x, ax)", ", int64[a] ax"), x=(1,
        3), ax=[2])
refused("Unsqueeze twice at one place", "axes that it does not have", of("y = Unsqueeze(x, ax)", ", int64[a] ax"), x=(1, 3),
        ax=[0, 0])
refused("Transpose of another rank", "3 numbers for 2 dimensions", of("y = Transpose<perm = [0, 2, 1]>(x)"), x=(2, 3))
refused("Transpose in no order", "a perm that is no order of dimensions", of("y = Transpose<perm = [0, 2]>(x)"), x=(2, 3))
SLICE = ", int64[a] s, int64[b] e, int64[c] ax, int64[d] st"
refused("Slice with more ends than starts", "starts, ends, axes and steps differ in length", of("y = Slice(x, s, e, ax, st)",
        SLICE),
        x=(2, 3), s=[0], e=[1, 1], ax=[0], st=[1])
refused("Slice with a step of nothing", "an axis or step that cannot be", of("y = Slice(x, s, e, ax, st)", SLICE), x=(2, 3),
        s=[0], e=[1],
        ax=[0], st=[0])
refused("Slice of an axis that x does not have", "an axis or step that cannot be", of("y = Slice(x, s, e, ax, st)", SLICE), x=(2,
        3), s=[0],
        e=[1], ax=[2], st=[1])
refused("Tile with too few repeats", "1 repeats for 2 dimensions", of("y = Tile(x, r)", ", int64[a] r"), x=(2, 3), r=[2])
refused("Tile less than never", "a number of repeats that cannot be", of("y = Tile(x, r)", ", int64[a] r"), x=(2, 3), r=[2, -1])
refused("DepthToSpace of a matrix", "it takes four dimensions and a blocksize", of("y = DepthToSpace<blocksize = 2>(x)"), x=(2, 4))
refused("DepthToSpace of channels too few", "the channels are no multiple of the block", of("y = DepthToSpace<blocksize = 2>(x)"),
        x=(1, 6, 2, 2))
refused("SpaceToDepth of an odd image", "the image is no multiple of the block", of("y = SpaceToDepth<blocksize = 2>(x)"), x=(1,
        1, 3, 2))
refused("Pad in an unknown mode", "mode 'mirror'", of('y = Pad<mode = "mirror">(x, p)', ", int64[a] p"), x=(2, 3), p=[0, 0, 1, 1])
refused("Pad with too few", "2 pads for 2 axes", of("y = Pad(x, p)", ", int64[a] p"), x=(2, 3), p=[0, 1])
refused("Split into more than there is", "its parts are more than its input", of("y, z = Split(x, s)", ", int64[a] s",
        "float[] y, float[] z"),
        x=(2, 3), s=[1, 2])
refused("Split into as many sizes as outputs", "its sizes do not match its outputs", of("y, z = Split(x, s)", ", int64[a] s",
        "float[] y, float[] z"), x=(3, 3), s=[1, 1, 1])
refused("Split along an axis that x does not have", "an axis that it does not have", of("y, z = Split<axis = 2>(x)", "",
        "float[] y, float[] z"),
        x=(2, 4))
for op in ("Softmax", "LogSoftmax", "Hardmax"):
    refused(f"{op} along an axis that x does not have", "an axis that it does not have", of("y = %s<axis = 2>(x)" % op), x=(2, 3))
refused("ReduceSum over an axis that x does not have", "an axis that it does not have", of("y = ReduceSum(x, ax)",
        ", int64[a] ax"), x=(2, 3), ax=[2])
refused("ArgMax along an axis that x does not have", "an axis that it does not have",
        of("i = ArgMax<axis = 2>(x) y = Cast<to = 1>(i)"), x=(2, 3))
refused("TopK of more than there are", "more than there are", of("y, i = TopK(x, k)", ", int64[a] k"), x=(2, 3), k=[4])
refused("CumSum along an axis that x does not have", "an axis that it does not have", of("y = CumSum(x, ax)", ", int32 ax"), x=(2,
        3), ax=2)
refused("LayerNormalization along an axis that x does not have", "an axis that it does not have",
        of("y = LayerNormalization<axis = 2>(x, s)", ", float[a] s"), x=(2, 3), s=(3,))
refused("LayerNormalization with a scale that does not fit", "scale and bias do not go with the axes",
        of("y = LayerNormalization(x, s)", ", float[a] s"), x=(2, 3), s=(2,))
refused("InstanceNormalization with a scale that does not fit", "scale and bias do not go with the channels",
        of("y = InstanceNormalization(x, s, b)", ", float[a] s, float[a] b"), x=(1, 3, 4), s=(2,), b=(2,))
refused("BatchNormalization with a mean that does not fit", "input 3 is not one number for each channel",
        of("y = BatchNormalization(x, s, b, m, v)", ", float[a] s, float[a] b, float[c] m, float[a] v"), x=(1, 3, 4), s=(3,),
        b=(3,), m=(2,),
        v=[1, 1, 1])
refused("OneHot of a negative depth", "a depth or axis that cannot be", of("i = Cast<to = 7>(x) y = OneHot(i, n, v)",
        ", int64 n, float[a] v"),
        x=(2,), n=-1, v=[0, 1])
refused("OneHot of three values", "it takes indices, a depth and two values",
        of("i = Cast<to = 7>(x) y = OneHot(i, n, v)", ", int64 n, float[a] v"), x=(2,), n=3, v=[0, 1, 2])
refused("Trilu of a vector", "it takes matrices", of("y = Trilu(x)"), x=(3,))
refused("EyeLike of a vector", "it takes a matrix", of("y = EyeLike(x)"), x=(3,))
refused("Range of several", "input 1 is not one number", of("y = Range(z, x, z)", ", float z"), x=(3,), z=1)
refused("ConstantOfShape of a negative size", "a shape that cannot be", of("c = ConstantOfShape(s) y = Add(x, c)",
        ", int64[a] s"), x=(3,), s=[-1])
refused("QuantizeLinear with scales that do not fit", "scales do not go with the axis",
        of("q = QuantizeLinear(x, s, z) y = Cast<to = 1>(q)", ", float[a] s, uint8[a] z"), x=(2, 3), s=[1, 1], z=[0, 0])
refused("QuantizeLinear with zero points of another size", "scales and zero points differ in number",
        of("q = QuantizeLinear(x, s, z) y = Cast<to = 1>(q)", ", float[a] s, uint8[b] z"), x=(2, 3), s=[1, 1, 1], z=[0, 0])
refused("QuantizeLinear along an axis that x does not have", "an axis that it does not have",
        of("q = QuantizeLinear<axis = 2>(x, s, z) y = Cast<to = 1>(q)", ", float[a] s, uint8[a] z"), x=(2, 3), s=[1, 1, 1], z=[0,
        0, 0])
refused("MatMulInteger of floats", "it takes two arrays of integers", of("i = MatMulInteger(x, z) y = Cast<to = 1>(i)",
        ", uint8[a,b] z"),
        x=(2, 3), z=(3, 2))
refused("MatMulInteger with zero points that do not fit", "zero points that do not go with the matrix",
        of("q = Cast<to = 2>(x) i = MatMulInteger(q, w, z, z) y = Cast<to = 1>(i)", ", uint8[a,b] w, uint8[c] z"), x=[[1, 2, 3],
        [1, 2, 3]],
        w=(3, 2), z=[1, 2, 3, 4])
refused("DynamicQuantizeLinear of doubles", "it takes floats, and has three outputs",
        of("d = Cast<to = 11>(x) q, s, z = DynamicQuantizeLinear(d) y = Cast<to = 1>(q)"), x=(2, 3))

refused("Conv of channels that do not fit", "3 channels for kernels of 2 in 1 groups", of("y = Conv(x, w)", ", float[a,b,c,d] w"),
        x=(1, 3, 4, 4),
        w=(2, 2, 3, 3))
refused("Conv of images of another rank", "it takes images and kernels of one rank", of("y = Conv(x, w)", ", float[a,b,c,d] w"),
        x=(1, 3, 4),
        w=(2, 3, 3, 3))
refused("Conv of types that differ", "inputs of different types", of("y = Conv(x, w)", ", double[a,b,c,d] w"), x=(1, 3, 4, 4),
        w=(2, 3, 3, 3))
refused("Conv with a bias that does not fit", "a bias of another size", of("y = Conv(x, w, b)", ", float[a,b,c,d] w, float[e] b"),
        x=(1, 3, 4, 4),
        w=(2, 3, 3, 3), b=(3,))
refused("Conv with strides for one axis of two", "strides has 1 numbers for 2", of("y = Conv<strides = [1]>(x, w)",
        ", float[a,b,c,d] w"),
        x=(1, 3, 4, 4), w=(2, 3, 3, 3))
refused("MaxPool with a stride of nothing", "strides of 0", of("y = MaxPool<kernel_shape = [2, 2], strides = [0, 1]>(x)"), x=(1,
        1, 4, 4))
refused("MaxPool of a matrix", "it takes images of one to three dimensions", of("y = MaxPool<kernel_shape = [2]>(x)"), x=(4, 4))
refused("GlobalAveragePool of a matrix", "it takes images", of("y = GlobalAveragePool(x)"), x=(4, 4))

refused("SequenceAt of an array", "input 0 is not a sequence", of("i = Constant<value_int = 0>() y = SequenceAt(x, i)"), x=(2, 3))
refused("ConcatFromSequence of an array", "input 0 is not a sequence", of("y = ConcatFromSequence<axis = 0>(x)"), x=(2, 3))
refused("SequenceLength of an array", "input 0 is not a sequence", of("n = SequenceLength(x) y = Cast<to = 1>(n)"), x=(2, 3))
refused("SequenceErase of an array", "input 0 is not a sequence",
        of("s = SequenceErase(x) i = Constant<value_int = 0>() y = SequenceAt(s, i)"),
        x=(2, 3))
refused("SequenceInsert into an array", "input 0 is not a sequence",
        of("s = SequenceInsert(x, x) i = Constant<value_int = 0>() y = SequenceAt(s, i)"), x=(2, 3))
OUTSIDE = "a position outside of the sequence"
refused("SequenceAt beyond the end", OUTSIDE, of("s = SequenceConstruct(x) y = SequenceAt(s, i)", ", int64 i"), x=(2, 3), i=1)
refused("SequenceErase before the beginning", OUTSIDE,
        of("s = SequenceConstruct(x, x) t = SequenceErase(s, i) y = ConcatFromSequence<axis = 0>(t)", ", int64 i"), x=(2, 3), i=-3)
refused("SequenceInsert beyond the end", OUTSIDE,
        of("s = SequenceConstruct(x) t = SequenceInsert(s, x, i) y = ConcatFromSequence<axis = 0>(t)", ", int64 i"), x=(2, 3), i=2)
refused("ConcatFromSequence of shapes that differ", "the shapes of what it stacks differ",
        of("s = SequenceConstruct(x, z) y = ConcatFromSequence<axis = 0, new_axis = 1>(s)", ", float[a,b] z"), x=(2, 3), z=(2, 2))
refused("SplitToSequence into more than there is", "its parts are more than its input",
        of("t = SplitToSequence(x, s) y = ConcatFromSequence<axis = 0>(t)", ", int64[a] s"), x=(2, 3), s=[1, 2])
refused("SplitToSequence along an axis that x does not have", "an axis that it does not have, or no sizes",
        of("t = SplitToSequence<axis = 2>(x) y = ConcatFromSequence<axis = 0>(t)"), x=(2, 3))
refused("SplitToSequence into pieces of nothing", "sizes that cannot be",
        of("t = SplitToSequence(x, s) y = ConcatFromSequence<axis = 0>(t)", ", int64 s"), x=(2, 3), s=0)

refused("ConcatFromSequence of no arrays", "nothing to join",
        of("s = SequenceConstruct(x) t = SequenceErase(s) y = ConcatFromSequence<axis = 0>(t)"), x=(2, 3))
BODY = "<then_branch = t () => (float[] p) { p = Neg(x_seen) }, else_branch = e () => (float[] q) { q = Identity(x_seen) }>"
refused("If by two conditions", "its condition is not one bool", of("y = If %s (c)" % BODY, ", bool[a] c"), x=(2, 3), c=[1, 0])
SCAN = "<num_scan_inputs = 2, body = b (float[] e, float[] f) => (float[] out) { out = Add(e, f) }>"
refused("Scan of different lengths", "inputs of different lengths", of("y = Scan %s (x, z)" % SCAN, ", float[a,b] z"), x=(2, 3),
        z=(3, 3))
refused("Scan along an axis that x does not have", "an axis that it does not have", of("y = Scan %s (x, z)" % SCAN.replace(
    "= 2,", "= 2, scan_input_axes = [2, 0],"), ", float[a,b] z"), x=(2, 3), z=(2, 3))
refused("Pad along an axis that x does not have", "an axis or pad that cannot be", of('y = Pad(x, p, "", ax)',
        ", int64[a] p, int64[b] ax"), opset=18,
        x=(2, 3), p=[1, 1], ax=[5])
refused("MaxPool of windows that see padding only", "a window that sees padding only",
        of("y = MaxPool<kernel_shape = [2, 2], pads = [2, 2, 0, 0]>(x)"), x=(1, 1, 4, 4))
refused("Trilu of no diagonal", "input 1 is not one number", of("y = Trilu(x, k)", ", int64[a] k"), x=(2, 3), k=[])
refused("TopK of two numbers", "a list of over 1 numbers", of("y, i = TopK(x, k)", ", int64[a] k"), x=(2, 3), k=[1, 2])
not_done("Dropout in training", "training mode (export the model after eval())", of("y = Dropout(x, r, t)", ", float r, bool t"),
         x=(2, 3), r=0.5, t=1)
not_done("Cast through float8", "a type that is not computed with", of("a = Cast<to = 17>(x) y = Cast<to = 1>(a)"), opset=19,
         x=(2, 3))
not_done("QuantizeLinear to float8", "quantizing to another type",
         of("a = QuantizeLinear<output_dtype = 17>(x, s) y = Cast<to = 1>(a)", ", float s"),
         opset=21, x=(2, 3), s=1)
not_done("Loop by two conditions", "its condition is not one bool",
         of("""m = Constant<value_int = 2>() y = Loop <body = b (int64 i, bool go, float[] v)
    => (bool[] go_on, float[] w) { go_on = Identity(c_seen) w = Add(v, v) }> (m, "", x)""", ", bool[a] c"), x=(2, 3), c=[1, 0])
not_done("Loop that never runs, and is to stack what it makes", "nothing to join",
         of("yes = Constant<value = bool {1}>() y, all = Loop %s (m, yes, x)" % DOUBLED, ", int64 m"), x=(3,), m=0)
MANY = 17
not_done("Reshape into many dimensions", "a list of over", of("a = Reshape(x, s) y = Reshape(a, t)", ", int64[a] s, int64[b] t"),
         x=(2, 3),
         s=[2, 3] + [1] * MANY, t=[6])
not_done("BatchNormalization in training", "training mode (export the model after eval())",
         of("y, mm, vv = BatchNormalization<training_mode = 1>(x, s, b, m, v)",
         ", float[a] s, float[a] b, float[a] m, float[a] v"), x=(1, 3, 4),
         s=(3,), b=(3,), m=(3,), v=[1, 1, 1])
not_done("ScatterND with an unknown reduction", "reduction 'sub'", of('y = ScatterND<reduction = "sub">(x, i, u)',
         ", int64[a,b] i, float[a] u"), opset=18, x=(2, 3), i=[[1, 1]], u=[1])
