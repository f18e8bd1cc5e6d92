"""Files of firing rates that do not say what they should: one line that names the file and what to do."""

import json
import pathlib
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))

from harness import FIXTURES, run, run_json  # noqa: E402

MODEL = FIXTURES / "seed-mlp-ts17-step" / "model.onnx"  # layers of 256, 64 and 10
FIRST, SECOND, _ = (layer["spike_tensors"][0] for layer in run_json("inspect", MODEL)["layers"])
NAN = float("nan")


def text(*layers, **more):
    return json.dumps({"version": 1, "layers": list(layers), **more}).encode()


def entry(tensor=FIRST, units=256, **more):
    return {"tensor": tensor, "rates": [0.5] * units, **more}


MISUSED = {"width without height", "height without channels", "steps of nothing", "steps beyond 2^64"}  # the options are wrong
# name: what is in the file (arrays by name, or bytes), options, what is said.
CASES = {
    "runs of different length": ({FIRST: np.zeros((2, 5, 256)), SECOND: np.zeros((2, 4, 64))}, ["--rates-axes", "NTU"],
                                 "has 2 samples of 4 steps, another array 2 of 5: check --rates-axes"),
    "no array": ({}, [], "holds no array of rates"), "an empty file": (b"", [], "the file is empty"),
    "an array of nothing": ({FIRST: np.zeros((0, 256))}, [], "the array is empty"),
    "width without height": ({FIRST: np.zeros((256, 3))}, ["--rates-axes", "CW"], "W needs H"),
    "height without channels": ({FIRST: np.zeros((256, 3))}, ["--rates-axes", "H"], "H and W need C"),
    "steps of nothing": ({FIRST: np.zeros(256)}, ["--rates-axes", "U/0"], "--rates-axes"),
    "steps beyond 2^64": ({FIRST: np.zeros(256)}, ["--rates-axes", "U/99999999999999999999999"], "--rates-axes"),
    "counts that are not said to be": ({FIRST: np.arange(256)}, [], "spike counts, it seems; say over how many time steps"),
    "a rate below nothing": ({FIRST: np.full(256, -0.5)}, [], FIRST),
    "a rate that is no number": ({FIRST: np.full(256, NAN)}, [], FIRST),
    "a layer of another size": ({FIRST: np.zeros(255)}, [], "255"), "a layer that is not there": ({"spk9": np.zeros(99)}, [],
      "spk9"),
    "text that is no JSON": (b'{"version": 1, "layers": [', [], "not the JSON of firing rates: line 1"),
    "a list": (b"[1, 2]", [], 'not an object with a "version"'),
    "layers that are a number": (b'{"version": 1, "layers": 7}', [], '"layers" is missing, or not an array'),
    "a version to come": (text(entry()).replace(b"1", b"9", 1), [], "version"),
    "too few rates": (text(entry(units=255)), [], "255"), "a rate as text": (text(entry() | {"rates": ["x"] * 256}), [],
      "a string"),
    **{f"a rate that is {said}": (text(entry() | {"rates": [rate] * 256}), [], said) for rate, said in
       ((True, "a truth value"), (None, "null"), ({}, "an object"), ([], "an array"))},
    "a shape that is not that": (text(entry(shape=[255])), [], "255"),
}


def write(content, folder):
    if isinstance(content, bytes):
        (folder / "rates.json").write_bytes(content)
        return folder / "rates.json"
    np.savez(folder / "rates.npz", **content)
    return folder / "rates.npz"


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_said_in_one_line(name, tmp_path):
    content, options, said = CASES[name]
    done = run("inspect", MODEL, "--rates", write(content, tmp_path), *options, expect=2 if name in MISUSED else 3)
    line = done.stderr.decode()
    assert done.stdout == b"" and len(line.splitlines()) == 1 and said in line, line


def test_integers_that_are_rates_are_taken_as_they_are(tmp_path):
    """All 0 or 1: no counts of several steps."""
    rates = np.arange(256) % 3 == 0
    path = write({FIRST: rates.astype(np.int32)}, tmp_path)
    assert run_json("inspect", MODEL, "--rates", path)["layers"][0]["rates"] == rates.astype(float).tolist()
