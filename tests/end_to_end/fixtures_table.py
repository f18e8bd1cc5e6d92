"""Writes docs/fixtures.md: what inspect finds in every real network, and whether that is what truth.json says.

    SNNFIT=build/release/snnfit .venv/bin/python tests/end_to_end/fixtures_table.py     (`make golden` does it too)
"""

import json

import numpy as np

import checks
from harness import REPOSITORY, every_fixture, run

PAGE = REPOSITORY / "docs" / "fixtures.md"

HEAD = """# What is found in real exports

One row a layer of each network in `tests/fixtures`, as `snnfit inspect` sees it. `make golden` writes this page, and every test run compares it with what the program says
(`tests/end_to_end/test_fixtures_table.py`). *As it is*: whether all of it equals `truth.json` in the network's folder, written by who trained and exported it; layers are matched by
their weight tensor, the comparison is `tests/end_to_end/checks.py`. Decay and threshold: one value, or smallest … largest of a layer with one a unit. States: where the layer's enter
← where they leave. Frozen: why no unit may go; the last layer's width is the network's interface.

"""

COLUMNS = ("network", "time", "as it is", "weights", "kind", "units", "neuron", "decay", "threshold", "reset", "states",
           "frozen")


def number(value):
    if value is None:
        return "–"
    values = np.atleast_1d(np.asarray(value, np.float64))
    return f"{values.min():.6g} … {values.max():.6g}" if np.ptp(values) else f"{values[0]:.6g}"


def code(text):
    return f"`{text}`".replace("|", "\\|")


def layer_cells(layer):
    units = f"{layer['units']}" if layer["positions"] == 1 else f"{layer['units']} × {layer['positions']}"
    threshold = number(layer["threshold"])
    if layer["comparison"]:
        threshold = f"{layer['comparison']} {threshold}"
    reset = layer["reset"] or "–"
    if reset == "set":
        reset = f"to {number(layer['reset_value'])}"
    if layer["reset_timing"]:
        reset += f", {layer['reset_timing']}"
    pairs = zip(layer["state_inputs"], layer["state_outputs"])
    states = ", ".join(f"{code(into)} ← {code(out)}" for into, out in pairs)
    neuron = layer["neuron"] + (f", current {number(layer['current_decay'])}" if layer.get("current_decay") else "")
    return [code(layer["weight_tensor"]), layer["kind"], units, neuron, number(layer["decay"]), threshold, reset,
            states or "–", (layer["frozen"] or "–").replace("|", "\\|")]


def network_rows(network):
    wrong = [check for check in checks.READING if checks.verdict(network, check)]
    same = f"no: {', '.join(wrong)}" if wrong else "yes"
    done = run("inspect", network.path, "--json", expect=None)
    if done.returncode:
        reason = done.stderr.decode().strip().split("error: ")[-1]
        return [[network.name, "–", same] + ["–"] * 8 + [reason]]
    document = json.loads(done.stdout)
    kind, steps = document["time"]["kind"], document["time"]["steps"]
    time = kind if steps in (None, 1) else f"{kind}, {steps} steps"
    return [[network.name, time, same] * (k == 0) + [""] * 3 * (k > 0) + layer_cells(layer)
            for k, layer in enumerate(document["layers"])]


def page():
    rows = [network_rows(network) for network in every_fixture()]
    right = sum(row[0][2] == "yes" for row in rows)
    table = [COLUMNS, ["---"] * len(COLUMNS), *(row for each in rows for row in each)]
    body = "".join(f"| {' | '.join(row)} |\n" for row in table)
    return f"{HEAD}{right} of {len(rows)} networks are found as they are.\n\n{body}"


if __name__ == "__main__":
    PAGE.write_text(page())
