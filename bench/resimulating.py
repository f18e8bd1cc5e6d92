"""What it costs to measure accuracy again after a change of a later layer, with the spikes of the layers
before it used again and without.

A network of which all layers but one are pruned already is pruned once more: optimize runs it before
and after, and one layer differs. The first run alone is what pruning no weight costs; what is left is that
of the second one, with the pass and whatever else belongs to it. All of it is our program, the whole of it.
"""

import gzip

from measure import Figure, interleaved, python, show
from simulating import DIGITS, FIXTURES, many_digits

LABELS = DIGITS.parent / "test-labels-idx1-ubyte.gz"
MODEL = FIXTURES / "seed-mlp-ts17-step" / "model.onnx"
THRESHOLD = "0.01"
STEPS = "25"
LAYERS = {2: 1.7, 3: 6.9}  # times that the second run is to be faster


def many_labels(folder, count):
    """Of the digits of many_digits."""
    content = gzip.decompress(LABELS.read_bytes())
    head, classes = content[:8], content[8:]
    path = folder / "labels.idx"
    path.write_bytes(head[:4] + count.to_bytes(4, "big") + classes * (count // len(classes)))
    return path


def commands(settings, model, data, labels):
    """By threshold of pruning and MiB to keep spikes in."""
    out = settings.folder / "out.onnx"
    return {(threshold, memory): [settings.snnfit, "optimize", str(model), "-o", str(out), "--inputs", str(data), "--labels",
                               str(labels), "--steps", STEPS, "--threads", "1", "-q", "--reuse-memory", memory,
                               "--passes", "magnitude_pruning", "--prune-threshold", threshold]
            for memory in ("0", "256") for threshold in ("0", THRESHOLD)}


def rows(settings, data, labels, count):
    for layer, faster in LAYERS.items():
        show(f"measures again after a change of layer {layer}, {count} samples")
        model = settings.folder / f"layer{layer}.onnx"
        python("pruned.py", MODEL, model, THRESHOLD, layer)
        costs = interleaved(settings.rounds, commands(settings, model, data, labels),
                            lambda _: (settings.folder / "out.onnx").unlink())
        model.unlink()
        # a millisecond at least, as runs differ by more
        again = {memory: max(costs[THRESHOLD, memory].cpu - costs["0", memory].cpu, 1e-3)
                 for memory in ("0", "256")}
        yield Figure(f"784-256-64-10, 25 steps, {count} samples: measured again after a change of layer {layer}",
                     f"{again['256']:.3f} s; all layers {again['0']:.3f} s: {again['0'] / again['256']:.1f} times",
                     f"{faster:g} times faster", again["0"] >= faster * again["256"])
    first = {memory: costs["0", memory] for memory in ("0", "256")}
    yield Figure("the first run: keeping spikes",
                 f"{first['256'].cpu / first['0'].cpu:.2f} x the time, {first['256'].memory - first['0'].memory:.0f} MB")


def figures(settings):
    data, count = many_digits(settings.folder, 1 if settings.quick else 30)
    labels = many_labels(settings.folder, count)
    yield from rows(settings, data, labels, count)
    data.unlink()
    labels.unlink()
