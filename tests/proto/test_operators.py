"""The table of operators says of every operator, in every version, what onnx says.

It is read here as text, so that a mistake of the program that writes it shows.
"""

import pathlib
import re
import subprocess
import sys

import onnx
import pytest
from onnx import defs

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "proto" / "operator_table.c"
ARRAYS = {"": "default_rows", "ai.onnx.ml": "ml_rows", "ai.onnx.preview.training": "training_rows"}
TYPES = dict(f="FLOAT", i="INT", s="STRING", t="TENSOR", g="GRAPH", F="FLOATS", I="INTS", S="STRINGS",
             T="TENSORS", G="GRAPHS", c="SPARSE_TENSOR", p="TYPE_PROTO")
OPTIONS = {"1": "Single", "?": "Optional", "*": "Variadic"}
ROW = re.compile(r'\{ "(\w+)", (\d+), (true|false), (\d+), (\d+), "([1?*]*)", "([1?*]*)", "([^"]*)" \},')


def rows(domain):
    text = TABLE.read_text()
    body = text.split(f"{ARRAYS[domain]}[] = {{\n")[1].split("\n};")[0]
    found = [ROW.fullmatch(line.strip()).groups() for line in body.split("\n")]
    assert found == sorted(found, key=lambda row: (row[0].encode(), int(row[1]))), "searched, so in order"
    return found


def newest(domain):
    return int(re.search(rf'\{{ "{re.escape(domain)}", (\d+), ', TABLE.read_text()).group(1))


def row_of(table, name, version):
    """What operator_find finds."""
    fitting = [row for row in table if row[0] == name and int(row[1]) <= version]
    return fitting[-1] if fitting else None


def schema_of(name, version, domain):
    try:
        return defs.get_schema(name, version, domain)
    except defs.SchemaError:
        return None


def word(value):
    return str(value).rsplit(".", maxsplit=1)[-1]


def assert_same(row, schema):
    _, _, deprecated, least_in, least_out, inputs, outputs, attributes = row
    assert (deprecated == "true") == schema.deprecated
    if schema.deprecated:
        return
    assert [OPTIONS[letter] for letter in inputs] == [word(p.option) for p in schema.inputs]
    assert [OPTIONS[letter] for letter in outputs] == [word(p.option) for p in schema.outputs]
    assert (int(least_in), int(least_out)) == (schema.min_input, schema.min_output)
    listed = dict(entry.split(":") for entry in attributes.split() if entry != "*")
    assert len(listed) <= 64, "a bit each"
    assert {name: TYPES[kind[0]] for name, kind in listed.items()} == {
        name: word(a.type) for name, a in schema.attributes.items()}
    assert {name for name, kind in listed.items() if kind.endswith("!")} == {
        name for name, a in schema.attributes.items() if a.required}


@pytest.mark.parametrize("domain", ARRAYS)
def test_every_operator_in_every_version(domain):
    table = rows(domain)
    names = {s.name for s in defs.get_all_schemas_with_history() if s.domain == domain}
    assert names == {row[0] for row in table}
    compared = 0
    for name in sorted(names):
        for version in range(1, newest(domain) + 1):
            row, schema = row_of(table, name, version), schema_of(name, version, domain)
            assert (row is None) == (schema is None), (name, version)
            if row:
                assert_same(row, schema)
                compared += 1
    assert compared >= len(names)


def test_the_newest_versions():
    assert newest("") == defs.onnx_opset_version()
    header = (ROOT / "proto" / "onnx.proto").read_text()
    assert int(re.search(r"\bIR_VERSION = (\d+);", header).group(1)) == onnx.IR_VERSION


def test_the_program_writes_this_table():
    script = ROOT / "scripts" / "operator_table.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == TABLE.read_text()
