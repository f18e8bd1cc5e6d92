"""Products of spikes by the way that their rows go, against their density: which is the fastest,
and which is chosen. Each is the least of some rounds, in which the ways take turns, of the very
functions that `simulate` calls (tests/tools/time_products.c), on samples of a block."""

import pathlib
import subprocess

from measure import Figure, show

SIZES = ((64, 32), (256, 32), (512, 32), (2048, 256), (4096, 256))  # and samples of a block
PERCENTS = (1, 2, 5, 10, 15, 20, 30, 40, 50, 60)
WAYS = ("adding columns", "adding patterns", "multiplying")


def times(settings, width, rows, percent):
    tool = pathlib.Path(settings.snnfit).parent / "tests" / "time_products"
    said = subprocess.run([tool, str(width), str(width), str(rows), str(percent)], check=True, capture_output=True,
                          text=True).stdout
    return [float(number) for number in said.split()]


def figures(settings):
    for width, rows in SIZES[:1] if settings.quick else SIZES:
        show(f"multiplies spikes by {width} x {width}")
        for percent in PERCENTS[-1:] if settings.quick else PERCENTS:
            *ways, chosen = times(settings, width, rows, percent)
            said = ", ".join(f"{name} {spent:.3g} us" for name, spent in zip(WAYS, ways))
            yield Figure(f"{width} x {width}, {percent} % of spikes", f"{said}; as chosen {chosen:.3g} us",
                         "1.25 x the fastest", chosen <= 1.25 * min(ways))
