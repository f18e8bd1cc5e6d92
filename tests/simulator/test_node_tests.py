"""Every operator that can be simulated gives what ONNX's own node tests ask for.

The cases are those of the onnx package, made afresh; each runs alone and for three
samples at once (tests/tools/run_operators.c). What is left out is printed: by operator,
by data type, or for a reason that stands here.
SNNFIT names the program (default: build/release/snnfit); the tool lies beside it.
"""

import collections
import os
import pathlib
import subprocess
import warnings

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("SNNFIT", ROOT / "build" / "release" / "snnfit")).parent / "tests" / "run_operators"
TYPES = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BOOL,
         TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64,
         TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64}

# Operators that no network of spiking neurons was ever seen to contain; a model with one
# is refused by name.
LEFT_OUT = set("""
AffineGrid Attention Bernoulli BitCast BlackmanWindow CausalConvWithState CenterCropPad Col2Im ConvTranspose CumProd
DFT DeformConv Det Einsum FlexAttention GRU GridSample HammingWindow HannWindow ImageDecoder LRN LSTM LinearAttention LpNormalization
LpPool MaxUnpool MeanVarianceNormalization MelWeightMatrix NegativeLogLikelihoodLoss NonMaxSuppression
OptionalGetElement OptionalHasElement QLinearConv QLinearMatMul RMSNormalization RNN RegexFullMatch Resize ReverseSequence
RoiAlign RotaryEmbedding STFT SequenceMap SoftmaxCrossEntropyLoss StringConcat StringNormalizer StringSplit SwiGLU TensorScatter
TfIdfVectorizer Unique Upsample ArrayFeatureExtractor Binarizer LabelEncoder TreeEnsemble Adagrad Adam Momentum
""".split())

# Cases of operators that we do have, and why they cannot be judged.
REASONS = {
    "test_attention_4d_causal_fp16_expanded": "its reference rounds to float16 after each operator, we (and "
                                              "onnxruntime) where values leave the model",
}


def graph_types(case):
    values = list(case.model.graph.input) + list(case.model.graph.output)
    return [value.type for value in values]


def element_types(case):
    inside = {a.i for n in case.model.graph.node for a in n.attribute if a.name in ("to", "dtype", "output_dtype")}
    return {t.tensor_type.elem_type for t in graph_types(case)} | inside


def reason_to_leave_out(case):
    operators = {node.op_type for node in case.model.graph.node}
    if case.name in REASONS:
        return REASONS[case.name]
    if operators & LEFT_OUT:
        return "operator " + ", ".join(sorted(operators & LEFT_OUT))
    if any(t.WhichOneof("value") != "tensor_type" for t in graph_types(case)):
        return "a sequence or an optional as input or output"
    if element_types(case) - TYPES:
        return "type " + ", ".join(sorted(TensorProto.DataType.Name(t) for t in element_types(case) - TYPES))
    if any(node.op_type in ("BatchNormalization", "Dropout") and "training" in case.name or
           node.op_type == "Dropout" and "train" in case.name for node in case.model.graph.node):
        return "training mode: statistics of the batch, or random"
    if operators & {"RandomUniformLike"}:
        return "random: there is no one right result"
    if any(o.version < 9 for o in case.model.opset_import if o.domain == "") and "Scan" in operators:
        return "Scan before version 9"
    return None


def cases():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [case for case in collect_testcases(None) if case.model]


def write_case(case, data_set, folder):
    """The tool's line for it."""
    folder.mkdir()
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    fields = [str(folder / "model.onnx"), str(folder / "out")]
    inputs, _ = data_set
    for i, value in enumerate(inputs):
        proto = value if isinstance(value, TensorProto) else numpy_helper.from_array(np.asarray(value))
        (folder / f"in{i}.pb").write_bytes(proto.SerializeToString())
        fields.append(str(folder / f"in{i}.pb"))
    return "\t".join(fields)


def outputs_of(said, folder):
    found = []
    for i, shape in enumerate(said.split()[1:]):
        kind, dims = shape.split(":")
        dtype = onnx.helper.tensor_dtype_to_np_dtype(int(kind))
        data = np.frombuffer((folder / f"out.{i}.bin").read_bytes(), dtype)
        found.append(data.reshape([int(d) for d in dims.split(",") if d]))
    return found


def difference(case, data_set, said, folder):
    """What is wrong with the results; None: nothing."""
    if not said.startswith("ok"):
        return said
    found, (_, wanted) = outputs_of(said, folder), data_set
    for i, (ours, theirs) in enumerate(zip(found, wanted, strict=True)):
        theirs = numpy_helper.to_array(theirs) if isinstance(theirs, TensorProto) else np.asarray(theirs)
        if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
            return f"output {i}: {ours.dtype}{ours.shape} for {theirs.dtype}{theirs.shape}"
        exact = theirs.dtype.kind in "biu"
        rtol, atol = (0, 0) if exact else (case.rtol, case.atol)
        if not np.allclose(ours.astype(np.float64), theirs.astype(np.float64), rtol=rtol, atol=atol, equal_nan=True):
            worst = np.nanmax(np.abs(ours.astype(np.float64) - theirs.astype(np.float64)))
            return f"output {i}: off by {worst}"
    return None


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """Every case that is run, with what is wrong with it; and those left out, with why."""
    folder = tmp_path_factory.mktemp("operators")
    left_out, chosen, lines = collections.defaultdict(list), [], []
    for case in cases():
        reason = reason_to_leave_out(case)
        if reason:
            left_out[reason].append(case.name)
            continue
        for data_set in case.data_sets:
            place = folder / str(len(chosen))
            chosen.append((case, data_set, place))
            lines.append(write_case(case, data_set, place))
    done = subprocess.run([TOOL], input="\n".join(lines) + "\n", capture_output=True, text=True)
    said = done.stdout.splitlines()
    assert done.returncode == 0 and len(said) == len(chosen), (
        f"the tool ended with {done.returncode} at {chosen[len(said)][0].name}: {done.stderr[-2000:]}")
    return [(case, difference(case, data, line, place)) for (case, data, place), line in zip(chosen, said)], left_out


def test_every_case_gives_what_it_should(outcome):
    judged, _ = outcome
    wrong = [f"{case.name}: {what}" for case, what in judged if what]
    assert not wrong, "\n".join(wrong)
    assert len(judged) > 900


def test_what_is_left_out_is_said(outcome):
    judged, left_out = outcome
    print(f"\n{len(judged)} cases of {len({n.op_type for c, _ in judged for n in c.model.graph.node})} operators run")
    for reason, names in sorted(left_out.items()):
        print(f"left out, {reason}: {len(names)} cases")
    had = {n.op_type for c, _ in judged for n in c.model.graph.node}
    assert not had & LEFT_OUT
    known = {name for reason in left_out if reason.startswith("operator ") for name in reason[9:].split(", ")}
    assert known == LEFT_OUT, "operators named as left out that have no cases"
