#!/usr/bin/env python3
"""Writes proto/operator_table.c: what the standard operators of every version take.

usage: scripts/operator_table.py > proto/operator_table.c

The facts come from the onnx package's registry; tests/proto/test_operators.py fails when
the two differ. A version that changed nothing we look at has no row of its own.
"""

import sys

import onnx
from onnx import defs

DOMAINS = {"": "default_rows", "ai.onnx.ml": "ml_rows", "ai.onnx.preview.training": "training_rows"}
CLOSED = {"", "ai.onnx.ml"}  # previews may have operators that nobody wrote down
LETTERS = dict(FLOAT="f", INT="i", STRING="s", TENSOR="t", GRAPH="g", FLOATS="F", INTS="I", STRINGS="S",
               TENSORS="T", GRAPHS="G", SPARSE_TENSOR="c", SPARSE_TENSORS="C", TYPE_PROTO="p", TYPE_PROTOS="P")
# Not visible from Python: operators that take any other attribute, too.
OPEN = {("", "LayerNormalization", 17)}


def letter(name):
    return LETTERS[str(name).rsplit(".", maxsplit=1)[-1]]


def formals(parameters):
    return "".join({"Single": "1", "Optional": "?", "Variadic": "*"}[str(p.option).rsplit(".", maxsplit=1)[-1]]
                   for p in parameters)


def facts(schema):
    """(deprecated, least inputs, inputs, least outputs, outputs, attributes)"""
    if schema.deprecated:
        return (True, 0, "", 0, "", "")
    attributes = [f"{a.name}:{letter(a.type)}{'!' if a.required else ''}" for a in schema.attributes.values()]
    if (schema.domain, schema.name, schema.since_version) in OPEN:
        attributes.append("*")
    return (False, schema.min_input, formals(schema.inputs), schema.min_output, formals(schema.outputs),
            " ".join(sorted(attributes)))


def rows(domain):
    """(name, since, facts), by name and version."""
    schemas = [s for s in defs.get_all_schemas_with_history() if s.domain == domain]
    last = None
    for schema in sorted(schemas, key=lambda s: (s.name.encode(), s.since_version)):
        now = (schema.name, facts(schema))
        if now != last:
            yield schema.name, schema.since_version, facts(schema)
        last = now


def newest(domain):
    return max(s.since_version for s in defs.get_all_schemas_with_history() if s.domain == domain)


def row(name, since, of):
    deprecated, least_in, inputs, least_out, outputs, attributes = of
    if deprecated:
        return f'\t{{ "{name}", {since}, true, 0, 0, "", "", "" }},'
    return f'\t{{ "{name}", {since}, false, {least_in}, {least_out}, "{inputs}", "{outputs}", "{attributes}" }},'


def table():
    yield "/* operator_table.c - the signatures of the standard operators; see operator_set.h."
    yield " *"
    yield f" * Written by scripts/operator_table.py from onnx {onnx.__version__}. */"
    yield '#include "proto/operator_set.h"'
    yield ""
    yield "/* clang-format off */"
    for domain, array in DOMAINS.items():
        yield f"static const struct operator_facts {array}[] = {{"
        for each in rows(domain):
            yield row(*each)
        yield "};"
        yield ""
    yield "const struct operator_set operator_sets[OPERATOR_SET_COUNT] = {"
    for domain, array in DOMAINS.items():
        newest_version = defs.onnx_opset_version() if domain == "" else newest(domain)
        closed = "true" if domain in CLOSED else "false"
        yield f'\t{{ "{domain}", {newest_version}, {closed}, {array}, sizeof {array} / sizeof *{array} }},'
    yield "};"
    yield "/* clang-format on */"


if __name__ == "__main__":
    sys.stdout.write("\n".join(table()) + "\n")
