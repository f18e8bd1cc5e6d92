"""`snnfit batch` over every network there is: goes on after failures, and tells of each."""

import json
import pathlib

import onnx
import pytest

from harness import FIXTURES, fixtures, run

FIT = ("fit", "--target", "ecp5-25k", "--arch", "event", "--rates", "{dir}/rates.npz")


def lines(done):
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    out = tmp_path_factory.mktemp("batch")
    done = run("batch", FIXTURES, "-o", out, "--jobs", 2, "--", *FIT, expect=None)
    return out, done, lines(done)


def test_every_model_has_its_line(batch):
    _, _, results = batch
    models = sorted(str(path) for path in FIXTURES.rglob("*.onnx"))
    assert sorted(str(pathlib.Path(each["model"]).resolve()) for each in results) == [
        str(pathlib.Path(model).resolve()) for model in models
    ]
    assert len(models) == 157
    for each in results:
        assert set(each) >= {"model", "output", "exit", "error", "result"}


def test_the_exit_status_is_the_highest(batch):
    _, done, results = batch
    assert done.returncode == max(each["exit"] for each in results)


def test_it_goes_on_after_failures(batch):
    """There are files to be refused among them: these say why, in one sentence, and the others are done."""
    _, _, results = batch
    failed = [each for each in results if each["exit"] > 1]
    assert 0 < len(failed) < len(results) / 2
    for each in failed:
        has_rates = (pathlib.Path(each["model"]).parent / "rates.npz").is_file()
        assert each["exit"] == (3 if has_rates else 4), each
        assert each["error"] and "\n" not in each["error"] and each["result"] is None
    assert all(each["error"] is None for each in results if each["exit"] <= 1)


def test_dense_step_files_are_all_done(batch):
    _, _, results = batch
    known = {network.name for network in fixtures()}
    done = {pathlib.Path(each["model"]).parent.name for each in results if each["exit"] <= 1}
    assert known <= done, sorted(known - done)


def test_outputs_lie_as_the_inputs_do(batch):
    out, _, results = batch
    for each in results:
        if each["exit"] <= 1:
            relative = pathlib.Path(each["model"]).resolve().relative_to(FIXTURES.resolve())
            path = out / relative
            assert path.is_file(), path
            onnx.checker.check_model(str(path))
            assert each["result"]["fits"] == (each["exit"] == 0)


def test_resume_does_only_what_is_missing(batch):
    out, _, results = batch
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.onnx")}
    lost = sorted(before)[0]
    lost.unlink()
    done = run("batch", FIXTURES, "-o", out, "--jobs", 2, "--resume", "--", *FIT, expect=None)
    after = {path: path.stat().st_mtime_ns for path in out.rglob("*.onnx")}
    assert set(after) == set(before)
    assert {path for path in after if after[path] != before[path]} == {lost}
    assert done.returncode == max(each["exit"] for each in results)


def test_two_jobs_write_what_one_writes(batch, tmp_path):
    out, _, _ = batch
    some = sorted(FIXTURES.glob("sj14-*-step*/model.onnx"))
    manifest = tmp_path / "manifest.txt"
    manifest.write_text("".join(f"{path}\n" for path in some))
    run("batch", manifest, "-o", tmp_path / "one", "--jobs", 1, "--", *FIT, expect=None)
    run("batch", manifest, "-o", tmp_path / "two", "--jobs", 2, "--", *FIT, expect=None)
    first, second = ({path.relative_to(root): path.read_bytes() for path in root.rglob("*.onnx")}
                     for root in (tmp_path / "one", tmp_path / "two"))
    assert len(first) == len(some) and first == second


def test_a_file_that_is_not_there_is_one_failure(tmp_path):
    good = FIXTURES / "sj14-if-soft-ts17-step" / "model.onnx"
    done = run("batch", tmp_path / "missing.onnx", good, "-o", tmp_path / "out", "--", *FIT, expect=4)
    results = {pathlib.Path(each["model"]).name: each for each in lines(done)}
    assert results["missing.onnx"]["exit"] == 4 and results["model.onnx"]["exit"] <= 1
