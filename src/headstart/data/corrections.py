"""What a person found wrong with data, applied to it: labels corrected, items left out.

The table is the one that `headstart check --out` writes; a row that is not filled in changes
nothing. Items are recognised by name and content, so that a table never changes other data than it
was made for.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from headstart.data import images, texts
from headstart.data.dataset import Dataset
from headstart.data.forms import form, ordered
from headstart.data.labels import counts_of
from headstart.data.table import Table, is_table, read_table
from headstart.errors import DataError, Unreadable
from headstart.types import Indices, Label
from headstart.wording import items, shown, some

NAME, DIGEST, LABEL = "name", "digest", "label"
CORRECTED, LEAVE_OUT = "corrected_label", "leave_out"
SEPARATOR = "|"
"""Between the classes of one item."""

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""How a cell starts that a spreadsheet takes for a formula, or that `as_text` gives."""

_YES = ("yes", "y", "x", "1", "true")
_NO = ("", "no", "n", "0", "false")


@dataclass(frozen=True)
class Corrected:
    """A data set as corrections leave it.

    Attributes:
        dataset: with other labels, and without what was to be left out.
        labels: how many labels were changed.
        left_out: how many items were left out.
        positions: int, which items of `dataset` have another label now.
        left_out_of_test: how many of those left out were in the data's own test split.
    """

    dataset: Dataset
    labels: int
    left_out: int
    positions: Indices
    left_out_of_test: int = 0

    def to_json(self) -> dict[str, int]:
        """As a report holds it."""
        return {"labels": self.labels, "left_out": self.left_out}


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    digest: str
    before: str
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
        places[name.strip()].append(at)
    unknown = [row.name for row in rows if row.name.strip() not in places]
    if unknown:
        raise DataError(
            f"--corrections: {items(len(unknown), 'item')} of {shown(path)!r} "
            f"{'is' if len(unknown) == 1 else 'are'} not in the data: {some(unknown, 3)}; use the "
            "table that headstart check wrote for this data."
        )
    classes = set(counts_of(labels, data.task or "classification"))
    digest = cache(partial(_digest, data))
    done: set[int] = set()
    out: set[int] = set()
    for row in rows:
        at = _meant(data, row, places[row.name.strip()], done, digest)
        done.add(at)
        if row.leave_out:
            out.add(at)
        else:
            labels[at] = _label(data, row, classes)
    changed = [at for at in sorted(done - out) if data.labels and labels[at] != data.labels[at]]
    kept = np.array([at for at in range(len(data)) if at not in out], np.int64)
    if not len(kept):
        raise DataError("--corrections leaves every item out; nothing is left to learn from.")
    note = (
        f"{items(len(changed), 'label')} corrected and {items(len(out), 'item')} left out, as "
        f"{shown(path)} says."
    )
    dataset = replace(data, labels=labels, notes=(*data.notes, note))
    return Corrected(
        dataset.select(kept) if out else dataset,
        len(changed),
        len(out),
        np.searchsorted(kept, np.array(changed, np.int64)),
        sum(data.splits[at] == "test" for at in out) if any(data.splits) else 0,
    )


def written(label: Label | None) -> str:
    """A label as one text."""
    if label is None:
        return ""
    if isinstance(label, tuple):
        return SEPARATOR.join(label)
    return f"{label:.15g}" if isinstance(label, float) else label


def as_text(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: with an apostrophe before it, but numbers."""
    if not _FORMULA.match(cell):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


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
    name, digest, before, label, leave_out = (
        _text(table.columns[column][row]) if column in table.columns else ""
        for column in (NAME, DIGEST, LABEL, CORRECTED, LEAVE_OUT)
    )
    label, leave_out = label.strip(), leave_out.strip()
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
    return _Row(name, digest.strip().casefold(), before, label, leave)


def _text(cell: object) -> str:
    """What `as_text` was given."""
    text = "" if cell is None else str(cell)
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _meant(
    data: Dataset, row: _Row, places: Sequence[int], done: Set[int], digest: Callable[[int], str]
) -> int:
    """The item of the row's name that has its content.

    Of several that one which no other row is about, of the row's label, in the order of the data.
    A name may have lost blanks at its ends on the way: the content decides.
    """
    found = [at for at in places if digest(at) == row.digest]
    if not found:
        raise DataError(
            f"--corrections: {shown(row.name)!r} has another content than when it was checked; "
            "run headstart check again."
        )

    def unlike(at: int) -> tuple[bool, bool, bool]:
        label = written(data.labels[at] if data.labels is not None else None)
        return at in done, data.names[at] != row.name, label.strip() != row.before.strip()

    return min(found, key=unlike)


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
