"""Every refusal of the command line: its exit status, its one line, and that nothing is written."""

import json

import pytest

from harness import fixture, run, run_json

SEED = fixture("seed-mlp-ts17-step")
MODEL, RATES = SEED.path, ("--rates", SEED.rates_path)

USAGE = [
    ([], "no command"),
    (["simulate", MODEL], "--inputs X"),
    (["inspect"], "needs a model"),
    (["inspect", MODEL, MODEL], "takes one model"),
    (["inspect", MODEL, "--colour"], "unknown option '--colour'"),
    (["inspect", MODEL, "-x"], "unknown option '-x'"),
    (["inspect", MODEL, "--target", "ecp5"], "inspect does not take --target"),
    (["inspect", MODEL, "--json=yes"], "--json takes no value"),
    (["inspect", MODEL, "--rates"], "--rates needs a value: FILE"),
    (["inspect", MODEL, "--state", "a"], "--state takes IN=OUT"),
    (["inspect", MODEL, "--state", "=b"], "--state takes IN=OUT"),
    (["inspect", MODEL, "--input-range", "0"], "--input-range takes two numbers"),
    (["inspect", MODEL, "--input-range", "1,0"], "--input-range takes two numbers"),
    (["inspect", MODEL, "--input-range", "0,1e999"], "--input-range takes two numbers"),
    (["inspect", MODEL, "--input-range", "0,1,2"], "--input-range takes two numbers"),
    (["annotate", MODEL, "-o", "OUT"], "annotate needs the rates"),
    (["annotate", MODEL, *RATES], "where to write: -o OUT"),
    (["optimize", MODEL], "where to write: -o OUT"),
    (["optimize", MODEL, "-o", "-", "--json"], "can't both go to standard output"),
    (["optimize", MODEL, "--dry-run", "--save-steps", "STEPS"], "choose one"),
    (["optimize", MODEL, "-o", "OUT", "--passes", "magic"], "unknown pass 'magic'"),
    (["optimize", MODEL, "-o", "OUT", "--dump-after", "magic"], "unknown pass 'magic'"),
    (["optimize", MODEL, "-o", "OUT", "--dead-below", "low"], "--dead-below takes a number"),
    (["optimize", MODEL, "-o", "OUT", "--dead-below", "-1"], "--dead-below -1: must be 0 or more"),
    (["optimize", MODEL, "-o", "OUT", "--passes", "quantization", "--quantize-bits", "17"], "--quantize-bits 17: must lie in 2 to 16"),
    (["optimize", MODEL, "-o", "OUT", "--quantize-bits", "-4"], "takes a whole number"),
    (["optimize", MODEL, "-o", "OUT", "--quantize-bits", "8.5"], "takes a whole number"),
    (["optimize", MODEL, "-o", "OUT", "--quantize-bits", "99999999999"], "takes a whole number"),
    (["estimate", MODEL], "needs a target"),
    (["estimate", MODEL, "--target", "abacus"], "abacus"),
    (["estimate", MODEL, "--target", "ecp5", "--arch", "quantum"], "unknown architecture 'quantum'"),
    (["estimate", MODEL, "--target", "ecp5", "--weight-bits", "1"], "--weight-bits 1: must"),
    (["estimate", MODEL, "--target", "ecp5", "--bitstream-length", "0"], "--bitstream-length"),
    (["estimate", MODEL, "--target", "ecp5", "--lanes", "0"], "--lanes 0: must lie in 1 to"),
    (["estimate", MODEL, "--target", "ecp5", "--target-luts", "9"], "exclude each other"),
    (["estimate", MODEL, "--target", "ecp5", "--family", "xc7"], "exclude each other"),
    (["estimate", MODEL, "--family", "xc7"], "belongs to a budget"),
    (["estimate", MODEL, "--family", "abacus", "--target-luts", "9"], "abacus"),
    (["fit", MODEL, "-o", "OUT"], "needs a target"),
    (["fit", MODEL, "-o", "OUT", "--target", "ecp5", "--strategy", "search"], "does not exist yet"),
    (["fit", MODEL, "-o", "OUT", "--target", "ecp5", "--strategy", "luck"], "unknown strategy 'luck'"),
    (["fit", MODEL, "-o", "OUT", "--target", "ecp5", "--labels", "y.npy"], "--labels needs data"),
    (["optimize", MODEL, "-o", "OUT", "--reuse-memory", "0"], "--reuse-memory needs data"),
    (["fit", MODEL, "-o", "OUT", "--target", "ecp5", "--max-accuracy-drop", "1"], "--max-accuracy-drop needs data"),
    (["optimize", MODEL, "-o", "OUT", "--steps", "3"], "--steps needs data"),
    (["optimize", MODEL, "-o", "OUT", "--inputs", "x.npy", "--max-accuracy-drop", "1"], "what is right: --labels"),
    (["optimize", MODEL, "-o", "OUT", "--inputs", "x.npy", "--labels", "y.npy", "--max-accuracy-drop", "-1"],
     "--max-accuracy-drop -1: must lie in 0 to 100"),
    (["optimize", MODEL, "-o", "OUT", "--inputs", "x.npy", "--seed", "3"], "--encoding poisson"),
    (["optimize", MODEL, "-o", "OUT", "--inputs", "x.npy", "--input-divisor", "0"], "--input-divisor 0: must be over 0"),
    (["simulate", MODEL, "--inputs", "x.npy", "--input-divisor", "1e-60"], "--input-divisor 1e-60: must be over 0"),
    (["optimize", MODEL, "-o", "OUT", "--inputs", "x.npy", "--confusion"], "does not take --confusion"),
    (["fit", MODEL, "-o", "OUT", "--target", "ecp5", "--min-bitstream-length", "1"], "--min-bitstream-length 1: must"),
    (["fit", MODEL, "-o", "OUT", "--target", "ecp5", "--min-bitstream-length", "512"], "is over --initial-bitstream-length"),
    (["fit", MODEL, "-o", "OUT", "--target", "ecp5", "--initial-bitstream-length", "64", "--min-bitstream-length", "65"],
     "--min-bitstream-length 65 is over --initial-bitstream-length, which is 64"),
    (["optimize", MODEL, "-o", "OUT", "--quantize-bits", "4"],
     "--quantize-bits has no effect: quantization is not among the default passes"),
    (["fit", MODEL, "-o", "OUT", "--target", "ecp5", "--quantize-per-tensor"], "--quantize-per-tensor has no effect"),
    (["optimize", MODEL, "-o", "OUT", "--prune-threshold", "1"], "--prune-threshold has no effect: magnitude_pruning"),
    (["optimize", MODEL, "-o", "OUT", "--passes", "quantization", "--prune-by-rate"],
     "--prune-by-rate has no effect: magnitude_pruning is not among --passes"),
    (["optimize", MODEL, "-o", "OUT", "--passes", "layer_fusion", "--redundancy-norm"], "--redundancy-norm has no effect"),
    (["optimize", MODEL, "-o", "OUT", "--passes", "none", "--redundancy-cosine", "0.9"], "--redundancy-cosine has no effect"),
    (["fit", MODEL, "-o", "OUT", "--target", "ecp5", "--passes", "quantization,layer_fusion", "--dead-below", "0"],
     "--dead-below has no effect"),
    (["optimize", MODEL, "-o", "OUT", "--passes", "quantization", "--fusion-activity", "1"], "--fusion-activity has no effect"),
    *((["optimize", MODEL, "-o", "OUT", *option], f"{option[0]} needs a target") for option in (
        ("--arch", "event"), ("--lanes", "1"), ("--weight-bits", "8"), ("--bitstream-length", "64"))),
    *(([*command, "--target", "ecp5", "--arch", arch, "--lanes", "4"], "--lanes has no effect: only --arch event")
      for command in (["estimate", MODEL], ["optimize", MODEL, "-o", "OUT"], ["fit", MODEL, "-o", "OUT"])
      for arch in ("sc", "parallel", "sparse")),
    (["optimize", MODEL, "-o", "OUT", "--dump-after", "quantization"], "--dump-after has no effect: that pass does not run"),
    (["fit", MODEL, "-o", "OUT", "--target", "ecp5", "--passes", "none", "--dump-after", "layer_fusion"], "does not run"),
    (["optimize", MODEL, "-o", "OUT", "--passes", "behavioural_redundancy", "--behavioural-agreement", "0.9"],
     "--behavioural-agreement needs data"),
    *(([*command, "--inputs", "x.npy", "--decoding", "last"], "--decoding needs to know what is right: --labels Y")
      for command in (["simulate", MODEL], ["optimize", MODEL, "-o", "OUT"])),
    (["simulate", MODEL, "--inputs", "x.npy", "--confusion"], "--confusion needs to know what is right: --labels Y"),
    (["simulate", MODEL, "--inputs", "x.npy", "--seed", "0"], "--seed belongs to --encoding poisson"),
    (["simulate", MODEL, "--inputs", "x.npy", "--dry-run"], "--dry-run has no effect: without -o"),
    (["optimize", MODEL, "-o", "OUT", "--seed", "0"], "--seed needs data"),
    (["batch", MODEL, "-o", "OUT", "--", "estimate", "--target", "ecp5", "--arch", "sc", "--lanes", "2"], "--lanes has no effect"),
    (["optimize", MODEL, "-o", "OUT", "--redundancy-cosine", "1"], "--redundancy-cosine 1: must"),
    (["optimize", MODEL, "-o", "OUT", "--fusion-activity", "-1"], "--fusion-activity -1: must"),
    (["inspect", ""], "empty file name"),
    (["inspect", MODEL, "--rates", ""], "--rates needs a value: FILE, but it is empty"),
    (["inspect", MODEL, "--rates", "-"], "--rates takes a file"),
    (["optimize", MODEL, "-o", ""], "--output needs a value"),
    (["targets", "ecp5"], "targets takes no 'ecp5'"),
    (["batch", MODEL, "--", "inspect"], "-o DIR"),
    (["batch", MODEL, "-o", "OUT"], "behind --"),
    (["batch", MODEL, "-o", "OUT", "--"], "behind --"),
    (["batch", MODEL, "-o", "OUT", "--jobs", "0", "--", "inspect"], "--jobs"),
    (["batch", MODEL, "-o", "OUT", "--", "batch"], "can't run 'batch'"),
    (["batch", MODEL, "-o", "OUT", "--", "dance"],
     "can't run 'dance'; it runs inspect, annotate, simulate, estimate, optimize, fit, report"),
    (["batch", MODEL, "-o", "OUT", "--", "inspect", MODEL], "puts the model in"),
    (["batch", MODEL, "-o", "OUT", "--", "optimize", "-o", "x"], "leave out -o"),
    (["batch", MODEL, "-o", "OUT", "--", "fit"], "needs a target"),
    (["batch", MODEL, "-o", "OUT", "--", "fit", "--colour"], "unknown option '--colour'"),
    (["batch", MODEL, "-o", "OUT", "--", "fit", "--help"], "snnfit fit --help"),
]


