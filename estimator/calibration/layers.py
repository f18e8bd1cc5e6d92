"""The synthesised layers and what the cost model looks at in each of them.

A row of the tables is one layer, synthesised: its architecture (a sc, b parallel, c event,
s sparse), target, sizes and what yosys counted. Weights of the unrolled architectures are
not in the tables but drawn again from the row's seed; that they are the same ones is
checked against the columns that describe them, so a random generator that changes
is noticed instead of spoiling the fit."""

import csv
import functools
import math
import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).parent
ARCHITECTURES = {"a": "sc", "b": "parallel", "c": "event", "s": "sparse"}
# ecp5 is synthesised with -nowidelut: the default takes up to three times the LUTs on
# memories' read multiplexers (yosys issue 4798).
FAMILIES = {"ice40": "ice40", "ecp5nw": "ecp5", "xc7": "xc7"}

# The terms of the model in the order of enum term in layer.h.
TERMS = ["compressors", "comparators", "encoders", "final_adders", "differences", "membranes",
         "units", "read_multiplexers", "control", "fallen_memories", "constant"]
TERMS_OF = {
    "sc": ["compressors", "comparators", "encoders", "membranes", "constant"],
    "parallel": ["compressors", "final_adders", "differences", "membranes", "units"],
    "event": ["membranes", "read_multiplexers", "control", "fallen_memories", "constant"],
    "sparse": ["membranes", "read_multiplexers", "control", "fallen_memories", "constant"],
}


def bits_for(count):
    """Bits that tell `count` values apart, at least 1."""
    return max(1, (int(count) - 1).bit_length())


def number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def read_rows():
    """Every layer once. final_all.csv repeats the others and adds the MNIST-sized and the
    placed-and-routed ones; equal designs drawn twice would sit on both sides of a split."""
    rows, seen = [], set()
    for name in ["train.csv", "heldout.csv", "ecp5nw.csv", "final_all.csv"]:
        for line in csv.DictReader(open(FOLDER / name, newline="")):
            if line["target"] not in FAMILIES or line["arch"] not in ARCHITECTURES:
                continue
            row = {k: v if k in ("id", "arch", "target") else number(v) for k, v in line.items()}
            unrolled = row["arch"] in "ab"
            design = tuple(row[k] for k in ("arch", "target", "n_in", "n_out", "bits", "L", "P",
                                            "density"))
            design += (row["seed"],) if unrolled else ()
            if (row["id"], row["target"]) in seen or design in seen:
                continue
            if unrolled and not row["seed"]:
                continue
            seen |= {(row["id"], row["target"]), design}
            row["architecture"] = ARCHITECTURES[row["arch"]]
            row["family"] = FAMILIES[row["target"]]
            for key in ("n_in", "n_out", "bits", "L", "P"):
                row[key] = int(row[key])
            rows.append(row)
    return rows


@functools.lru_cache(maxsize=None)
def draw_weights(n_in, n_out, bits, density, seed):
    """Integer codes [n_out][n_in]; odd seeds draw from a Laplace, even ones from a normal
    distribution, the largest `density` of them stay."""
    generator = np.random.default_rng(seed)
    shape = (n_out, n_in)
    real = generator.laplace(size=shape) if seed % 2 else generator.normal(size=shape)
    size = np.abs(real)
    kept = max(n_out, round(density * n_in * n_out))
    largest = 2 ** (bits - 1) - 1
    codes = np.rint(size / np.quantile(size, 0.995) * largest)
    codes = np.clip(codes, 1, largest).astype(int) * np.sign(real).astype(int)
    return np.where(size >= np.sort(size.ravel())[n_in * n_out - kept], codes, 0)


def weights_of(row):
    codes = draw_weights(row["n_in"], row["n_out"], row["bits"], row["density"], int(row["seed"]))
    drawn = {"nnz": np.count_nonzero(codes), "maxabs": np.abs(codes).max(),
             "nzbits": sum(int(code).bit_count() for code in np.abs(codes).ravel())}
    for name, value in drawn.items():
        if row.get(name) and row[name] != value:
            raise SystemExit(f"{row['id']}: the weights drawn have {name} {value}, the table says "
                             f"{row[name]:.0f}: this numpy draws other numbers")
    return codes


# --- the unrolled architectures ------------------------------------------------


def column_heights(magnitudes):
    top = int(magnitudes.sum()).bit_length() + 1
    return [int(((magnitudes >> k) & 1).sum()) for k in range(top)]


