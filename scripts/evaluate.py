#!/usr/bin/env python3
"""Runs spiking networks in onnxruntime over the 2000 digits of examples/mnist and prints what it measured.

usage: evaluate.py [--snnfit PROGRAM] [--steps 25] MODEL...

The first model is what the others are compared with. `snnfit inspect` tells which
states belong together; everything else is onnxruntime's.
"""

import argparse
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "end_to_end"))
try:
    import numpy as np
    import onnx
    from harness import digits, simulate  # the tests' own way to run a network
except ModuleNotFoundError as missing:
    sys.exit(f"evaluate.py: the module {missing.name} is missing: run scripts/demo or scripts/test once, "
             "then .venv/bin/python scripts/evaluate.py")


def class_scores(program, path, steps):
    """[samples][classes]: spikes counted over the steps, or the highest membrane of a read-out."""
    told = json.loads(subprocess.run([program, "inspect", str(path), "--json"], check=True, capture_output=True).stdout)
    currents, _ = digits()
    outputs = simulate(onnx.load(path), [tuple(pair) for pair in told["states"]], currents, steps).first
    return outputs.max(axis=0) if told["layers"][-1]["kind"] == "readout" else outputs.sum(axis=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snnfit", default=str(ROOT / "build" / "release" / "snnfit"))
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    for path in (pathlib.Path(options.snnfit), *options.models):
        if not path.is_file():
            sys.exit(f"evaluate.py: there is no file '{path}'"
                     + ("; build it first, or name it with --snnfit" if path not in options.models else ""))
    _, labels = digits()
    first = None
    print(f"{'model':<44} {'bytes':>9} {'accuracy':>9} {'told otherwise':>15}")
    for path in options.models:
        answers = class_scores(options.snnfit, path, options.steps).argmax(axis=1)
        first = answers if first is None else first
        shown = str(path) if len(str(path)) <= 44 else "..." + str(path)[-41:]
        print(f"{shown:<44} {path.stat().st_size:>9} {np.mean(answers == labels):>9.2%} "
              f"{np.count_nonzero(answers != first):>7} of {len(labels)}")


if __name__ == "__main__":
    main()
