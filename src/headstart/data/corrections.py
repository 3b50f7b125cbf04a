"""What a person found wrong with data, applied to it: labels corrected, items left out.

The table is the one that `headstart check --out` writes; a row that is not filled in changes
nothing. Items are recognised by name and content, so that a table never changes other data than it
was made for.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headstart.data import images, texts
from headstart.data.dataset import Dataset
from headstart.data.forms import form, ordered
from headstart.data.labels import counts_of
from headstart.data.table import Table, is_table, read_table
from headstart.errors import DataError, Unreadable
from headstart.types import Label
from headstart.wording import items, shown, some

NAME, DIGEST, CORRECTED, LEAVE_OUT = "name", "digest", "corrected_label", "leave_out"
SEPARATOR = "|"
"""Between the classes of one item."""

_YES = ("yes", "y", "x", "1", "true")
_NO = ("", "no", "n", "0", "false")


@dataclass(frozen=True)
class Corrected:
    """A data set as corrections leave it.

    Attributes:
        dataset: with other labels, and without what was to be left out.
        labels: how many labels were changed.
        left_out: how many items were left out.
    """

    dataset: Dataset
    labels: int
    left_out: int

    def to_json(self) -> dict[str, int]:
        """As a report holds it."""
        return {"labels": self.labels, "left_out": self.left_out}


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    digest: str
    label: str
    leave_out: bool


def corrected(data: Dataset, path: str) -> Corrected:
    """The data as a table of corrections changes it.

    Args:
        data: with labels.
        path: a table with the columns `name`, `digest`, `corrected_label` and `leave_out`.

    Raises:
        DataError: it cannot be read, names items that are not there or have changed, or says what
            cannot be a label.
    """
    rows = [row for row in _rows(path) if row.label or row.leave_out]
    labels = list(data.labels or ())
    places: defaultdict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(data.names):
        places[name].append(at)
    unknown = [row.name for row in rows if row.name not in places]
    if unknown:
        raise DataError(
            f"--corrections: {items(len(unknown), 'item')} of {shown(path)!r} "
            f"{'is' if len(unknown) == 1 else 'are'} not in the data: {some(unknown, 3)}; use the "
            "table that headstart check wrote for this data."
        )
    classes = set(counts_of(labels, data.task or "classification"))
    changed, out = 0, set()
    for row in rows:
        for at in _meant(data, row, places[row.name]):
            if row.leave_out:
                out.add(at)
                continue
            label = _label(data, row, classes)
            changed += label != labels[at]
            labels[at] = label
    kept = np.array([at for at in range(len(data)) if at not in out], np.int64)
    if not len(kept):
        raise DataError("--corrections leaves every item out; nothing is left to learn from.")
    note = (
        f"{items(changed, 'label')} corrected and {items(len(out), 'item')} left out, as "
        f"{shown(path)} says."
    )
    dataset = replace(data, labels=labels, notes=(*data.notes, note))
    return Corrected(dataset.select(kept) if out else dataset, changed, len(out))


def _rows(path: str) -> list[_Row]:
    file = Path(path)
    try:
        if not is_table(file) or not file.is_file():
            raise DataError(
                f"--corrections is {shown(path)!r}, which is no table; name the file that "
                "headstart check --out wrote."
            )
        table = read_table(file)
    except OSError as error:
        raise DataError(f"--corrections: {shown(path)!r} cannot be read ({error}).") from error
    missing = [name for name in (NAME, DIGEST, CORRECTED) if name not in table.columns]
    if missing:
        raise DataError(
            f"--corrections: {shown(path)!r} has no column {some(missing)}; it must have those "
            "that headstart check --out writes."
        )
    return [_row(table, row) for row in range(len(table))]


def _row(table: Table, row: int) -> _Row:
    name, digest, label, leave_out = (
        _text(table.columns[column][row]) if column in table.columns else ""
        for column in (NAME, DIGEST, CORRECTED, LEAVE_OUT)
    )
    if leave_out.casefold() not in (*_YES, *_NO):
        raise DataError(
            f"--corrections: {LEAVE_OUT} of {shown(name)!r} is {shown(leave_out)!r}, but it must "
            "be yes, or empty."
        )
    leave = leave_out.casefold() in _YES
    if leave and label:
        raise DataError(
            f"--corrections: {shown(name)!r} has a {CORRECTED} and is to be left out; keep one."
        )
    return _Row(name, digest.casefold(), label, leave)


def _text(cell: object) -> str:
    return "" if cell is None else str(cell).strip()


def _meant(data: Dataset, row: _Row, places: Sequence[int]) -> list[int]:
    """The items of the row's name that have its content."""
    found = [at for at in places if _digest(data, at) == row.digest]
    if not found:
        raise DataError(
            f"--corrections: {shown(row.name)!r} has another content than when it was checked; "
            "run headstart check again."
        )
    return found


def _digest(data: Dataset, at: int) -> str:
    try:
        if data.modality == "image":
            return images.digest(images.load(data.items[at])).hex()
        return texts.digest(texts.clean(data.items[at])).hex()
    except Unreadable:
        return ""


def _label(data: Dataset, row: _Row, classes: set[str]) -> Label:
    if data.task == "regression":
        try:
            number = float(row.label)
        except ValueError:
            number = np.nan
        if not np.isfinite(number):
            raise DataError(
                f"--corrections: {CORRECTED} of {shown(row.name)!r} is {shown(row.label)!r}, but "
                "it must be a number."
            )
        return number
    names = [row.label] if data.task == "classification" else row.label.split(SEPARATOR)
    known = [name if name in classes else form(name) for name in names]
    unknown = [name for name in known if name not in classes]
    if unknown:
        raise DataError(
            f"--corrections: {CORRECTED} of {shown(row.name)!r} is {some(unknown)}, but the "
            f"classes are {some(ordered(classes))}."
        )
    return known[0] if data.task == "classification" else tuple(ordered(set(known)))
