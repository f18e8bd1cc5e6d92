"""Import in time and memory that grow with the file and no faster: over nodes, and over bytes."""

from measure import Figure, interleaved, model, show, size

GROWTH_LIMIT = 1.25  # times as much a node, or a byte, as at a quarter of it
WIDTH = 32
NODES_A_LAYER = 17
NODES = [12500, 25000, 50000, 100000]
UNROLLED_LAYERS = 40
BYTES = [(1e9, [8192] * 5), (2e9, [8192] * 9), (4e9, [8192] * 17)]
QUICK_NODES = [500, 2000]
QUICK_BYTES = [(4e6, [512] * 5), (16e6, [512] * 17)]


def cost(settings, path):
    command = {"inspect": [settings.snnfit, "inspect", str(path)]}
    show(f"inspects {path.name}, {size(path) / 1e6:.0f} MB")
    return interleaved(settings.rounds, command, lambda name: None)["inspect"]


def models_over_nodes(settings, kind):
    """(nodes, widths and options), in ascending order."""
    for nodes in QUICK_NODES if settings.quick else NODES:
        layers = nodes // NODES_A_LAYER
        if kind == "one step":
            yield nodes, [WIDTH] * (layers + 1)
        else:
            yield nodes, [WIDTH] * (UNROLLED_LAYERS + 1) + ["--steps", max(1, layers // UNROLLED_LAYERS)]


def growth(label, measured, unit):
    """[(amount, cost)]: the last one's cost by amount over that of the one at a quarter of it."""
    (less, small), (more, large) = [each for each in measured if each[0] <= measured[-1][0] / 4][-1], measured[-1]
    for name, before, after in (("CPU time", small.cpu, large.cpu), ("peak memory", small.memory, large.memory)):
        factor = (after / more) / (before / less)
        yield Figure(f"{label}: {name} a {unit}", f"{factor:.2f} x that at a quarter", f"{GROWTH_LIMIT} x",
                     factor <= GROWTH_LIMIT)


def figures_over(settings, label, unit, models):
    """models: (amount, what to call it, widths and options), in ascending order."""
    measured = []
    for amount, name, arguments in models:
        with model(settings, "import", *arguments) as path:
            seen = cost(settings, path)
        measured.append((amount, seen))
        yield Figure(f"{name}: `inspect`", f"{seen.cpu:.3f} s, {seen.memory:.0f} MB")
    yield from growth(label, measured, unit)


def figures(settings):
    for kind in ("one step", "unrolled"):
        models = ((nodes, f"{nodes} nodes, {kind}", arguments) for nodes, arguments in models_over_nodes(settings, kind))
        yield from figures_over(settings, f"Import, {kind}", "node", models)
    sizes = QUICK_BYTES if settings.quick else BYTES
    models = ((amount, f"{amount / 1e9:g} GB of external data", [*widths, "--external"]) for amount, widths in sizes)
    yield from figures_over(settings, "Import, external data", "byte", models)
