import contextlib
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headstart.errors import InputError
from headstart.quantity import bytes_of, seconds_of

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
SECONDS |= {
    "sec": 1,
    "seconds": 1,
    "min": 60,
    "minutes": 60,
    "hrs": 3600,
    "hour": 3600,
    "days": 86_400,
}
BYTES = {"b": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
SPACES = st.sampled_from(["", " ", "\t", "  "])


@settings(deadline=None)
@given(
    parts=st.lists(
        st.tuples(st.integers(0, 999), st.sampled_from(list(SECONDS))), min_size=1, max_size=5
    ),
    space=SPACES,
)
def test_a_duration_is_the_sum_of_its_parts(parts, space):
    expected = sum(number * SECONDS[unit] for number, unit in parts)
    text = space.join(f"{number}{space}{unit}" for number, unit in parts)
    for written in (text, text.upper(), f" {text} "):
        if expected:
            assert seconds_of(written, "--budget") == expected
        else:
            with pytest.raises(InputError):
                seconds_of(written, "--budget")


@settings(deadline=None)
@given(st.integers(1, 10**9 - 1))
def test_a_number_alone_says_that_it_needs_a_unit(number):
    with pytest.raises(InputError, match=rf"no unit; write {number}s for seconds, {number}m for"):
        seconds_of(str(number), "--budget")
    with pytest.raises(InputError, match=rf"no unit; write {number}MB or {number}GB"):
        bytes_of(number, "--max-size")


@settings(deadline=None)
@given(number=st.integers(0, 9999), unit=st.sampled_from(list(BYTES)), space=SPACES)
def test_a_size_is_its_number_times_its_unit(number, unit, space):
    for written in (f"{number}{space}{unit}", f" {number}{unit.upper()} "):
        assert bytes_of(written, "--max-size") == number * BYTES[unit]
    if unit != "b":
        assert bytes_of(f"{number}{space}{unit}B", "--max-size") == number * BYTES[unit]


def test_parts_of_units():
    assert seconds_of("1.5h", "--budget") == 5400
    assert seconds_of("0.5s", "--budget") == 0.5
    assert seconds_of("1h30m", "--budget") == 5400
    assert seconds_of("1 h 30 min", "--budget") == 5400
    assert seconds_of("10 min", "--budget") == seconds_of("10m", "--budget") == 600
    assert bytes_of("2GiB", "--max-size") == 2**31
    assert bytes_of("1.5GB", "--max-size") == 1_500_000_000
    assert bytes_of("0", "--max-size") == 0


NEITHER = [
    "",
    " ",
    "-5",
    "+5",
    "5 parsecs",
    "٥m",
    "५GB",
    "²",
    "1e3",
    "10 month",
    "10 minx",
    "nan",
    "inf",
    ".5",
    "5.",
    "5..5",
]
NEITHER += ["0x10", "1_000", "5,5", "m", "5 5", "5m\0", "5m\n5"]


@pytest.mark.parametrize("text", [*NEITHER, "0s", "0h0m", "1h30", "5GB", "11575d", "1:30"])
def test_what_is_no_duration_is_refused_in_one_sentence(text):
    said = f"--budget is {text!r}, but it must be a time such as 90s, 5m, 10 min or 1h30m."
    with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
        seconds_of(text, "--budget")


@pytest.mark.parametrize("text", [*NEITHER, "5h", "5 Gigabytes", "1GB1MB", "5bb"])
def test_what_is_no_size_is_refused_in_one_sentence(text):
    said = f"--max-size is {text!r}, but it must be a size such as 500MB or 5GB."
    with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
        bytes_of(text, "--max-size")


def test_a_size_beyond_all_measure_is_refused_or_taken():
    with pytest.raises(InputError):
        bytes_of("9" * 400, "--max-size")


@settings(deadline=None)
@given(st.text(max_size=12))
@example("5\u212a")
def test_any_text_is_a_quantity_or_refused(text):
    for read in (seconds_of, bytes_of):
        with contextlib.suppress(InputError):
            assert read(text, "--option") >= 0
