"""Accuracy measured inside optimize and fit: what the report says of every pass and step is what
onnxruntime finds in the model at that point, and the limit is kept to the image."""

import json
import re
import shutil

import numpy as np
import onnx
import pytest

from harness import (DIGITS, REPOSITORY, correct, digits, fixture, is_spiking, metadata, reference, run, run_json, simulate,
                     simulate_fixture)

SEED = fixture("seed-mlp-ts17-step")
DATA = ("--inputs", DIGITS / "test-images-idx3-ubyte.gz", "--labels", DIGITS / "test-labels-idx1-ubyte.gz",
        "--steps", SEED.steps)
ALL = ("dead_neuron_elimination,silent_neuron_elimination,redundancy_elimination,layer_fusion,magnitude_pruning,"
       "quantization")
HARSH = ("--passes", ALL, "--prune-threshold", "0.03", "--quantize-bits", "4")


def optimize(out, *options, network=SEED, expect=0):
    return run_json("optimize", network.path, "-o", out, "--rates", network.rates_path, *DATA, *options, expect=expect)


def rights(network, outputs):
    """Which of the digits onnxruntime tells right."""
    _, labels = digits()
    score = outputs.sum(axis=0) if is_spiking(network) else outputs.max(axis=0)
    return score.argmax(axis=1) == labels


def right_in(network, path, states=None):
    return correct(network, simulate_fixture(network, onnx.load(path), states=states).first)


# --- the figures ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["seed-mlp-ts17-step", "norse-lif-li-ts17-step"])
def test_every_pass_is_measured_as_onnxruntime_does(name, tmp_path):
    network = fixture(name)
    report = run_json("optimize", network.path, "-o", tmp_path / "out.onnx", "--rates", network.rates_path, *DATA[:4],
                      "--steps", network.steps, *HARSH, "--save-steps", tmp_path / "steps")
    saved = sorted((tmp_path / "steps").iterdir())
    changes = report["changes"]
    assert [re.sub(r"^\d+-|\.onnx$", "", path.name) for path in saved] == [change["pass"] for change in changes]
    assert len(changes) >= 3 and not any(change["undone"] for change in changes)
    for path, change in zip(saved, changes):
        states = [pair for pair in network.states if pair[0] in {value.name for value in onnx.load(path).graph.input}]
        assert abs(change["accuracy"] * 2000 - right_in(network, path, states)) < 1.5, change
    assert abs(report["accuracy"]["before"] * 2000 - correct(network, reference(network).first)) < 1.5
    assert report["accuracy"]["after"] == changes[-1]["accuracy"]
    assert report["parameters"]["after"] == changes[-1]["parameters"]
    assert report["neurons"]["after"] == changes[-1]["neurons"] == sum(layer["units"] for layer in report["layers"])
    assert report["neurons"]["before"] == sum(layer["units_before"] for layer in report["layers"])


def test_every_step_is_measured_as_onnxruntime_does(tmp_path):
    report = run_json("fit", SEED.path, "-o", tmp_path / "out.onnx", "--rates", SEED.rates_path, *DATA, "--target",
                      "ecp5-25k", "--arch", "event", "--passes", "none", "--save-steps", tmp_path / "steps", expect=1)
    assert not report["fits"] and len(report["steps"]) >= 5
    for path, step in zip(sorted((tmp_path / "steps").iterdir()), report["steps"], strict=True):
        assert step["action"].replace(" ", "-") in path.name
        assert abs(step["accuracy"] * 2000 - right_in(SEED, path)) < 1.5, step
    assert report["accuracy"]["after"] == report["steps"][report["kept_steps"] - 1]["accuracy"]
    assert report["limited"] is False


def test_images_won_and_lost_are_those_of_onnxruntime(tmp_path):
    accuracy = optimize(tmp_path / "out.onnx", *HARSH)["accuracy"]
    before = rights(SEED, reference(SEED).first)
    after = rights(SEED, simulate_fixture(SEED, onnx.load(tmp_path / "out.onnx")).first)
    assert accuracy["samples"] == 2000
    assert abs(accuracy["flips"]["won"] - int((after & ~before).sum())) <= 1
    assert abs(accuracy["flips"]["lost"] - int((before & ~after).sum())) <= 1
    assert accuracy["flips"]["lost"] > 5, "the harsh passes cost something"
    change = (accuracy["flips"]["won"] - accuracy["flips"]["lost"]) / 2000
    assert abs(accuracy["after"] - accuracy["before"] - change) < 1e-9
    low, high = accuracy["interval"]
    assert low < change < high and high - low < 0.03