@pytest.mark.parametrize("arguments, words", USAGE, ids=lambda each: each if isinstance(each, str) else "")
def test_wrong_usage_is_one_line_and_writes_nothing(arguments, words, tmp_path):
    done = run(*arguments, expect=2, cwd=tmp_path)
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("snnfit: ") and "error: " in line and words in line
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("option", [
    ["estimate", "--bitstream-length", "64"], ["optimize", "--bitstream-length", "64"],
    ["fit", "--initial-bitstream-length", "64"], ["fit", "--min-bitstream-length", "64"],
], ids=" ".join)
def test_a_bitstream_length_is_ignored_with_a_warning(option, tmp_path):
    """FORMATS: ignored but for sc, and said so."""
    command = [option[0], MODEL, "--target", "ecp5", *option[1:], *([] if option[0] == "estimate" else ["--dry-run"])]
    told = {arch: run(*command, "--arch", arch, expect=None).stderr.decode() for arch in ("event", "sc")}
    assert "the bitstream length is ignored" in told["event"] and "this is event" in told["event"]
    assert "ignored" not in told["sc"]


ACCEPTED = {
    "event": ["estimate", MODEL, "--target", "ecp5", "--arch", "event", "--lanes", "4"],
    "auto": ["estimate", MODEL, "--target-luts", "900000", "--lanes", "4"],
    "target": ["optimize", MODEL, "--dry-run", "--passes", "none", "--target", "ecp5", "--weight-bits", "8", *RATES],
    "steps": ["fit", MODEL, "--target", "ecp5", "-o", "OUT", "--passes", "none", "--save-steps", "STEPS"],
    "dump": ["optimize", MODEL, "--dry-run", "--passes", "quantization", "--dump-after", "quantization"],
    "dry": ["optimize", MODEL, "-o", "OUT", "--dry-run"],
    "none": ["optimize", MODEL, "-o", "OUT", "--passes", "none", *RATES, "--input-range", "0,1", "--save-steps", "STEPS"],
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_has_an_effect_is_taken(name, tmp_path):
    assert run(*ACCEPTED[name], cwd=tmp_path, expect=None).returncode in (0, 1)


def test_a_model_named_like_an_option(tmp_path):
    (tmp_path / "-model.onnx").write_bytes(MODEL.read_bytes())
    assert json.loads(run("inspect", "--json", "--", "-model.onnx", cwd=tmp_path).stdout)["layers"]


def test_options_in_all_their_forms(tmp_path):
    expected = run("optimize", MODEL, "-o", "-", "-q", *RATES, "--dead-below", "0.01").stdout
    for form in (["-o-", "--dead-below=0.01"], ["--output", "-", "--dead-below", "0.01"], ["--output=-", "--dead-below=1e-2"]):
        assert run("optimize", *form, "-q", *RATES, MODEL).stdout == expected


def test_every_option_is_in_the_help():
    text = run("fit", "--help").stdout.decode()
    for option in ("--rates", "--state", "--target-luts", "--arch", "--passes", "--max-iterations", "--inputs", "--labels", "--max-accuracy-drop", "[0.99]", "[256]"):
        assert option in text
    for name in ("dead_neuron_elimination", "quantization"):
        assert name in text
    assert "--target" not in run("inspect", "--help").stdout.decode()


def test_help_promises_what_is_so():
    passes = run("optimize", "--help").stdout.decode().split("passes (* run by default):")[1].splitlines()
    lossless = [line.split()[-2] for line in passes if line.endswith("(lossless)")]
    assert lossless == ["silent_neuron_elimination", "always_firing_elimination"], "rates are an observation"
    assert "report MODEL [--html FILE]" in run("report", "--help").stdout.decode()


def test_a_model_that_does_not_fit_is_exit_1_of_fit_only():
    budget = ("--target-luts", 1, "--arch", "event")
    assert b"fits          NO" in run("estimate", MODEL, *budget).stdout
    assert b"fits          NO" in run("optimize", MODEL, "--dry-run", *budget).stdout
    run("fit", MODEL, "--dry-run", "--passes", "none", "--max-iterations", 1, *budget, expect=1)


def test_more_lanes_take_fewer_cycles():
    few, many = (run_json("estimate", MODEL, "--target", "ecp5", "--arch", "event", "--lanes", lanes) for lanes in (1, 8))
    assert many["cycles_per_step"] < few["cycles_per_step"]


def test_a_line_stays_one_whatever_the_name(tmp_path):
    done = run("inspect", tmp_path / "two\nlines\x1b[31m.onnx", expect=4)
    (line,) = done.stderr.decode().splitlines()
    assert "\x1b" not in line


# --- what is asked for happens ----------------------------------------------------------------


def test_dump_after_prints_the_network(tmp_path):
    done = run("optimize", MODEL, *RATES, "--dry-run", "-q", "--dump-after", "dead_neuron_elimination")
    assert b"net.fc1.weight" in done.stderr and done.stdout == b""
    done = run("optimize", MODEL, *RATES, "--dry-run", "-q", "--dump-after", "layer_fusion")
    assert done.stderr == b"", "it changed nothing"


def test_saved_steps_are_numbered_in_order(tmp_path):
    run("fit", MODEL, *RATES, "-q", "-o", tmp_path / "out.onnx", "--target", "ecp5-25k", "--arch", "event",
        "--save-steps", tmp_path / "a" / "b")
    names = sorted(path.name for path in (tmp_path / "a" / "b").iterdir())
    assert names[:2] == ["01-dead_neuron_elimination.onnx", "02-quantize-to-14-bits.onnx"]


def test_quiet_and_verbose(tmp_path):
    quiet = run("optimize", MODEL, *RATES, "--dry-run", "-q")
    assert quiet.stdout == quiet.stderr == b""
    usual = run("optimize", MODEL, *RATES, "--dry-run")
    assert b"warning: " in usual.stderr, "rates were matched by order"
    verbose = run("optimize", MODEL, *RATES, "--dry-run", "-v")
    assert b"done: dead_neuron_elimination" in verbose.stderr


def test_a_budget_names_its_family():
    report = run_json("estimate", MODEL, "--target-luts", 5000, "--target-bram", 20, "--family", "ice40", "--arch", "event")
    assert report["utilization"]["logic_cells"]["available"] == 5000
    assert report["utilization"]["bram"]["available"] == 20
    assert report["utilization"]["dsp"]["available"] is None
    assert report["bram_block_kbit"] == 4


def test_a_device_file_is_a_target(tmp_path):
    (one,) = [each for each in run_json("targets")["targets"] if each["name"] == "ecp5-25k"]
    one["name"], one["bram"] = "mine", 500
    one.pop("aliases")
    (tmp_path / "mine.json").write_text(json.dumps(one))
    report = run_json("estimate", MODEL, "--target", tmp_path / "mine.json", "--arch", "event")
    assert report["target"] == "mine" and report["utilization"]["bram"]["available"] == 500
    (tmp_path / "mine.json").write_text("{")
    run("estimate", MODEL, "--target", tmp_path / "mine.json", expect=2)
    run("estimate", MODEL, "--target", tmp_path / "none.json", expect=4)


# --- reports ---------------------------------------------------------------------------------


def test_a_model_without_a_report():
    done = run("report", MODEL, expect=3)
    assert b"snn.resources" in done.stderr and done.stdout == b""


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', '"text"', '{"version": "1"}'])
def test_a_report_that_is_none(text, tmp_path):
    stored(tmp_path / "odd.onnx", text)
    (line,) = run("report", tmp_path / "odd.onnx", expect=3).stderr.decode().splitlines()
    assert "snn.resources" in line


def stored(path, text):
    import onnx

    model = onnx.load(MODEL)
    model.metadata_props.add(key="snn.resources", value=text)
    onnx.save(model, path)


@pytest.mark.parametrize("text", [
    '{"version": 1}',
    '{"version": 1, "utilization": {}, "limits": [1, {}], "layers": [null], "passes": [3], "steps": ["x"]}',
    '{"version": 1, "utilization": {"lut": 5, "bram": {"used": "x"}}, "target": 7, "layers": {}, "passes": 1}',
    '{"version": 1, "target": "\\u001b[31m<script>", "utilization": {"lut": {"used": 1e300, "available": 1e-300}}, '
    '"suggestions": ["<b>", 1], "limits": [{"resource": "lut", "layer": "<i>"}]}',
])
def test_a_report_that_is_odd_is_printed_all_the_same(text, tmp_path):
    stored(tmp_path / "odd.onnx", text)
    printed = run("report", tmp_path / "odd.onnx").stdout
    assert b"\x1b" not in printed
    run("report", tmp_path / "odd.onnx", "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.endswith("</html>\n") and "<script>" not in page and "<i>" not in page


def test_a_page_names_everything(tmp_path):
    run("fit", MODEL, *RATES, "-q", "-o", tmp_path / "out.onnx", "--target", "ecp5-25k", "--arch", "event")
    done = run("report", tmp_path / "out.onnx", "--html", tmp_path / "page.html")
    assert done.stdout == b""
    page = (tmp_path / "page.html").read_text()
    for words in ("ecp5-25k", "YES", "quantize to 14 bits", "/net/fc1/Gemm", "BRAM blocks", "218,058"):
        assert words in page
    assert "http" not in page, "it needs nothing from elsewhere"
    assert run("report", tmp_path / "out.onnx", "--html", "-").stdout.decode() == page
    run("report", tmp_path / "out.onnx", "--html", tmp_path / "none" / "page.html", expect=4)
    run("report", tmp_path / "out.onnx", "--html", "/dev/full", expect=4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.onnx", "page.html"]


def test_help_of_a_command_either_way():
    assert run("help", "fit").stdout == run("fit", "--help").stdout
    assert run("help").stdout == run("--help").stdout
    assert b"unknown command 'dance'" in run("help", "dance", expect=2).stderr


def test_options_of_passes_that_run_are_taken():
    for options in (("--passes", " layer_fusion , quantization", "--quantize-bits", 4, "--dump-after", "quantization"),
("--passes", "layer_fusion,quantization", "--quantize-bits", 4, "--fusion-activity", 0),
                    ("--dead-below", 0, "--redundancy-cosine", 0.9, "--fusion-activity", 0.02)):
        run("optimize", MODEL, *RATES, "--dry-run", "-q", *options)
