"""Dates and numbers, and splits in their order."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart import data as reading
from headstart.data.dataset import Dataset
from headstart.data.divide import divide
from headstart.data.idle import refuse_idle
from headstart.data.times import sides_of, times_of
from headstart.errors import InputError
from headstart.spec import FitSpec

TASKS = ("classification", "multilabel", "regression")


def moments(*cells: object) -> list[object]:
    return list(times_of(cells, "when", lambda row: f"row {row}"))


def day(year: int, month: int, day: int, *clock: int) -> datetime:
    return datetime(year, month, day, *clock, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (
            ["2024-05-31", "2024-05-31 18:30", ""],
            [day(2024, 5, 31), day(2024, 5, 31, 18, 30), None],
        ),
        (["2024-05-31T18:30:00+02:00"], [day(2024, 5, 31, 16, 30)]),
        (["2024-05", "2024-06"], [day(2024, 5, 1), day(2024, 6, 1)]),
        (["31.5.2024", "1.2.2024 8:05"], [day(2024, 5, 31), day(2024, 2, 1, 8, 5)]),
        (["1.2.2024"], [day(2024, 2, 1)]),
        (["5/31/2024", "1/2/2024"], [day(2024, 5, 31), day(2024, 1, 2)]),
        (["31/5/2024", "1/2/2024"], [day(2024, 5, 31), day(2024, 2, 1)]),
        (["2024/5/31"], [day(2024, 5, 31)]),
        (["20240531", "20240601"], [20240531.0, 20240601.0]),
        ([date(2024, 5, 31), datetime(2024, 5, 31, 1)], [day(2024, 5, 31), day(2024, 5, 31, 1)]),
        ([np.datetime64("2024-05-31"), np.datetime64("NaT")], [day(2024, 5, 31), None]),
        ([3, "2.5", None, float("nan")], [3.0, 2.5, None, None]),
        (["NaN", "2.5", " na "], [None, 2.5, None]),
        (["2024-05-31", "NaT", "NULL"], [day(2024, 5, 31), None, None]),
    ],
)
def test_dates_and_numbers_are_read(cells: list[object], expected: list[object]) -> None:
    assert moments(*cells) == expected


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["1/2/2024", "3/4/2024"], "day or the month first"),
        (["31/5/2024", "5/31/2024"], "day or the month first"),
        (["2024-05-31", "soon"], "row 1: 'soon'"),
        (["2024-05-31", "2024-13-31"], "row 1"),
        (["2024-05-31", True], "row 1"),
        (["2024-05-31", 7.5], "row 1"),
        (["24-05-31", "24-05-30"], "row 0: '24-05-31'.*write dates as 2024-05-31"),
        (["1/15/2005", "1/15/99"], "row 1: '1/15/99'"),
        (["2024-05-2024"], "row 0"),
    ],
)
def test_what_is_no_date_is_refused(cells: list[object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        moments(*cells)


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=80),
    st.floats(0.01, 0.9),
    st.sampled_from(TASKS),
)
@settings(max_examples=200, deadline=None)
def test_what_is_tested_came_last(whens: list[int], test_size: float, task: str) -> None:
    labels = {
        "classification": ["a" if at % 3 else "b" for at in range(len(whens))],
        "multilabel": [("a",) if at % 3 else ("a", "b") for at in range(len(whens))],
        "regression": [float(at) for at in range(len(whens))],
    }[task]
    data = Dataset(
        "text",
        [f"text {at}" for at in range(len(whens))],
        [f"row {at}" for at in range(len(whens))],
        task=task,  # type: ignore[arg-type]
        labels=labels,
        times=[float(when) for when in whens],
    )
    digests = [at.to_bytes(16, "big") for at in range(len(whens))]
    try:
        found = divide(data, np.arange(len(whens)), digests, test_size=test_size, seed=0)
    except InputError:
        assert len(set(whens)) < 3 or task == "classification"
        return
    when = np.array(whens)
    train, validation, test = (when[found.sides[name].positions] for name in found.sides)
    assert train.max() < validation.min(initial=99)
    assert max(train.max(), validation.max(initial=-1)) < test.min()
    assert "train from" in found.notes[0]


def test_shares_are_as_near_as_ties_allow() -> None:
    sides = sides_of([float(n) for n in range(100)], 0.2, 0.15)
    assert [sides.count(name) for name in ("train", "validation", "test")] == [65, 15, 20]
    sides = sides_of([1.0] * 50 + [2.0] * 30 + [3.0] * 20, 0.5, 0.15)
    assert [sides.count(name) for name in ("train", "validation", "test")] == [50, 30, 20]


def test_identical_items_stay_where_they_are_judged() -> None:
    n = 40
    data = Dataset(
        "text",
        ["x"] * n,
        [f"row {at}" for at in range(n)],
        task="classification",
        labels=["a", "b"] * 20,
        times=[float(at) for at in range(n)],
    )
    digests = [(0 if at in (3, 39) else at + 1).to_bytes(16, "big") for at in range(n)]
    found = divide(data, np.arange(n), digests, test_size=0.2, seed=0)
    assert 39 in found.sides["test"].positions
    assert 3 not in found.sides["train"].positions
    assert [each.item for each in found.skipped] == ["row 3"]


def read(**options: object) -> Dataset:
    rows = {
        "text": ["the cat sat", "a dog ran", "one bird sang", "some fish swam"],
        "label": ["a", "b", "a", "b"],
        "when": ["2024-01-01", "2024-01-02", "", "2024-01-03"],
    }
    return reading.read_any(rows, FitSpec(**options))  # type: ignore[arg-type]


def test_a_row_without_a_time_is_left_out_by_name() -> None:
    data = read(time="when")
    assert data.times == [day(2024, 1, 1), day(2024, 1, 2), day(2024, 1, 3)]
    assert [each.reason for each in data.skipped] == ["it has no time"]
    with pytest.raises(InputError, match="it has no time"):
        read(time="when", strict=True)
    with pytest.raises(InputError, match="no column 'wen'"):
        read(time="wen")
    with pytest.raises(InputError, match="cannot be --time"):
        read(time="label", label="label")


def test_times_beside_given_splits_are_refused() -> None:
    data = Dataset(
        "text", ["a", "b"], ["a", "b"], "classification", ["x", "y"], ["train", "test"],
        times=[1.0, 2.0],
    )  # fmt: skip
    with pytest.raises(InputError, match="splits of its own"):
        refuse_idle(data, FitSpec(time="when"))


@pytest.mark.parametrize("other", [{"test": "x"}, {"folds": 5}, {"group": "x"}])
def test_two_ways_to_divide_are_refused(other: dict[str, object]) -> None:
    with pytest.raises(InputError, match="two ways"):
        FitSpec(time="when", **other)  # type: ignore[arg-type]
