"""Small networks inside Loop, Scan and If, and what the importer is to say of their layers.

A case is a text in ONNX's own syntax, and what is expected of its layers, by name of the weight
operation: None (free), or a part of the reason why it is frozen. Weights are drawn by name and shape.
"""

import numpy as np
import onnx
from onnx import numpy_helper

STEPS, INPUTS, HIDDEN = 6, 5, 8

# A layer of 8 neurons and a read-out of 3; w1 [8,5], w2 [3,8].
STEP = """
    cur1 = Gemm <transB = 1> (x, w1, b1)
    kept1 = Mul (v1, beta)
    u1 = Add (kept1, cur1)
    fires1 = Greater (u1, th)
    s1 = Cast <to = 1> (fires1)
    minus1 = Mul (s1, th)
    v1_next = Sub (u1, minus1)"""
READ = """
    cur2 = Gemm <transB = 1> (s1, w2)
    kept2 = Mul (v2, beta)
    v2_next = Add (kept2, cur2)"""
WEIGHTS = "float[8,5] w1, float[8] b1, float[3,8] w2"
CONSTANTS = "float beta = {0.75}, float th = {0.5}, int64 zero = {0}, int64 one = {1}, int64 T = {6}, bool true = {1}"
ZEROS = "float[1,8] zero1, float[1,3] zero2"


def names(listing):
    """Each node gets the name of what it makes, so that layers have names."""
    for node in listing:
        node.name = node.output[0]
        for attribute in node.attribute:
            if attribute.HasField("g"):
                names(attribute.g.node)


def fill(graph, dice, changed):
    """What is declared without a value gets one: zeros are zero, others of both signs, about enough to spike."""
    for declared in graph.value_info:
        shape = [dim.dim_value for dim in declared.type.tensor_type.shape.dim]
        values = np.zeros(shape) if declared.name.startswith("zero") else (
            (dice.random(shape) - 0.35) * 2 / np.sqrt(shape[-1] / 2))
        values = changed.get(declared.name, values).astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(values, declared.name))
    del graph.value_info[:]


def build(text, stored=(), functions="", seed=0, **changed):
    """The model of a graph body; stored: initializers of bodies, (node, attribute, name, values)."""
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["": 17, "f": 1]>\n{text}\n{functions}')
    names(model.graph.node)
    fill(model.graph, np.random.default_rng(seed), changed)
    for node, attribute, name, values in stored:
        holder = next(each for each in model.graph.node if each.name == node)
        body = next(each.g for each in holder.attribute if each.name == attribute)
        body.initializer.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
    onnx.checker.check_model(model, full_check=True)
    return model


def graph(head, body, extra=""):
    more = f", {extra}" if extra else ""
    return f"net ({head}) <{WEIGHTS}, {CONSTANTS}, {ZEROS}{more}> {{{body}\n}}"


FREE = {"cur1": None, "cur2": "graph output"}
X = "float[6,1,5] input"
CASES = {}


def case(make):
    CASES[make.__name__] = make
    return make


@case
def loop_reads_weights_and_input_around_it():
    return build(graph(f"{X}) => (float[6,1,3] out", f"""
  last1, last2, out = Loop (T, true, zero1, zero2) <body = step (int64 t, bool go, float[1,8] v1, float[1,3] v2)
    => (bool on, float[1,8] v1_next, float[1,3] v2_next, float[1,3] seen) {{
    x = Gather <axis = 0> (input, t){STEP}{READ}
    seen = Identity (v2_next)
    on = Identity (go)
  }}>""")), FREE, 6


@case
def last_membrane_is_the_answer():
    return build(graph(f"{X}) => (float[1,3] out", f"""
  last1, out = Loop (T, true, zero1, zero2) <body = step (int64 t, bool go, float[1,8] v1, float[1,3] v2)
    => (bool on, float[1,8] v1_next, float[1,3] v2_next) {{
    x = Gather <axis = 0> (input, t){STEP}{READ}
    on = Identity (true)
  }}>""")), FREE, 6


@case
def while_loop_counts_by_itself():
    """No trip count: a variable counts, and picks the input."""
    return build(graph(f"{X}) => (float[1,3] out", f"""
  last1, out, count = Loop ("", true, zero1, zero2, zero) <body =
    step (int64 i, bool go, float[1,8] v1, float[1,3] v2, int64 t)
    => (bool on, float[1,8] v1_next, float[1,3] v2_next, int64 t_next) {{
    x = Gather <axis = 0> (input, t){STEP}{READ}
    t_next = Add (t, one)
    on = Less (t_next, T)
  }}>""")), FREE, 6


