#!/usr/bin/env python3
"""Runs the fuzz targets, one after the other, for some CPU time each, and prints what came of it.

usage: run.py [--seconds 60 | --runs N] [--build build/fuzz] [--findings build/fuzz-findings] [TARGET...]

--runs: so many inputs instead, however fast the machine is, and nothing that is kept: for CI.

Starts from the committed corpus, the seeds (seeds.py) and what earlier runs found interesting,
which it keeps in BUILD/fuzz-corpus. An input that breaks something goes to the folder of
findings; the target goes on then, unless it breaks all the time. Exit status 1: there are findings.
"""

import argparse
import pathlib
import re
import resource
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGETS = ("wire", "load", "rates", "npz", "round_trip", "command_line")
MOST_FINDINGS = 20
SLICE = 300  # seconds of a process; after each, BUILD/fuzz-TARGET.txt has the figures so far


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def number(pattern, text, default=0):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else default


class Run:
    """A target's run, of as many processes as it takes."""

    def __init__(self, options, target):
        self.options, self.target = options, target
        self.executions = self.edges = self.features = self.findings = 0
        self.cpu = 0.0

    def length(self, seconds):
        if self.options.runs:
            return [f"-runs={self.options.runs}"]
        return [f"-max_total_time={max(1, round(seconds))}"]

    def command(self, seconds):
        build, target = self.options.build, self.target
        corpus = build / ("fuzz-runs" if self.options.runs else "fuzz-corpus") / target
        if self.options.runs:
            shutil.rmtree(corpus, ignore_errors=True)
        corpus.mkdir(parents=True, exist_ok=True)
        self.options.findings.mkdir(parents=True, exist_ok=True)
        dictionary = build / "fuzz-seeds" / f"{target}.dict"
        return [build / "tests" / "fuzz" / f"fuzz_{target}", corpus, build / "fuzz-seeds" / target,
                ROOT / "tests" / "fuzz" / "corpus" / target, *self.length(seconds),
                f"-artifact_prefix={self.options.findings}/{target}-", "-timeout=20", "-rss_limit_mb=2048",
                "-max_len=20000", "-print_final_stats=1", "-reload=0",
                *[f"-dict={dictionary}"] * dictionary.exists()]

    def once(self, seconds):
        before = cpu_seconds()
        done = subprocess.run(self.command(seconds), capture_output=True, cwd=ROOT, check=False)
        text = done.stderr.decode(errors="replace")
        self.cpu += cpu_seconds() - before
        self.executions += number(r"stat::number_of_executed_units: *(\d+)", text)
        self.edges = max(self.edges, number(r"cov: (\d+)", text))
        self.features = max(self.features, number(r"ft: (\d+)", text))
        if done.returncode:
            self.findings += 1
            print(text[-6000:], flush=True)

    def __str__(self):
        return (f"{self.target:<13} {self.executions:>10} executions {self.cpu / 60:>6.1f} CPU min "
                f"{self.edges:>6} edges {self.features:>7} features {self.findings:>3} findings")

    def all(self):
        while self.cpu < self.options.seconds - 0.5 and self.findings < MOST_FINDINGS:
            self.once(min(SLICE, self.options.seconds - self.cpu))
            (self.options.build / f"fuzz-{self.target}.txt").write_text(f"{self}\n")
            if self.options.runs:
                break
        print(self, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "fuzz")
    parser.add_argument("--findings", type=pathlib.Path, default=ROOT / "build" / "fuzz-findings")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=" ".join(TARGETS))
    options = parser.parse_args()
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"unknown target: {' '.join(unknown)}")
    options.build, options.findings = options.build.resolve(), options.findings.resolve()
    subprocess.run([sys.executable, ROOT / "tests" / "fuzz" / "seeds.py", options.build / "snnfit",
                    options.build / "fuzz-seeds"], check=True)
    findings = 0
    for target in options.targets or TARGETS:
        run = Run(options, target)
        run.all()
        findings += run.findings
    print(f"{findings} findings in all")
    return findings > 0


if __name__ == "__main__":
    sys.exit(main())
