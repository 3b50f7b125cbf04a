"""Cells of a label column to labels, and the task they speak of."""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from headstart.data import multilabel
from headstart.data.dataset import Labels, Task
from headstart.data.forms import MISSING, form, is_truth, unified
from headstart.data.multilabel import RowName, indicators
from headstart.data.scalars import plain
from headstart.errors import DataError
from headstart.types import Label
from headstart.wording import count, items, shown, some

__all__ = ["LARGEST", "Labels", "indicators", "interpret"]

OTHERWISE = "a guess; --task says otherwise"

LARGEST = 1e100
"""Most that a number may be: squares of larger ones, added up, leave float64."""

_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
_CODE = re.compile(r"\s*0\d+\s*")
"""Nobody counts with leading zeros: `00501` is a code."""

_MISSING_NUMBERS = {word.casefold() for word in MISSING}
_INFINITE = {"inf": math.inf, "infinity": math.inf}
_MANY, _MANY_FRACTIONS, _FEW_WORDS = 20, 10, 5
_MOST_WORDS = 0.1
_AMOUNTS = re.compile(
    r"ages?|years?|counts?|ratings?|scores?|stars|points|prices?|amounts?|numbers?|quantit(y|ies)|"
    r"votes|likes|views|salary|income|weight|height|length|width|size|duration|temperature|percent"
)
_CLASSES = re.compile(r"class|classes|categor(y|ies)|species|breed|intent|genre|topic|identity|id")


@dataclass(frozen=True)
class _Column:
    """A column as it was read: values, rows where a word says that the label is missing."""

    values: list[object]
    absent: frozenset[int]
    warnings: tuple[str, ...]

    def none(self) -> frozenset[int]:
        """The rows that are empty, if the others are texts: a table's reader gives None there."""
        if not any(isinstance(value, str) and value for value in self.values):
            return frozenset()
        empty = (at for at, value in enumerate(self.values) if value is None or value == "")
        return frozenset(empty) - self.absent


def interpret(
    cells: Sequence[object],
    task: str,
    row_name: RowName,
    class_names: Sequence[str] = (),
    *,
    column: str = "",
    na_values: str | None = None,
    separator: str | None = None,
) -> Labels:
    """Labels from one column.

    Args:
        cells: as they were read, of any library: texts, numbers, truth values, lists of those.
        task: what is predicted; with `auto` that is guessed from the cells and said in a note.
        row_name: what to call a row in messages.
        class_names: of the class numbers that the cells hold.
        column: its name, which may tell amounts from the numbers of classes.
        na_values: words, separated by commas, that mean that a label is missing; by default
            those of `forms.MISSING`.
        separator: between the classes of one text, for multilabel; guessed where None.

    Raises:
        DataError: a cell that cannot be a label of this task, or numbers that may be either.
    """
    read = _read(cells, na_values)
    values = read.values
    if task in ("auto", "multilabel") and not class_names:
        values = multilabel.unpacked(values, asked=task == "multilabel")
    why = ""
    listed = any(isinstance(value, list) for value in values)
    kind = task
    if listed and task != "multilabel":
        single = multilabel.alone(values)
        if single is None and task != "regression" and not class_names:
            single = multilabel.one_hot(values)
            kind, why = "classification", f"each list of 0 and 1 holds one 1 ({OTHERWISE})"
        if single is None and task != "auto":
            raise DataError(f"The labels are lists, which is --task multilabel, not {task}.")
        if single is not None:
            values, listed = single, False
    if listed or task == "multilabel":
        named = partial(_class_named, class_names) if class_names else None
        found = multilabel.several(values, row_name, named, separator, read.none())
        why = f"the cells are lists of classes ({OTHERWISE})"
    else:
        found, reason = _one_each(values, kind, row_name, class_names, column)
        why = reason or why
    return replace(
        found,
        warnings=(*read.warnings, *found.warnings),
        notes=(*([f"The task is {found.task}: {why}."] if task == "auto" else []), *found.notes),
    )


