#!/usr/bin/env python3
"""Measures what docs/bench.md shows, and prints it as a table.

usage: bench/run.py [SUBJECT...] [--quick] [--folder DIR] [--rounds N]

A subject is a file in this folder with a function figures(settings). --quick shows in seconds
that all works; its figures say nothing.
"""

import argparse
import importlib
import os
import pathlib
import sys
import tempfile

from measure import HERE, Settings

SUBJECTS = ("copying", "redundancy", "importing", "simulating", "resimulating", "products")
ROUNDS = 7


def machine():
    """In general terms."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    flags = pathlib.Path("/proc/cpuinfo").read_text().split() if sys.platform == "linux" else []
    vectors = next((name for name in ("avx512f", "avx2") if name in flags), "no AVX2")
    return f"{os.cpu_count()} cores with {vectors}, {pages / 2**30:.0f} GiB of memory, {os.uname().sysname}"


def row(figure):
    verdict = {None: "", True: "met", False: "**not met**"}[figure.met]
    return f"| {figure.name} | {figure.measured} | {figure.limit} | {verdict} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"{', '.join(SUBJECTS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="small models, one round")
    parser.add_argument("--folder", type=pathlib.Path, default=HERE.parent / "build" / "bench",
                        help="where models are made and removed again; up to 9 GB")
    parser.add_argument("--rounds", type=int, help=f"how often each is run (default {ROUNDS})")
    options = parser.parse_args()
    unknown = set(options.subjects) - set(SUBJECTS)
    if unknown:
        parser.error(f"unknown subject {', '.join(unknown)}; there is: {', '.join(SUBJECTS)}")
    options.folder.mkdir(parents=True, exist_ok=True)
    snnfit = os.environ.get("SNNFIT", str(HERE.parent / "build" / "release" / "snnfit"))
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        settings = Settings(snnfit, pathlib.Path(folder), options.rounds or (1 if options.quick else ROUNDS), options.quick)
        print(f"{machine()}; medians of {settings.rounds} interleaved runs\n")
        print("| figure | measured | limit | |\n|---|---|---|---|")
        for subject in options.subjects or SUBJECTS:
            for figure in importlib.import_module(subject).figures(settings):
                print(row(figure), flush=True)


if __name__ == "__main__":
    main()
