"""Memory that is short at any place: small models of all kinds, all that can be asked of them, in one process.

Where test_faults.py runs the commands on few models, these are many: random networks over all operators and
layouts of time, real networks with data to simulate, and ONNX's node tests. The work is done by
run_starved.c and run_operators.c in tests/tools, where each chain of calls that allocates fails once (chains.h); a
leak is found there, too.
"""

import pathlib
import subprocess
import sys

import numpy as np
import onnx
import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "importer"), str(TESTS / "simulator")]
import graph_fuzz
import random_networks
import test_faults
import test_node_tests
from harness import PROGRAM, fixture

TOOLS = PROGRAM.parent / "tests"
# All of it is one thread: where the sanitizer of threads watches, it is a third.
SHARE = 3 if b"__tsan_init" in (TOOLS / "run_starved").read_bytes() else 1
RANDOM_NETWORKS, AT_ONCE = 60 // SHARE, 30 // SHARE
# Every exporter's idiom that differs, the smallest of each.
NETWORKS = """sj14-if-soft-dy18-step norse-lif-li-dy18-step odd-rec-rleaky-dy18-step odd-neu-alif-dy18-step
snntorch-conv-ts17-step snntorch-convbn-ts17-step-nofold snntorch-mlp-bn-dy18-step odd-conv-depthwise-ts17-step
odd-conv-1d-ts17-step odd-res-convid-ts17-step odd-two-cat-dy18-step odd-two-slice-dy18-step odd-tied-embed-dy18-step
odd-f0-layernorm-dy18-step snnloop-scan-dy18 snnidiom-inithidden-warm-dy18 snnidiom-inithidden-fresh-dy18
snntorch-conv-ts17-step--fp16 ann-convbn-ts17--qdq ann-convbn-ts17--qop odd-rec-norse-dy18-step
odd-conv-groups-ts17-step odd-conv-adaptive-ts17-step odd-conv-gap-ts17-step odd-two-heads-dy18-step""".split()


def starved(tool, lines, *arguments):
    done = subprocess.run([TOOLS / tool, *arguments], input="\n".join(lines) + "\n", capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    said = done.stdout.splitlines()
    assert len(said) == len(lines)
    wrong = [f"{line}: {answer}" for line, answer in zip(lines, said) if not answer.startswith("ok")]
    assert not wrong, "\n".join(wrong)
    return said


def tried(said):
    return sum(int(answer.split()[2]) for answer in said)


def random_line(seed, folder):
    net = random_networks.build(seed, copies=seed % 3 == 0)
    path, rates = folder / f"{seed}.onnx", folder / f"{seed}.json"
    onnx.save(net.model, path)
    found, _ = graph_fuzz.found_layers(net, path)
    if not found:
        return f"{path}\t-\t-\t-"
    graph_fuzz.write_rates(net, found, graph_fuzz.declare_dead(net, found), rates)
    return f"{path}\t{rates}\t-\t-"


@pytest.mark.parametrize("first", range(0, RANDOM_NETWORKS, AT_ONCE))
def test_random_networks(first, tmp_path):
    said = starved("run_starved", [random_line(seed, tmp_path) for seed in range(first, first + AT_ONCE)])
    assert tried(said) > 1000


def samples(model, path):
    """Three of what the first input takes; nothing for the states."""
    shape = [axis.dim_value or 1 for axis in onnx.load(model, load_external_data=False)
             .graph.input[0].type.tensor_type.shape.dim]
    data = np.random.default_rng(3).random([3, *shape[1:]], np.float32)
    np.save(path, data)
    return path


def real_line(name, folder):
    network = fixture(name)
    rates = network.folder / "rates.npz"
    steps = 2 if network.truth["kind"] == "step" else "-"  # others have theirs inside
    inputs = samples(network.path, folder / f"{name}.npy")
    return f"{network.path}\t{rates if rates.exists() else '-'}\t{inputs}\t-\t{steps}"


def test_real_networks(tmp_path):
    assert tried(starved("run_starved", [real_line(name, tmp_path) for name in NETWORKS[::SHARE]])) > 1000


def test_data(tmp_path):
    """All passes measured on samples with labels."""
    test_faults.small(tmp_path)
    inputs, labels = samples(tmp_path / "model.onnx", tmp_path / "x.npy"), tmp_path / "y.npy"
    np.save(labels, np.arange(3))
    said = starved("run_starved", [f"{tmp_path / 'model.onnx'}\t{rates}\t{inputs}\t{labels}\t2"
                                   for rates in ("-", tmp_path / "rates.npz")])
    assert tried(said) > 1000


def test_every_operator(tmp_path):
    lines = []
    for case in test_node_tests.cases():
        if not test_node_tests.reason_to_leave_out(case):
            lines += [test_node_tests.write_case(case, data_set, tmp_path / f"{len(lines)}-{i}")
                      for i, data_set in enumerate(case.data_sets)]
    said = starved("run_operators", lines, "starve")
    assert len(said) > 900
