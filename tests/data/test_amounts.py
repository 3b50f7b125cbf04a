import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.data import read
from headstart.data.amounts import numbers_in
from headstart.errors import InputError
from headstart.spec import ReadSpec


def numbers(cells, decimal="auto"):
    found = numbers_in(cells, decimal, "price", lambda row: f"t.csv:{row + 2}")
    return None if found is None else found.cells


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["3,5", "2,25"], [3.5, 2.25]),
        (["1,234.5", "7"], [1234.5, 7]),
        (["1.234,5", "7"], [1234.5, 7]),
        (["1,234,567", "2"], [1_234_567, 2]),
        (["1.234", "2,5"], [1234, 2.5]),
        (["1 234", "1 234,5"], [1234, 1234.5]),
        (["1\u202f234,5", "1\xa0000,25"], [1234.5, 1000.25]),
        (["1'234.50", "12"], [1234.5, 12]),
        (["$3.50", "-$1,000.00", "4 €"], [3.5, -1000, 4]),
        (["(3.50)", "10.50", "($1,000.00)"], [-3.5, 10.5, -1000]),
        (["10%", "20 %", None, ""], [10, 20, None, ""]),
        (["−3,5", "+4,0", "n/a", 7], [-3.5, 4, "n/a", 7]),
        (["1.5", "2.25", "1e3"], None),
        (["1,2,3", "2"], None),
        (["3,5", "expensive"], None),
        (["12.05.2024", "13.05.2024"], None),
        (["1_0", "2"], None),
        (["1 2", "3"], None),
        (["12 34", "3,5"], None),
        ([True, "3,5"], None),
    ],
)
def test_numbers_as_people_write_them(cells, expected):
    assert numbers(cells) == expected


@pytest.mark.parametrize(
    "cells", [["1,234", "2,345"], ["1.234", "$5"], ["3,5", "3.5"], ["10%", "0.1"]]
)
def test_what_can_be_read_in_two_ways_is_a_question(cells):
    with pytest.raises(InputError, match=r"t\.csv:2.*'price'"):
        numbers(cells)


def test_the_question_is_answered_by_an_option():
    assert numbers(["1,234", "2"], "comma") == [1.234, 2]
    assert numbers(["1,234", "2"], "point") == [1234, 2]
    assert numbers(["1.234", "5.678"], "comma") == [1234, 5678]


@settings(deadline=None)
@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20), st.sampled_from(".,"))
def test_the_sign_is_never_dropped(hundredths, sign):
    """Two decimals cannot be thousands: whatever the size, the value is the written one."""
    other = "," if sign == "." else "."
    cells = [f"{n / 100:,.2f}".translate(str.maketrans(",.", other + sign)) for n in hundredths]
    found = numbers(cells)
    assert (found or [float(cell) for cell in cells]) == [n / 100 for n in hundredths]


def test_a_label_column_of_amounts(tmp_path):
    rows = "".join(f"item {n};{n},{n % 10}5 €\n" for n in range(1, 40))
    (tmp_path / "t.csv").write_text("text;price\n" + rows)
    found = read(tmp_path / "t.csv", ReadSpec(label="price"))
    assert found.task == "regression"
    assert found.labels[:3] == [1.15, 2.25, 3.35]
    assert any("decimal comma" in note for note in found.notes)
    assert found.reads.decimal == "comma"
    (tmp_path / "t.csv").write_text("text,share\na,5%\nb,10%\nc,5%\nd,10%\n")
    assert read(tmp_path / "t.csv", ReadSpec(label="share")).labels[:2] == ["5%", "10%"]
