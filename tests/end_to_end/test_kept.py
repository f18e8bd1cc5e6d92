"""What the tool does not understand survives, and a failed write leaves the old file whole."""

import numpy as np
import onnx
import pytest
from google.protobuf import unknown_fields
from onnx import helper, numpy_helper

from harness import assert_same_behaviour, files_end_at, fixture, reference, run, run_json, simulate_fixture

NETWORKS = ["seed-mlp-ts17-step", "snntorch-mlp-th-dy18-step"]
OURS = ("snn.firing_rates", "snn.resources", "snn.neuron_map")
UNKNOWN = b"\xc2\x3e\x05hello"  # field 1000, five bytes


def furnish(network):
    """One of everything that a file may hold besides a network."""
    model = network.load()
    graph = model.graph
    for entry in (("author", "someone"), ("snn.other_tool", "{}"), ("empty", "")):
        model.metadata_props.add(key=entry[0], value=entry[1])
    model.doc_string, graph.doc_string = "a model\nof two lines", "a graph"
    model.producer_name, model.domain, model.model_version = "somebody's exporter", "org.example", 7
    for index, node in enumerate(graph.node):
        node.doc_string = f"node {index}"
        node.metadata_props.add(key="index", value=str(index))
    for tensor in graph.initializer:
        tensor.doc_string = f"about {tensor.name}"
    for value in (*graph.input, *graph.output):
        value.doc_string = f"about {value.name}"
        value.metadata_props.add(key="port", value=value.name)
    graph.metadata_props.add(key="graph", value="yes")
    side_computation(model)
    model.functions.append(helper.make_function(
        "org.example", "Twice", ["x"], ["y"], [helper.make_node("Add", ["x", "x"], ["y"])],
        [helper.make_opsetid("", model.opset_import[0].version)]))
    model.opset_import.append(helper.make_opsetid("org.example", 1))
    model.training_info.add().algorithm.name = "how it was trained"
    for message in (model, graph, graph.node[0], graph.initializer[0], graph.input[0]):
        message.MergeFromString(UNKNOWN)
    model.ir_version = max(model.ir_version, 10)  # metadata_props of nodes and values
    return model


def side_computation(model):
    """Nodes that have nothing to do with the network, ending in an output of their own."""
    graph = model.graph
    graph.initializer.append(numpy_helper.from_array(np.arange(12, dtype=np.int64).reshape(3, 4), "side_table"))
    graph.initializer.append(numpy_helper.from_array(np.float16([1, 2]), "unused"))
    graph.node.append(helper.make_node("ReduceSum", ["side_table"], ["side_sum"], name="side", keepdims=0))
    graph.node.append(helper.make_node("Twice", ["side_sum"], ["side_twice"], name="side call", domain="org.example"))
    graph.output.append(helper.make_tensor_value_info("side_twice", onnx.TensorProto.INT64, []))


def unknown(message):
    return [(field.field_number, field.data) for field in unknown_fields.UnknownFieldSet(message)]


