"""The benchmarks work, and what they run on is what they say. No test looks at a time."""

import base64
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import onnx
import pytest

from harness import PROGRAM, run, run_json

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench"


def made(tmp_path, *widths_and_options):
    path = tmp_path / "network.onnx"
    subprocess.run([sys.executable, BENCH / "models.py", path, *map(str, widths_and_options)], check=True)
    return path


def rates_of(path):
    (entry,) = [each for each in onnx.load(path, load_external_data=False).metadata_props if each.key == "snn.firing_rates"]
    return [np.frombuffer(base64.b64decode(layer["rates_b64"]), "<f4") if "rates_b64" in layer
            else np.array(layer["rates"], np.float32) for layer in json.loads(entry.value)["layers"]]


@pytest.mark.parametrize("options", [(), ("--external",)])
def test_a_model_is_a_spiking_network_with_dead_neurons(options, tmp_path):
    path = made(tmp_path, 64, 1200, 40, *options)
    onnx.checker.check_model(str(path), full_check=True)
    layers = run_json("inspect", path)["layers"]
    assert [(layer["units"], layer["neuron"]) for layer in layers] == [(1200, "LIF"), (40, "LIF")]
    assert np.count_nonzero(np.array(layers[0]["rates"]) == 0) == 60


def test_an_unrolled_model_shares_its_weights(tmp_path):
    path = made(tmp_path, 64, 32, 10, "--steps", 3)
    onnx.checker.check_model(str(path), full_check=True)
    assert [layer["units"] for layer in run_json("inspect", path)["layers"]] == [32, 10]


def test_twins_are_what_redundancy_elimination_merges(tmp_path):
    path = made(tmp_path, 256, 300, 10, "--twins", 7)
    done = run_json("optimize", path, "--passes", "redundancy_elimination", "--dry-run")
    assert done["passes"][0]["redundant_pairs_merged"] == 7


def test_many_rates_stay_what_they_are(tmp_path):
    path, out = made(tmp_path, 64, 1200, 40), tmp_path / "out.onnx"
    run("optimize", path, "--passes", "dead_neuron_elimination", "-o", out)
    before, after = rates_of(path), rates_of(out)
    np.testing.assert_array_equal(after[0], before[0][before[0] != 0])
    np.testing.assert_array_equal(after[1], before[1])


ROWS = {
    "copying": ("passes none", "passes dead_neuron_elimination"),
    "redundancy": ("redundancy elimination",),
    "importing": ("Import",),
    "simulating": ("inputs spike in each step",),
    "resimulating": ("measured again after a change of layer 3",),
    "products": ("adding patterns",),
}
# What is measured is the optimized program; other builds see that the first would do.
SUBJECTS = list(ROWS) if "release" in PROGRAM.parts else ["copying"]


def test_all_figures_are_measured(tmp_path):
    environment = {**os.environ, "SNNFIT": str(PROGRAM)}
    done = subprocess.run([sys.executable, BENCH / "run.py", *SUBJECTS, "--quick", "--folder", tmp_path], env=environment,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")][1:]
    for subject in SUBJECTS:
        for words in ROWS[subject]:
            assert any(words in row for row in rows), words
    assert "nan" not in done.stdout and not list(tmp_path.iterdir())


def test_no_subject_is_left_out():
    done = subprocess.run([sys.executable, BENCH / "run.py", "weather"], capture_output=True, text=True)
    assert done.returncode == 2 and f"there is: {', '.join(ROWS)}\n" in done.stderr
