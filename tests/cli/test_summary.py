"""What the summary, the warnings and the page say that a figure alone would not."""

import json
import re

import numpy as np
import pytest

from harness import digits, fixture, run, run_json

SEED = fixture("seed-mlp-ts17-step")
MODEL, RATES = SEED.path, ("--rates", SEED.rates_path)
OPEN = "accuracy      not measured: check it on your own data"
FEW_BLOCKS = ("--arch", "sparse", "--family", "ecp5", "--target-luts", "100000", "--target-bram", "2")


def number(text):
    return int(text.replace(",", ""))


def pages(model, tmp_path):
    run("report", model, "--html", tmp_path / "page.html")
    return run("report", model).stdout.decode(), (tmp_path / "page.html").read_text()


@pytest.mark.parametrize("arch", ["sc", "parallel", "event", "sparse"])
@pytest.mark.parametrize("target", [("--target", "up5k"), ("--target", "hx8k"), ("--target-luts", "101", "--target-bram", "1")],
                         ids=lambda target: target[1])
def test_what_is_over_is_what_the_table_says(target, arch):
    """The interval's end less what is available, as they stand there."""
    text = run("estimate", MODEL, *RATES, *target, "--arch", arch).stdout.decode()
    over = re.findall(r"^over: (.*) are over by ([\d,]+) \(up to ([\d,]+) of ([\d,]+)\)", text, re.MULTILINE)
    assert over
    for resource, by, high, available in over:
        (row,) = [line for line in text.splitlines() if line.startswith(f"  {resource} ")]
        assert f" to {high}  " in row and f" {available} " in row
        assert number(by) == number(high) - number(available)


def test_a_changed_model_says_that_its_accuracy_is_open(tmp_path):
    done = run("optimize", MODEL, *RATES, "-o", tmp_path / "out.onnx")
    assert OPEN in done.stdout.decode().splitlines()
    text, page = pages(tmp_path / "out.onnx", tmp_path)
    assert OPEN in text and "Accuracy: not measured" in page
    assert run_json("report", tmp_path / "out.onnx")["accuracy"] is None


def test_an_unchanged_model_does_not():
    for command in (("estimate",), ("fit", "--dry-run", "--passes", "none")):
        done = run(*command, MODEL, "--target-luts", 1000000, "--arch", "event")
        assert "accuracy" not in done.stdout.decode()


def test_a_layer_of_hardly_any_weights_is_a_warning(tmp_path):
    out = tmp_path / "out.onnx"
    done = run("fit", MODEL, "-o", out, *RATES, *FEW_BLOCKS, "--max-iterations", 40, "--json", expect=1)
    report = json.loads(done.stdout)
    empty = [layer for layer in report["layers"] if layer["sparsity"] > 0.9]
    assert empty, "this target makes the ladder prune a lot"
    notes = [note for note in report["notes"] if "of its weights are zero" in note]
    assert [note.split(":")[0] for note in notes] == [layer["name"] for layer in empty]
    assert all("--max-iterations" in note and f"warning: {note}" in done.stderr.decode() for note in notes)
    assert notes[0] in pages(out, tmp_path)[1]


@pytest.mark.parametrize("passes, words", [
    (("--passes", "magnitude_pruning", "--prune-threshold", "1e9"), "prune at another threshold (--prune-threshold W, now 1e+09)"),
    (("--passes", "redundancy_elimination"), "change weights: --passes magnitude_pruning,quantization"),
], ids=["pruning", "others"])
def test_what_to_try_is_not_what_was_tried(passes, words):
    suggestions = run_json("optimize", MODEL, "--dry-run", *passes)["suggestions"]
    assert words in suggestions[-1], suggestions


def test_quantized_again_is_told_fewer_bits(tmp_path):
    quantize = ("--passes", "quantization", "--quantize-bits", "8")
    run("optimize", MODEL, *quantize, "-o", tmp_path / "out.onnx")
    report = run_json("optimize", tmp_path / "out.onnx", "--dry-run", *quantize)
    assert not report["passes"][0]["changed"] and "quantize to fewer bits" in report["suggestions"][-1]


@pytest.mark.parametrize("threshold, said", [("0.0001", False), ("0.1", True)])
def test_pruning_says_so_too(threshold, said):
    done = run("optimize", MODEL, *RATES, "--dry-run", "--passes", "magnitude_pruning", "--prune-threshold", threshold)
    assert (b"prune less: --prune-threshold" in done.stderr) == said


@pytest.mark.parametrize("name, layers", [("snnidiom-inhib-ts17-step", 2), ("snntorch-syn-ts17-step", 2),
                                          ("seed-mlp-ts17-step", 0)])
def test_neurons_that_the_estimate_leaves_parts_of_out_are_named(name, layers):
    model = fixture(name).path
    notes = run_json("estimate", model, "--target", "ecp5")["notes"]
    assert sum("the estimate leaves the rest out" in note for note in notes) == layers
    assert "leaves the rest out" not in json.dumps(run_json("optimize", model, "--dry-run")), "no estimate"


