"""Models of several inputs for data, or of none, and the table of classes."""

import numpy as np
import onnx
import onnx.parser
import pytest

from networks import simulate, snnfit

TWO = "(float[1,4] x, float[1,4] z) => (float[1,4] y) { y = Sub(x, z) }"
STEPPED = "(float[1,4] x, float[1,4] v) => (float[1,4] y, float[1,4] w) { w = Add(x, v) y = Identity(w) }"

STEPPED_TWO = "(float[1,4] x, float[1,4] z, float[1,4] v) => (float[1,4] y, float[1,4] w) { s = Sub(x, z) w = Add(s, v) y = Identity(w) }"


def model_of(text, path):
    onnx.save(onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": 17]> g {text}'), path)
    return path


def two_arrays(folder, samples=30):
    random = np.random.default_rng(4)
    x, z = (random.random((samples, 4)).astype(np.float32) for _ in range(2))
    np.savez(folder / "both.npz", x=x, z=z)
    return x, z


def test_each_input_takes_the_array_of_its_name(tmp_path):
    x, z = two_arrays(tmp_path)
    np.save(tmp_path / "y.npy", (x - z).argmax(axis=1))
    report = simulate(model_of(TWO, tmp_path / "m.onnx"), "--inputs", tmp_path / "both.npz", "--labels", tmp_path / "y.npy")
    assert report["accuracy"] == 1 and report["samples"] == 30


def test_one_step_of_data_over_time_is_a_run_of_one(tmp_path):
    x, _ = two_arrays(tmp_path)
    np.save(tmp_path / "x.npy", x[:, None])
    np.save(tmp_path / "y.npy", x.argmax(axis=1))
    report = simulate(model_of(STEPPED, tmp_path / "m.onnx"), "--inputs", tmp_path / "x.npy", "--labels", tmp_path / "y.npy",
                      "--state", "v=w", "--encoding", "time")
    assert report["accuracy"] == 1 and report["steps"] == 1


def test_confusion_in_text_is_that_of_json(tmp_path):
    x, z = two_arrays(tmp_path)
    np.save(tmp_path / "y.npy", x.argmax(axis=1))
    arguments = [model_of(TWO, tmp_path / "m.onnx"), "--inputs", tmp_path / "both.npz", "--labels", tmp_path / "y.npy",
      "--confusion"]
    table = simulate(*arguments)["confusion"]
    done = snnfit("simulate", *arguments)
    assert done.returncode == 0 and np.trace(table) < 30
    rows = [line for line in done.stdout.splitlines() if line.strip()[:2] in ("0:", "1:", "2:", "3:")]
    assert [[int(number) for number in row.split(":")[1].split()] for row in rows] == table


REFUSED = {
    "an input without an array": (TWO, {"x": np.zeros((3, 4))}, [], 3, 'has no array named "z"'),
    "inputs of different numbers of samples": (TWO, {"x": np.zeros((3, 4)), "z": np.zeros((2, 4))}, [], 3,
      "2 samples of 'z', 3 of another input"),
    "no input but a state": ("(float[1,4] v) => (float[1,4] w) { w = Neg(v) }", {"v": np.zeros((3, 4))}, ["--state", "v=w",
      "--steps", "3"], 3,
                             "no inputs for data"),
    "an input of no shape": ("(float[] x) => (float[] y) { y = Neg(x) }", {"x": np.zeros((3, 4))}, [], 3, "input 'x' "),
    "time that does not fit": (STEPPED, {"x": np.zeros((3, 5, 3))}, ["--state", "v=w", "--encoding", "time"], 3,
                               "a sample has 15 elements, input 'x' takes 4 a time step"),
    "no axis of time": (STEPPED, {"x": np.zeros((3, 4))}, ["--state", "v=w", "--encoding", "time", "--steps", "5"], 3,
                        "a sample has 4 elements, input 'x' takes 4 a time step, and --encoding time an axis of time"),
    "an axis of time that is not told": (STEPPED, {"x": np.zeros((3, 5, 4))}, ["--state", "v=w", "--steps", "5"], 3,
                                         "has 20 elements, input 'x' takes 4; if its first axis is time, say --encoding time"),
    "other elements than a step's": (STEPPED, {"x": np.zeros((3, 6))}, ["--state", "v=w", "--steps", "5"], 3,
                                     "has 6 elements, input 'x' takes 4\n"),
    "one step, others asked for": (STEPPED, {"x": np.zeros((3, 1, 4))}, ["--state", "v=w", "--encoding", "time", "--steps", "5"], 3,
                                   "has 1 time steps, not 5"),
    "no axis of time in one of two": (STEPPED_TWO, {"x": np.zeros((3, 5, 4)), "z": np.zeros((3, 4))},
                                      ["--state", "v=w", "--encoding", "time"], 3, "input 'z' takes 4 a time step"),
    "time of a model that has none": (TWO, {"x": np.zeros((3, 5, 4)), "z": np.zeros((3, 5, 4))}, ["--encoding", "time"], 3,
      "20 elements"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_data_that_does_not_go_with_the_inputs_is_refused(name, tmp_path):
    text, arrays, options, status, said = REFUSED[name]
    np.savez(tmp_path / "data.npz", **{key: value.astype(np.float32) for key, value in arrays.items()})
    done = snnfit("simulate", model_of(text, tmp_path / "m.onnx"), "--inputs", tmp_path / "data.npz", *options)
    assert done.returncode == status and done.stdout == "", done.stderr
    assert len(done.stderr.splitlines()) == 1 and said in done.stderr, done.stderr
