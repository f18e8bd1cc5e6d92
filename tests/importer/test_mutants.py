"""Networks that are nearly ones that are known: what is taken for one means the same afterwards, or it is left alone."""

import os

import numpy as np
import onnx
import pytest

import graph_fuzz
import mutating
import random_networks
import removal

COUNT = int(os.environ.get("SNNFIT_MUTANTS", "600"))
AT_ONCE = 50
LOSSLESS = "silent_neuron_elimination,always_firing_elimination"
EVERY = LOSSLESS + ",dead_neuron_elimination,redundancy_elimination,layer_fusion,magnitude_pruning,quantization"


def runs(net, model):
    """What a runtime makes of it; None where it refuses it."""
    try:
        with np.errstate(all="ignore"):
            played = graph_fuzz.play(net, model, net.seed)
    except Exception:  # noqa: BLE001 - onnxruntime's own kinds
        return None
    return {name: values for name, values in played.items() if not name.startswith("state") and values.dtype.kind in "fbiu"}


def optimized(path, out, *options):
    done = graph_fuzz.run("optimize", path, "-o", out, *options)
    return onnx.load(out) if done.returncode == 0 else None


def finite(played):
    return all(np.isfinite(values.astype(np.float64)).all() for values in played.values())


def examine(seed, folder):
    """"refused", "no runtime takes it", "not finite", "equal", or what is wrong."""
    net = random_networks.build(seed // 3, firing=seed % 3 == 1, copies=seed % 3 == 2)
    model = mutating.mutate(net.model, seed)
    path = folder / "in.onnx"
    onnx.save(model, path)
    before = runs(net, model)
    small = optimized(path, folder / "out.onnx", "--passes", LOSSLESS, "--input-range", "0,1")
    if small is None:
        return "refused"
    all_passes = optimized(path, folder / "all.onnx", "--passes", EVERY, "--input-range", "0,1", "--target", "ecp5-25k")
    if before is None:
        return "no runtime takes it"
    after = runs(net, small)
    if after is None or (all_passes is not None and runs(net, all_passes) is None):
        return f"WRONG: {seed} can no longer be run"
    if not finite(before):
        return "not finite"
    off = removal.differences(before, after, 1e-4)
    return f"WRONG: {seed}: {off}" if off else "equal"


@pytest.mark.parametrize("first", range(0, COUNT, AT_ONCE))
def test_mutants_mean_the_same(first, tmp_path):
    outcomes = [examine(seed, tmp_path) for seed in range(first, first + AT_ONCE)]
    print({outcome: outcomes.count(outcome) for outcome in outcomes})
    assert not [outcome for outcome in outcomes if outcome.startswith("WRONG")]
    assert outcomes.count("equal") > AT_ONCE / 10 and outcomes.count("refused") > 0
