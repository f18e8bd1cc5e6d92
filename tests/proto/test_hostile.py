"""Files that are broken, malicious or strange: each gets its verdict, none does harm.

tests/data/hostile has some of them, with a manifest of what to expect. When the shared
folder is there (SNNFIT_SHARED, default: ../shared), its generator writes them all.

Every file is read by three commands: `optimize --passes none` (column passes_none),
`optimize`, which reads firing rates (column expected, where needs_rates is 1), and
`inspect`, which must only do no harm. SNNFIT names the program (default:
build/release/snnfit).
"""

import collections
import csv
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SNNFIT", str(ROOT / "build" / "release" / "snnfit"))
SHARED = pathlib.Path(os.environ.get("SNNFIT_SHARED", ROOT.parent / "shared"))
GENERATOR = SHARED / "hostile" / "hostile_gen.py"
CORPORA = ["committed"] + ["whole"] * GENERATOR.exists()

CPU_SECONDS = 20
MEMORY_KIB = 1024 * 1024
if any(name in pathlib.Path(PROGRAM).read_bytes() for name in (b"__asan_init", b"__tsan_init")):
    MEMORY_KIB *= 4  # a sanitizer's shadow, red zones, and what it keeps after it was freed

# Verdicts of the manifest that we do not share, and why.
OVERRIDES = {
    ("optimize", "rates__tensor_unknown_fingerprint_decides.onnx"): (
        "reject",
        "the generator's fingerprint is of the data only; FORMATS.md section 2 hashes the dims before it, so this "
        "one is of no tensor, and two layers have the shape",
    ),
}

# The first files, those before firing rates came in: the ones that other tools were measured on.
COMPARED = ("trunc", "flip", "splice", "wire", "notonnx", "tensor", "value", "graph", "name", "header", "nest", "count",
            "bomb", "ext", "ok")

Run = collections.namedtuple("Run", "command file status errors cpu memory output_left")


def run(command, source, target):
    """One command on one file, with what it used."""
    arguments = {
        "none": ["optimize", "--passes", "none", source, "-o", target],
        "optimize": ["optimize", source, "-o", target],
        "inspect": ["inspect", source],
    }[command]
    with tempfile.TemporaryFile() as stderr:
        child = subprocess.Popen([PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=stderr)
        try:
            _, status, used = wait(child)
        except TimeoutError:
            return Run(command, source.name, "hangs", [], 0, 0, False)
        stderr.seek(0)
        text = stderr.read().decode(errors="replace")
    left = target.exists()
    target.unlink(missing_ok=True)
    errors = [line for line in text.split("\n") if "error:" in line or "Sanitizer" in line]
    return Run(command, source.name, os.waitstatus_to_exitcode(status), errors, used.ru_utime + used.ru_stime,
               used.ru_maxrss, left)


def wait(child):
    """os.wait4 with a limit, as the child may also sleep for ever."""

    def stop(*_):
        child.kill()
        os.wait4(child.pid, 0)
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(5 * CPU_SECONDS)
    try:
        result = os.wait4(child.pid, 0)
        child.returncode = 0  # it has been waited for
        return result
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def verdict(done):
    return {0: "accept", 3: "reject", 4: "reject"}.get(done.status, f"exit {done.status}")


def harm(done):
    """What a run must not do, whatever the file; None: it was well-behaved."""
    if verdict(done) not in ("accept", "reject"):
        return f"ended with {done.status}: {done.errors}"
    if len(done.errors) != (done.status != 0):
        return f"says {done.errors}"
    if done.cpu > CPU_SECONDS or done.memory > MEMORY_KIB:
        return f"took {done.cpu:.1f} s and {done.memory / 1024:.0f} MiB"
    if done.output_left != (done.status == 0 and done.command != "inspect"):
        return "left an output though it failed, or none though it did not"
    return None


def expected(command, row):
    if (command, row["file"]) in OVERRIDES:
        return OVERRIDES[command, row["file"]][0]
    if command == "none":
        return row["passes_none"]
    return row["expected"] if command == "optimize" and row["needs_rates"] == "1" else "either"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {"committed": ROOT / "tests" / "data" / "hostile"}
    if "whole" in CORPORA:
        made["whole"] = tmp_path_factory.mktemp("hostile") / "files"
        subprocess.run([sys.executable, GENERATOR, made["whole"]], check=True, capture_output=True, timeout=600)
    return made


@pytest.fixture(scope="module")
def results(folders, tmp_path_factory):
    """Of every corpus: [(row of the manifest, run)]."""
    target = tmp_path_factory.mktemp("out") / "out.onnx"
    done = {}
    for corpus, folder in folders.items():
        with open(folder / "manifest.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        done[corpus] = [(row, run(command, folder / row["file"], target))
                        for row in rows for command in ("none", "optimize", "inspect")]
    return done


@pytest.mark.parametrize("corpus", CORPORA)
def test_no_file_does_harm(results, corpus):
    assert [(done.file, done.command, harm(done)) for _, done in results[corpus] if harm(done)] == []


@pytest.mark.parametrize("corpus", CORPORA)
def test_every_file_gets_its_verdict(results, corpus):
    wrong = [(done.file, done.command, expected(done.command, row), verdict(done), done.errors)
             for row, done in results[corpus] if expected(done.command, row) not in ("either", verdict(done))]
    assert wrong == []


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_refusal_names_a_place(results, corpus):
    """One sentence, behind the file's name."""
    for _, done in results[corpus]:
        for line in done.errors:
            assert line.startswith("snnfit: ") and done.file in line, line
            assert 10 < len(line.split("error: ", 1)[1]) < 512, line


def test_overrides_are_of_files_that_there_are(results):
    files = {done.file for corpus in results.values() for _, done in corpus}
    assert "whole" not in results or {file for _, file in OVERRIDES} <= files


def counts(rows):
    """Of the files to refuse and to accept: how many were."""
    count = collections.Counter((expected(done.command, row), verdict(done)) for row, done in rows)
    return [count["reject", "reject"], count["reject", "accept"], count["accept", "accept"], count["accept", "reject"],
            count["either", "accept"], count["either", "reject"]]


def test_summary(results, capsys):
    """The numbers of docs/hostile.md."""
    lines = []
    for corpus, rows in results.items():
        none = [(row, done) for row, done in rows if done.command == "none"]
        rates = [(row, done) for row, done in rows if done.command == "optimize" and row["needs_rates"] == "1"]
        compared = [(row, done) for row, done in none if row["class"] in COMPARED]
        lines.append(f"{corpus}: {len(none)} files, {len(rows)} runs, at most "
                     f"{max(done.cpu for _, done in rows):.2f} s and {max(done.memory for _, done in rows) // 1024} MiB")
        for name, part in (("--passes none", none), ("of them before rates", compared), ("rates", rates)):
            refused, missed, taken, lost, loose, strict = counts(part)
            lines.append(f"  {name}: invalid {refused} refused, {missed} accepted; valid {taken} accepted, {lost} refused; "
                         f"either way {loose} accepted, {strict} refused")
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    assert all(len(rows) > 300 for rows in results.values())
