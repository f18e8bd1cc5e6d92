"""Reading and writing without edits gives an equal message, for any model.

SNNFIT names the program; else ROUNDTRIP names the test program of tests/tools, which is
also used, beside the program, for what is no valid model.
"""

import os
import pathlib
import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

ROOT = pathlib.Path(__file__).resolve().parents[2]
NODE_TESTS = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"
DEBIAN = pathlib.Path("/usr/share/libonnx-testdata")  # the package of that name


def command(source, target):
    if "SNNFIT" in os.environ:
        return [os.environ["SNNFIT"], "optimize", str(source), "--passes", "none", "-o", str(target)]
    if "ROUNDTRIP" in os.environ:
        return [os.environ["ROUNDTRIP"], str(source), str(target)]
    pytest.fail("set SNNFIT or ROUNDTRIP to the program to test")


def tool():
    """The test program, which does not ask whether the message is a valid model."""
    if "ROUNDTRIP" in os.environ:
        return os.environ["ROUNDTRIP"]
    return pathlib.Path(os.environ["SNNFIT"]).parent / "tests" / "roundtrip"


def round_trip(source, target, **options):
    return subprocess.run(command(source, target), capture_output=True, timeout=60, check=False, **options)


def must_round_trip(source, target):
    done = round_trip(source, target)
    assert done.returncode == 0, done.stderr.decode()


def message(path):
    """The whole message in a form to compare; external data drawn in."""
    return onnx.load(path).SerializeToString(deterministic=True)


def models():
    fixtures = sorted((ROOT / "tests" / "fixtures").glob("*/model.onnx"))
    return fixtures + sorted(NODE_TESTS.rglob("*.onnx")) + sorted(DEBIAN.rglob("*.onnx"))


def name_of(path):
    return f"{'debian-' * path.is_relative_to(DEBIAN)}{path.parent.name}-{path.stem}"


@pytest.mark.parametrize("source", models(), ids=name_of)
def test_a_model_stays_equal(source, tmp_path):
    must_round_trip(source, tmp_path / "out.onnx")
    assert message(tmp_path / "out.onnx") == message(source)


def test_there_are_models_to_test():
    """Of every collection: none is left out because it is not installed."""
    assert len(list((ROOT / "tests" / "fixtures").glob("*/model.onnx"))) > 30
    assert len(list(NODE_TESTS.rglob("*.onnx"))) > 100
    assert len(list(DEBIAN.rglob("*.onnx"))) > 1000, "install the package libonnx-testdata"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the tests' own data
def test_the_models_of_all_operator_tests_stay_equal(tmp_path):
    """Those that the onnx package makes when it is asked; in one batch, as there are many."""
    cases = collect_testcases(None)
    (tmp_path / "in").mkdir()
    for case in cases:
        (tmp_path / "in" / f"{case.name}.onnx").write_bytes(case.model.SerializeToString())
    done = subprocess.run([os.environ["SNNFIT"], "batch", tmp_path / "in", "-o", tmp_path / "out", "--jobs", "2",
                           "--", "optimize", "--passes", "none"], capture_output=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr.decode()
    sources = sorted((tmp_path / "in").iterdir())
    assert len(sources) > 1000
    assert [path.name for path in sources if message(path) != message(tmp_path / "out" / path.name)] == []


def model_of(initializers, **options):
    graph = helper.make_graph([], "g", [], [], initializers)
    return helper.make_model(graph, **options)


def data_cases():
    """Every data type with few and many elements, in its typed field and in raw form."""
    for name, kind in TensorProto.DataType.items():
        for count in (0, 3, 20000):
            if name != "UNDEFINED":
                yield pytest.param(kind, False, count, id=f"{name}-typed-{count}")
            if name not in ("UNDEFINED", "STRING"):
                yield pytest.param(kind, True, count, id=f"{name}-raw-{count}")


@pytest.mark.parametrize("kind,raw,count", list(data_cases()))
def test_every_data_type(kind, raw, count, tmp_path):
    if kind == TensorProto.STRING:
        values = [b"text", b"", b"\xff\x00"] * (count // 3)
        count = len(values)
    else:
        values = np.arange(count).astype(helper.tensor_dtype_to_np_dtype(kind))
    tensor = helper.make_tensor("t", kind, [count], values, raw=raw)
    source = tmp_path / "in.onnx"
    onnx.save(model_of([tensor]), source)
    must_round_trip(source, tmp_path / "out.onnx")
    assert message(tmp_path / "out.onnx") == message(source)


def fill(message, depth=0):
    """Sets every field of a message, down to some depth, to something."""
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof:
            members = field.containing_oneof.fields
            if field is not members[depth % len(members)]:
                continue
        is_message = field.message_type is not None
        if is_message and depth >= 6:
            continue
        if field.is_repeated:
            target = getattr(message, field.name)
            for i in range(2):
                if is_message:
                    fill(target.add(), depth + 1 + i)
                else:
                    target.append(value_of(field, i))
        elif is_message:
            fill(getattr(message, field.name), depth + 1)
        else:
            setattr(message, field.name, value_of(field, 1))


def value_of(field, i):
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    return {
        field.CPPTYPE_STRING: b"bytes\x00\xff" if field.type == field.TYPE_BYTES else f"{field.name} {i}",
        field.CPPTYPE_FLOAT: -0.5,
        field.CPPTYPE_DOUBLE: 1e300,
        field.CPPTYPE_UINT64: 2**64 - 1 - i,
        field.CPPTYPE_INT64: -(2**63) + i,
        field.CPPTYPE_INT32: -(2**31) + i,
    }[field.cpp_type]


def clear_external(message):
    """Data location EXTERNAL would send us to look for a file."""
    for field, value in message.ListFields():
        if field.name == "data_location":
            message.data_location = TensorProto.DEFAULT
        elif field.message_type is not None:
            for each in value if field.is_repeated else [value]:
                clear_external(each)


def test_every_field_of_every_message(tmp_path):
    model = onnx.ModelProto()
    fill(model)
    clear_external(model)
    source = tmp_path / "in.onnx"
    source.write_bytes(model.SerializeToString())
    subprocess.run([tool(), source, tmp_path / "out.onnx"], timeout=60, check=True)
    again = onnx.ModelProto.FromString((tmp_path / "out.onnx").read_bytes())
    assert again.SerializeToString(deterministic=True) == model.SerializeToString(deterministic=True)


UNKNOWN = (b"\xc0\x3e\x2a"  # field 1000: a varint,
           b"\xca\x3e\x03abc"  # 1001: bytes,
           b"\xd1\x3e12345678\xdd\x3e1234"  # 1002 and 1003: numbers of a fixed size,
           b"\xc0\x3e\x2b"  # 1000 again, after the others,
           b"\xe3\x3e\x08\x01\xe4\x3e")  # 1004: a group


def with_unknown(message):
    """Puts unknown fields into it and all messages in it, and returns it."""
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in value if field.is_repeated else [value]:
                with_unknown(each)
    message.MergeFromString(UNKNOWN)
    return message


def test_unknown_fields_and_groups_of_every_message_stay(tmp_path):
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, "n"])
    tensor = numpy_helper.from_array(np.arange(5000, dtype=np.float32), "t")
    node = helper.make_node("Identity", ["x"], ["y"], name="n")
    node.metadata_props.add(key="k", value="v")
    constant = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.float32(1)))
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, "n"])
    model = helper.make_model(helper.make_graph([node, constant], "g", [value], [result], [tensor]))
    source = tmp_path / "in.onnx"
    source.write_bytes(with_unknown(model).SerializeToString())
    assert source.read_bytes().count(UNKNOWN[:3]) > 10
    must_round_trip(source, tmp_path / "out.onnx")
    assert (tmp_path / "out.onnx").read_bytes().count(UNKNOWN) == source.read_bytes().count(UNKNOWN) > 10
    assert message(tmp_path / "out.onnx") == message(source)