@case
def scan_along_the_second_axis():
    return build(graph("float[1,6,5] input) => (float[1,6,3] out", f"""
  last1, last2, out = Scan <num_scan_inputs = 1, scan_input_axes = [1], scan_output_axes = [1], body =
    step (float[1,8] v1, float[1,3] v2, float[1,5] x)
    => (float[1,8] v1_next, float[1,3] v2_next, float[1,3] seen) {{{STEP}{READ}
    seen = Identity (v2_next)
  }}> (zero1, zero2, input)""")), FREE, 6


@case
def scan_backwards_with_spikes_out():
    """The hidden spikes leave stacked, and the read-out stands outside."""
    return build(graph(f"{X}) => (float[6,1,3] out", f"""
  last1, spikes = Scan <num_scan_inputs = 1, scan_input_directions = [1], scan_output_directions = [1], body =
    step (float[1,8] v1, float[1,5] x) => (float[1,8] v1_next, float[1,8] s) {{{STEP}
    s = Identity (s1)
  }}> (zero1, input)
  turned = Transpose <perm = [1, 0]> (w2)
  out = MatMul (spikes, turned)""")), {"cur1": None, "out": "graph output"}, 6


@case
def current_made_outside():
    """All currents at once; the loop picks each by the iteration number, and counts spikes."""
    return build(graph(f"{X}) => (float[1,3] out", """
  turned = Transpose <perm = [1, 0]> (w1)
  currents = MatMul (input, turned)
  biased = Add (currents, b1)
  last1, counts = Loop (T, true, zero1, zero1) <body = step (int64 t, bool go, float[1,8] v1, float[1,8] count)
    => (bool on, float[1,8] v1_next, float[1,8] count_next) {
    cur1 = Gather <axis = 0> (biased, t)
    kept1 = Mul (v1, beta)
    u1 = Add (kept1, cur1)
    fires1 = GreaterOrEqual (u1, th)
    s1 = Cast <to = 1> (fires1)
    minus1 = Mul (s1, th)
    v1_next = Sub (u1, minus1)
    count_next = Add (count, s1)
    on = Identity (go)
  }>
  out = Gemm <transB = 1> (counts, w2)""")), {"currents": None, "out": "graph output"}, 6


@case
def spikes_come_back_through_weights():
    return build(graph(f"{X}) => (float[6,1,3] out", f"""
  last1, last2, last3, out = Loop (T, true, zero1, zero1, zero2) <body =
    step (int64 t, bool go, float[1,8] v1, float[1,8] before, float[1,3] v2)
    => (bool on, float[1,8] v1_next, float[1,8] s, float[1,3] v2_next, float[1,3] seen) {{
    x = Gather <axis = 0> (input, t)
    drive = Gemm <transB = 1> (x, w1, b1)
    back = Gemm <transB = 1> (before, recurrent)
    cur1 = Add (drive, back)
    kept1 = Mul (v1, beta)
    u1 = Add (kept1, cur1)
    fires1 = Greater (u1, th)
    s1 = Cast <to = 1> (fires1)
    minus1 = Mul (s1, th)
    v1_next = Sub (u1, minus1){READ}
    s = Identity (s1)
    seen = Identity (v2_next)
    on = Identity (go)
  }}>""", "float[8,8] recurrent")), {"drive": None, "cur2": "graph output"}, 6


def membrane_starts_at(start):
    """The membrane of the first layer is handed from one iteration to the next, beginning with this constant."""
    return build(graph(f"{X}) => (float[6,1,3] out", f"""
  last1, last2, out = Loop (T, true, start, zero2) <body = step (int64 t, bool go, float v1, float[1,3] v2)
    => (bool on, float[1,8] v1_next, float[1,3] v2_next, float[1,3] seen) {{
    x = Gather <axis = 0> (input, t){STEP}{READ}
    seen = Identity (v2_next)
    on = Identity (go)
  }}>""", start)), FREE, 6


@case
def membrane_starts_as_a_scalar():
    """It has no axis in the first iteration, and is broadcast there."""
    return membrane_starts_at("float start = {0.0}")


