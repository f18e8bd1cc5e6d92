"""Whatever the importer lets go is cut, and random networks must not notice.

    SNNFIT=build/release/snnfit .venv/bin/python tests/importer/graph_fuzz.py [COUNT [FIRST]]

declares random units of random networks dead, removes them, and plays the result in onnxruntime beside the input
network with these units' spikes forced to zero: all outputs must be equal. As a control it also forces their
neighbours: that must be seen. A third of the networks are of operators that an optimizer fused, and in another third
the nodes stand in another order.
"""

import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "end_to_end"))
import fusing
import random_networks
import removal
import reordering

ROOT = pathlib.Path(__file__).resolve().parents[2]
SNNFIT = os.environ.get("SNNFIT", str(ROOT / "build" / "release" / "snnfit"))


def run(*arguments):
    done = subprocess.run([SNNFIT, *map(str, arguments), "--json"], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3), f"exit {done.returncode}: {done.stderr[-2000:]}"
    return done


def found_layers(net, path):
    """Index of each population that inspect found -> its entry there, and all such pairs: steps whose weights differ
    have an entry each. None when it finds no network, and why."""
    done = run("inspect", path)
    if done.returncode == 3:
        return None, done.stderr
    layers = json.loads(done.stdout)["layers"]
    found, entries = {}, []
    for index, population in enumerate(net.populations):
        names = {*population.spikes, *population.comparisons}
        for layer in layers:
            if names & set(layer["spike_tensors"]):
                found[index] = layer
                entries.append((index, layer))
    return found, entries


def wrong_neurons(net, entries):
    """(how many are told as they are, what is told otherwise); 'custom' is neither."""
    right, wrong = 0, []
    for index, layer in entries:
        known = dict(net.populations[index].neuron)
        gain = net.populations[index].gain
        if "current_decay" in known:
            del known["neuron"]  # LIF or synaptic is a matter of scale: which gain is counted where
            if gain != 1:
                del known["input_gain"]
        if "input_gain" in known:
            known["input_gain"] *= gain
        if layer["neuron"] in ("custom", "readout"):
            continue
        off = [f"{what} {layer.get(what)}, not {value}" for what, value in known.items() if not same(value, layer.get(what))]
        right += not off
        wrong += [f"{layer['name']}: {', '.join(off)}"] if off else []
    return right, wrong


def same(value, told):
    if told is None or value is None or isinstance(value, str):
        return value is told or (isinstance(value, str) and value == told)
    return np.allclose(told, value, rtol=1e-5)


def declare_dead(net, found):
    """Population -> units that get a rate of 0 whether they fire or not: about a third, most of which do fire."""
    dice = np.random.default_rng([net.seed, 3])
    dead = {}
    for index in found:
        silent = net.populations[index].silent
        dead[index] = np.flatnonzero(dice.random(len(silent)) < np.where(silent, 0.15, 0.4)).tolist()
    return dead


def write_rates(net, found, dead, path):
    layers = []
    for index, layer in found.items():
        population = net.populations[index]
        rates = np.full(population.shape, 0.5)
        rates[dead[index]] = 0
        tensor = next(name for name in layer["spike_tensors"] if name in {*population.spikes, *population.comparisons})
        layers.append({"tensor": tensor, "shape": list(population.shape), "rates": rates.ravel().tolist()})
    path.write_text(json.dumps({"version": 1, "layers": layers}))


def forced(net, units):
    """The network with the spikes of these units (population -> units) forced to zero."""
    model = onnx.ModelProto()
    model.CopyFrom(net.model)
    for index, gone in units.items():
        population = net.populations[index]
        keep = np.ones([population.shape[0]] + [1] * (len(population.shape) - 1), bool)
        keep[gone] = False
        for name in dict.fromkeys([*population.spikes, *population.comparisons]):
            assert removal.mask_tensor(model, name, keep), name
    return model


def play(net, model, seed):
    """All outputs over the steps: name -> array."""
    session = removal.session_of(model)
    names = [value.name for value in session.get_outputs()]
    dice = np.random.default_rng([seed, 4])
    steps = random_networks.STEPS + 2 if net.states else 1
    drives = [(dice.integers(0, 9, net.input_shape) / 8).astype(np.float32) for _ in range(steps)]
    held = {value.name: np.zeros(value.shape, np.float32) for value in session.get_inputs()[1:]}
    seen = []
    for drive in drives:
        got = dict(zip(names, session.run(names, {"input": drive, **held})))
        held = {name: got[f"{name}_out"] for name in held}
        seen.append(got)
    return {name: np.stack([got[name] for got in seen]) for name in names}


def kept_only(net, outputs, gone):
    """The outputs with the states of only the units that stay."""
    cut = dict(outputs)
    for _, out, _, index, _ in net.states.pairs if net.states else ():
        units = net.populations[index].shape[0]
        cut[out] = np.delete(cut[out], [unit for unit in gone.get(index, []) if unit < units], axis=2)
    return cut