def _read(cells: Sequence[object], na_values: str | None) -> _Column:
    words = MISSING if na_values is None else frozenset(map(form, na_values.split(",")))
    values: list[object] = []
    said: Counter[str] = Counter()
    absent = set()
    for row, cell in enumerate(cells):
        value = plain(cell)
        # A number is looked at only where numbers may be meant: there are many.
        if isinstance(value, str) or (na_values and isinstance(value, (int, float))):
            word = form(value)
            value = value if word else ""
            if word and word in words:
                said[word] += 1
                absent.add(row)
                value = None
        values.append(value)
    if not said:
        return _Column(values, frozenset(absent), ())
    listed = ", ".join(f"{shown(word)} ({count(n)})" for word, n in said.most_common(5))
    keep = '; if such a word is a class of yours, say --na-values ""' if na_values is None else ""
    total = items(said.total(), "label")
    warning = f"{total} taken as missing, and the items skipped: {listed}{keep}."
    return _Column(values, frozenset(absent), (warning,))


def _one_each(
    values: Sequence[object], task: str, row_name: RowName, class_names: Sequence[str], column: str
) -> tuple[Labels, str]:
    """Labels of one class or number each, and why the task is what it is."""
    rows = [(partial(row_name, row), value) for row, value in enumerate(values)]
    for row, value in rows:
        if isinstance(value, (dict, list, tuple, set, bytes)):
            raise DataError(
                f"{row()}: a label must be text or a number, not {type(value).__name__}."
            )
    if class_names:
        named: list[Label | None] = [_class_named(class_names, value, row) for row, value in rows]
        return Labels("classification", named), f"the cells name classes by number ({OTHERWISE})"
    kind, why = (task, "") if task != "auto" else _guess(values, column, row_name)
    if kind == "regression":
        numbers: list[Label | None] = [_number(value, row) for row, value in rows]
        return Labels("regression", numbers, _rounded(values)), why
    names, warnings, notes = unified(values)
    hints = multilabel.hint(sorted({n for n in names if n is not None})) if task == "auto" else ()
    return Labels("classification", list(names), (*warnings, *hints), notes), why


def _class_named(names: Sequence[str], cell: object, row: Callable[[], str]) -> str | None:
    if cell is None or cell == -1 or cell == "":
        return None
    if isinstance(cell, str) and cell in names:
        return cell
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if not isinstance(cell, int) or not 0 <= cell < len(names):
        raise DataError(f"{row()}: {cell!r} is no class number from 0 to {len(names) - 1}.")
    return names[cell]


def _guess(values: Sequence[object], column: str, row_name: RowName) -> tuple[Task, str]:
    """The task that one value for each item speaks of, and why."""
    numbers = [_value(value) for value in values]
    known = np.array([x for x in numbers if x is not None and not math.isnan(x)], np.float64)
    words = [row for row, x in enumerate(numbers) if x is None]
    if words or not known.size:
        _refuse_few_words(known, {row: values[row] for row in words}, row_name)
        names = {form(values[row]) for row in words}
        if all(map(is_truth, names)):
            return "classification", f"the labels are true or false ({OTHERWISE})"
        different = items(len(names | {form(x) for x in known.tolist()}), "different one")
        return "classification", f"the labels are words, {different} ({OTHERWISE})"
    distinct = len(np.unique(known))
    why = f"the labels are numbers with {items(distinct, 'different value')}"
    measured = _are_measured(known)
    if measured and any(isinstance(x, str) and _CODE.fullmatch(x) for x in values):
        measured = None
    if measured is None:
        measured, by_name = _by_name(column, distinct, known)
        why += by_name
    if measured:
        return "regression", f"{why} (a guess; --task classification makes each value a class)"
    return "classification", f"{why} (a guess; --task regression predicts the number)"