@case
def membrane_starts_as_one_number_not_zero():
    """An axis of size 1, and every unit starts at 0.25."""
    return membrane_starts_at("float[1,1] start = {0.25}")


@case
def variable_grows_without_end():
    """Twice as long each time: it has no shape, and what it reads is frozen."""
    return build(graph(f"{X}) => (float[1,3] out", f"""
  last1, last2, all = Loop (T, true, zero1, zero2, zero1) <body =
    step (int64 t, bool go, float[1,8] v1, float[1,3] v2, float[1,M] held)
    => (bool on, float[1,8] v1_next, float[1,3] v2_next, float[1,K] held_next) {{
    x = Gather <axis = 0> (input, t){STEP}{READ}
    held_next = Concat <axis = 1> (held, s1)
    on = Identity (go)
  }}>
  total = ReduceSum (all, axes)
  out = Add (last2, total)""", "int64[1] axes = {1}")), None, 6


@case
def steps_within_steps():
    return build(graph(f"{X}) => (float[1,3] out", f"""
  last1, out = Loop (T, true, zero1, zero2) <body = step (int64 t, bool go, float[1,8] w, float[1,3] v2)
    => (bool on, float[1,8] w_next, float[1,3] v2_next) {{
    x = Gather <axis = 0> (input, t)
    w_next, s1 = Loop (twice, true, w, zero1) <body = inner (int64 k, bool more, float[1,8] v1, float[1,8] old)
      => (bool next, float[1,8] v1_next, float[1,8] s1_in) {{{STEP.replace(" s1 =", " s1_in =").replace("(s1,", "(s1_in,")}
      next = Identity (more)
    }}>{READ}
    on = Identity (go)
  }}>""", "int64 twice = {2}")), FREE, 6


@case
def branches_of_spikes_or_zeros():
    """No spike anywhere: the branch gives zeros that are stored there, under their own name."""
    return build(graph(f"{X}) => (float[6,1,3] out", f"""
  last1, last2, out = Loop (T, true, zero1, zero2) <body = step (int64 t, bool go, float[1,8] v1, float[1,3] v2)
    => (bool on, float[1,8] v1_next, float[1,3] v2_next, float[1,3] seen) {{
    x = Gather <axis = 0> (input, t){STEP}
    total = ReduceSum <keepdims = 0> (x)
    any = Greater (total, limit)
    passed = If (any) <then_branch = yes () => (float[1,8] a) {{ a = Identity (s1) }},
                       else_branch = no () => (float[1,8] z) {{ z = Constant <value = float[1,8] {{0,0,0,0,0,0,0,0}}> () }}>
    cur2 = Gemm <transB = 1> (passed, w2)
    kept2 = Mul (v2, beta)
    v2_next = Add (kept2, cur2)
    seen = Identity (v2_next)
    on = Identity (go)
  }}>""", "float limit = {2.5}")), FREE, 6


@case
def branch_gives_a_constant_of_the_main_graph():
    return build(graph(f"{X}) => (float[6,1,3] out", f"""
  last1, last2, out = Loop (T, true, zero1, zero2) <body = step (int64 t, bool go, float[1,8] v1, float[1,3] v2)
    => (bool on, float[1,8] v1_next, float[1,3] v2_next, float[1,3] seen) {{
    x = Gather <axis = 0> (input, t)
    cur1 = Gemm <transB = 1> (x, w1, b1)
    total = ReduceSum <keepdims = 0> (x)
    low = Less (total, limit)
    beta1 = If (low) <then_branch = yes () => (float[1,8] a) {{ a = Mul (decays, beta) }},
                      else_branch = no () => (float[1,8] c) {{ c = Identity (decays) }}>
    kept1 = Mul (v1, beta1)
    u1 = Add (kept1, cur1)
    fires1 = Greater (u1, th)
    s1 = Cast <to = 1> (fires1)
    minus1 = Mul (s1, th)
    v1_next = Sub (u1, minus1){READ}
    seen = Identity (v2_next)
    on = Identity (go)
  }}>""", "float limit = {2.5}, float[1,8] decays")), FREE, 6


