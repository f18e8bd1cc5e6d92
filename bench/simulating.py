"""What simulating costs, beside onnxruntime stepping the same model.

Ours is the whole program, reading model and data included; onnxruntime's is the steps only
(stepping.py), at its best batch size. Peak memory of both is that of the whole process.
"""

import contextlib
import gzip
import json
import pathlib
import statistics
from typing import NamedTuple

from measure import HERE, Figure, model, python, run, show

ROOT = HERE.parent
FIXTURES = ROOT / "tests" / "fixtures"
DIGITS = ROOT / "examples" / "mnist" / "test-images-idx3-ubyte.gz"


class Subject(NamedTuple):
    name: str
    model: pathlib.Path
    data: pathlib.Path
    samples: int
    steps: int
    faster: float | None  # times that we are to be
    batches: tuple
    peer_samples: int  # that onnxruntime is timed on
    encoding: str = "direct"
    options: tuple = ()

    def peer_batches(self, quick):
        return [max(b for b in self.batches if b <= self.samples)] if quick else self.batches


def many_digits(folder, copies=5):
    """The 2000 digits over and over, so that starting the program does not count."""
    content = gzip.decompress(DIGITS.read_bytes())
    head, pixels = content[:16], content[16:]
    count = int.from_bytes(head[4:8], "big") * copies
    path = pathlib.Path(folder) / "digits.idx"
    path.write_bytes(head[:4] + count.to_bytes(4, "big") + head[8:] + pixels * copies)
    return path, count


def compared(subject, settings):
    """Microseconds a sample, ours by threads and onnxruntime's at its best batch, and peaks."""
    show(f"simulates {subject.name}, {subject.samples} samples, {subject.steps} steps")
    ours, theirs, memory = {1: [], 2: []}, [], 0
    for _ in range(settings.rounds):
        for threads, costs in ours.items():
            cost = run([settings.snnfit, "simulate", str(subject.model), "--inputs", str(subject.data), "--steps",
                        str(subject.steps), "--encoding", subject.encoding, *subject.options, "--threads",
                        str(threads), "-q"])
            costs.append(cost.cpu / subject.samples * 1e6)
            memory = max(memory, cost.memory)
        theirs.append(json.loads(python("stepping.py", subject.model, subject.data, subject.peer_samples, subject.steps,
                                        subject.encoding, *subject.peer_batches(settings.quick))))
    batch = min(theirs[0]["microseconds"], key=lambda b: statistics.median(r["microseconds"][b] for r in theirs))
    peer = statistics.median(r["microseconds"][batch] for r in theirs)
    medians = {threads: statistics.median(costs) for threads, costs in ours.items()}
    return medians, peer, batch, memory, min(r["memory"] for r in theirs)


def time(microseconds):
    return f"{microseconds:.0f} us" if microseconds < 10000 else f"{microseconds / 1000:.1f} ms"


def rows(subject, settings):
    medians, peer, batch, memory, peak = compared(subject, settings)
    for threads, cpu in medians.items():
        limit = f"{subject.faster:g} times fewer" if subject.faster else ""
        yield Figure(f"{subject.name}, {subject.steps} steps, {threads} thread{'s' * (threads > 1)}: CPU time a sample",
                     f"{time(cpu)}; onnxruntime {time(peer)} (batch {batch}): {peer / cpu:.1f} times", limit,
                     peer / cpu >= subject.faster if subject.faster else None)
    if subject.faster:
        yield Figure("the same: peak memory", f"{memory:.0f} MB; onnxruntime {peak:.0f} MB", "onnxruntime's",
                     memory <= peak)


@contextlib.contextmanager
def numbers(settings, name, *arguments):
    """Data of spikes.py, there for as long as they are needed."""
    path = settings.folder / f"{name}.npy"
    python("spikes.py", path, *arguments)
    yield path
    path.unlink()


def digits(settings):
    data, count = many_digits(settings.folder)
    small = (1, 32, 64, 128, 256, 512)
    yield from rows(Subject("784-256-64-10", FIXTURES / "seed-mlp-ts17-step" / "model.onnx", data, count, 25, 6, small,
                            2000),
                    settings)
    yield from rows(Subject("convolutions of 8 and 16 channels", FIXTURES / "snntorch-conv-ts17-step" / "model.onnx",
                            data, count, 8, 5, (1, 8, 16, 32, 64, 128), 2000), settings)
    data.unlink()


def wide(settings):
    width, samples = (256, 64) if settings.quick else (4096, 1024)
    with model(settings, "wide", width, width, width) as path, numbers(settings, "wide", samples, width, 0.05, 1) as data:
        yield from rows(Subject(f"{width}-{width}-{width}, 5 % of inputs", path, data, samples, 50, 8,
                                (64, 256), 256), settings)


def densities(settings):
    """One layer, spikes that are others in each step: both read them ready."""
    width, samples, steps = (256, 64, 10) if settings.quick else (2048, 512, 10)
    with model(settings, "layer", width, width) as path:
        for percent in (1, 2, 5, 10, 20, 30, 40, 50, 60):
            with numbers(settings, "layer", samples, width, percent / 100, 1, steps) as data:
                yield from rows(Subject(f"{width}-{width}, {percent} % of inputs spike in each step", path, data, samples,
                                        steps, None, (64, 256), 256, "time", ("--input-divisor", "1")), settings)


def figures(settings):
    yield from digits(settings)
    yield from wide(settings)
    yield from densities(settings)
