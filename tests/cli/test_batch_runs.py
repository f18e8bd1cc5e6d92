"""What can happen to a batch: crashes, --resume in all its cases, outputs that collide."""

import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest

from harness import PROGRAM, fixture, run

SEED = fixture("seed-mlp-ts17-step")
OPTIMIZE = ("--", "optimize", "--rates", "{dir}/{stem}.npz")


def lines(done):
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / "models"
    for name in ("a", "b/c", "b/d"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.onnx").write_bytes(SEED.path.read_bytes())
        (folder / f"{name}.npz").write_bytes(SEED.rates_path.read_bytes())
    (folder / "notes.txt").write_text("no model")
    return folder


def batch(models, out, *options, command=OPTIMIZE, expect=0):
    return run("batch", models, "-o", out, *options, *command, expect=expect)


def times(out):
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in out.rglob("*.onnx")}


def test_outputs_results_and_substitution(models, tmp_path):
    results = lines(batch(models, tmp_path / "out"))
    assert [each["model"] for each in results] == [str(models / name) for name in ("a.onnx", "b/c.onnx", "b/d.onnx")]
    assert set(times(tmp_path / "out")) == {"a.onnx", "b/c.onnx", "b/d.onnx"}
    for each in results:
        assert each["exit"] == 0 and each["error"] is None and os.path.exists(each["output"])
        assert each["result"]["passes"][0]["dead_neurons_removed"] == 23


def test_commands_that_write_nothing(models, tmp_path):
    results = lines(batch(models, tmp_path / "out", command=("--", "inspect")))
    assert [each["output"] for each in results] == [None] * 3
    assert all(len(each["result"]["layers"]) == 3 for each in results)
    assert times(tmp_path / "out") == {}


def test_simulate_of_many_models_writes_none_of_them(models, tmp_path):
    np.save(tmp_path / "x.npy", np.ones((2, 784), np.float32))
    results = lines(batch(models, tmp_path / "out", command=("--", "simulate", "--inputs", tmp_path / "x.npy", "--steps", 2)))
    assert [(each["exit"], each["output"], each["result"]["samples"]) for each in results] == [(0, None, 2)] * 3
    assert times(tmp_path / "out") == {}


def test_the_same_lines_and_files_whatever_the_number_of_jobs(models, tmp_path):
    printed, written = set(), set()
    for jobs in (1, 2, 8):
        printed.add(batch(models, tmp_path / "out", "--jobs", jobs).stdout)
        written.add(tuple(path.read_bytes() for path in sorted((tmp_path / "out").rglob("*.onnx"))))
    assert len(printed) == len(written) == 1
    assert len(written.pop()) == 3


# --- failures ---------------------------------------------------------------------------------