def examine(seed):
    """What became of one network: {"layout", "populations", "frozen": reasons, "removed", "verdict", ...}."""
    net = random_networks.build(seed)
    if seed % 3 == 1:
        fusing.fuse(net.model, seed)
    if seed % 3 == 2:
        reordering.reorder(net.model, seed)
        for population in net.populations:
            population.neuron.pop("reset_timing", None)  # it shows in where the nodes stand alone
    outcome = {"seed": seed, "layout": net.layout, "populations": len(net.populations), "free": 0, "removed": 0, "told": 0,
               "reasons": [], "operators": [], "verdict": "nothing free", "seen": None}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        path, out = folder / "in.onnx", folder / "out.onnx"
        onnx.save(net.model, path)
        found, entries = found_layers(net, path)
        if found is None:
            return {**outcome, "verdict": "refused", "reasons": [entries.split("error: ")[-1].strip()]}
        outcome["found"] = len(found)
        outcome["free"] = sum(layer["frozen"] is None for layer in found.values())
        outcome["reasons"] = [layer["frozen"] for layer in found.values() if layer["frozen"]]
        outcome["told"], wrong = wrong_neurons(net, entries)
        if wrong:
            return {**outcome, "verdict": f"WRONG NEURON: {wrong}"}
        dead = declare_dead(net, found)
        write_rates(net, found, dead, folder / "rates.json")
        done = run("optimize", path, "-o", out, "--rates", folder / "rates.json", "--passes", "dead_neuron_elimination")
        if done.returncode == 3:
            return {**outcome, "verdict": "refused when cut", "reasons": [done.stderr.split("error: ")[-1].strip()]}
        small = onnx.load(out)
    gone = removed(small, found)
    if not any(gone.values()):
        return outcome
    outcome["removed"] = sum(map(len, gone.values()))
    outcome["operators"] = sorted({node.op_type for nodes in removal.bodies(net.model) for node in nodes
                                   if node.domain != "local"})
    onnx.checker.check_model(small, full_check=True)
    onnx.shape_inference.infer_shapes(small, check_type=True, strict_mode=True)
    before, after = play(net, forced(net, gone), seed), play(net, small, seed)
    off = removal.differences(kept_only(net, before, gone), after, 1e-4)
    outcome["verdict"] = f"WRONG: {off}" if off else "equal"
    outcome["seen"] = neighbours_are_seen(net, gone, before, after, seed)
    return outcome


def removed(model, found):
    left = {layer["name"]: layer for layer in json.loads(
        next(entry.value for entry in model.metadata_props if entry.key == "snn.neuron_map"))["layers"]}
    return {index: sorted(set(range(left[layer["name"]]["units"])) - set(left[layer["name"]]["kept"]))
            for index, layer in found.items()}


def neighbours_are_seen(net, gone, before, after, seed):
    """Had the neighbours gone, would it show? None when no output depends on these units or their neighbours."""
    others = {}
    for index, units in gone.items():
        count = net.populations[index].shape[0]
        others[index] = sorted({(unit + 1) % count for unit in units})
    wrong = play(net, forced(net, others), seed)
    free = play(net, net.model, seed)
    results = [name for name in before if not name.startswith("state")]

    def differ(one, other):
        return bool(removal.differences({name: one[name] for name in results},
                                        {name: other[name] for name in results}, 1e-4))

    if not differ(wrong, before) or not differ(free, before):
        return None
    return differ(wrong, after)


def outcome_of(seed):
    try:
        return examine(seed)
    except Exception as failure:  # a network that breaks anything is a finding, whatever breaks
        return {"seed": seed, "verdict": f"BROKEN: {type(failure).__name__}: {failure}", "populations": 0, "free": 0,
                "told": 0, "removed": 0, "reasons": [], "operators": [], "seen": None, "layout": "?"}


def summary(outcomes):
    verdicts = collections.Counter(each["verdict"].split(":")[0] for each in outcomes)
    seen = collections.Counter(each["seen"] for each in outcomes)
    by_layout = collections.defaultdict(collections.Counter)
    for each in outcomes:
        by_layout[each["layout"]].update(graphs=1, populations=each["populations"], told=each["told"],
                                         free=each["free"],
                                         cut=each["removed"] > 0, units=each["removed"])
    totals = {what: sum(each[what] for each in outcomes) for what in ("populations", "told", "free", "removed")}
    lines = [f"{len(outcomes)} networks: " + ", ".join(f"{n} {verdict}" for verdict, n in sorted(verdicts.items())),
             f"{totals['populations']} populations, {totals['told']} with their neurons' parameters told, "
             f"{totals['free']} free, {totals['removed']} units removed",
             f"neighbours forced instead: {seen[True]} seen, {seen[False]} not seen",
             "operators in the networks cut: " + " ".join(sorted({op for each in outcomes for op in each["operators"]}))]
    lines += [f"  {layout}: " + ", ".join(f"{value} {what}" for what, value in counts.items())
              for layout, counts in sorted(by_layout.items())]
    return "\n".join(lines)


def is_bad(outcome):
    return outcome["verdict"].startswith(("WRONG", "BROKEN")) or outcome["seen"] is False


def main(count=150, first=0):
    with concurrent.futures.ProcessPoolExecutor(len(os.sched_getaffinity(0))) as workers:
        outcomes = []
        for outcome in workers.map(outcome_of, range(first, first + count), chunksize=8):
            outcomes.append(outcome)
            if is_bad(outcome):
                print(f"seed {outcome['seed']} ({outcome['layout']}): {outcome['verdict'][:1500]}", flush=True)
    print(summary(outcomes))
    reasons = collections.Counter(" ".join(word for word in reason.split() if "_" not in word and "'" not in word)
                                  for each in outcomes for reason in each["reasons"])
    print("why frozen: " + "; ".join(f"{count} {reason}" for reason, count in reasons.most_common(25)))
    return any(map(is_bad, outcomes))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
