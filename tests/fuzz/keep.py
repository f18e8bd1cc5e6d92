#!/usr/bin/env python3
"""Puts into tests/fuzz/corpus what covers most in few bytes, of what fuzzing has found so far.

usage: keep.py [TARGET...]      after run.py; what has a name of its own there stays.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from run import ROOT, TARGETS

MOST_BYTES, LONGEST = 60_000, 6_000
BUILD = ROOT / "build" / "fuzz"


def keep(target):
    kept = ROOT / "tests" / "fuzz" / "corpus" / target
    kept.mkdir(parents=True, exist_ok=True)
    for path in kept.iterdir():
        if re.fullmatch(r"[0-9a-f]{40}", path.name):
            path.unlink()
    left = MOST_BYTES
    with tempfile.TemporaryDirectory() as merged:
        found = [folder for folder in (BUILD / "fuzz-corpus" / target, BUILD / "fuzz-seeds" / target) if folder.exists()]
        subprocess.run([BUILD / "tests" / "fuzz" / f"fuzz_{target}", "-merge=1", f"-max_len={LONGEST}", merged, *found],
                       check=True, capture_output=True, cwd=ROOT)
        for path in sorted(pathlib.Path(merged).iterdir(), key=lambda path: (path.stat().st_size, path.name)):
            left -= path.stat().st_size
            if left < 0:
                break
            shutil.copy(path, kept / path.name)
    print(f"{target}: {len(list(kept.iterdir()))} inputs, {sum(p.stat().st_size for p in kept.iterdir())} bytes")


if __name__ == "__main__":
    for each in sys.argv[1:] or TARGETS:
        keep(each)
