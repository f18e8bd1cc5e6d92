"""`snnfit fit`: the ladder follows its rule, each rung moves the estimate the right way, and the
answer is a model that fits, or one that says what is over by how much."""

import itertools
import json

import numpy as np
import onnx
import pytest

from harness import check_valid, fixture, metadata, reference, run, run_json, simulate_fixture, correct

SEED = fixture("seed-mlp-ts17-step")
RATES = ("--rates", SEED.rates_path)
FEW_LUTS = ("--family", "ecp5", "--target-luts", "40")
FEW_BLOCKS = ("--family", "ecp5", "--target-luts", "100000", "--target-bram", "2")
# What the architecture is short of when the network is large: `event` and `sparse` keep weights in memory.
SHORT_OF = {"sc": FEW_LUTS, "parallel": FEW_LUTS, "event": FEW_BLOCKS, "sparse": FEW_BLOCKS}


def fit(out, *options, network=SEED, expect=0):
    return run_json("fit", network.path, "-o", out, "--rates", network.rates_path, *options, expect=expect)


def used(report, resource):
    return report["utilization"][resource]["high"]


def exceeded(utilization):
    return {name for name, each in utilization.items() if each["available"] is not None
            and each["high"] > each["available"]}


# --- the rule -------------------------------------------------------------------------------


def numbers(actions, word):
    """What the actions that begin with this word go down (or up) to."""
    return [float(next(part for part in reversed(action.split()) if part[0].isdigit()))
            for action in actions if action.startswith(word)]


def follow(report, length=256, minimum=32):
    """Replays the ladder: fails when a step is not what the rule says comes next. What was tried and
    skipped takes its place in the sequence."""
    steps = report["steps"]
    tried = [each["action"] for each in (*steps, *report["skipped"])]
    for before, step in itertools.pairwise(steps):
        assert step["lut_before"] == before["lut_after"], "a step starts where the last one ended"
        assert step["sparsity"] >= before["sparsity"] and step["weight_bits"] <= before["weight_bits"]
    if report["architecture"] == "sc":
        halves = [half for half in (length >> k for k in range(1, 20)) if half >= minimum]
        assert numbers(tried, "halve") == halves[: len(numbers(tried, "halve"))]
        assert [step["bitstream_length"] for step in steps][: len(halves)] == halves[: len(steps)]
    else:
        assert not numbers(tried, "halve") and all(step["bitstream_length"] is None for step in steps)
    thresholds = sorted(set(numbers(tried, "prune")))
    assert np.allclose(thresholds, [0.003 * 3**k for k in range(len(thresholds))], rtol=1e-4)
    bits = sorted(set(numbers(tried, "quantize")), reverse=True)
    assert bits == [14, 12, 10, 8, 6, 4][: len(bits)]
    assert len(steps) == sum(len(numbers([step["action"] for step in steps], word))
                             for word in ("halve", "prune", "quantize"))
    return steps


@pytest.mark.parametrize("arch", SHORT_OF)
def test_the_recorded_steps_follow_the_rule(arch, tmp_path):
    report = fit(tmp_path / "out.onnx", "--arch", arch, *SHORT_OF[arch], expect=1)
    assert report["architecture"] == arch
    assert report["steps"], "nothing was tried"
    follow(report)
    if arch == "sc":
        assert [step["bitstream_length"] for step in report["steps"]][:3] == [128, 64, 32]


@pytest.mark.parametrize("arch", SHORT_OF)
def test_each_rung_moves_the_estimate_the_right_way(arch, tmp_path):
    """What is short gets less with every step: estimated again from the models that were kept."""
    options = (*SHORT_OF[arch], "--save-steps", tmp_path / "steps")
    report = fit(tmp_path / "out.onnx", "--arch", arch, *options, expect=1)
    resource = "lut" if SHORT_OF[arch] is FEW_LUTS else "bram"
    passes = sum(each["changed"] for each in report["passes"])
    saved = sorted((tmp_path / "steps").glob("*.onnx"))[passes:]
    costs = [used(report["before"], resource)]
    for path, step in zip(saved, report["steps"], strict=True):
        length = ("--bitstream-length", step["bitstream_length"]) if arch == "sc" else ()
        costs.append(used(run_json("estimate", path, *SHORT_OF[arch], "--arch", arch, *length), resource))
    assert all(later < earlier for earlier, later in itertools.pairwise(costs)), costs
    assert costs[-1] == used(report, resource), "the last one is the best and is what was written"
    if resource == "lut":
        assert all(step["lut_after"] < step["lut_before"] for step in report["steps"])