def compress(heights):
    """3:2 compressors until no column is higher than two; returns how many, and what is left."""
    heights, count = list(heights), 0
    for k in range(len(heights) - 1):
        used = max(0, (heights[k] - 1) // 2)
        heights[k] -= 2 * used
        heights[k + 1] += used
        count += used
    return count, heights


def stochastic(row):
    codes = weights_of(row)
    length_bits = bits_for(row["L"])
    magnitude_bits = row["bits"] - 1
    full = 2 ** magnitude_bits - 1
    used = np.count_nonzero(codes.any(axis=0))
    fan_in = int((codes != 0).sum(axis=1).max())
    width = bits_for(fan_in * row["L"] + 1) + 4
    compressors = gates = count_bits = 0
    comparators, single = set(), set()
    for unit in codes:
        for sign in (1, -1):
            inputs = np.flatnonzero(unit * sign > 0)
            compressors += compress([len(inputs)] + [0] * len(inputs).bit_length())[0]
            if len(inputs) > 1:
                count_bits += len(inputs).bit_length()
            for i in inputs:
                size = int(unit[i] * sign)
                plain = magnitude_bits < 3 or size == full
                if not plain:
                    gates += 1
                    comparators.add((int(i) % magnitude_bits, size))
                if len(inputs) == 1:
                    single.add((int(i), 0 if plain else size))
    trailing = [((size + 1) & ~size).bit_length() - 1 for _, size in comparators]
    features = {
        "compressors": compressors + gates / 2,
        "comparators": sum(magnitude_bits - ones for ones in trailing),
        "encoders": used * length_bits + count_bits + len(single),
        "membranes": row["n_out"] * width,
        "constant": 1,
    }
    weight_generator = magnitude_bits if comparators else 0
    ff = (used + 2 * length_bits + weight_generator + 4 + count_bits + len(single)
          + row["n_out"] * (width + 1))
    return features, ff


def sum_bits(heights):
    """What each bit of a sum is: None always 0, 'plain' one weight's bit (which one: the
    column's only input), 'sum' anything an adder makes."""
    carries, kinds = 0, []
    for height in heights:
        total = height + carries
        kinds.append(None if not total else "plain" if total == 1 and not carries else "sum")
        carries = total // 2
    while kinds and kinds[-1] is None:
        kinds.pop()
    return kinds


def side_registers(magnitudes, shared):
    """Bits of the registered sum of one sign: each the input behind it (a register that
    all units share) or 'sum'."""
    kinds = sum_bits(column_heights(magnitudes))
    bits = [int(np.flatnonzero((magnitudes >> k) & 1)[0]) if kind == "plain" else kind
            for k, kind in enumerate(kinds)]
    shared.update(bit for bit in bits if isinstance(bit, int))
    return bits


def difference_registers(positive, negative, shared):
    width = max(len(positive), len(negative)) + (1 if negative else 0)
    count, borrow = 0, False
    for k in range(width):
        plus = positive[k] if k < len(positive) else None
        minus = negative[k] if k < len(negative) else None
        if plus is None and minus is None and not borrow:
            continue
        alone = plus if minus is None else minus if plus is None else "sum"
        if borrow or alone == "sum":
            count += 1
        else:
            shared.add(alone)
        borrow = borrow or minus is not None
    return count


def parallel(row):
    codes = weights_of(row)
    largest = max(np.maximum(codes, 0).sum(axis=1).max(), np.maximum(-codes, 0).sum(axis=1).max())
    width = bits_for(largest + 1) + 4
    compressors = final = differences = registers = 0
    first, second = set(), set()
    for unit in codes:
        sides = []
        widest = 0
        for sign in (1, -1):
            magnitudes = np.maximum(unit * sign, 0)
            count, heights = compress(column_heights(magnitudes))
            compressors += count
            bits = int(magnitudes.sum()).bit_length()
            widest = max(widest, bits)
            if 2 in heights:
                final += bits - heights.index(2)
            sides.append(side_registers(magnitudes, first))
        differences += widest + 1
        registers += sum(bit == "sum" for side in sides for bit in side)
        registers += difference_registers(*sides, second)
    features = {
        "compressors": compressors,
        "final_adders": final,
        "differences": differences,
        "membranes": row["n_out"] * width,
        "units": row["n_out"],
    }
    return features, registers + len(first) + len(second) + row["n_out"] * (width + 1)


# --- memories: the configuration that synthesis finds cheapest -----------------------

BLOCK_SHAPES = {
    "ice40": [(2048, 2), (1024, 4), (512, 8), (256, 16)],
    "ecp5": [(16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36)],
    "xc7": [(16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36)],
}
XC7_DOUBLE_SHAPES = [(32768, 1), (16384, 2), (8192, 4), (4096, 9), (2048, 18), (1024, 36),
                     (512, 72)]


def divide_up(a, b):
    return -(-a // b)


def selection_cost(deep, width):
    """Half a unit for every read multiplexer bit and every write enable."""
    return 0.5 * (deep - 1) * (width + 1)


def block_choices(depth, width, family):
    """(cost, blocks, deep) for every way to lay the memory out in blocks."""
    for rows, columns in BLOCK_SHAPES[family]:
        deep = divide_up(depth, rows)
        if family == "ice40":  # write masks let two half-used columns share a block
            blocks, cost = divide_up(deep * width, columns), 64
        else:
            blocks, cost = deep * divide_up(width, columns), 128 if family == "ecp5" else 129
        yield cost * blocks + selection_cost(deep, width), blocks, deep
    for rows, columns in XC7_DOUBLE_SHAPES if family == "xc7" else []:
        deep = divide_up(depth, rows)
        blocks = deep * divide_up(width, columns)
        yield 257 * blocks + selection_cost(deep, width), 2 * blocks, deep


def logic_choices(depth, width, family):
    """(cost, cells, deep): flip-flops on ice40, 16 x 4 RAM cells on ecp5, LUTs on xc7."""
    if family == "ice40":
        yield depth * width - 8, depth * width, 1
    elif family == "ecp5":
        deep = divide_up(depth, 16)
        cells = deep * divide_up(width, 4)
        yield 4 * cells + selection_cost(deep, width), cells, deep
    else:
        for rows, columns in ((32, 6), (64, 3)):  # four LUTs; unused columns count for less
            deep = divide_up(depth, rows)
            rest = width % columns
            cost = deep * (8 * (width // columns) + (1 + 7 * rest / columns if rest else 0))
            yield (cost + selection_cost(deep, width), 4 * deep * divide_up(width, columns), deep)


def place_memories(memories, family):
    total = {"bram": 0, "cells": 0, "read_multiplexers": 0, "registers": 0}
    for depth, width in memories:
        block = min(block_choices(depth, width, family))
        logic = min(logic_choices(depth, width, family))
        _, count, deep = min(block, logic)
        total["read_multiplexers"] += (deep - 1) * width
        if block <= logic:
            total["bram"] += count
            total["registers"] += bits_for(deep) if deep > 1 else 0
        else:
            total["cells"] += count
            total["registers"] += width + (count if family == "ice40" else 0)
    return total


# --- the folded architectures ----------------------------------------------------


def folded_features(row, width, control, memories):
    placed = place_memories(memories, row["family"])
    features = {
        "membranes": row["P"] * width,
        "read_multiplexers": placed["read_multiplexers"],
        "control": control,
        "fallen_memories": placed["cells"],
        "constant": 1,
    }
    return features, placed


def membrane_width(row):
    return row["bits"] + bits_for(row["n_in"] + 1) + 3


def event(row):
    width = membrane_width(row)
    groups = divide_up(row["n_out"], row["P"])
    address, group = bits_for(groups * row["n_in"]), bits_for(groups)
    features, placed = folded_features(row, width, address + group,
                                       [(groups * row["n_in"], row["P"] * row["bits"]),
                                        (groups, row["P"] * width)])
    return features, 9 + 3 * group + address + row["P"] + placed["registers"], placed


def sparse(row):
    width = membrane_width(row)
    nonzero = int(row["nnz"] or round(row["density"] * row["n_in"] * row["n_out"]))
    unit, pointer, source = bits_for(row["n_out"]), bits_for(nonzero + 1), bits_for(row["n_in"] + 1)
    features, placed = folded_features(row, width, unit + pointer + source,
                                       [(row["n_in"] + 1, pointer), (nonzero, unit + row["bits"]),
                                        (row["n_out"], width)])
    ff = 14 + 3 * unit + 2 * pointer + source + row["bits"] + placed["registers"]
    return features, ff, placed


def describe(row):
    """features, flip-flops, memory placement of a row."""
    model = {"sc": stochastic, "parallel": parallel, "event": event, "sparse": sparse}
    features, ff, *placed = model[row["architecture"]](row)
    return features, ff, placed[0] if placed else {"bram": 0, "cells": 0}


def measured(row, resource):
    """What the device has to give for the layer. ecp5: a carry cell takes two LUTs, a
    16 x 4 RAM cell six. xc7: LUTs used as memory are counted apart by the tool."""
    if resource == "logic_cells":
        return row["lc"]
    if resource in ("ff", "carry"):
        return row[resource]
    if row["family"] == "ecp5":
        return row["lut"] + 2 * row["carry"] + 6 * row["lutram"]
    return row["lut"] + (row["lutram"] if row["family"] == "xc7" else 0)
