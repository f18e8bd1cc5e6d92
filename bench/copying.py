"""Files through the tool at the speed of a copy: against cp, on small, large and external data."""

import shutil

from measure import Figure, interleaved, model, size

PASSES = ("none", "dead_neuron_elimination")
CPU_LIMIT, MEMORY_LIMIT = 1.2, 64.0  # times cp; MB
SMALL_LIMIT, SMALL_EXTRA = 3.0, 0.005  # times cp, and seconds on top

SMALL = ("0.9 MB", [784, 256, 64, 10])
LARGE = [("256 MB", [4096] * 5), ("1 GB", [8192] * 5), ("3 GB, external data", [8192] * 13 + ["--external"])]
QUICK = [("4 MB", [512] * 5), ("12 MB, external data", [1024] * 4 + ["--external"])]


def outputs(folder):
    """Everything that a copy wrote; a folder of its own, as data files have names of their own."""
    return folder / "copies"


def copy_commands(settings, path):
    to = outputs(settings.folder)
    with_data = [str(each) for each in path.parent.glob(path.name + "*")]
    commands = {"cp": ["cp", "--reflink=never", *with_data, str(to)]}
    for passes in PASSES:
        commands[passes] = [settings.snnfit, "optimize", str(path), "--passes", passes, "-o", str(to / path.name)]
    return commands


def check_copy(passes, path, written):
    """What was timed did the work: nothing is missing, or the dead neurons are."""
    before, after = size(path), sum(each.stat().st_size for each in written)
    whole = passes != "dead_neuron_elimination"
    if not (0.999 * before < after < 1.001 * before if whole else 0.8 * before < after < 0.97 * before):
        raise SystemExit(f"bench: {passes} made {after} bytes of the {before} of {path.name}")


def costs(settings, path, rounds):
    to = outputs(settings.folder)
    to.mkdir()

    def empty(name):
        check_copy(name, path, list(to.iterdir()))
        for each in to.iterdir():
            each.unlink()

    try:
        return interleaved(rounds, copy_commands(settings, path), empty)
    finally:
        shutil.rmtree(to)


def large_figures(label, measured):
    cp = measured["cp"]
    for passes in PASSES:
        ratio, memory = measured[passes].cpu / cp.cpu, measured[passes].memory
        yield Figure(f"{label}: `--passes {passes}`, CPU time",
                     f"{ratio:.2f} x cp ({measured[passes].cpu:.2f} s, cp {cp.cpu:.2f} s)",
                     f"{CPU_LIMIT} x cp", ratio <= CPU_LIMIT)
        yield Figure(f"{label}: `--passes {passes}`, peak memory", f"{memory:.0f} MB", f"{MEMORY_LIMIT:.0f} MB",
                     memory <= MEMORY_LIMIT)


def small_figures(label, measured):
    limit = SMALL_LIMIT * measured["cp"].cpu + SMALL_EXTRA
    for passes in PASSES:
        cpu = measured[passes].cpu
        yield Figure(f"{label}: `--passes {passes}`, CPU time",
                     f"{1000 * cpu:.1f} ms (cp {1000 * measured['cp'].cpu:.1f} ms)",
                     f"3 x cp + 5 ms = {1000 * limit:.1f} ms", cpu <= limit)


def figures(settings):
    label, widths = SMALL
    with model(settings, "small", *widths) as path:
        yield from small_figures(label, costs(settings, path, 1 if settings.quick else 10 * settings.rounds))
    for label, widths in QUICK if settings.quick else LARGE:
        with model(settings, "large", *widths) as path:
            yield from large_figures(label, costs(settings, path, settings.rounds))
