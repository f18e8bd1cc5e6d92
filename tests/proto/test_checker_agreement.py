"""Our verdict beside that of onnx.checker, on models as they are and on changed ones.

Where the two differ there is a reason, listed here. Valid models are never refused:
fixtures and the models that the onnx package carries are read by test_round_trip.py,
those that it can make, of every operator, here.
SNNFIT names the program (default: build/release/snnfit).
"""

import collections
import copy
import os
import pathlib
import random
import re
import subprocess

import mutations
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.backend.test.case.node import collect_testcases

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SNNFIT", str(ROOT / "build" / "release" / "snnfit"))
NODE_TESTS = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"
LARGEST = 60000  # bytes of a model: reading many is what takes time here
TIMES = 60  # each change is made

# We refuse what the checker lets pass: what our sentence says, and why.
STRICTER = {
    r"needs \d+ (bytes|numbers|strings) of data but has \d+": "the checker looks for too little data, not for too much",
    r"has the unknown (element )?type": "the checker asks for a type, not whether there is one of that number",
    r"does not say what type its elements have": "a type that is there but says 'undefined'",
    r"has an incomplete type": "the same of a sequence",
    r"refers to an attribute of a function, but is in none": "the specification allows references in functions only",
    r"opset_import names domain '.*' twice": "which version counts is then anyone's guess; checker and runtimes differ",
    r"the model has no outputs": "nodes that compute nothing: cut off, or somebody's mistake",
    r"output '.*' stands in its graph twice": "outputs are told apart by name",
    r"has elements of type \d+, but what is made under that name": "the checker finds it with full_check only",
    r"joins shapes that do not broadcast|cannot (take|add|join|make) |has axis|has parts|has a perm|orders \d":
        "computes with no input whatever; the checker finds some of it with full_check",
    r"attribute 'to' = .*, which is no type": "a Cast to nothing",
    r"leaves out input \d+, which must be there": "an input left out of an operator that joins any number of them",
    r"^(a )?function |its function takes at most": "the checker does not look at functions of models before IR version 8, "
                                                   "nor at outputs nobody makes, nor at how functions are called",
}

# The checker refuses what we let pass: what it says, and why.
MILDER = {
    r"Field 'shape' of 'type' is required but missing": "exporters leave it out where they don't know the rank; the "
                                                        "format has a way to say so, and runtimes take it",
    r"in initializer but not in graph input": "IR versions up to 3 ask for it; onnxruntime's own example breaks the rule",
    r"No opset import for domain 'ai.onnx'": "another name of the default domain, imported as ''",
    r"not in allowed output sizes": "sets of allowed counts are not in the registry; runtimes take it",
    r"should refer to attribute in parent node": "a reference that is empty is none",
    r"is not compatible with the version imported by model": "a function says itself which operators it means",
}


def models():
    found = [*(ROOT / "tests" / "fixtures").glob("*/model.onnx"), *NODE_TESTS.rglob("model.onnx")]
    return sorted(path for path in found if path.stat().st_size < LARGEST)


@pytest.fixture(scope="module")
def originals():
    return [onnx.load(path) for path in models()]


def ours(model, folder):
    """The sentence of our refusal; None: accepted."""
    source = folder / "in.onnx"
    source.write_bytes(model.SerializeToString())
    done = subprocess.run([PROGRAM, "optimize", "--passes", "none", source, "-o", folder / "out.onnx"],
                          capture_output=True, timeout=60, check=False)
    if done.returncode == 0:
        return None
    lines = done.stderr.decode().strip().split("\n")
    assert done.returncode == 3 and len(lines) == 1, done.stderr
    return lines[0].split("error: ", 1)[1]


def theirs(model):
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        return str(error)
    return None


def is_argued(reasons, text):
    return any(re.search(pattern, text) for pattern in reasons)


def changed(originals, change, dice):
    """A copy of a model to which the change applies."""
    while True:
        model = copy.deepcopy(dice.choice(originals))
        if change(mutations.Mutation(model, dice)) is not False:
            return model


@pytest.mark.parametrize("change", mutations.ALL, ids=lambda change: change.__name__)
def test_changed_models(originals, change, tmp_path):
    dice = random.Random(change.__name__)
    verdicts = collections.Counter()
    for _ in range(TIMES):
        model = changed(originals, change, dice)
        us, them = ours(model, tmp_path), theirs(model)
        verdicts[us is None, them is None] += 1
        if us is not None and them is None:
            assert is_argued(STRICTER, us), us
        if us is None and them is not None:
            assert is_argued(MILDER, them), them
    assert sum(verdicts.values()) == TIMES
    assert verdicts[True, True] + verdicts[False, False] > TIMES // 4, "mostly of one mind"


def test_functions_may_mean_operators_of_other_versions(tmp_path):
    body = helper.make_function("x", "F", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])],
                                [helper.make_opsetid("", 13)])
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "ab"]
    graph = helper.make_graph([helper.make_node("F", ["a"], ["b"], domain="x")], "g", value[:1], value[1:])
    model = helper.make_model(graph, functions=[body], ir_version=9,
                              opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("x", 1)])
    assert ours(model, tmp_path) is None
    assert is_argued(MILDER, theirs(model))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # theirs, of making expected values
def test_no_model_of_an_operator_is_refused(tmp_path):
    """The package's tests of every operator, in its newest version, and they come out as they went in."""
    cases = collect_testcases(None)
    assert len(cases) > 1500
    for case in cases:
        assert ours(case.model, tmp_path) is None, case.name
        assert onnx.ModelProto.FromString((tmp_path / "out.onnx").read_bytes()) == case.model, case.name


def test_the_models_are_valid_to_both(originals, tmp_path):
    assert len(originals) > 100
    for model in originals:
        assert theirs(model) is None
        assert ours(model, tmp_path) is None
