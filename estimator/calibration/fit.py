#!/usr/bin/env python3
"""Fits the cost model to the synthesised layers (see docs/estimator.md).

    python estimator/calibration/fit.py            write coefficients.h and the test's cases
    python estimator/calibration/fit.py --check    fail if they are not what a fit gives
    python estimator/calibration/fit.py --report   print every figure of docs/estimator.md

Relative non-negative least squares: minimise the sum of ((estimate - measured)/measured)^2
over coefficients >= 0. Errors and intervals are those of fits to random halves, on the
other half. Needs numpy, nothing else."""

import argparse
import pathlib
import random
import re
import sys

import numpy as np

import layers

ESTIMATOR = pathlib.Path(__file__).parent.parent
COEFFICIENTS = ESTIMATOR / "coefficients.h"
CASES = ESTIMATOR.parent / "tests" / "unit" / "estimator_cases.h"
SPLITS = 200
INTERVAL = (0.05, 0.95)  # of measured / estimated
ARCHITECTURES = ["sc", "parallel", "event", "sparse"]
FAMILIES = ["ice40", "ecp5", "xc7"]


def solve(matrix, target):
    """Non-negative least squares, the active-set method of Lawson and Hanson (1974)."""
    count = matrix.shape[1]
    free, x = np.zeros(count, bool), np.zeros(count)
    while True:
        gradient = matrix.T @ (target - matrix @ x)
        gradient[free] = -np.inf
        if free.all() or gradient.max() <= 1e-9:
            return x
        free[gradient.argmax()] = True
        while True:
            trial = np.zeros(count)
            trial[free] = np.linalg.lstsq(matrix[:, free], target, rcond=None)[0]
            if trial[free].min() > 0:
                break
            blocked = free & (trial <= 0)
            step = (x[blocked] / (x[blocked] - trial[blocked])).min()
            x = x + step * (trial - x)
            free &= x > 1e-12
        x = trial


def relative_fit(matrix, target):
    scale = np.abs(matrix).max(axis=0)
    scale[scale == 0] = 1
    return solve(matrix / scale / target[:, None], np.ones(len(target))) / scale