def test_standard_input_and_output(tmp_path):
    source = tmp_path / "in.onnx"
    onnx.save(model_of([numpy_helper.from_array(np.arange(50000, dtype=np.float32), "t")]), source)
    with source.open("rb") as file:
        from_file = round_trip("-", "-", stdin=file)
    from_pipe = round_trip("-", "-", input=source.read_bytes())
    assert from_file.returncode == 0, from_file.stderr
    assert from_file.stdout == source.read_bytes()
    assert from_pipe.stdout == source.read_bytes()


def external_model(folder):
    """Two tensors outside, a small one and a typed one inside."""
    tensors = [
        numpy_helper.from_array(np.arange(30000, dtype=np.float32), "big"),
        numpy_helper.from_array(np.arange(600, dtype=np.int16), "medium"),
        numpy_helper.from_array(np.arange(8, dtype=np.int64), "small"),
        helper.make_tensor("typed", TensorProto.INT8, [5000], (np.arange(5000) % 99).tolist()),
    ]
    source = folder / "in.onnx"
    onnx.save(
        model_of(tensors),
        source,
        save_as_external_data=True,
        location="in.bin",
        size_threshold=1024,
    )
    return source


def test_external_data_goes_beside_the_output(tmp_path):
    source = external_model(tmp_path)
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "out.onnx"
    must_round_trip(source, target)
    (data,) = (tmp_path / "out").glob("out.onnx.*.data")
    names = {entry.value for t in onnx.load(target, load_external_data=False).graph.initializer
             for entry in t.external_data if entry.key == "location"}
    assert names == {data.name}
    arrays = {t.name: numpy_helper.to_array(t) for t in onnx.load(target).graph.initializer}
    for tensor in onnx.load(source).graph.initializer:
        np.testing.assert_array_equal(arrays[tensor.name], numpy_helper.to_array(tensor))


def test_a_replaced_output_takes_its_data_file_with_it(tmp_path):
    source = external_model(tmp_path)
    target = tmp_path / "out.onnx"
    must_round_trip(source, target)
    first = target.read_bytes()
    must_round_trip(source, target)
    assert target.read_bytes() == first
    assert len(list(tmp_path.glob("out.onnx.*.data"))) == 1
    must_round_trip(target, target)
    assert len(list(tmp_path.glob("out.onnx.*.data"))) == 1
    inside = tmp_path / "inside.onnx"
    onnx.save(onnx.load(source), inside)
    must_round_trip(inside, target)
    assert list(tmp_path.glob("out.onnx.*.data")) == []
    assert (tmp_path / "in.bin").exists()


def test_a_data_file_of_the_same_name_is_left_alone(tmp_path):
    source = external_model(tmp_path)
    target = tmp_path / "out.onnx"
    must_round_trip(source, target)
    (data,) = tmp_path.glob("out.onnx.*.data")
    target.unlink()
    data.write_bytes(b"of somebody else")
    must_round_trip(source, target)
    assert data.read_bytes() == b"of somebody else"
    assert (tmp_path / data.name.replace(".data", ".1.data")).exists()
    assert message(target) == message(source)


def test_the_same_input_gives_the_same_bytes(tmp_path):
    source = external_model(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        must_round_trip(source, tmp_path / name / "out.onnx")
    a = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    b = {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}
    assert a == b
    assert len(a) == 2
