"""The table of operator meanings in exporter/opset.c against the history of the schemas.

An entry (operator, since) promises that the operator means the same from opset
`since` up to OPSET_MAX. Every later version of its schema may then only allow
more types, more optional inputs or outputs, and more attributes with defaults or
without effect; anything else must be ruled out by the entry's condition.
"""

import collections
import pathlib
import re

import onnx
import pytest

SOURCE = (pathlib.Path(__file__).resolve().parents[2] / "exporter" / "opset.c").read_text()
HEADER = (pathlib.Path(__file__).resolve().parents[2] / "exporter" / "opset.h").read_text()
OPSET_MAX = int(re.search(r"OPSET_MAX = (\d+)", HEADER)[1])
ENTRIES = [(op, int(since), condition) for op, since, condition in re.findall(r'\{ "(\w+)", (\d+), (\w+) \}', SOURCE)]

# Steps that only the condition makes harmless, with what the specification changed.
CONDITIONAL = {
    ("BatchNormalization", "ONE_OUTPUT"): {14},  # outputs of training
    ("Cast", "NO_FLOAT8"): {24},  # what infinity becomes as a float8
    ("CastLike", "BEFORE_FLOAT8"): {24},
    ("MaxPool", "FLOOR_SIZES"): {22},  # windows that start in the padding, sizes rounded up
    ("AveragePool", "FLOOR_SIZES"): {19, 22},  # the formula of sizes; dilations
    ("Split", "SIZES_GIVEN"): {18},  # no sizes: num_outputs is needed
}


def history():
    versions = collections.defaultdict(dict)
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain == "":
            versions[schema.name][schema.since_version] = schema
    return versions


HISTORY = history()


def required(parameters):
    return [each.name for each in parameters if each.option == onnx.defs.OpSchema.FormalParameterOption.Single]


def default(attribute):
    return onnx.helper.get_attribute_value(attribute.default_value) if attribute.default_value.name else None


def difference(old, new):
    """What an old node could not say to the new schema, or would say otherwise; None: nothing."""
    names = [each.name for each in old.inputs]
    if [each.name for each in new.inputs][: len(names)] != names:
        return "inputs"
    if len(required(new.inputs)) > len(required(old.inputs)) or new.min_input > old.min_input:
        return "more required inputs"
    if len(new.outputs) < len(old.outputs) or new.max_output < old.max_output:
        return "fewer outputs"
    for name, attribute in old.attributes.items():
        if name not in new.attributes:
            return f"attribute {name} is gone"
        if attribute.type != new.attributes[name].type or default(attribute) != default(new.attributes[name]):
            return f"attribute {name} is another one"
        if new.attributes[name].required and not attribute.required:
            return f"attribute {name} is required"
    for name, attribute in new.attributes.items():
        if name not in old.attributes and attribute.required:
            return f"attribute {name} is required"
    for before, after in zip([*old.inputs, *old.outputs], [*new.inputs[: len(names)], *new.outputs]):
        if not before.types <= after.types:
            return f"types of {before.name}"
    return None


def test_the_table_was_found():
    assert len(ENTRIES) > 90 and OPSET_MAX == 25
    assert len({(op, since) for op, since, _ in ENTRIES}) == len(ENTRIES)


@pytest.mark.parametrize("op,since,condition", ENTRIES)
def test_the_operator_means_the_same(op, since, condition):
    versions = sorted(HISTORY[op])
    assert versions[0] <= since, "there was no such operator"
    ruled_out = CONDITIONAL.get((op, condition), set())
    assert ruled_out or condition == "ALWAYS"
    assert ruled_out <= set(versions)
    for version in (each for each in versions if since < each <= OPSET_MAX):
        before = max(each for each in versions if each < version)
        changed = difference(HISTORY[op][before], HISTORY[op][version])
        assert changed is None or version in ruled_out, f"{op} {before} -> {version}: {changed}"


@pytest.mark.parametrize("op,condition", CONDITIONAL)
def test_the_condition_is_needed(op, condition):
    """Without its condition the entry would begin where the last change was."""
    always = [since for name, since, each in ENTRIES if name == op and each == "ALWAYS"]
    assert always == [max(CONDITIONAL[op, condition])]


def test_what_changed_is_not_promised():
    """Operators that are known to have changed their meaning, and when."""
    table = {(op, condition): since for op, since, condition in ENTRIES}
    assert table["Softmax", "ALWAYS"] == 13
    assert table["ReduceMax", "ALWAYS"] == 18
    assert table["ReduceSum", "ALWAYS"] == 13
    assert table["Clip", "ALWAYS"] == 11
    assert table["Dropout", "ALWAYS"] == 12
    assert not {"Upsample", "Resize", "DepthToSpace"} & {op for op, _, _ in ENTRIES}
