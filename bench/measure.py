"""Runs programs and tells what they cost: CPU time and memory, as the kernel counts them."""

import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
from typing import NamedTuple

HERE = pathlib.Path(__file__).resolve().parent


class Cost(NamedTuple):
    cpu: float  # seconds, user and system
    memory: float  # MB, the peak


class Figure(NamedTuple):
    """One row of the table: what was measured, and the limit that it is to keep."""
    name: str
    measured: str
    limit: str = ""
    met: bool | None = None  # None: no limit


class Settings(NamedTuple):
    snnfit: str
    folder: pathlib.Path  # for the models; on the disk that copies are to be compared on
    rounds: int
    quick: bool


def run(arguments):
    """The whole process, from exec to exit. What it prints is thrown away unless it fails.

    The kernel counts a process's memory from before its exec, when it still was a copy of this
    one: so this one is kept small (no numpy in here) and no peak under its size can be seen."""
    with tempfile.TemporaryFile() as said:
        to = [(os.POSIX_SPAWN_DUP2, said.fileno(), 1), (os.POSIX_SPAWN_DUP2, said.fileno(), 2)]
        process = os.posix_spawnp(arguments[0], arguments, os.environ, file_actions=to)
        _, status, usage = os.wait4(process, 0)
        if status:
            said.seek(0)
            sys.exit(f"bench: {' '.join(map(str, arguments))}: exit {os.waitstatus_to_exitcode(status)}\n"
                     + said.read().decode(errors="replace"))
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def python(script, *arguments, **environment):
    """What a script of ours prints, in a process of its own: it may grow as it likes."""
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    return subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True, text=True).stdout


def median(costs):
    """Of the CPU times; of the memory the largest."""
    return Cost(statistics.median(cost.cpu for cost in costs), max(cost.memory for cost in costs))


def interleaved(rounds, commands, after_each):
    """The costs of {name: arguments}: a round runs each, in turns forwards and backwards, so that
    whatever disturbs the machine disturbs all.

    Each is run twice in a row and the second run counts: it finds its input in memory, and for
    its output the pages that the first one gave back. In a virtual machine pages that were free
    for a while belong to the host; to get them back costs more than to copy them."""
    costs = {name: [] for name in commands}
    for index in range(rounds):
        for name in list(commands)[:: 1 if index % 2 else -1]:
            for _ in range(2):
                cost = run(commands[name])
                after_each(name)
            costs[name].append(cost)
    return {name: median(each) for name, each in costs.items()}


def show(text):
    """Progress, for people who wait."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def model(settings, name, *widths_and_options):
    """A network of models.py, there for as long as it is needed."""
    path = settings.folder / f"{name}.onnx"
    data = settings.folder / f"{name}.onnx.data"
    show(f"makes {path.name}")
    try:
        python("models.py", path, *widths_and_options)
        yield path
    finally:
        path.unlink(missing_ok=True)
        data.unlink(missing_ok=True)


def size(path):
    """Of a model with the data beside it."""
    return sum(each.stat().st_size for each in path.parent.glob(path.name + "*"))