def test_when_pruning_is_exhausted_it_is_not_what_to_try():
    def suggestions(*options):
        done = run("fit", MODEL, "--dry-run", *RATES, *FEW_BLOCKS, *options, "--json", expect=1)
        report = json.loads(done.stdout)
        return "no weights left" in str(report["skipped"]), " ".join(report["suggestions"])

    stopped, words = suggestions("--max-iterations", 40)
    assert stopped and "prune more" not in words and "--quantize-bits" in words and "--arch auto" in words
    stopped, words = suggestions("--max-iterations", 1)
    assert not stopped and "prune more" in words and "--max-iterations" in words


def test_what_is_missing_is_what_to_try(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((1, 784), np.float32))

    def words(passes, *options):
        return " ".join(run_json("optimize", MODEL, "--dry-run", "--passes", passes, *options)["suggestions"])

    missing = words("behavioural_redundancy")
    assert "--inputs" in missing and "--rates" not in missing and "--input-range" not in missing
    given = words("behavioural_redundancy", "--inputs", tmp_path / "x.npy", "--steps", 1, "--behavioural-agreement", 1)
    assert "--inputs" not in given
    assert "--rates" in words("dead_neuron_elimination") and "--input-range" in words("silent_neuron_elimination")


def test_what_accuracy_or_every_architecture_ruled_out_is_not_what_to_try(tmp_path):
    images, labels = digits()
    np.save(tmp_path / "x.npy", images[:200])
    np.save(tmp_path / "y.npy", labels[:200])
    data = ("--inputs", tmp_path / "x.npy", "--labels", tmp_path / "y.npy", "--steps", 5, "--max-accuracy-drop", 0)

    def fitted(*options):
        done = run("fit", MODEL, "--dry-run", *RATES, "--target-luts", 2000, "--target-bram", 2, *options, "--json", expect=1)
        report = json.loads(done.stdout)
        return report["limited"], report["architecture"], " ".join(report["suggestions"])

    limited, _, words = fitted("--arch", "sparse", *data)
    assert limited and "--max-accuracy-drop" in words and "prune more" not in words
    _, architecture, words = fitted("--arch", "event")
    assert architecture == "event" and "--arch sparse" in words
    _, architecture, words = fitted("--arch", "auto", "--max-iterations", 1)
    assert architecture == "event" and "--max-iterations" in words and "--arch" not in words


@pytest.mark.parametrize("command", [("optimize",), ("annotate",), ("fit", "--target", "ecp5", "--arch", "event")])
def test_the_file_that_was_written_is_named(command, tmp_path):
    arguments = (*command, MODEL, *RATES)
    last = run(*arguments, "-o", tmp_path / "out.onnx").stdout.decode().splitlines()[-1]
    assert last == f"written       {tmp_path / 'out.onnx'}"
    assert "written  " not in run(*arguments, "--dry-run").stdout.decode()
    assert run(*arguments, "-o", tmp_path / "out.onnx", "-q").stdout == b""
    json.loads(run(*arguments, "-o", tmp_path / "out.onnx", "--json").stdout)


def test_layers_that_a_pass_left_alone_are_named_also_when_it_changed_others():
    text = run("optimize", MODEL, *RATES, "--dry-run").stdout.decode()
    (pass_line,) = [line for line in text.splitlines() if line.startswith("  dead_neuron_elimination: ")]
    assert "removed" in pass_line
    assert "skipped /net/fc3/Gemm: graph output" in text.split(pass_line)[1].split("elimination: ")[0]


def test_zeros_are_counted_where_weights_are_read_anyway(tmp_path):
    def report(*options):
        run("optimize", MODEL, *RATES, *options, "-o", tmp_path / "out.onnx")
        return run_json("report", tmp_path / "out.onnx"), *pages(tmp_path / "out.onnx", tmp_path)

    document, text, page = report("--passes", "dead_neuron_elimination")
    assert document["parameters"]["nonzero"] is None and document["sparsity"] is None
    assert all(layer["sparsity"] is None for layer in document["layers"])
    assert "zeros not counted" in text and "sparsity" not in text and "Zeros among" not in page
    for options in (("--passes", "dead_neuron_elimination", "--target", "ecp5", "--arch", "event"), ()):
        document, text, page = report(*options)
        assert document["parameters"]["nonzero"] > 0.9 * document["parameters"]["after"]
        assert 0 <= document["sparsity"] < 0.1 and "not zero\nsparsity" in text and "Zeros among" in page


def test_the_page_says_what_the_summary_says(tmp_path):
    out = tmp_path / "out.onnx"
    run("fit", MODEL, "-o", out, *RATES, *FEW_BLOCKS, "--max-iterations", 40, expect=1)
    text, page = pages(out, tmp_path)
    (over,) = [line for line in text.splitlines() if line.startswith("over: ")]
    for words in (over[len("over: "):], "Time step: ", "Zeros among the weights: ", "the ladder stops here",
                  "skipped /net/fc3/Gemm: graph output", "snnfit " + run_json("report", out)["tool"]["version"]):
        assert words in page
