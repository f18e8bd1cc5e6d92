"""Similar neurons without all pairs: against the full Gram matrix, over the number of neurons."""

import json
import statistics
import subprocess

from measure import Figure, median, model, python, run, show

LIMIT_AT, LIMIT = 4096, 0.4  # neurons; times ssyrk
INPUTS = 4096
NEURONS = [512, 1024, 2048, 4096, 8192, 16384]
QUICK = [256, 512]
COSINE = 0.99  # the pass's own default


def check_pairs(settings, path, gram_pairs):
    """Both found the same neurons that have an earlier one like them."""
    command = [settings.snnfit, "optimize", str(path), "--passes", "redundancy_elimination", "--dry-run", "--json"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    merged = report["passes"][0]["redundant_pairs_merged"]
    if merged != gram_pairs or not merged:
        raise SystemExit(f"bench: {merged} neurons were merged in {path.name}, by the Gram matrix it is {gram_pairs}")


def figure(settings, neurons):
    name = f"{neurons} neurons of {INPUTS} inputs: redundancy elimination, CPU time"
    with model(settings, "layer", INPUTS, neurons, 10, "--twins", neurons // 100) as path:
        output = settings.folder / "merged.onnx"
        command = [settings.snnfit, "optimize", str(path), "--passes", "redundancy_elimination", "-o", str(output)]
        ours, gram = [], []
        show(f"compares {neurons} neurons")
        for _ in range(settings.rounds):
            seconds, pairs = python("gram.py", path, COSINE, OPENBLAS_NUM_THREADS="1").split()
            gram.append(float(seconds))
            ours.append(run(command))
            output.unlink()
        check_pairs(settings, path, int(pairs))
    cost, peer = median(ours), statistics.median(gram)
    ratio = cost.cpu / peer
    measured = f"{ratio:.2f} x ssyrk ({cost.cpu:.2f} s, ssyrk {peer:.2f} s), {cost.memory:.0f} MB"
    limited = neurons == LIMIT_AT
    return Figure(name, measured, f"{LIMIT} x ssyrk" if limited else "", ratio <= LIMIT if limited else None)


def figures(settings):
    for neurons in QUICK if settings.quick else NEURONS:
        yield figure(settings, neurons)