def _are_measured(values: NDArray[np.float64]) -> bool | None:
    """Whether numbers are measurements rather than the numbers of classes; None where either.

    Fractions are, with more than 10 distinct values or where few repeat; whole numbers with more
    than 20, or with more than 10 of which few repeat. Those that run from 0 or 1 without a gap
    and repeat are counts, ratings or the numbers of classes: nothing in them tells which.
    """
    distinct = np.unique(values)
    repeats = values.size >= 2 * distinct.size
    finite = distinct[np.isfinite(distinct)]
    if (finite != np.round(finite)).any():
        return bool(distinct.size > _MANY_FRACTIONS or (distinct.size > 2 and not repeats))
    gapless = bool(distinct[0] in (0, 1) and distinct[-1] - distinct[0] == distinct.size - 1)
    if distinct.size <= _MANY:
        return bool(distinct.size > _MANY_FRACTIONS and not repeats and not gapless)
    return None if gapless and repeats else True


def _by_name(column: str, distinct: int, values: NDArray[np.float64]) -> tuple[bool, str]:
    """What the name of the column says of numbers that may be amounts or classes.

    Raises:
        DataError: it says nothing.
    """
    parts = re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column).lower())
    for measured, names in ((False, _CLASSES), (True, _AMOUNTS)):
        if any(names.fullmatch(part) for part in parts):
            kind = "amounts" if measured else "the numbers of classes"
            return measured, f", and a column called {shown(column)[:40]!r} holds {kind}"
    where = f"The label column {shown(column)[:40]!r} holds" if column else "The labels are"
    raise DataError(
        f"{where} {count(distinct)} different whole numbers, from {values.min():.0f} to "
        f"{values.max():.0f}, which may be the numbers of classes or amounts; say --task "
        "classification for classes, or --task regression for amounts such as counts and ratings."
    )


def _refuse_few_words(
    known: NDArray[np.float64], words: Mapping[int, object], row_name: RowName
) -> None:
    """Measurements with a few words among them are no classes."""
    names = sorted({form(word) for word in words.values()})
    few = len(names) <= _FEW_WORDS and len(words) <= _MOST_WORDS * (len(words) + known.size)
    if words and few and _are_measured(known):
        marks = shown(",".join(names))
        raise DataError(
            f"{row_name(min(words))}: the label is {some([form(words[min(words)])])}, but nearly "
            f"all others are numbers of many values; mend it, say --na-values={marks!r} where "
            "that means that a label is missing, or say --task classification."
        )


def _value(cell: object) -> float | None:
    """The number a cell holds, NaN where it is missing, None where it is something else."""
    if cell is None:
        return math.nan
    if isinstance(cell, str):
        word = cell.strip().casefold()
        if not word or word in _MISSING_NUMBERS:
            return math.nan
        if word.lstrip("+-") in _INFINITE:
            return math.inf
        return float(cell) if _NUMBER.fullmatch(cell) else None
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        return None
    try:
        return float(cell)
    except OverflowError:
        return math.inf


def _number(cell: object, row: Callable[[], str]) -> float | None:
    value = float(cell) if isinstance(cell, bool) else _value(cell)
    if value is None or math.isinf(value):
        raise DataError(
            f"{row()}: {shown(str(cell))[:40]!r} is not a number, which --task regression needs."
        )
    if abs(value) > LARGEST:
        raise DataError(
            f"{row()}: {shown(str(cell))[:40]} is too large to learn from (the most is "
            f"{LARGEST:g}); learn its logarithm, or divide every label by one number."
        )
    return None if math.isnan(value) else value


def _rounded(values: Sequence[object]) -> tuple[str, ...]:
    """A warning where whole numbers are longer than the precision of a float64."""
    long = [
        value
        for value in values
        if (isinstance(value, int) and abs(value) > 2**53 and int(float(value)) != value)
        or (isinstance(value, str) and len(value.strip()) > 16 and value.strip().isdigit())
    ]
    if not long:
        return ()
    return (
        f"{items(len(long), 'label')}, such as {shown(str(long[0]))[:40]}, of more than 16 digits: "
        "numbers have the precision of float64. If they are names, say --task classification.",
    )