def without_what_may_change(model):
    """The model less the numbers: tensors without contents, shapes without sizes, our own metadata gone."""
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    kept = [entry for entry in copy.metadata_props if entry.key not in OURS]
    texts = [(entry.key, entry.value) for entry in kept]
    del copy.metadata_props[:]
    for key, value in texts:
        copy.metadata_props.add(key=key, value=value)
    tensors = [*copy.graph.initializer]
    tensors += [attribute.t for node in copy.graph.node for attribute in node.attribute if attribute.HasField("t")]
    for tensor in tensors:
        for field in ("dims", "raw_data", "float_data", "int64_data", "int32_data", "data_location", "external_data"):
            tensor.ClearField(field)
    for value in (*copy.graph.input, *copy.graph.output, *copy.graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            dim.ClearField("dim_value")
    return copy


@pytest.mark.parametrize("name", NETWORKS)
def test_everything_else_is_kept(name, tmp_path):
    network = fixture(name)
    furnished = furnish(network)
    path, out = tmp_path / "furnished.onnx", tmp_path / "out.onnx"
    path.write_bytes(furnished.SerializeToString())
    report = run_json("optimize", path, "-o", out, "--rates", network.rates_path)
    assert sum(each["dead_neurons_removed"] for each in report["passes"]) > 0
    before, after = onnx.load(path), onnx.load(out)
    assert without_what_may_change(before) == without_what_may_change(after)
    for get in (lambda m: m, lambda m: m.graph, lambda m: m.graph.node[0], lambda m: m.graph.initializer[0],
                lambda m: m.graph.input[0]):
        assert unknown(get(before)) == unknown(get(after)) == [(1000, b"hello")]
    result = simulate_fixture(network, after)
    assert result.outputs.pop("side_twice").max() == 132
    assert_same_behaviour(network, reference(network), result)


@pytest.mark.parametrize("name", NETWORKS)
def test_tensors_that_nobody_cut_keep_their_values(name, tmp_path):
    network = fixture(name)
    path, out = tmp_path / "furnished.onnx", tmp_path / "out.onnx"
    path.write_bytes(furnish(network).SerializeToString())
    run("optimize", path, "-o", out, "--rates", network.rates_path)
    before, after = ({tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(each).graph.initializer}
                     for each in (path, out))
    weights = {name for layer in network.layers for name in (layer["projection"]["weight_tensor"],
                                                             layer["projection"]["bias_tensor"])}
    for name, values in before.items():
        if name not in weights:
            np.testing.assert_array_equal(values, after[name])
            assert values.dtype == after[name].dtype


@pytest.mark.parametrize("name", NETWORKS)
def test_loading_and_saving_is_the_identity(name, tmp_path):
    furnished = furnish(fixture(name))
    path, out = tmp_path / "furnished.onnx", tmp_path / "out.onnx"
    path.write_bytes(furnished.SerializeToString())
    run("optimize", path, "-o", out, "--passes", "none")
    assert onnx.load(path) == onnx.load(out)
    assert unknown(onnx.load(out)) == [(1000, b"hello")]


# --- a write that fails ------------------------------------------------------------------


@pytest.fixture
def network():
    return fixture("seed-mlp-ts17-step")


def optimize(network, out, **options):
    return run("optimize", network.path, "-o", out, "--rates", network.rates_path, expect=4, **options)


# Not 0: the thread sanitizer writes a file of its own as it starts, and none of it would be a signal.
@pytest.mark.parametrize("bytes_", [1, 1000, 700_000])
def test_a_file_that_may_not_grow_leaves_the_old_one(network, bytes_, tmp_path):
    out = tmp_path / "out.onnx"
    out.write_bytes(b"the old output")
    done = optimize(network, out, preexec_fn=files_end_at(bytes_))
    assert out.read_bytes() == b"the old output"
    assert [each.name for each in tmp_path.iterdir()] == ["out.onnx"], "nothing else is left behind"
    (line,) = done.stderr.decode().splitlines()
    assert "error:" in line and "out.onnx" in line


def test_the_input_as_output_survives_a_failed_write(network, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(network.path.read_bytes())
    run("optimize", path, "-o", path, "--rates", network.rates_path, expect=4, preexec_fn=files_end_at(1000))
    assert path.read_bytes() == network.path.read_bytes()


@pytest.mark.parametrize("out", ["/dev/full", "/proc/out.onnx", "/no such folder/out.onnx"])
def test_where_nothing_can_be_written(network, out):
    (line,) = optimize(network, out).stderr.decode().splitlines()
    assert "error:" in line and out in line


def test_the_input_may_be_the_output(network, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(network.path.read_bytes())
    run("optimize", path, "-o", path, "--rates", network.rates_path)
    run("optimize", network.path, "-o", tmp_path / "other.onnx", "--rates", network.rates_path)
    assert path.read_bytes() == (tmp_path / "other.onnx").read_bytes()