def halves(count):
    """Indices of one random half, and those of the other."""
    order, shuffle = list(range(count)), random.Random(1)
    for _ in range(SPLITS):
        shuffle.shuffle(order)
        yield order[: count // 2], order[count // 2 :]


def held_out_ratios(matrix, target):
    """measured / estimated of the layers that a fit has not seen."""
    return np.concatenate([
        target[unseen] / (matrix[unseen] @ relative_fit(matrix[seen], target[seen]))
        for seen, unseen in halves(len(target))])


def matrix_of(rows, terms):
    return np.array([[layers.describe(row)[0][term] for term in terms] for row in rows], float)


def measured_of(rows, resource):
    return np.array([layers.measured(row, resource) for row in rows], float)


def held_to(cells, lut, ff, carry):
    """A cell of ice40 holds a LUT, a flip-flop and a carry, and at least one of them."""
    return np.clip(cells, np.maximum(lut, ff), lut + ff + carry)


def held_out_cells(rows, terms):
    """The same of packed cells. They are held to LUTs and carries that are fitted to all layers
    but those not seen: far more layers were synthesised than packed."""
    matrix, everything = matrix_of(rows, terms), np.arange(len(rows))
    lut, carry = measured_of(rows, "lut"), measured_of(rows, "carry")
    ff = np.array([layers.describe(row)[1] for row in rows], float)
    cells = measured_of(rows, "logic_cells")
    packed, ratios = np.flatnonzero(~np.isnan(cells)), []
    for seen, unseen in halves(len(packed)):
        seen, unseen = packed[seen], packed[unseen]
        others = np.setdiff1d(everything, unseen)
        said = [matrix[unseen] @ relative_fit(matrix[given], target[given])
                for given, target in ((seen, cells), (others, lut), (others, carry))]
        ratios.append(cells[unseen] / held_to(said[0], said[1], ff[unseen], said[2]))
    return np.concatenate(ratios)


class Fit:
    """Coefficients of one resource of one architecture on one family."""

    def __init__(self, group, architecture, resource):
        self.terms = layers.TERMS_OF[architecture]
        rows = [row for row in group if layers.measured(row, resource)]
        self.rows = len(rows)
        target = measured_of(rows, resource)
        if resource == "ff":  # a closed form: nothing is fitted
            ratios = target / np.array([layers.describe(row)[1] for row in rows], float)
            self.coefficients = []
        else:
            matrix = matrix_of(rows, self.terms)
            self.coefficients = relative_fit(matrix, target)
            ratios = (held_out_cells(group, self.terms) if resource == "logic_cells"
                      else held_out_ratios(matrix, target))
        errors = np.abs(1 / ratios - 1)
        self.median, self.worst_tenth = np.median(errors), np.quantile(errors, 0.9)
        self.low, self.high = np.quantile(ratios, INTERVAL)
        self.low, self.high = min(self.low, 1), max(self.high, 1)
        self.largest = target.max()

    def estimate(self, row):
        features, _, _ = layers.describe(row)
        return float(sum(features[t] * c for t, c in zip(self.terms, self.coefficients)))


def all_fits(rows):
    fits = {}
    for architecture in ARCHITECTURES:
        for family in FAMILIES:
            group = [row for row in rows
                     if (row["architecture"], row["family"]) == (architecture, family)]
            for resource in ["lut", "ff"] + ["carry", "logic_cells"] * (family == "ice40"):
                fits[architecture, family, resource] = Fit(group, architecture, resource)
    return fits


def coefficients_text(fits):
    lines = ["/* coefficients.h - written by estimator/calibration/fit.py from the synthesised",
             " * layers beside it; do not edit. */",
             "#ifndef SNNFIT_ESTIMATOR_COEFFICIENTS_H",
             "#define SNNFIT_ESTIMATOR_COEFFICIENTS_H", "",
             '#include "estimator/layer.h"', "", "/* clang-format off */",
             "static const struct fitted",
             "fitted[ARCHITECTURE_COUNT][FAMILY_COUNT][FITTED_COUNT] = {"]
    for (architecture, family, resource), fit in fits.items():
        index = "".join(f"[{kind}_{name.upper()}]" for kind, name in
                        [("ARCHITECTURE", architecture), ("FAMILY", family), ("FITTED", resource)])
        lines.append(f"\t{index} = {{")
        if len(fit.coefficients):
            lines.append("\t\t.coefficients = {")
            for term, value in zip(fit.terms, fit.coefficients):
                lines.append(f"\t\t\t[TERM_{term.upper()}] = {value:.4g},")
            lines.append("\t\t},")
        lines.append(f"\t\t.low = {fit.low:.3f}, .high = {fit.high:.3f}, "
                     f".largest = {fit.largest:.0f},")
        lines.append("\t},")
    return "\n".join(lines + ["};", "/* clang-format on */", "", "#endif", ""])


# --- cases: what the C model has to say about layers the script has described ------------


def case_rows(rows):
    """Small layers of the unrolled architectures, weights included, and every folded one."""
    return [row for row in rows if row["arch"] in "cs" or row["n_in"] * row["n_out"] <= 130]


def case_text(index, row):
    features, ff, placed = layers.describe(row)
    values = ", ".join(f"[TERM_{term.upper()}] = {value:g}" for term, value in features.items())
    weights = "NULL"
    nonzero = int(row["nnz"] or round(row["density"] * row["n_in"] * row["n_out"]))
    if row["arch"] in "ab":
        weights = f"case_weights_{index}"
        nonzero = np.count_nonzero(layers.weights_of(row))
    return "\n".join([
        f"\t{{ \"{row['id']}\", {{ .architecture = ARCHITECTURE_{row['architecture'].upper()},",
        f"\t\t.family = FAMILY_{row['family'].upper()}, .inputs = {row['n_in']}, "
        f".units = {row['n_out']}, .weight_bits = {row['bits']},",
        f"\t\t.weights = {weights}, .nonzero = {nonzero}, "
        f".bitstream_length = {row['L']}, .lanes = {row['P']} }},",
        f"\t\t{{ {values} }},",
        f"\t\t{ff:.0f}, {row['ff']:.0f}, {row['bram']:.0f}, "
        f"{layers.measured(row, 'lut'):.0f} }},"])


def cases_text(rows):
    rows = case_rows(rows)
    lines = ["/* estimator_cases.h - written by estimator/calibration/fit.py: synthesised layers",
             " * as the script sees them; do not edit. */",
             '#include "estimator/layer.h"', "", "/* clang-format off */"]
    for index, row in enumerate(rows):
        if row["arch"] in "ab":
            codes = ", ".join(str(code) for code in layers.weights_of(row).ravel())
            lines.append(f"static const int32_t case_weights_{index}[] = {{ {codes} }};")
    lines += ["", "/* layer, its terms, flip-flops (closed form), and as measured: flip-flops,",
              " * blocks (xc7: of 18 kbit), LUTs. */",
              "static const struct {", "\tconst char *name;", "\tstruct layer layer;",
              "\tdouble terms[TERM_COUNT];",
              "\tdouble ff, measured_ff, measured_blocks, measured_lut;",
              "} cases[] = {"]
    lines += [case_text(index, row) for index, row in enumerate(rows)]
    return "\n".join(lines + ["};", "/* clang-format on */", ""])


# --- report ------------------------------------------------------------------------


def print_errors(fits):
    print("Error of the estimate on layers not seen: median / 90th percentile, percent")
    print("(random halves; flip-flops: closed form, all layers); interval of measured/estimated\n")
    print(f"{'':31}{'layers':>7}{'median':>8}{'p90':>7}{'low':>8}{'high':>7}{'largest':>9}")
    for (architecture, family, resource), fit in fits.items():
        print(f"{architecture:10}{family:8}{resource:13}{fit.rows:7}{100 * fit.median:8.1f}"
              f"{100 * fit.worst_tenth:7.1f}{fit.low:8.3f}{fit.high:7.3f}{fit.largest:9.0f}")


def print_coefficients(fits):
    print("\nCoefficients\n")
    for key, fit in fits.items():
        if len(fit.coefficients):
            print(f"{' '.join(key):30}", ", ".join(
                f"{term} {value:.3g}" for term, value in zip(fit.terms, fit.coefficients)))


def print_cells(rows):
    print("\nPacked layers: logic cells / LUTs, and / (LUTs + flip-flops + carries)\n")
    for architecture in ARCHITECTURES:
        packed = [row for row in rows if row["architecture"] == architecture
                  and row["family"] == "ice40" and row["lc"]]
        cells, lut, ff, carry = (measured_of(packed, resource)
                                 for resource in ("logic_cells", "lut", "ff", "carry"))
        whole = cells / (lut + ff + carry)
        least = (cells / np.maximum(lut, ff)).min()
        print(f"{architecture:10}{len(packed):3} layers, {(cells / lut).min():.2f} to "
              f"{(cells / lut).max():.2f}, and {whole.min():.2f} to {whole.max():.2f}; at least "
              f"{least:.2f} of the larger of LUTs and flip-flops")


def print_memories(rows):
    print("\nMemories and flip-flops of the folded architectures: how many are exactly right\n")
    for architecture in ARCHITECTURES[2:]:
        for family in FAMILIES:
            group = [(row, *layers.describe(row)) for row in rows
                     if (row["architecture"], row["family"]) == (architecture, family)]
            blocks = sum(placed["bram"] == row["bram"] for row, _, _, placed in group)
            flip_flops = sum(ff == row["ff"] for row, _, ff, _ in group)
            print(f"{architecture:10}{family:8}{len(group):3} layers, blocks {blocks}, "
                  f"flip-flops {flip_flops}")


def print_mnist(rows):
    print("\nMNIST 784-256-64-10, estimated by fits that have not seen its layers\n")
    small = [row for row in rows if not row["id"].startswith("m")]
    for architecture, label, ids in [("event", "8 bits", ["m0", "m1", "m2"]),
                                     ("event", "4 bits", ["m5", "m6", "m7"]),
                                     ("sparse", "8 bits, 25 %", ["ms0", "ms1", "ms2"]),
                                     ("sparse", "8 bits, 5 %", ["ms3", "ms4", "ms5"])]:
        for family in FAMILIES:
            chosen = [row for row in rows if row["id"] in ids and row["family"] == family]
            if len(chosen) < len(ids):
                continue
            group = [row for row in small
                     if (row["architecture"], row["family"]) == (architecture, family)]
            fit = Fit(group, architecture, "lut")
            said = sum(fit.estimate(row) for row in chosen)
            was = sum(layers.measured(row, "lut") for row in chosen)
            blocks = sum(layers.describe(row)[2]["bram"] for row in chosen)
            print(f"{architecture:7}{label:13}{family:6} LUT {said:6.0f}, measured {was:.0f} "
                  f"({100 * (said / was - 1):+.0f} %); blocks {blocks}, "
                  f"measured {sum(row['bram'] for row in chosen):.0f}")


def energy_constant(name):
    """A #define of energy.c."""
    return float(re.search(rf"#define {name} ([0-9.]+)", (ESTIMATOR / "energy.c").read_text())[1])


def print_energy():
    """Two networks of one generator (Spiker+, arXiv 2401.01141): cells, blocks, mW."""
    small, large, clock_mhz = (7612, 18, 180), (18268, 51, 430), 100
    cells, blocks, power = (b - a for a, b in zip(small, large))
    block_pj = energy_constant("BLOCK_ACCESS_PJ")
    cell_pj = (power * 1e3 / clock_mhz - blocks * block_pj) / cells
    lut_pj = energy_constant("LUT_CYCLE_PJ")
    rest = small[2] - (small[0] * lut_pj + small[1] * block_pj) * clock_mhz * 1e-3
    print("\nEnergy: a cell and cycle, from the difference of two Spiker+ networks\n")
    print(f"{cells} cells, {blocks} blocks, {power} mW at {clock_mhz} MHz, {block_pj:g} pJ a block "
          f"access: {cell_pj:.2f} pJ a cell and cycle (energy.c: {lut_pj:g})")
    print(f"with it, the smaller network's {small[2]} mW leave {rest:.0f} mW for static power; "
          f"interval: factor {energy_constant('UNCERTAINTY'):g} either way")


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--check", action="store_true")
    options.add_argument("--report", action="store_true")
    options = options.parse_args()
    rows = layers.read_rows()
    fits = all_fits(rows)
    if options.report:
        print(f"{len(rows)} synthesised layers\n")
        print_errors(fits)
        print_coefficients(fits)
        print_cells(rows)
        print_memories(rows)
        print_mnist(rows)
        print_energy()
        return 0
    texts = {COEFFICIENTS: coefficients_text(fits), CASES: cases_text(rows)}
    for path, text in texts.items():
        if not options.check:
            path.write_text(text)
        elif path.read_text() != text:
            print(f"{path.name} is not what fit.py writes: run it", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
