"""Standard output that is closed, full or broken is an error; what is printed has arrived, or we say not."""

import os
import subprocess

import onnx
import pytest

from harness import PROGRAM, fixture, run

SEED = fixture("seed-mlp-ts17-step")


def run_into(stdout, *arguments, **options):
    return subprocess.run([PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=stdout,
                          stderr=subprocess.PIPE, timeout=300, check=False, **options)


COMMANDS = [
    ("inspect", SEED.path), ("inspect", SEED.path, "--json"), ("targets",), ("--help",), ("fit", "--help"),
    ("--version",), ("estimate", SEED.path, "--target", "ecp5", "--arch", "event"),
    ("optimize", SEED.path, "-o", "-"),
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda each: " ".join(map(str, each[:1])))
def test_a_full_disk_behind_standard_output(arguments):
    with open("/dev/full", "wb") as full:
        done = run_into(full, *arguments)
    assert done.returncode == 4
    assert b"error: " in done.stderr


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda each: " ".join(map(str, each[:1])))
def test_standard_output_is_closed(arguments):
    done = run_into(None, *arguments, preexec_fn=lambda: os.close(1))
    assert done.returncode == 4
    assert b"error: " in done.stderr


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda each: " ".join(map(str, each[:1])))
def test_nobody_reads_standard_output(arguments):
    reads, writes = os.pipe()
    os.close(reads)
    done = run_into(writes, *arguments)
    os.close(writes)
    assert done.returncode == 4
    assert b"error: " in done.stderr


def test_a_closed_stream_never_becomes_the_model(tmp_path):
    """A file that is opened takes the lowest free descriptor: were that 1 or 2, text would go into it."""
    out = tmp_path / "out.onnx"

    def close_all():
        for descriptor in (0, 1, 2):
            os.close(descriptor)

    done = subprocess.run([PROGRAM, "optimize", SEED.path, "--rates", SEED.rates_path, "-o", out, "-v"],
                          preexec_fn=close_all, timeout=300, check=False)
    assert done.returncode == 4
    onnx.checker.check_model(str(out), full_check=True)
    run("optimize", SEED.path, "--rates", SEED.rates_path, "-o", tmp_path / "other.onnx", "-v")
    assert out.read_bytes() == (tmp_path / "other.onnx").read_bytes()


def test_standard_input_is_closed():
    done = run_into(subprocess.PIPE, "inspect", "-", preexec_fn=lambda: os.close(0))
    assert done.returncode in (3, 4) and done.stdout == b""
