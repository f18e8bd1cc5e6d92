"""Data for the simulator: every kind of file, encodings and decodings, and bad data."""

import base64
import gzip
import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from networks import IMAGES, LABELS, ROOT, read_images, read_labels, simulate, snnfit

SEED = ROOT / "tests" / "fixtures" / "seed-mlp-ts17-step" / "model.onnx"
IMAGES_100 = read_images()[:100]
LABELS_100 = read_labels()[:100]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """100 digits in every kind of file."""
    folder = tmp_path_factory.mktemp("data")
    np.save(folder / "x.npy", IMAGES_100)
    np.save(folder / "fortran.npy", np.asfortranarray(IMAGES_100))
    np.save(folder / "double.npy", IMAGES_100.astype(np.float64).reshape(100, 1, 28, 28))
    np.save(folder / "bytes.npy", np.rint(IMAGES_100 * 255).astype(np.uint8))
    np.save(folder / "y.npy", LABELS_100.astype(np.int64))
    np.savez_compressed(folder / "both.npz", x=IMAGES_100, labels=LABELS_100)
    np.savez(folder / "named.npz", input=IMAGES_100, other=np.zeros(3))
    raw = np.rint(IMAGES_100 * 255).astype(np.uint8).reshape(100, 28, 28)
    header = bytes([0, 0, 8, 3]) + b"".join(int(d).to_bytes(4, "big") for d in raw.shape)
    (folder / "x.idx").write_bytes(header + raw.tobytes())
    (folder / "x.idx.gz").write_bytes(gzip.compress(header + raw.tobytes()))
    floats = bytes([0, 0, 13, 2]) + (100).to_bytes(4, "big") + (784).to_bytes(4, "big")
    (folder / "floats.idx").write_bytes(floats + IMAGES_100.astype(">f4").tobytes())
    (folder / "x.pb").write_bytes(numpy_helper.from_array(IMAGES_100).SerializeToString())
    for i, image in enumerate(IMAGES_100):
        (folder / "sets" / f"test_data_set_{i}").mkdir(parents=True)
        (folder / "sets" / f"test_data_set_{i}" / "input_0.pb").write_bytes(
            numpy_helper.from_array(image.reshape(1, 784)).SerializeToString())
    return folder