def test_the_initial_and_the_least_bitstream_length_are_options(tmp_path):
    report = fit(tmp_path / "out.onnx", "--arch", "sc", *FEW_LUTS, "--initial-bitstream-length", 64,
                 "--min-bitstream-length", 16, expect=1)
    assert [step["bitstream_length"] for step in report["steps"]][:3] == [32, 16, 16]
    follow(report, 64, minimum=16)


def test_iterations_are_limited(tmp_path):
    report = fit(tmp_path / "out.onnx", "--arch", "sc", *FEW_LUTS, "--max-iterations", 2, expect=1)
    assert [step["bitstream_length"] for step in report["steps"]] == [128, 64]


def test_a_rung_that_cannot_help_is_skipped_and_said_so(tmp_path):
    """`event` keeps its weights dense in RAM: zeros save nothing there."""
    report = fit(tmp_path / "out.onnx", "--arch", "event", *FEW_BLOCKS, expect=1)
    assert not numbers([step["action"] for step in report["steps"]], "prune")
    assert numbers([each["action"] for each in report["skipped"]], "prune")
    assert report["iterations"] == len(report["steps"]) == 6, "14 bits to 4: what was skipped does not count"


# --- the answer -----------------------------------------------------------------------------


def test_the_example_does_not_fit_unchanged_and_then_does(tmp_path):
    before = run_json("estimate", SEED.path, "--target", "ecp5-25k", "--arch", "event")
    assert not before["fits"] and exceeded(before["utilization"])
    report = fit(tmp_path / "out.onnx", "--target", "ecp5-25k", "--arch", "event")
    assert report["fits"] and not exceeded(report["utilization"]) and not report["limits"]
    assert report["steps"], "it took at least one step"
    check_valid(tmp_path / "out.onnx")
    result = onnx.load(tmp_path / "out.onnx")
    follow(report)
    # Measured, not asserted to be any number: but a ladder of quantization must leave a network that works.
    was, now = (correct(SEED, each.first) for each in (reference(SEED), simulate_fixture(SEED, result)))
    assert now > 0.9 * was


def test_a_target_that_is_met_from_the_start_takes_no_step(tmp_path):
    report = fit(tmp_path / "out.onnx", "--target", "ecp5", "--arch", "event")
    assert report["fits"] and report["steps"] == []


def test_a_miss_names_resource_layer_and_excess_and_leaves_the_best_model(tmp_path):
    out = tmp_path / "out.onnx"
    done = run("fit", SEED.path, "-o", out, *RATES, "--arch", "event", *FEW_BLOCKS, expect=1)
    text = (done.stdout + done.stderr).decode()
    assert "NO" in text
    report = json.loads(metadata(onnx.load(out))["snn.resources"])
    assert report["fits"] is False
    over = exceeded(report["utilization"])
    assert over and {each["resource"] for each in report["limits"]} == over
    for resource in over:
        limits = [each for each in report["limits"] if each["resource"] == resource]
        assert {each["layer"] for each in limits} == {layer["name"] for layer in report["layers"]}
        assert all(first["used"] >= second["used"] for first, second in itertools.pairwise(limits))
        assert np.isclose(sum(each["used"] for each in limits), used(report, resource))
        excess = used(report, resource) - report["utilization"][resource]["available"]
        (line,) = [line for line in text.splitlines() if line.startswith("over: ")]
        assert limits[0]["layer"] in line and f"{excess:.0f}" in line
    check_valid(out)
    simulate_fixture(SEED, onnx.load(out), samples=10)


def test_a_layer_is_never_pruned_to_nothing(tmp_path):
    out = tmp_path / "out.onnx"
    fit(out, "--arch", "sparse", *FEW_BLOCKS, "--max-iterations", 40, expect=1)
    report = json.loads(metadata(onnx.load(out))["snn.resources"])
    assert all(layer["sparsity"] < 1 for layer in report["layers"])