def test_a_killed_process_is_one_failure(models, tmp_path):
    """It waits for rates that never come, until it is killed; the others are done."""
    (models / "b/c.npz").unlink()
    os.mkfifo(models / "b/c.npz")
    process = subprocess.Popen([PROGRAM, "batch", models, "-o", tmp_path / "out", *OPTIMIZE], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    os.kill(waiting_child(process.pid), signal.SIGKILL)
    stdout, _ = process.communicate(timeout=300)
    results = [json.loads(line) for line in stdout.decode().splitlines()]
    assert [each["exit"] for each in results] == [0, 5, 0]
    assert "signal 9" in results[1]["error"] and results[1]["result"] is None and results[1]["output"] is None
    assert process.returncode == 5
    assert set(times(tmp_path / "out")) == {"a.onnx", "b/d.onnx"}


def waiting_child(parent):
    """The child process that has been alive for a while: it waits for the other end of the pipe."""
    seen = {}
    while True:
        for child in open(f"/proc/{parent}/task/{parent}/children").read().split():
            seen[child] = seen.get(child, 0) + 1
            if seen[child] > 100:
                return int(child)
        time.sleep(0.03)


def test_each_failure_says_what_it_was(models, tmp_path):
    (models / "a.onnx").write_bytes(b"no model at all")
    (models / "b/d.npz").unlink()
    results = lines(batch(models, tmp_path / "out", expect=4))
    assert [each["exit"] for each in results] == [3, 0, 4]
    assert "d.npz" in results[2]["error"] and results[0]["error"]


def test_a_file_where_a_folder_should_be(models, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "b").write_text("in the way")
    results = lines(batch(models, out, expect=4))
    assert [each["exit"] for each in results] == [0, 4, 4]


def test_what_can_not_begin(models, tmp_path):
    (tmp_path / "empty").mkdir()
    for arguments, status, words in (
        ([tmp_path / "empty", "-o", tmp_path / "out"], 2, "no model"),
        ([models, "-o", models], 2, "would replace"),
        ([models / "a.onnx", "-o", models], 2, "would replace"),
        ([models / "a.onnx", models, "-o", tmp_path / "out"], 2, "one folder"),
        ([models / "a.onnx", models / "a.onnx", "-o", tmp_path / "out"], 2, "same output"),
        ([tmp_path / "no-manifest", "-o", tmp_path / "out"], 4, "no-manifest"),
        ([models, "-o", "/proc/out"], 4, "/proc/out"),
    ):
        done = run("batch", *arguments, "--", "optimize", expect=status)
        (line,) = done.stderr.decode().splitlines()
        assert words in line and done.stdout == b""


# --- which models -----------------------------------------------------------------------------


def test_files_keep_their_folders_below_the_common_one(models, tmp_path):
    batch_of = lambda *names: run("batch", *(models / name for name in names), "-o", tmp_path / "out", *OPTIMIZE)  # noqa: E731
    batch_of("a.onnx", "b/c.onnx")
    assert set(times(tmp_path / "out")) == {"a.onnx", "b/c.onnx"}
    batch_of("b/d.onnx")
    assert set(times(tmp_path / "out")) == {"a.onnx", "b/c.onnx", "d.onnx"}


def test_a_manifest(models, tmp_path):
    (tmp_path / "manifest").write_text("# what we want\nmodels/b/c.onnx\r\n\nmodels/b/d.onnx")
    run("batch", "manifest", "-o", "out", *OPTIMIZE, cwd=tmp_path)
    assert set(times(tmp_path / "out")) == {"c.onnx", "d.onnx"}


def test_outputs_inside_the_folder_are_no_inputs(models):
    first = lines(batch(models, models / "out"))
    again = lines(batch(models, models / "out"))
    assert [each["model"] for each in first] == [each["model"] for each in again]


def test_links_to_folders_are_not_followed(models, tmp_path):
    (models / "loop").symlink_to(models)
    (models / "link.onnx").symlink_to(models / "a.onnx")
    (models / "link.npz").symlink_to(models / "a.npz")
    results = lines(batch(models, tmp_path / "out"))
    assert [os.path.basename(each["model"]) for each in results] == ["a.onnx", "c.onnx", "d.onnx", "link.onnx"]


# --- --resume -----------------------------------------------------------------------------------


def resumed(models, out, *options, **more):
    before = times(out)
    done = batch(models, out, "--resume", *options, **more)
    after = times(out)
    return {name for name in after if after[name] != before.get(name)}, done


def test_resume_repeats_what_it_left_out(models, tmp_path):
    first = batch(models, tmp_path / "out")
    redone, again = resumed(models, tmp_path / "out")
    assert redone == set() and again.stdout == first.stdout


def test_resume_does_failures_again(models, tmp_path):
    rates = (models / "b/c.npz").read_bytes()
    (models / "b/c.npz").write_bytes(b"broken")
    batch(models, tmp_path / "out", expect=3)
    redone, _ = resumed(models, tmp_path / "out", expect=3)
    assert redone == set()
    (models / "b/c.npz").write_bytes(rates)
    redone, _ = resumed(models, tmp_path / "out")
    assert redone == {"b/c.onnx"}


def test_resume_sees_that_something_has_changed(models, tmp_path):
    batch(models, tmp_path / "out")
    (models / "a.onnx").write_bytes((models / "a.onnx").read_bytes())
    assert resumed(models, tmp_path / "out")[0] == {"a.onnx"}
    other = (*OPTIMIZE, "--dead-below", "0.01")
    assert resumed(models, tmp_path / "out", command=other)[0] == {"a.onnx", "b/c.onnx", "b/d.onnx"}


def test_resume_after_a_crash_in_the_middle_of_a_line(models, tmp_path):
    batch(models, tmp_path / "out")
    journal = tmp_path / "out" / "snnfit-batch.jsonl"
    journal.write_bytes(journal.read_bytes()[:-200])
    redone, done = resumed(models, tmp_path / "out")
    assert redone == {"b/d.onnx"} and len(lines(done)) == 3
    assert resumed(models, tmp_path / "out")[0] == set()


def test_without_resume_everything_is_done_again(models, tmp_path):
    batch(models, tmp_path / "out")
    before = times(tmp_path / "out")
    batch(models, tmp_path / "out")
    after = times(tmp_path / "out")
    assert all(after[name] != before[name] for name in before)
