"""When each item was: dates or numbers of a column, and a split into what came before and after."""

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from headstart.data.dataset import Split
from headstart.data.forms import MISSING_FOLDED
from headstart.data.scalars import plain
from headstart.errors import DataError
from headstart.spec import FitSpec, ReadSpec
from headstart.wording import shown

Times = Sequence[Any]
"""Numbers, or dates: all of one kind, so that any two can be compared."""
_DATE = re.compile(
    # Four digits are the year, at one end: what is in 24-05-31 cannot be known.
    r"(?=\d{4}\D|\d{1,2}\D\d{1,2}\D\d{4})(?!\d{4}\D\d{1,2}\D\d{4})"
    r"(\d{4}|\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{1,2})(?:[ T]+(\d{1,2}:\d{2}.*))?"
)
_MONTH = re.compile(r"\d{4}-\d{2}")


def time_column(spec: ReadSpec) -> str | None:
    """The column of `--time`, where data is read to be divided by it."""
    return spec.time if isinstance(spec, FitSpec) else None


def times_of(
    cells: Sequence[object], column: str, row_name: Callable[[int], str]
) -> list[float | None] | list[datetime | None]:
    """The date of each cell in UTC, or its number; None where it is missing.

    Dates are of Python and other libraries, or texts such as 2024-05-31, 2024-05-31 18:30+02:00,
    2024-05, 31.5.2024 or 5/31/2024; whether the day or the month comes first must follow from them.

    Args:
        cells: of the column.
        column: its name.
        row_name: what to call a row.

    Raises:
        DataError: names the first cell that is neither, or a date that can be read in two ways.
    """
    listed = [_present(cell) for cell in cells]
    texts = [cell for cell in listed if isinstance(cell, str)]
    if all(cell is None or _number(cell) is not None for cell in listed):
        return [None if cell is None else _number(cell) for cell in listed]
    day_first = _day_first(texts, column)
    found: list[datetime | None] = []
    for row, cell in enumerate(listed):
        moment = None if cell is None else _moment(cell, day_first)
        if cell is not None and moment is None:
            raise DataError(
                f"{row_name(row)}: {shown(str(cell))[:80]!r} in column {column!r} (--time) is not "
                "a date or, like the others, a number; write dates as 2024-05-31."
            )
        found.append(moment)
    return found


def sides_of(times: Times, test_size: float, validation_size: float) -> list[Split]:
    """What came last is for test, what came before that for validation, the rest for training.

    Items of one time are on one side: the shares are met as well as that allows.

    Args:
        times: one for each item.
        test_size: share of the items for test.
        validation_size: the same for validation.

    Raises:
        DataError: there are fewer than three times.
    """
    ordered = sorted(times)
    starts = [0, *(at for at in range(1, len(ordered)) if ordered[at - 1] < ordered[at])]
    if len(starts) < 3:
        raise DataError(
            f"The {len(times):,} items are of {len(starts)} different "
            f"time{'' if len(starts) == 1 else 's'}, but training, validation and test need one "
            "each at least; name another column with --time, or leave it out."
        )
    test = _nearest(starts[2:], len(times) * (1 - test_size))
    before = starts[1 : starts.index(test)]
    validation = _nearest(before, test - len(times) * validation_size)
    first_tested, first_validated = ordered[test], ordered[validation]
    return [
        "test" if when >= first_tested else "validation" if when >= first_validated else "train"
        for when in times
    ]


def said(times: Times, sides: Sequence[Split | None]) -> str:
    """From when to when the items of each split are."""
    spans = []
    for name in ("train", "validation", "test"):
        own = [when for when, side in zip(times, sides, strict=True) if side == name]
        first, last = min(own), max(own)
        spans.append(f"{name} from {_written(first)} to {_written(last)}")
    return f"The splits are by time (--time): {', '.join(spans)}."


def _written(when: float | datetime) -> str:
    if not isinstance(when, datetime):
        return f"{when:.15g}"
    midnight = (when.hour, when.minute, when.second, when.microsecond) == (0, 0, 0, 0)
    return when.strftime("%Y-%m-%d" if midnight else "%Y-%m-%d %H:%M:%S")


def _nearest(starts: Sequence[int], wanted: float) -> int:
    at = bisect_left(starts, wanted)
    return min(starts[max(at - 1, 0) : at + 1], key=lambda start: abs(start - wanted))


def _present(cell: object) -> object:
    cell = plain(cell)
    if isinstance(cell, str):
        text = cell.strip()
        return None if text.casefold() in MISSING_FOLDED else text
    return None if cell is None or cell != cell else cell


def _number(cell: object) -> float | None:
    if isinstance(cell, bool) or not isinstance(cell, (int, float, str)):
        return None
    try:
        number = float(cell)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < float("inf") else None


def _moment(cell: object, day_first: bool) -> datetime | None:
    try:
        if isinstance(cell, datetime):
            return _in_utc(cell)
        if isinstance(cell, date):
            return datetime(cell.year, cell.month, cell.day, tzinfo=UTC)
        return _in_utc(datetime.fromisoformat(_iso(cell, day_first))) if _is_text(cell) else None
    except (ValueError, OverflowError):
        return None


def _is_text(cell: object) -> bool:
    return isinstance(cell, str) and len(cell) < 80


def _in_utc(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def _iso(cell: object, day_first: bool) -> str:
    """A text in ISO 8601's order, where it is a date in another."""
    text = str(cell)
    if _MONTH.fullmatch(text):
        return f"{text}-01"
    match = _DATE.fullmatch(text)
    if match is None:
        return text
    first, _, second, last, clock = match.groups()
    if len(first) == 4:
        year, month, day = first, second, last
    else:
        year, month, day = (last, second, first) if day_first else (last, first, second)
    clock = f"T{clock:0>5}" if clock else ""
    return f"{int(year):04}-{int(month):02}-{int(day):02}{clock}"


def _day_first(texts: Sequence[str], column: str) -> bool:
    """Whether 1/2/2024 is in February.

    Raises:
        DataError: that does not follow from the dates.
    """
    matches = [match for text in texts if (match := _DATE.fullmatch(text)) and len(match[1]) < 3]
    days, months = (any(int(match[at]) > 12 for match in matches) for at in (1, 3))
    if days and not months:
        return True
    if not matches or (months and not days):
        return False
    if not months and all(match[2] == "." for match in matches):
        return True  # no country writes the month first with full stops
    raise DataError(
        f"{shown(matches[0][0])!r} in column {column!r} (--time) may be read with the day or the "
        "month first; write dates as 2024-05-31."
    )
