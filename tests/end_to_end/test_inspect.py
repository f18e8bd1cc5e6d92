"""`snnfit inspect --json` finds in every real network what truth.json says is there (checks.py), and units that are
declared dead go without a trace (removal.py)."""

import onnx
import pytest

import checks
import removal
from harness import every_fixture, fixture, fixtures, refused_fixtures, run, run_json


@pytest.mark.parametrize("check", checks.CHECKS)
@pytest.mark.parametrize("network", every_fixture(), ids=lambda each: each.name)
def test_real_network(network, check):
    why = checks.verdict(network, check)
    assert why is None, why


# --- the checks are tried on what is wrong --------------------------------------------

SHIFTED = ["seed-mlp-ts17-step", "snntorch-conv-ts17-step", "norse-lif-li-dy18-step", "odd-res-sew-ts17-step",
           "odd-rec-rleaky-dy18-step", "odd-f0-bn-ts17-step"]


@pytest.mark.parametrize("name", SHIFTED)
def test_neighbours_of_the_dead_that_go_instead_are_seen(name, monkeypatch):
    network = fixture(name)
    write = removal.rates_of

    def write_of_neighbours(network, dead, *rest):
        units = {layer["name"]: removal.units_of(layer) for layer in network.layers}
        write(network, {layer: [(unit + 1) % units[layer] for unit in gone] for layer, gone in dead.items()}, *rest)

    removal.declared_dead_go(network)
    monkeypatch.setattr(removal, "rates_of", write_of_neighbours)
    with pytest.raises(AssertionError, match="keeps the dead"):
        removal.declared_dead_go(network)
    monkeypatch.setattr(removal, "expected_to_go", lambda *_: (set(), set(range(10**6))))
    removed = removal.removed_units
    monkeypatch.setattr(removal, "removed_units", lambda network, model: {
        name: sorted((unit - 1) % removal.units_of(next(each for each in network.layers if each["name"] == name))
                     for unit in gone) for name, gone in removed(network, model).items()})
    with pytest.raises(AssertionError, match="outputs differ"):
        removal.declared_dead_go(network)


# --- the dense chains, beyond what truth.json says -------------------------------------


@pytest.mark.parametrize("network", refused_fixtures(), ids=lambda each: each.name)
def test_layers_in_training_mode_keep_their_units(network, tmp_path):
    """Their statistics come from the batch: nothing that is known of one sample holds for another."""
    assert "training mode" in network.truth["refuse"]
    layers = run_json("inspect", network.path)["layers"]
    for layer in layers[:-1]:
        assert "training mode" in layer["frozen"] and "eval()" in layer["frozen"]
    report = run_json("optimize", network.path, "-o", tmp_path / "out.onnx", "--input-range", "0,1")
    assert [layer["units"] for layer in report["layers"]] == [layer["units"] for layer in layers]
    onnx.checker.check_model(onnx.load(tmp_path / "out.onnx"), full_check=True)


def test_people_get_a_table():
    network = fixtures()[0]
    text = run("inspect", network.path).stdout.decode()
    for layer in network.layers:
        assert str(layer["projection"]["units"]) in text
