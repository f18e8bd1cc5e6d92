"""Operators in forms that ONNX's node tests do not have, beside onnxruntime: what it gives, what it
refuses, and what of it we do not do.

All models that run do so in one process, each alone and for three samples at once
(tests/tools/run_operators.c); those refused are given to `snnfit simulate`.
"""

import subprocess
import warnings

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from networks import TOOL, session_of, snnfit
from operator_cases import GIVEN, NOT_DONE, REFUSED, fixed


def results(case, model, values):
    """Of each output, as the case's judge has it."""
    if case.judge == "reference":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ReferenceEvaluator(model).run(None, values)
    if case.judge == "as float":
        model = case.parsed(case.text.replace("double", "float"))
        values = {name: value.astype(np.float32) for name, value in values.items()}
    found = session_of(model, optimized=False).run(None, values)
    return [value.astype(np.float64) for value in found] if case.judge == "as float" else found


def write(case, folder):
    """The tool's line, and the model with its inputs."""
    folder.mkdir()
    model = case.parsed()
    values = case.values(model)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    fields = [str(folder / "model.onnx"), str(folder / "out")]
    for name, value in values.items():
        (folder / f"{name}.pb").write_bytes(numpy_helper.from_array(value).SerializeToString())
        fields.append(str(folder / f"{name}.pb"))
    return "\t".join(fields), model, values


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Of each case: model, inputs, what the tool said, its folder."""
    folder = tmp_path_factory.mktemp("operators")
    written = [(*write(case, folder / str(i)), folder / str(i)) for i, case in enumerate(GIVEN)]
    done = subprocess.run([TOOL], input="".join(line + "\n" for line, *_ in written), capture_output=True, text=True)
    said = done.stdout.splitlines()
    assert done.returncode == 0 and len(said) == len(GIVEN), (
        f"the tool ended with {done.returncode} at {GIVEN[len(said)].name}: {done.stderr[-2000:]}")
    return {case.name: (model, values, line, place) for case, (_, model, values, place), line in zip(GIVEN, written, said)}


@pytest.mark.parametrize("case", GIVEN, ids=lambda case: case.name)
def test_gives_what_onnxruntime_gives(case, runs):
    model, values, said, folder = runs[case.name]
    wanted = results(case, model, values)
    assert said.startswith("ok"), said
    assert len(wanted) == len(said.split()) - 1
    for i, (shape, theirs) in enumerate(zip(said.split()[1:], wanted)):
        kind, dims = shape.split(":")
        dtype, theirs = helper.tensor_dtype_to_np_dtype(int(kind)), np.asarray(theirs)
        ours = np.frombuffer((folder / f"out.{i}.bin").read_bytes(), dtype)
        assert dtype == theirs.dtype and tuple(int(d) for d in dims.split(",") if d) == theirs.shape
        if dtype.kind in "biu":
            assert np.array_equal(ours, theirs.ravel()), f"output {i}"
        else:
            np.testing.assert_allclose(ours, theirs.ravel(), rtol=1e-5, atol=1e-6, err_msg=f"output {i}")


def refusal(case, folder):
    """The model with all but the first input fixed, and what `snnfit simulate` says of two samples."""
    model = case.parsed()
    values = case.values(model)
    model, first = fixed(model, values), next(iter(values))
    onnx.save(model, folder / "model.onnx")
    np.save(folder / "x.npy", np.stack([values[first], -values[first]]))
    done = snnfit("simulate", folder / "model.onnx", "--inputs", folder / "x.npy")
    return model, {first: values[first]}, done


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_refuses_what_onnxruntime_refuses(case, tmp_path):
    model, values, done = refusal(case, tmp_path)
    assert done.returncode == 3 and done.stdout == "", done.stderr
    assert len(done.stderr.splitlines()) == 1 and case.says in done.stderr, done.stderr
    with pytest.raises(Exception):
        results(case, model, values)


@pytest.mark.parametrize("case", NOT_DONE, ids=lambda case: case.name)
def test_says_what_it_does_not_do(case, tmp_path):
    model, values, done = refusal(case, tmp_path)
    assert done.returncode == 3 and done.stdout == "", done.stderr
    assert len(done.stderr.splitlines()) == 1 and case.says in done.stderr, done.stderr
    assert len(results(case, model, values)) > 0


def test_names_are_of_one_case_each():
    for some in (GIVEN, REFUSED, NOT_DONE):
        assert len({case.name for case in some}) == len(some)