KINDS = ["x.npy", "fortran.npy", "double.npy", "bytes.npy", "both.npz", "named.npz", "x.idx", "x.idx.gz", "floats.idx",
         "x.pb", "sets"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_says_the_same(data, kind):
    wanted = simulate(SEED, "--inputs", data / "x.npy", "--labels", data / "y.npy", "--steps", 10)
    got = simulate(SEED, "--inputs", data / kind, "--labels", data / "both.npz", "--steps", 10)
    assert got == wanted
    assert got["samples"] == 100 and got["steps"] == 10


def idx(kind, values, dtype, rank=None):
    """A file of that type, big-endian as they are."""
    dims = b"".join(int(d).to_bytes(4, "big") for d in values.shape)
    return bytes([0, 0, kind, rank or values.ndim]) + dims + values.astype(dtype).tobytes()


@pytest.mark.parametrize("kind, dtype", [(8, ">u1"), (9, ">i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")])
def test_every_type_of_idx_says_the_same(tmp_path, kind, dtype):
    """Numbers that all of them hold; signed ones where they are."""
    values = np.rint(IMAGES_100 * 3) * (1 if dtype == ">u1" else np.where(np.arange(784) % 5 == 0, -1, 1))
    np.save(tmp_path / "x.npy", values.astype(np.float32))
    (tmp_path / "x.idx").write_bytes(idx(kind, values, dtype))
    wanted, got = (simulate(SEED, "--inputs", tmp_path / f"x.{end}", "--steps", 5, "--input-divisor", 2) for end in ("npy", "idx"))
    assert got == wanted and got["layers"][0]["mean_rate"] > 0


def test_threads_change_nothing(data):
    runs = [simulate(SEED, "--inputs", IMAGES, "--labels", LABELS, "--steps", 5, "--threads", n, "--encoding", "poisson",
                     "--seed", 7, "--confusion") for n in (1, 2, 5)]
    assert runs[0] == runs[1] == runs[2]
    other = simulate(SEED, "--inputs", IMAGES, "--labels", LABELS, "--steps", 5, "--encoding", "poisson", "--seed", 8,
                     "--confusion")
    assert other != runs[0]


def test_a_time_axis_of_the_same_values_is_the_direct_encoding(data, tmp_path):
    np.save(tmp_path / "t.npy", np.repeat(IMAGES_100[:, None], 10, axis=1))
    direct = simulate(SEED, "--inputs", data / "x.npy", "--labels", data / "y.npy", "--steps", 10)
    over_time = simulate(SEED, "--inputs", tmp_path / "t.npy", "--labels", data / "y.npy", "--encoding", "time")
    assert over_time.pop("encoding") == "time" and direct.pop("encoding") == "direct"
    assert over_time == direct


def sum_model(path):
    """A neuron that only adds up: its state is the sum of its input over time."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["d"]), helper.make_node("Add", ["d", "v"], ["v_out"]),
         helper.make_node("Identity", ["d"], ["y"])],
        "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2]),
              helper.make_tensor_value_info("v", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2]),
         helper.make_tensor_value_info("v_out", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(np.eye(2, dtype=np.float32), "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def operations(model, x, *arguments):
    return simulate(model, "--inputs", x, "--state", "v=v_out", *arguments)["synaptic_operations_per_inference"]


def test_encodings_give_the_spikes_that_they_should(tmp_path):
    """Each spike makes two synaptic operations here, so that operations count spikes."""
    model = sum_model(tmp_path / "sum.onnx")
    x = np.array([[0.3, 1.0], [0.3, 0.0]], np.float32)
    np.save(tmp_path / "x.npy", np.repeat(x, 500, axis=0))
    poisson = operations(model, tmp_path / "x.npy", "--steps", 40, "--encoding", "poisson")
    mean = 2 * 40 * (0.3 + 1.0 + 0.3) / 2
    assert poisson == pytest.approx(mean, abs=5 * 2 * (40 * 0.3 * 0.7 / 1000) ** 0.5)
    latency = operations(model, tmp_path / "x.npy", "--steps", 40, "--encoding", "latency")
    assert latency == 2 * (2 + 1) / 2  # every value that is not 0 fires once
    assert operations(model, tmp_path / "x.npy", "--steps", 40) == 2 * 40 * (2 + 1) / 2


def test_decodings(tmp_path):
    """The output over time is told: each way of reading it takes another class."""
    model = sum_model(tmp_path / "sum.onnx")
    over_time = np.array([[[0, 3], [2, 0], [2, 1]]], np.float32)  # sums 4, 4; last 2, 1; maximum 2, 3
    np.save(tmp_path / "x.npy", over_time)
    for decoding, label in [("last", 0), ("maximum", 1), ("count", 0), ("mean", 0)]:
        np.save(tmp_path / "y.npy", np.array([label]))
        report = simulate(model, "--inputs", tmp_path / "x.npy", "--labels", tmp_path / "y.npy", "--state", "v=v_out",
                          "--encoding", "time", "--decoding", decoding)
        assert report["accuracy"] == 1 and report["decoding"] == decoding and report["steps"] == 3


@pytest.mark.parametrize("name, decoding", [("seed-mlp-ts17-step", "count"), ("norse-lif-li-ts17-step", "maximum")])
def test_inspect_says_how_the_output_is_read(data, name, decoding):
    model = ROOT / "tests" / "fixtures" / name / "model.onnx"
    assert json.loads(snnfit("inspect", model, "--json").stdout)["decoding"] == decoding
    assert simulate(model, "--inputs", data / "x.npy", "--steps", 2)["decoding"] == decoding


def test_shapes_that_differ_between_samples(tmp_path):
    """How many elements are not 0: an array of another length for each sample, doubled and summed."""
    nodes = [helper.make_node("NonZero", ["x"], ["at"]), helper.make_node("Cast", ["at"], ["real"], to=1),
             helper.make_node("Mul", ["real", "zero"], ["zeros"]), helper.make_node("Add", ["zeros", "one"], ["ones"]),
             helper.make_node("ReduceSum", ["ones"], ["sum"], keepdims=0),
             helper.make_node("Equal", ["classes", "sum"], ["is"]), helper.make_node("Cast", ["is"], ["y"], to=1)]
    constants = [numpy_helper.from_array(np.float32(0), "zero"), numpy_helper.from_array(np.float32(0.5), "one"),
                 numpy_helper.from_array(np.arange(5, dtype=np.float32), "classes")]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [5])], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    counts = np.arange(90) % 5
    np.save(tmp_path / "x.npy", (np.arange(4) < counts[:, None]).astype(np.float32))
    np.save(tmp_path / "y.npy", counts)  # two axes, 0.5 each
    report = simulate(tmp_path / "m.onnx", "--inputs", tmp_path / "x.npy", "--labels", tmp_path / "y.npy")
    assert report["accuracy"] == 1


def test_confusion_adds_up(data):
    report = simulate(SEED, "--inputs", data / "x.npy", "--labels", data / "y.npy", "--steps", 10, "--confusion")
    table = np.array(report["confusion"])
    assert table.shape == (10, 10) and table.sum() == 100
    assert np.trace(table) == report["right"] == round(report["accuracy"] * 100)
    assert (table.sum(axis=1) == np.bincount(LABELS_100, minlength=10)).all()


def test_interval_is_wilsons(data):
    report = simulate(SEED, "--inputs", data / "x.npy", "--labels", data / "y.npy", "--steps", 10)
    n, p, z = 100, report["accuracy"], 1.959963984540054
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    assert report["interval"] == pytest.approx([centre - half, centre + half])


def test_initial_state_matters_and_zeros_are_the_default(data, tmp_path):
    plain = simulate(SEED, "--inputs", data / "x.npy", "--steps", 3)
    np.savez(tmp_path / "zeros.npz", mem1=np.zeros((1, 256)), mem2=np.zeros(64))
    assert simulate(SEED, "--inputs", data / "x.npy", "--steps", 3, "--initial-state", tmp_path / "zeros.npz") == plain
    np.savez(tmp_path / "high.npz", mem1=np.full((1, 256), 5.0))
    high = simulate(SEED, "--inputs", data / "x.npy", "--steps", 3, "--initial-state", tmp_path / "high.npz")
    assert high["layers"][0]["mean_rate"] > plain["layers"][0]["mean_rate"]


def test_units_of_convolutions_are_said_as_inspect_does(data):
    model = ROOT / "tests" / "fixtures" / "sj14-csnn-ts17-step" / "model.onnx"
    told = [snnfit("inspect", model), snnfit("simulate", model, "--inputs", data / "x.npy", "--steps", 1)]
    for done in told:
        assert "  spiking  8 x 784  " in done.stdout, done.stdout


def test_notes_beside_the_data_are_passed_over(data, tmp_path):
    np.savez(tmp_path / "notes.npz", x=IMAGES_100, __made=np.array("by us"))
    wanted = simulate(SEED, "--inputs", data / "x.npy", "--steps", 2)
    assert simulate(SEED, "--inputs", tmp_path / "notes.npz", "--steps", 2) == wanted


def test_a_set_of_too_many_dims_is_refused_by_that_name(tmp_path):
    (tmp_path / "test_data_set_0").mkdir()
    tensor = numpy_helper.from_array(np.zeros((1,) * 15 + (784,), np.float32))
    (tmp_path / "test_data_set_0" / "input_0.pb").write_bytes(tensor.SerializeToString())
    done = snnfit("simulate", SEED, "--inputs", tmp_path, "--steps", 2)
    assert done.returncode == 3 and "input_0.pb: an array too large" in done.stderr, done.stderr


def test_annotates_as_annotate_does(data, tmp_path):
    out = tmp_path / "annotated.onnx"
    report = simulate(SEED, "--inputs", data / "x.npy", "--steps", 10, "-o", out)
    said = json.loads(snnfit("inspect", out, "--json").stdout)
    metadata = {p.key: p.value for p in onnx.load(out).metadata_props}
    rates = json.loads(metadata["snn.firing_rates"])
    assert (rates["samples"], rates["steps"]) == (100, 10)
    for layer, found in zip(report["layers"], said["layers"]):
        assert layer["mean_rate"] == pytest.approx(np.mean(found["rates"]), abs=1e-6)
        assert layer["dead"] == sum(rate == 0 for rate in found["rates"])
    # the steps of the annotation are now the default
    assert simulate(out, "--inputs", data / "x.npy")["steps"] == 10
    assert snnfit("optimize", out, "-o", tmp_path / "small.onnx").returncode == 0


def stored_rates(path):
    """Layer after layer, as the file has them: bit for bit."""
    (text,) = [entry.value for entry in onnx.load(path).metadata_props if entry.key == "snn.firing_rates"]
    return [np.frombuffer(base64.b64decode(layer["rates_b64"]), "<f4").astype(float) if "rates_b64" in layer
            else np.array(layer["rates"], float) for layer in json.loads(text)["layers"]], text


@pytest.mark.parametrize("command", ["simulate", "optimize"])
def test_rates_measured_are_floats_in_their_shorter_form(command, data, tmp_path):
    """Convolutions have a rate for each position: as numbers they took more of the file than its weights."""
    model = ROOT / "tests" / "fixtures" / "sj14-csnn-ts17-step" / "model.onnx"
    out = tmp_path / "out.onnx"
    done = snnfit(command, model, "--inputs", data / "x.npy", "--steps", 3, "-o", out, "--json",
                  *(["--passes", "quantization"] if command == "optimize" else []))
    rates, text = stored_rates(out)
    read = [layer["rates"] for layer in json.loads(snnfit("inspect", out, "--json").stdout)["layers"] if layer["rates"]]
    assert [layer.size for layer in rates] == [len(layer) for layer in read] and max(map(len, read)) > 1000
    for stored, layer in zip(rates, read):
        assert (stored == np.float32(layer)).all() and (stored == np.float32(stored)).all()
    assert any((rate * 300) % 1 for rate in rates[0]), "a rate that is no float, rounded"
    assert len(text) < 6 * sum(map(len, read)) + 1000
    if command == "simulate":
        said = [layer["mean_rate"] for layer in json.loads(done.stdout)["layers"] if layer["mean_rate"] is not None]
        assert said == pytest.approx([np.mean(layer) for layer in rates], rel=1e-12)
    # written once more, and read: still the same
    again = tmp_path / "again.onnx"
    assert snnfit("optimize", out, "-o", again, "--passes", "quantization").returncode == 0
    assert all((a == b).all() for a, b in zip(stored_rates(again)[0], rates))


def test_an_optimized_model_is_run_as_it_was_written(data, tmp_path):
    before = simulate(SEED, "--inputs", data / "x.npy", "--labels", data / "y.npy", "--steps", 10,
                      "-o", tmp_path / "a.onnx")
    assert snnfit("optimize", tmp_path / "a.onnx", "-o", tmp_path / "b.onnx", "--passes",
                  "dead_neuron_elimination").returncode == 0
    after = simulate(tmp_path / "b.onnx", "--inputs", data / "x.npy", "--labels", data / "y.npy", "--steps", 10)
    assert after["layers"][0]["units"] < before["layers"][0]["units"]
    assert after["layers"][0]["dead"] == 0
    assert after["accuracy"] == before["accuracy"]
    assert after["spikes_per_inference"] == pytest.approx(before["spikes_per_inference"])


def test_text_says_what_json_says(data):
    done = snnfit("simulate", SEED, "--inputs", data / "x.npy", "--labels", data / "y.npy", "--steps", 10)
    report = simulate(SEED, "--inputs", data / "x.npy", "--labels", data / "y.npy", "--steps", 10)
    assert done.returncode == 0 and f"{100 * report['accuracy']:.2f} %" in done.stdout
    for layer in report["layers"]:
        assert layer["name"] in done.stdout and f"{layer['mean_rate']:.4f}" in done.stdout


# --- bad data -----------------------------------------------------------------------

def spoiled(folder):
    """The exit status, and arguments with which nothing can be run."""
    good = ["--inputs", folder / "x.npy", "--labels", folder / "y.npy", "--steps", 5]

    def inputs(name, content):
        np.save(folder / name, content)
        return ["--inputs", folder / name, "--steps", 5]

    def labels(name, content):
        np.save(folder / name, np.asarray(content))
        return ["--inputs", folder / "x.npy", "--labels", folder / name, "--steps", 5]

    def cut(name, keep):
        (folder / f"cut-{name}").write_bytes((folder / name).read_bytes()[:keep])
        return ["--inputs", folder / f"cut-{name}", "--steps", 5]

    def raw(name, content):
        (folder / name).write_bytes(content)
        return ["--inputs", folder / name, "--steps", 5]

    nan = IMAGES_100.copy()
    nan[3, 5] = np.nan
    infinite = IMAGES_100.copy()
    infinite[3, 5] = np.inf
    return {
        "wrong shape": (3, inputs("shape.npy", np.zeros((100, 783), np.float32))),
        "scalar": (3, inputs("scalar.npy", np.float32(1))),
        "NaN": (3, inputs("nan.npy", nan)),
        "infinite": (3, inputs("inf.npy", infinite)),
        "no samples": (3, inputs("empty.npy", np.zeros((0, 784), np.float32))),
        "no elements": (3, inputs("hollow.npy", np.zeros((5, 0), np.float32))),
        "text": (3, inputs("text.npy", np.array(["a", "b"]))),
        "cut npy": (3, cut("x.npy", 2000)),
        "cut npz": (3, cut("both.npz", 2000)),
        "cut idx": (3, cut("x.idx", 2000)),
        "IDX with more behind it": (3, raw("more.idx", idx(13, IMAGES_100, ">f4") + b"x")),
        "IDX with its dims cut off": (3, raw("dims.idx", idx(13, IMAGES_100, ">f4")[:9])),
        "infinite IDX": (3, raw("infinite.idx", idx(14, np.where(IMAGES_100 > 0.9, np.inf, 0), ">f8"))),
        "IDX of no type, gzipped": (3, raw("typeless.idx.gz", gzip.compress(idx(10, IMAGES_100, ">f4")))),
        "IDX too large for memory": (3, raw("large.idx.gz", gzip.compress(bytes([0, 0, 13, 3]) + b"\x7f\xff\xff\xff" * 3))),
        "cut gzip": (3, cut("x.idx.gz", 2000)),
        "cut pb": (3, cut("x.pb", 2000)),
        "no file": (4, ["--inputs", folder / "nothing.npy", "--steps", 5]),
        "a model": (3, ["--inputs", SEED, "--steps", 5]),
        "no sets": (3, ["--inputs", folder / "sets" / "test_data_set_0", "--steps", 5]),
        "too few labels": (3, labels("few.npy", [1, 2, 3])),
        "label of no class": (3, labels("eleven.npy", [10] * 100)),
        "negative label": (3, labels("negative.npy", [-1] * 100)),
        "label that is no integer": (3, labels("half.npy", [0.5] * 100)),
        "no labels there": (3, good[:2] + ["--labels", folder / "named.npz", "--steps", 5]),
        "no inputs": (2, ["--steps", 5]),
        "no steps": (2, good[:2]),
        "unknown encoding": (2, good + ["--encoding", "rank"]),
        "unknown decoding": (2, good + ["--decoding", "vote"]),
        "seed without effect": (2, good + ["--seed", 3]),
        "confusion without labels": (2, good[:2] + ["--steps", 5, "--confusion"]),
        "divisor": (2, good + ["--input-divisor", -1]),
        "divisor of 0": (2, good + ["--input-divisor", 0]),
        "steps and data differ": (3, inputs("time.npy", np.zeros((4, 7, 784), np.float32)) + ["--encoding", "time"]),
        "state of no model": (3, good + ["--initial-state", folder / "both.npz"]),
        "no state file": (4, good + ["--initial-state", folder / "nothing.npz"]),
    }


CASES = [
    "wrong shape", "scalar", "NaN", "infinite", "no samples", "no elements", "text", "cut npy", "cut npz", "cut idx",
    "cut gzip", "cut pb", "no file", "a model", "no sets", "too few labels", "label of no class", "negative label",
    "label that is no integer", "no labels there", "no inputs", "no steps", "unknown encoding", "unknown decoding",
    "seed without effect", "confusion without labels", "divisor", "divisor of 0", "steps and data differ", "state of no model",
    "no state file", "IDX with more behind it", "IDX with its dims cut off", "infinite IDX", "IDX of no type, gzipped",
    "IDX too large for memory"]


@pytest.mark.parametrize("kind", CASES)
def test_bad_data_is_one_line_and_a_status(data, kind):
    assert set(spoiled(data)) == set(CASES)
    status, arguments = spoiled(data)[kind]
    done = snnfit("simulate", SEED, *arguments)
    assert done.returncode == status, (done.returncode, done.stderr)
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("snnfit: "), done.stderr


@pytest.mark.parametrize("encoding", ["poisson", "latency"])
@pytest.mark.parametrize("value, divided", [(2.0, "2"), (-0.25, "-0.25"), (1.0001, "1.00010002")])
def test_spikes_are_made_of_values_from_0_to_1(encoding, value, divided, tmp_path):
    values = IMAGES_100.copy()
    values[41, 300] = value
    np.save(tmp_path / "x.npy", values)
    done = snnfit("simulate", SEED, "--inputs", tmp_path / "x.npy", "--steps", 5, "--encoding", encoding)
    assert done.returncode == 3 and done.stdout == "" and len(done.stderr.splitlines()) == 1
    assert f"x.npy: 'input' has {divided}, but --encoding {encoding} " in done.stderr and "--input-divisor" in done.stderr
    assert simulate(SEED, "--inputs", tmp_path / "x.npy", "--steps", 5)["samples"] == 100
    done = snnfit("simulate", SEED, "--inputs", tmp_path / "x.npy", "--steps", 5, "--encoding", encoding, "--input-divisor", 2)
    assert done.returncode == (3 if value < 0 else 0)


def test_bytes_make_spikes_when_they_are_divided(data):
    run = ["simulate", SEED, "--inputs", data / "bytes.npy", "--steps", 5, "--encoding", "poisson"]
    assert snnfit(*run).returncode == 0
    done = snnfit(*run, "--input-divisor", 128)
    assert done.returncode == 3 and f"has {255 / 128:.9g}, but" in done.stderr


@pytest.mark.parametrize("name, steps", [("seed-mlp-ts17-unroll25", 25), ("snnloop-scan-dy18", 10)])
def test_steps_of_a_model_that_has_them_inside(data, name, steps):
    model = ROOT / "tests" / "fixtures" / name / "model.onnx"
    run = ["--inputs", data / "x.npy", "--labels", data / "y.npy"]
    assert simulate(model, *run, "--steps", steps) == simulate(model, *run)
    for command in (["simulate"], ["optimize", "--dry-run"]):
        done = snnfit(command[0], model, *command[1:], *run, "--steps", 7)
        assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1
        assert f"--steps 7: the model has its time inside, {steps} steps" in done.stderr


def test_a_model_without_time_has_no_steps_to_run(tmp_path):
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["d"]), helper.make_node("Relu", ["d"], ["h"]),
         helper.make_node("MatMul", ["h", "w"], ["y"])],
        "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(np.eye(2, dtype=np.float32), "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", np.ones((3, 2), np.float32))
    assert simulate(tmp_path / "m.onnx", "--inputs", tmp_path / "x.npy", "--steps", 1)["steps"] == 1
    done = snnfit("simulate", tmp_path / "m.onnx", "--inputs", tmp_path / "x.npy", "--steps", 9)
    assert done.returncode == 2 and "--steps 9: the model has its time inside, 1 step, " in done.stderr


def test_state_of_another_size(data, tmp_path):
    np.savez(tmp_path / "state.npz", mem1=np.zeros(3))
    done = snnfit("simulate", SEED, "--inputs", data / "x.npy", "--steps", 3, "--initial-state", tmp_path / "state.npz")
    assert done.returncode == 3 and "mem1" in done.stderr
