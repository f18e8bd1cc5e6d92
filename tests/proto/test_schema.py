"""proto/onnx.proto against the descriptor inside the onnx package, both ways."""

import pathlib
import subprocess

import pytest
from google.protobuf import descriptor_pb2
from onnx import onnx_ml_pb2

ROOT = pathlib.Path(__file__).resolve().parents[2]


def field_facts(message, field):
    oneof = None
    if field.HasField("oneof_index"):
        oneof = message.oneof_decl[field.oneof_index].name
    return (
        field.number,
        field.Type.Name(field.type),
        field.Label.Name(field.label),
        field.type_name,
        oneof,
        field.options.packed,
        field.default_value,
    )


def enum_facts(facts, prefix, enum):
    facts[f"{prefix}{enum.name}"] = "enum"
    for value in enum.value:
        facts[f"{prefix}{enum.name}.{value.name}"] = value.number


def message_facts(facts, prefix, message):
    name = f"{prefix}{message.name}"
    facts[name] = "message"
    for oneof in message.oneof_decl:
        facts[f"{name}.{oneof.name} (oneof)"] = "oneof"
    for field in message.field:
        facts[f"{name}.{field.name}"] = field_facts(message, field)
    for enum in message.enum_type:
        enum_facts(facts, f"{name}.", enum)
    for nested in message.nested_type:
        message_facts(facts, f"{name}.", nested)


def facts_of(file):
    facts = {"package": file.package, "syntax": file.syntax or "proto2"}
    for enum in file.enum_type:
        enum_facts(facts, "", enum)
    for message in file.message_type:
        message_facts(facts, "", message)
    return facts


@pytest.fixture(scope="module")
def theirs():
    file = descriptor_pb2.FileDescriptorProto()
    onnx_ml_pb2.DESCRIPTOR.CopyToProto(file)
    return facts_of(file)


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    out = tmp_path_factory.mktemp("schema") / "onnx.bin"
    subprocess.run(
        ["protoc", f"--proto_path={ROOT / 'proto'}", f"--descriptor_set_out={out}", "onnx.proto"],
        check=True,
    )
    return facts_of(descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file[0])


def test_the_comparison_sees_the_whole_format(theirs):
    assert len(theirs) > 200
    assert theirs["TensorProto.raw_data"][0] == 9
    assert theirs["TensorProto.DataType.FLOAT6E3M2"] == 28


def test_nothing_is_missing(ours, theirs):
    assert {name for name in theirs if name not in ours} == set()


def test_nothing_is_invented(ours, theirs):
    assert {name for name in ours if name not in theirs} == set()


def test_every_fact_agrees(ours, theirs):
    differ = {
        name: (ours[name], theirs[name]) for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]
    }
    assert differ == {}
