"""What simulating costs, beside onnxruntime stepping the same model.

Ours is the whole program, reading model and data included; onnxruntime's is the steps only
(stepping.py), at its best batch size. Peak memory of both is that of the whole process.
"""

import gzip
import json
import pathlib
import statistics

from measure import HERE, Figure, python, run, show

ROOT = HERE.parent
MODEL = ROOT / "tests" / "fixtures" / "seed-mlp-ts17-step" / "model.onnx"
DIGITS = ROOT / "examples" / "mnist" / "test-images-idx3-ubyte.gz"
STEPS, COPIES, FASTER = 25, 5, 6
BATCHES = (1, 32, 64, 128, 256, 512)


def many_digits(folder):
    """The 2000 digits over and over, so that starting the program does not count."""
    content = gzip.decompress(DIGITS.read_bytes())
    head, pixels = content[:16], content[16:]
    count = int.from_bytes(head[4:8], "big") * COPIES
    path = pathlib.Path(folder) / "digits.idx"
    path.write_bytes(head[:4] + count.to_bytes(4, "big") + head[8:] + pixels * COPIES)
    return path, count


def figures(settings):
    digits, count = many_digits(settings.folder)
    show(f"simulates {count} digits, {STEPS} steps")
    ours, theirs = {1: [], 2: []}, []
    memory = 0
    for _ in range(settings.rounds):
        for threads, costs in ours.items():
            cost = run([settings.snnfit, "simulate", str(MODEL), "--inputs", str(digits), "--steps", str(STEPS),
                        "--threads", str(threads), "-q"])
            costs.append(cost.cpu / count * 1e6)
            memory = max(memory, cost.memory)
        theirs.append(json.loads(python("stepping.py", MODEL, DIGITS, STEPS,
                                        *((256,) if settings.quick else BATCHES))))
    digits.unlink()
    batch = min(theirs[0]["microseconds"], key=lambda b: statistics.median(r["microseconds"][b] for r in theirs))
    peer = statistics.median(r["microseconds"][batch] for r in theirs)
    peak = min(r["memory"] for r in theirs)
    for threads, costs in ours.items():
        cpu = statistics.median(costs)
        yield Figure(f"784-256-64-10, {STEPS} steps, {threads} thread{'s' * (threads > 1)}: CPU time a digit",
                     f"{cpu:.0f} us; onnxruntime {peer:.0f} us (batch {batch}): {peer / cpu:.1f} times",
                     f"{FASTER} times fewer", peer / cpu >= FASTER)
    yield Figure("the same: peak memory", f"{memory:.0f} MB; onnxruntime {peak:.0f} MB", "onnxruntime's", memory <= peak)
