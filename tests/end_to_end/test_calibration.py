"""The committed coefficients are those that the committed measurements give, and the
figures of docs/estimator.md are the ones that the fit prints."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIT = ROOT / "estimator" / "calibration" / "fit.py"


def fit(*options):
    return subprocess.run([sys.executable, FIT, *options], capture_output=True, text=True)


def test_coefficients_are_what_the_fit_writes():
    result = fit("--check")
    assert result.returncode == 0, result.stderr


def test_documentation_says_what_the_fit_prints():
    result = fit("--report")
    assert result.returncode == 0, result.stderr
    documented = set((ROOT / "docs" / "estimator.md").read_text().splitlines())
    missing = [line for line in result.stdout.splitlines() if line and line not in documented]
    assert not missing


def test_a_cell_holds_a_lut_a_flip_flop_and_a_carry():
    """What the estimate of logic cells is held to is so of every layer that was packed."""
    sys.path.insert(0, str(FIT.parent))
    import layers

    packed = [row for row in layers.read_rows() if row["lc"]]
    assert len(packed) > 60
    for row in packed:
        assert max(row["lut"], row["ff"]) <= row["lc"] <= row["lut"] + row["ff"] + row["carry"], row["id"]
