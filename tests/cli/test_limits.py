"""What a file may ask for: at each limit it is taken, one below it is refused by the option's name."""

import pytest

from harness import FIXTURES, run

MODEL = FIXTURES / "snnfunc-modfunctions-ts17" / "model.onnx"
LIMITS = [
    ("--max-depth", 1, 1000),
    ("--max-messages", 1, 1 << 21),
    ("--max-message-bytes", 1, 1 << 27),
    ("--max-operations", 1, 500000),
]


def taken(option, limit):
    result = run("inspect", MODEL, option, str(limit), expect=None)
    if result.returncode == 0:
        return True
    assert result.returncode == 3
    (line,) = result.stderr.decode().splitlines()
    assert option in line, line
    return False


@pytest.mark.parametrize("option, low, high", LIMITS)
def test_a_limit_is_what_the_file_asks_for_at_most(option, low, high):
    assert not taken(option, low)
    assert taken(option, high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if taken(option, middle) else (middle, high)
    assert 1 < high < 100000


@pytest.mark.parametrize("value", ["-1", "many", "4294967296", "1.5"])
@pytest.mark.parametrize("option", [option for option, _, _ in LIMITS])
def test_a_limit_is_a_whole_number(option, value):
    (line,) = run("inspect", MODEL, option, value, expect=2).stderr.decode().splitlines()
    assert option in line


def test_zero_is_the_default():
    for option, _, _ in LIMITS:
        run("inspect", MODEL, option, "0", expect=0)