@case
def one_name_in_two_bodies():
    """Both bodies call their spikes s1 and store a threshold th_own, of other values and widths."""
    body = """
  last{k}, spikes{k} = Scan <num_scan_inputs = 1, body = step (float[1,{n}] v1, float[1,{n}] cur1)
    => (float[1,{n}] v1_next, float[1,{n}] s1) {{
    kept1 = Mul (v1, beta)
    u1 = Add (kept1, cur1)
    fires{k} = Greater (u1, th_own)
    s1 = Cast <to = 1> (fires{k})
    minus1 = Mul (s1, th_own)
    v1_next = Sub (u1, minus1)
  }}> ({start}, currents{k})"""
    return build(graph(f"{X}) => (float[6,1,3] out", f"""
  turned1 = Transpose <perm = [1, 0]> (w1)
  currents1 = MatMul (input, turned1)
  {body.format(k=1, n=8, start="zero1")}
  turned2 = Transpose <perm = [1, 0]> (w3)
  currents2 = MatMul (spikes1, turned2)
  {body.format(k=2, n=4, start="zero3")}
  turned3 = Transpose <perm = [1, 0]> (w4)
  out = MatMul (spikes2, turned3)""", "float[4,8] w3, float[3,4] w4, float[1,4] zero3"),
        stored=[("last1", "body", "th_own", np.linspace(0.2, 0.6, 8)),
                ("last2", "body", "th_own", np.linspace(0.1, 0.4, 4))]), {
            "currents1": None, "currents2": None, "out": "graph output"}, 6


@case
def shared_constants_of_two_layers():
    """One vector is threshold of one layer and start of the other; a clipped one is the decay of both."""
    layer = """
    cur{k} = Gemm <transB = 1> ({x}, {w})
    low{k} = Clip (decays, least, most)
    kept{k} = Mul (v{k}, low{k})
    u{k} = Add (kept{k}, cur{k})
    fires{k} = Greater (u{k}, limits)
    s{k} = Cast <to = 1> (fires{k})
    minus{k} = Mul (s{k}, limits)
    v{k}_next = Sub (u{k}, minus{k})"""
    return build(graph(f"{X}) => (float[6,1,3] out", f"""
  last1, last2, out = Loop (T, true, zero1, zero1) <body = step (int64 t, bool go, float[1,8] v1, float[1,8] v2)
    => (bool on, float[1,8] v1_next, float[1,8] v2_next, float[1,3] seen) {{
    x = Gather <axis = 0> (input, t){layer.format(k=1, x="x", w="w1")}{layer.format(k=2, x="s1", w="w5")}
    seen = Gemm <transB = 1> (s2, w2)
    on = Identity (go)
  }}>""", "float[8,8] w5, float[1,8] decays, float[1,8] limits, float least = {0.0}, float most = {1.0}"),
        limits=np.linspace(0.2, 0.5, 8).reshape(1, 8), decays=np.linspace(-0.2, 0.9, 8).reshape(1, 8)), {
            "cur1": None, "cur2": None, "seen": "graph output"}, 6


@case
def spikes_in_a_sequence():
    return build(graph(f"{X}) => (float[6,1,3] out", f"""
  empty = SequenceEmpty <dtype = 1> ()
  last1, all = Loop (T, true, zero1, empty) <body = step (int64 t, bool go, float[1,8] v1, seq(float[1,8]) held)
    => (bool on, float[1,8] v1_next, seq(float[1,8]) held_next) {{
    x = Gather <axis = 0> (input, t){STEP}
    held_next = SequenceInsert (held, s1)
    on = Identity (go)
  }}>
  spikes = ConcatFromSequence <axis = 0, new_axis = 1> (all)
  turned = Transpose <perm = [1, 0]> (w2)
  out = MatMul (spikes, turned)""")), {"cur1": None, "out": "graph output"}, 6


@case
def sequence_is_read_while_it_grows():
    """The spikes of the first step are an input of every later one."""
    return build(graph(f"{X}) => (float[6,1,3] out", f"""
  first = SequenceConstruct (zero1)
  last1, last2, all, out = Loop (T, true, zero1, zero2, first) <body =
    step (int64 t, bool go, float[1,8] v1, float[1,3] v2, seq(float[1,8]) held)
    => (bool on, float[1,8] v1_next, float[1,3] v2_next, seq(float[1,8]) held_next, float[1,3] seen) {{
    x = Gather <axis = 0> (input, t){STEP}
    back = SequenceAt (held, t)
    both = Add (s1, back)
    cur2 = Gemm <transB = 1> (both, w2)
    kept2 = Mul (v2, beta)
    v2_next = Add (kept2, cur2)
    held_next = SequenceInsert (held, s1)
    seen = Identity (v2_next)
    on = Identity (go)
  }}>""")), None, 6


