import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.wording import duration, figure, items, percent, rate, short, size, value


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.424, "0.42 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3599, "59 min 59 s"),
        (3599.7, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (float("inf"), "unknown"),
    ],
)
def test_duration(seconds, said):
    assert duration(seconds) == said


@given(st.floats(0, 1e7))
def test_a_duration_never_says_sixty_of_the_smaller_unit(seconds):
    words = duration(seconds).split()
    numbers = dict(zip(words[1::2], words[::2], strict=True))
    assert float(numbers.get("s", 0)) < 60
    assert float(numbers.get("min", 0)) < 60


def test_numbers():
    assert [items(n, "item") for n in (0, 1, 2000)] == ["0 items", "1 item", "2,000 items"]
    assert [short(n) for n in (12, 3843, 4.65e6, 1.1e9)] == ["12", "3.84k", "4.65M", "1.1B"]
    assert [size(n) for n in (0, 999, 1500, 2.5e9)] == ["0 B", "999 B", "1.5 kB", "2.5 GB"]
    assert [rate(n) for n in (1234.5, 56.4, 7.81, 0.0912)] == ["1,234", "56", "7.8", "0.091"]
    assert [percent(n) for n in (0.9124, float("nan"))] == ["91.2%", "unknown"]
    assert [value(n) for n in (1.7e9 + 12.34, 1.5, 0.01234, 0, -1234.56, 1e20, float("nan"))] == [
        "1,700,000,012.3", "1.500", "0.01234", "0", "-1,234.6", "1e+20", "-",
    ]  # fmt: skip
    assert [figure(n) for n in (0.91249, -1.5, 1234.4, float("inf"))] == [
        "0.912",
        "-1.500",
        "1,234",
        "-",
    ]
