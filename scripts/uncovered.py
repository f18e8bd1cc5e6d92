#!/usr/bin/env python3
"""Prints what the tests do not run, from the file that scripts/coverage leaves.

usage: scripts/uncovered.py [FOLDER or FILE...] [--places]

A line for each class of source lines, with the lines never run and the branches never taken in
it; docs/coverage.md says of each why. --places: each place, with its class and its text.
"""

import argparse
import collections
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
COUNTED = ROOT / "build" / "coverage" / "all.json"

# The first that the text of a line fits is its class.
CLASSES = (
    ("status handed on", r"SNNFIT_OK"),
    ("no memory", r"no_memory|ENOMEM|if \(!\w[\w.\->\[\]]*\)|!enough|arena_|_add\(|_grow"),
    ("a number out of range", r"__builtin_|overflow|_MAX\b|isfinite|isnan"),
    ("one of many types or kinds", r"switch|case |default:|DATA_TYPE__|\btype\b"),
    ("both sides of && or ||", r"&&|\|\|"),
    ("either value of ?:", r"\?"),
    ("a loop of no or one round", r"^\s*(for|while|do)\b"),
)


def class_of(text):
    return next((name for name, pattern in CLASSES if re.search(pattern, text)), "other")


def places(chosen):
    """(file, line, never run, branches never taken, text) of each."""
    for file in json.loads(COUNTED.read_text())["files"]:
        name = file["file"]
        if chosen and not any(name == each or name.startswith(each.rstrip("/") + "/") for each in chosen):
            continue
        text = (ROOT / name).read_text().split("\n")
        for line in file["lines"]:
            unrun = line["count"] == 0 and not line.get("gcovr/noncode")
            untaken = sum(branch["count"] <= 0 for branch in line["branches"])
            if line["line_number"] > len(text):
                sys.exit(f"uncovered.py: {name} has changed since it was counted: run scripts/coverage again")
            if unrun or untaken:
                yield name, line["line_number"], unrun, untaken, text[line["line_number"] - 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chosen", nargs="*", metavar="FOLDER or FILE")
    parser.add_argument("--places", action="store_true")
    options = parser.parse_args()
    lines, branches = collections.Counter(), collections.Counter()
    for name, number, unrun, untaken, text in places(options.chosen):
        kind = class_of(text)
        lines[kind] += unrun
        branches[kind] += untaken
        if options.places:
            print(f"{name}:{number}: {kind}: {'never run' if unrun else f'{untaken} not taken'}: {text.strip()}")
    if not options.places:
        print("| class | lines never run | branches never taken |\n|---|---|---|")
        for kind in [name for name, _ in CLASSES] + ["other"]:
            print(f"| {kind} | {lines[kind]} | {branches[kind]} |")
        print(f"| all | {lines.total()} | {branches.total()} |")


if __name__ == "__main__":
    main()