@case
def membranes_leave_stacked():
    """The next layer reads membranes: nothing of the first one may go."""
    return build(graph(f"{X}) => (float[6,1,3] out", f"""
  last1, membranes = Scan <num_scan_inputs = 1, body = step (float[1,8] v1, float[1,5] x)
    => (float[1,8] v1_next, float[1,8] seen) {{{STEP}
    seen = Identity (v1_next)
  }}> (zero1, input)
  turned = Transpose <perm = [1, 0]> (w2)
  out = MatMul (membranes, turned)""")), {"cur1": "something else", "out": "graph output"}, 6


@case
def what_is_scattered_was_not_zero():
    """Rows that are not written keep ones: a silent unit is not nothing."""
    return build(graph(f"{X}) => (float[6,1,3] out", f"""
  last1, spikes = Loop (three, true, zero1, ones) <body = step (int64 t, bool go, float[1,8] v1, float[6,1,8] held)
    => (bool on, float[1,8] v1_next, float[6,1,8] held_next) {{
    x = Gather <axis = 0> (input, t){STEP}
    row = Unsqueeze (t, axes)
    rows = Unsqueeze (row, axes)
    update = Unsqueeze (s1, axes)
    held_next = ScatterND (held, rows, update)
    on = Identity (go)
  }}>
  turned = Transpose <perm = [1, 0]> (w2)
  out = MatMul (spikes, turned)""", "int64 three = {3}, float[6,1,8] ones, int64[1] axes = {0}"),
        ones=np.ones((6, 1, 8))), {"cur1": "something else", "out": "graph output"}, 3


@case
def a_function_in_the_body_called_twice():
    """Two layers, one function with their threshold inside: one copy for each would be needed."""
    return build(graph(f"{X}) => (float[6,1,3] out", f"""
  last1, last2, out = Loop (T, true, zero1, zero3) <body = step (int64 t, bool go, float[1,8] v1, float[1,4] v2)
    => (bool on, float[1,8] v1_next, float[1,4] v2_next, float[1,3] seen) {{
    x = Gather <axis = 0> (input, t)
    cur1 = Gemm <transB = 1> (x, w1, b1)
    s1, v1_next = f.neuron (cur1, v1, beta)
    cur2 = Gemm <transB = 1> (s1, w3)
    s2, v2_next = f.neuron (cur2, v2, beta)
    seen = Gemm <transB = 1> (s2, w4)
    on = Identity (go)
  }}>""", "float[4,8] w3, float[3,4] w4, float[1,4] zero3"), functions="""
<domain: "f", opset_import: ["": 17]> neuron (cur, v, decay) => (s, v_next) {
  th = Constant <value = float {0.4}> ()
  kept = Mul (v, decay)
  u = Add (kept, cur)
  fires = Greater (u, th)
  s = CastLike (fires, u)
  minus = Mul (s, th)
  v_next = Sub (u, minus)
}"""), {"cur1": None, "cur2": None, "seen": "graph output"}, 6


@case
def a_loop_in_a_function():
    return build(graph(f"{X}) => (float[6,1,3] out", """
  turned1 = Transpose <perm = [1, 0]> (w1)
  currents = MatMul (input, turned1)
  spikes = f.layer (currents, zero1, beta, th)
  turned2 = Transpose <perm = [1, 0]> (w2)
  out = MatMul (spikes, turned2)"""), functions="""
<domain: "f", opset_import: ["": 17]> layer (currents, start, decay, limit) => (spikes) {
  last, spikes = Scan <num_scan_inputs = 1, body = step (float[1,8] v1, float[1,8] cur1)
    => (float[1,8] v1_next, float[1,8] s1) {
    kept1 = Mul (v1, decay)
    u1 = Add (kept1, cur1)
    fires1 = Greater (u1, limit)
    s1 = Cast <to = 1> (fires1)
    minus1 = Mul (s1, limit)
    v1_next = Sub (u1, minus1)
  }> (start, currents)
}"""), {"currents": None, "out": "graph output"}, 6
