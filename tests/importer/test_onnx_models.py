"""The models that onnx carries for its own tests, of every operator and of known networks: inspect says what each is.

They are no spiking networks: exit status 3, and one sentence that says why. Those of rectified linear units are shown.
"""

import concurrent.futures
import json
import os
import pathlib

import onnx
import pytest
from onnx.backend.test.case.node import collect_testcases

from harness import run

DATA = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"
FOLDERS = ["light", "pytorch-converted", "pytorch-operator", "simple"]


def inspect(models):
    """(name, what inspect did) for (name, bytes)."""
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as workers:
        done = workers.map(lambda each: run("inspect", "-", "--json", expect=None, stdin=each[1]), models)
        return list(zip([name for name, _ in models], done))


def assert_told(name, done):
    """Nothing was found, and that is said; gives what was found otherwise."""
    if done.returncode == 0:
        return json.loads(done.stdout)
    lines = done.stderr.decode().strip().split("\n")
    assert done.returncode == 3 and not done.stdout, (name, done)
    assert "error: " in lines[-1] and all("warning: " in line for line in lines[:-1]), (name, lines)
    return None


@pytest.mark.parametrize("folder", FOLDERS)
def test_models_in_files(folder):
    models = [(str(path.relative_to(DATA)), path.read_bytes()) for path in sorted((DATA / folder).rglob("*.onnx"))]
    assert len(models) >= 9
    found = {name: document for name, done in inspect(models) if (document := assert_told(name, done))}
    assert set(found) == ({name for name, _ in models} if folder == "light" else set())
    for name, document in found.items():
        assert document["time"]["kind"] == "ann", name
        assert document["layers"][0]["kind"] == "relu", name


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # theirs, of making expected values
def test_models_of_operators():
    models = [(case.name, case.model.SerializeToString()) for case in collect_testcases(None)]
    assert len(models) > 1500
    for name, done in inspect(models):
        assert assert_told(name, done) is None, name