def test_the_report_is_true_of_the_weights_that_were_written(tmp_path):
    out = tmp_path / "out.onnx"
    report = fit(out, "--arch", "sparse", *FEW_BLOCKS, "--max-iterations", 3, expect=1)
    model = onnx.load(out)
    zeros = total = 0
    for layer in report["layers"]:
        values = quantized_weights(model, layer["name"], SEED)
        zeros, total = zeros + np.count_nonzero(values == 0), total + values.size
        assert np.isclose(layer["sparsity"], np.mean(values == 0), atol=1e-6)
        assert np.abs(values).max() < 2 ** (layer["weight_bits"] - 1)
        assert layer["units"] == values.shape[0]
    assert np.isclose(report["sparsity"], zeros / total, atol=1e-6)


def quantized_weights(model, name, network):
    """The integers that the DequantizeLinear before this layer's Gemm reads."""
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    makers = {output: node for node in model.graph.node for output in node.output}
    for node in model.graph.node:
        if node.op_type == "Gemm" and node.name == name:
            dequantize = makers[node.input[1]]
            assert dequantize.op_type == "DequantizeLinear"
            return arrays[dequantize.input[0]].astype(np.int64)
    raise LookupError(name)


def test_the_report_command_prints_what_the_file_says(tmp_path):
    out = tmp_path / "out.onnx"
    report = fit(out, "--target", "ecp5-25k", "--arch", "event")
    again = run_json("report", out)
    assert again == report
    text = run("report", out).stdout.decode()
    assert "ecp5" in text and "YES" in text
    run("report", out, "--html", tmp_path / "report.html")
    assert "<html" in (tmp_path / "report.html").read_text().lower()


def test_people_get_the_summary(tmp_path):
    done = run("fit", SEED.path, "-o", tmp_path / "out.onnx", *RATES, "--target", "ecp5-25k", "--arch", "event")
    text = done.stdout.decode()
    report = json.loads(metadata(onnx.load(tmp_path / "out.onnx"))["snn.resources"])
    assert "YES" in text and "ecp5-25k" in text
    for step in report["steps"]:
        assert str(round(step["lut_before"])) in text.replace(",", "")
        assert str(round(step["lut_after"])) in text.replace(",", "")


def test_auto_takes_the_architecture_with_the_least_change(tmp_path):
    chosen = fit(tmp_path / "auto.onnx", "--target", "ecp5-25k")
    assert chosen["fits"]
    every = [run_json("fit", SEED.path, "-o", tmp_path / "one.onnx", *RATES, "--target", "ecp5-25k", "--arch", arch,
                      expect=None) for arch in ("sc", "parallel", "event", "sparse")]
    assert chosen["iterations"] == min(each["iterations"] for each in every if each["fits"])


# --- estimates --------------------------------------------------------------------------------


@pytest.mark.parametrize("arch", ["sc", "parallel", "event", "sparse"])
def test_estimates_hold_together(arch):
    report = run_json("estimate", SEED.path, "--target", "ecp5", "--arch", arch)
    assert report["architecture"] == arch
    for name, each in report["utilization"].items():
        assert each["low"] <= each["used"] <= each["high"], name
    assert [layer["units"] for layer in report["layers"]] == [256, 64, 10]
    assert report["bitstream_length"] == (256 if arch == "sc" else None)
    assert report["cycles_per_step"] > 0 and report["energy_nj_per_step"] > 0


@pytest.mark.parametrize("arch", SHORT_OF)
def test_fewer_bits_cost_less_of_what_is_short(arch):
    resource = "lut" if SHORT_OF[arch] is FEW_LUTS else "bram"
    costs = [used(run_json("estimate", SEED.path, "--target", "ecp5", "--arch", arch, "--weight-bits", bits), resource)
             for bits in (16, 14, 12, 10, 8, 6, 4, 2)]
    assert all(narrow < wide for wide, narrow in itertools.pairwise(costs)), costs


def test_the_bitstream_length_counts_only_for_sc():
    long, short = (run_json("estimate", SEED.path, "--target", "ecp5", "--arch", "sc", "--bitstream-length", length)
                   for length in (256, 32))
    assert used(short, "lut") < used(long, "lut") and short["cycles_per_step"] < long["cycles_per_step"]
    done = run("estimate", SEED.path, "--target", "ecp5", "--arch", "event", "--bitstream-length", 32, "--json")
    assert json.loads(done.stdout)["bitstream_length"] is None
    assert "bitstream" in done.stderr.decode()