def likelihood(won, lost, samples, change):
    """The largest over the share lost, when won - lost is the change; by trying."""
    shares = np.linspace(max(0.0, -change), (1 - change) / 2, 200_003)[1:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        values = (won * np.log(shares + change) + lost * np.log(shares)
                  + (samples - won - lost) * np.log(1 - 2 * shares - change))
    return shares[np.nanargmax(values)]


def test_the_interval_is_where_the_score_is(tmp_path):
    """Tango's interval: at each end the score of the hypothesis is a 97.5 % quantile."""
    accuracy = optimize(tmp_path / "out.onnx", *HARSH)["accuracy"]
    won, lost, samples = accuracy["flips"]["won"], accuracy["flips"]["lost"], accuracy["samples"]
    for change, sign in zip(accuracy["interval"], (1, -1)):
        share = likelihood(won, lost, samples, change)
        score = (won - lost - samples * change) / np.sqrt(samples * (2 * share + change * (1 - change)))
        assert abs(score - sign * 1.959964) < 0.01


def test_without_a_flip_the_interval_says_what_so_few_samples_can_tell(tmp_path):
    accuracy = optimize(tmp_path / "out.onnx", "--passes", "dead_neuron_elimination")["accuracy"]
    assert accuracy["flips"] == {"won": 0, "lost": 0} and accuracy["after"] == accuracy["before"]
    z = 1.959963984540054**2
    assert np.allclose(accuracy["interval"], [-z / (2000 + z), z / (2000 + z)], rtol=1e-6)


# --- the limit --------------------------------------------------------------------------------


def test_a_limit_of_zero_undoes_exactly_what_costs_an_image(tmp_path):
    free = optimize(tmp_path / "free.onnx", "--passes", "dead_neuron_elimination,quantization", "--quantize-bits", "6")
    assert free["accuracy"]["after"] < free["accuracy"]["before"], "6 bits cost an image"
    strict = optimize(tmp_path / "out.onnx", "--passes", "dead_neuron_elimination,quantization", "--quantize-bits", "6",
                      "--max-accuracy-drop", "0")
    assert [(change["pass"], change["undone"]) for change in strict["changes"]] == [
        ("dead_neuron_elimination", False), ("quantization", True)]
    assert strict["changes"][1]["accuracy"] == free["changes"][1]["accuracy"]
    assert [each["undone"] for each in strict["passes"]] == [0, 1]
    assert strict["passes"][1]["weights_quantized"] == 0 and not strict["passes"][1]["changed"]
    assert strict["accuracy"]["after"] == strict["accuracy"]["before"]
    alone = tmp_path / "alone.onnx"
    run("optimize", SEED.path, "-o", alone, "--rates", SEED.rates_path, "--passes", "dead_neuron_elimination")
    assert {t.name: t.raw_data for t in onnx.load(alone).graph.initializer} == {
        t.name: t.raw_data for t in onnx.load(tmp_path / "out.onnx").graph.initializer}


def test_the_limit_itself_is_allowed(tmp_path):
    options = ("--passes", "quantization", "--quantize-bits", "4")
    free = optimize(tmp_path / "free.onnx", *options)["accuracy"]
    lost = round((free["before"] - free["after"]) * 2000)
    assert lost > 0
    at = optimize(tmp_path / "at.onnx", *options, "--max-accuracy-drop", lost / 20)
    below = optimize(tmp_path / "below.onnx", *options, "--max-accuracy-drop", (lost - 0.5) / 20)
    assert not at["changes"][0]["undone"] and below["changes"][0]["undone"]


@pytest.mark.parametrize("points", ["0.1", "0.5"])
def test_a_fit_stops_before_the_step_that_breaks_the_limit(points, tmp_path):
    options = ("--rates", SEED.rates_path, *DATA, "--family", "ecp5", "--target-bram", 30, "--target-luts", 100000,
               "--arch", "event")
    report = run_json("fit", SEED.path, "-o", tmp_path / "out.onnx", *options, "--max-accuracy-drop", points, expect=1)
    assert not report["fits"] and report["accuracy"]["before"] - report["accuracy"]["after"] <= float(points) / 100 + 1e-9
    for step in report["steps"]:
        assert report["accuracy"]["before"] - step["accuracy"] <= float(points) / 100 + 1e-9
    assert abs(report["accuracy"]["after"] * 2000 - right_in(SEED, tmp_path / "out.onnx")) < 1.5
    text = run("fit", SEED.path, "--dry-run", *options, "--max-accuracy-drop", points, expect=1).stdout.decode()
    if report["limited"]:
        assert any("more than the" in skip["reason"] for skip in report["skipped"])
        assert "--max-accuracy-drop, now" in text and "the limit of accuracy kept steps" in text
    assert report["limited"] is (points == "0.1")


def test_every_architecture_keeps_the_limit(tmp_path):
    report = run_json("fit", SEED.path, "-o", tmp_path / "out.onnx", "--rates", SEED.rates_path, *DATA, "--target",
                      "ecp5-25k", "--max-accuracy-drop", "0.5")
    assert report["fits"] and report["accuracy"]["before"] - report["accuracy"]["after"] <= 0.005 + 1e-9
    assert report["architecture"] != "sc" and any("sc was not tried" in note for note in report["notes"])
    assert abs(report["accuracy"]["after"] * 2000 - right_in(SEED, tmp_path / "out.onnx")) < 1.5


def test_bitstreams_are_not_said_to_be_measured(tmp_path):
    report = run_json("fit", SEED.path, "--dry-run", "--rates", SEED.rates_path, *DATA, "--family", "ecp5",
                      "--target-luts", "40", "--arch", "sc", "--max-accuracy-drop", "0.5", expect=1)
    halvings = [step for step in report["steps"] if step["action"].startswith("halve")]
    assert halvings and all(step["accuracy"] is None for step in halvings)
    assert any("not simulated" in note for note in report["notes"])


# --- without rates, without labels, from elsewhere than zero --------------------------------------


def test_rates_are_measured_where_there_are_none(tmp_path):
    with_rates = optimize(tmp_path / "rated.onnx")
    report = run_json("optimize", SEED.path, "-o", tmp_path / "out.onnx", *DATA)
    assert report["layers"] == with_rates["layers"] and report["accuracy"] == with_rates["accuracy"]
    assert any("measured on the data" in note for note in report["notes"])
    unlabelled = run_json("optimize", SEED.path, "-o", tmp_path / "plain.onnx", *DATA[:2], *DATA[4:])
    assert unlabelled["layers"] == report["layers"] and unlabelled["accuracy"] is None
    carried = json.loads(metadata(onnx.load(tmp_path / "plain.onnx"))["snn.firing_rates"])
    assert carried["samples"] == 2000 and carried["steps"] == SEED.steps


def test_states_begin_where_they_are_said_to(tmp_path):
    """An initial state is cut with the neurons that it belongs to."""
    random = np.random.default_rng(5)
    model = SEED.load()
    widths = {value.name: value.type.tensor_type.shape.dim[1].dim_value for value in model.graph.input}
    begin = {name: random.uniform(-0.5, 0.5, widths[name]).astype(np.float32) for name, _ in SEED.states}
    np.savez(tmp_path / "begin.npz", **begin)
    report = optimize(tmp_path / "out.onnx", "--initial-state", tmp_path / "begin.npz", "--passes",
                      "dead_neuron_elimination,silent_neuron_elimination", "--input-range", "0,1")
    whole = run_json("simulate", SEED.path, *DATA, "--initial-state", tmp_path / "begin.npz")
    assert report["accuracy"]["before"] == whole["accuracy"] != reference_accuracy()
    kept = {layer["name"]: layer["kept"] for layer in
            json.loads(metadata(onnx.load(tmp_path / "out.onnx"))["snn.neuron_map"])["layers"]}
    cut = {name: values[units] for (name, values), units in zip(begin.items(), kept.values())}
    np.savez(tmp_path / "cut.npz", **cut)
    again = run_json("simulate", tmp_path / "out.onnx", *DATA, "--initial-state", tmp_path / "cut.npz")
    assert again["accuracy"] == report["accuracy"]["after"]
    assert report["layers"][0]["units"] < report["layers"][0]["units_before"]
    silent = report["passes"][1]
    assert silent["silent_neurons_removed"] == 0 and "initial state" in json.dumps(silent["skipped"])


def reference_accuracy():
    return correct(SEED, reference(SEED).first) / 2000


# --- what it is printed as, and where else it works --------------------------------------------


def test_summary_and_page_have_the_table(tmp_path):
    text = run("optimize", SEED.path, "-o", tmp_path / "out.onnx", "--rates", SEED.rates_path, *DATA, *HARSH,
               "--max-accuracy-drop", "0").stdout.decode()
    run("report", tmp_path / "out.onnx", "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    stored = run("report", tmp_path / "out.onnx").stdout.decode()
    for shown in (text, stored):
        assert re.search(r"accuracy +95\.\d\d % before, \d\d\.\d\d % after \(of 2,000 samples \d+ won, \d+ lost; 95 % int", shown)
        assert re.search(r"dead_neuron_elimination +307 +200,935 +200,\d+ +95\.\d\d % +kept", shown)
        assert re.search(r"magnitude_pruning .* undone\n", shown)
        assert "magnitude_pruning: undone, as it would cost too much accuracy" in shown
    assert "not measured" not in text + page
    assert "Accuracy after each pass" in page and "<td>undone</td>" in page and "samples" in page


def test_threads_and_a_second_run_change_nothing(tmp_path):
    outputs = []
    for threads in ("1", "2", "2"):
        run("optimize", SEED.path, "-q", "-o", tmp_path / "out.onnx", "--rates", SEED.rates_path, *DATA, *HARSH,
            "--max-accuracy-drop", "0.5", "--threads", threads)
        outputs.append((tmp_path / "out.onnx").read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]


@pytest.mark.parametrize("passes", ["behavioural_redundancy,magnitude_pruning,quantization",
                                    "dead_neuron_elimination,layer_fusion,quantization"])
@pytest.mark.parametrize("name, samples", [("seed-mlp-ts17-step", 2000), ("sj14-csnn-ts17-step", 100),
                                           ("odd-rec-rleaky-ts17-step", 2000)])
def test_spikes_that_are_used_again_change_nothing(name, samples, passes, tmp_path):
    """Of so many samples that one MiB does not hold all spikes."""
    (images, labels), network, outputs = digits(), fixture(name), []
    np.save(tmp_path / "x.npy", images[:samples])
    np.save(tmp_path / "y.npy", labels[:samples])
    for memory in ("0", "1", "256"):
        run("optimize", network.path, "-q", "-o", tmp_path / "out.onnx", "--rates", network.rates_path, "--inputs",
            tmp_path / "x.npy", "--labels", tmp_path / "y.npy", "--steps", SEED.steps, "--passes", passes,
            "--max-accuracy-drop", "1", "--reuse-memory", memory)
        outputs.append((tmp_path / "out.onnx").read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]


def test_each_model_of_a_batch_has_its_own_data(tmp_path):
    images, labels = digits()
    for part, name in ((slice(0, 300), "a"), (slice(300, 500), "b")):
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        shutil.copy(SEED.path, folder / "model.onnx")
        np.save(folder / "x.npy", images[part])
        np.save(folder / "y.npy", labels[part])
    done = run("batch", tmp_path / "models", "-o", tmp_path / "out", "--", "fit", "--target", "ecp5-25k", "--arch", "event",
               "--inputs", "{dir}/x.npy", "--labels", "{dir}/y.npy", "--steps", SEED.steps, "--max-accuracy-drop", "2")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["result"]["accuracy"]["samples"] for line in lines] == [300, 200]


def cells(line):
    return re.split(r"\s{2,}", line.strip())


def test_the_table_in_the_docs_is_what_the_command_prints():
    """To 0.15 points: sums are rounded otherwise on a machine without fused multiply-add."""
    part = (REPOSITORY / "docs" / "passes.md").read_text().split("## What each costs")[1].split("\n## ")[0]
    command, table = part.split("    build/release/snnfit ")[1].split("\n\n")[:2]
    printed = run(*command.replace("\\\n", " ").split(), cwd=REPOSITORY).stdout.decode()
    shown = printed[printed.index("  after  "):].splitlines()
    for line, said in zip(shown, table.splitlines(), strict=True):
        *figures, accuracy, kept = cells(line)
        *expected, documented, then = cells(said)
        assert (figures, kept) == (expected, then)
        if accuracy != "accuracy":
            assert abs(float(accuracy.split()[0]) - float(documented.split()[0])) <= 0.15


BAD = {
    "no such file": (["--inputs", "none.npy"], 4, "none.npy"),
    "labels of others": (["--inputs", "x.npy", "--labels", "few.npy"], 3, "2 labels for 3 samples"),
    "a class too many": (["--inputs", "x.npy", "--labels", "eleven.npy"], 3, "has 10 classes"),
    "no number": (["--inputs", "nan.npy", "--labels", "y.npy"], 3, "nan.npy"),
    "wrong size": (["--inputs", "small.npy", "--labels", "y.npy"], 3, "small.npy"),
    "cut off": (["--inputs", "cut.npz", "--labels", "y.npy"], 3, "cut.npz"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("command", ["optimize", "fit"])
def test_bad_data_is_one_line(command, case, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 784), np.float32))
    np.save(tmp_path / "y.npy", np.arange(3))
    np.save(tmp_path / "few.npy", np.arange(2))
    np.save(tmp_path / "eleven.npy", np.array([0, 10, 1]))
    np.save(tmp_path / "nan.npy", np.full((3, 784), np.nan, np.float32))
    np.save(tmp_path / "small.npy", np.zeros((3, 783), np.float32))
    np.savez(tmp_path / "cut.npz", x=np.zeros((3, 784), np.float32))
    whole = (tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    options, status, words = BAD[case]
    target = ("--target", "ecp5-25k") if command == "fit" else ()
    done = run(command, SEED.path, "-o", "out.onnx", *target, *options, "--steps", "2", cwd=tmp_path, expect=status)
    (line,) = done.stderr.decode().splitlines()
    assert words in line and not (tmp_path / "out.onnx").exists()


@pytest.mark.parametrize("name", ["norse-lif-li-dy18-sequential", "odd-conv-gap-ts17-step", "odd-two-cat-ts17-step"])
def test_other_networks_are_measured_as_simulate_does(name, tmp_path):
    """Time inside, convolutions, two branches: `simulate` is compared with onnxruntime elsewhere."""
    network = fixture(name)
    images, labels = digits()
    np.save(tmp_path / "x.npy", images[:200])
    np.save(tmp_path / "y.npy", labels[:200])
    steps = () if "sequential" in name else ("--steps", 10)
    data = ("--inputs", tmp_path / "x.npy", "--labels", tmp_path / "y.npy", *steps)
    report = run_json("optimize", network.path, "-o", tmp_path / "out.onnx", "--rates", network.rates_path, *data, *HARSH)
    assert report["accuracy"]["before"] == run_json("simulate", network.path, *data)["accuracy"] > 0.3
    assert report["accuracy"]["after"] == run_json("simulate", tmp_path / "out.onnx", *data)["accuracy"]
    assert len(report["changes"]) >= 2


# --- the range that is proved from --------------------------------------------------------------


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("values, options, said", [
    ([0, 0.5, 1], (), None), ([0, 0.5, 1.25], (), "gets 1.25 from it"), ([-0.5, 0.5, 1], (), "gets -0.5 from it"),
    ([0, 1, 2], ("--input-divisor", 2), None), ([0, 1, 2], ("--input-divisor", 0.5), "gets 4 from it"),
    ([0, 1, 2], ("--input-divisor", 2, "--encoding", "poisson"), None)])
def test_data_that_contradict_the_range_are_refused(labelled, values, options, said, tmp_path):
    """Also where nothing is measured on them: rates are given, and there are no labels."""
    np.save(tmp_path / "x.npy", np.resize(np.array(values, np.float32), (20, 784)))
    np.save(tmp_path / "y.npy", np.zeros(20))
    labels = ("--labels", tmp_path / "y.npy") if labelled else ()
    done = run("optimize", SEED.path, "-o", tmp_path / "out.onnx", "--rates", SEED.rates_path, "--inputs", tmp_path / "x.npy",
               *labels, "--steps", 5, "--input-range", "0,1", *options, expect=3 if said else 0)
    assert (tmp_path / "out.onnx").exists() == (said is None)
    if said:
        line, = done.stderr.decode().splitlines()
        assert said in line and "x.npy" in line and "--input-range 0,1" in line


def test_spikes_lie_in_a_range_that_has_0_and_1(tmp_path):
    np.save(tmp_path / "x.npy", np.full((20, 784), 0.25, np.float32))
    arguments = ("optimize", SEED.path, "-o", tmp_path / "out.onnx", "--inputs", tmp_path / "x.npy", "--steps", 5,
                 "--input-range", "0,0.5")
    run(*arguments)
    done = run(*arguments, "--encoding", "latency", expect=3)
    assert "gets 1 from it, outside of --input-range 0,0.5" in done.stderr.decode()


def test_an_end_of_the_range_is_a_float_as_the_data_are(tmp_path):
    np.save(tmp_path / "x.npy", np.full((20, 784), 0.1, np.float32))  # over 0.1
    run("optimize", SEED.path, "-o", tmp_path / "out.onnx", "--inputs", tmp_path / "x.npy", "--steps", 5, "--input-range",
        "0,0.1")
