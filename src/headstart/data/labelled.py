"""Labels that are already in memory: of lists, arrays, columns and frames of any library."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from headstart.data.cells import interpret
from headstart.data.dataset import Dataset, Labels, Skipped
from headstart.data.multilabel import indicators
from headstart.data.scalars import plain
from headstart.errors import DataError
from headstart.wording import items

_TO_LISTS = ("to_pylist", "to_list", "tolist")
"""Of pyarrow; of pandas and polars; of numpy, torch and JAX."""


def labelled(
    data: Dataset,
    labels: object,
    task: str,
    na_values: str | None = None,
    separator: str | None = None,
) -> Dataset:
    """The data with a label for each item; items whose label is missing are skipped.

    Args:
        data: items without labels.
        labels: a sequence, array or column of as many; a frame or array of 0 and 1 (n, classes);
            lists of classes.
        task: what is predicted; `auto` decides from the labels.
        na_values, separator: see `headstart.data.cells.interpret`.

    Raises:
        DataError: they are not as many, have no order, or are no labels of this task.
    """
    found = _interpreted(labels, len(data), task, na_values, separator)
    rows = [row for row, label in enumerate(found.labels) if label is not None]
    if not rows:
        raise DataError("No item has a label; give one label for each item.")
    skipped = tuple(
        Skipped(data.names[row], "it has no label")
        for row, label in enumerate(found.labels)
        if label is None
    )
    used = data.select(np.array(rows, np.int64)) if skipped else data
    return replace(
        used,
        task=found.task,
        labels=[label for label in found.labels if label is not None],
        skipped=(*data.skipped, *skipped),
        warnings=(*data.warnings, *found.warnings),
        notes=(*data.notes, *found.notes),
    )


def _interpreted(
    labels: object, number: int, task: str, na_values: str | None, separator: str | None
) -> Labels:
    frame = _frame(labels)
    if frame is not None and len(frame) == 1:
        ((column, labels),) = frame.items()
        cells = _cells(labels)
    elif frame is not None:
        columns = {name: _cells(each) for name, each in frame.items()}
        _check_length(len(next(iter(columns.values()), ())), number)
        return indicators(columns, _row_name, task)
    else:
        column, cells = "", _cells(labels)
    _check_length(len(cells), number)
    return interpret(
        cells, task, _row_name, column=column, na_values=na_values, separator=separator
    )


def _row_name(row: int) -> str:
    return f"label {row}"


def _check_length(labels: int, number: int) -> None:
    if labels != number:
        raise DataError(f"There are {items(number, 'item')} but {items(labels, 'label')}.")


def _frame(labels: Any) -> dict[str, object] | None:
    """The columns of a pandas or polars frame or a pyarrow table; None for anything else."""
    names = getattr(labels, "column_names", None) or getattr(labels, "columns", None)
    shape = getattr(labels, "shape", ())
    if names is None or len(shape) != 2:
        return None
    return {str(name): labels[name] for name in names}


def _cells(labels: Any) -> Sequence[object]:
    """One cell for each item.

    Raises:
        DataError: the labels are no sequence, or hold several numbers for each item.
    """
    if hasattr(labels, "toarray"):  # a sparse matrix
        labels = labels.toarray()
    if isinstance(labels, (str, bytes, Mapping, set, frozenset)) or not hasattr(labels, "__len__"):
        raise DataError(
            f"The labels are a {type(labels).__name__}; give a list with one label for each item, "
            "in the order of the items."
        )
    if not hasattr(labels, "shape"):
        method = next((m for m in _TO_LISTS if callable(getattr(labels, m, None))), None)
        return list(getattr(labels, method)() if method else labels)
    shape = tuple(labels.shape)
    if len(shape) == 2 and shape[1] == 1:
        return [row[0] if isinstance(row, list) else row for row in _listed(labels)]
    if len(shape) == 2:
        _refuse_amounts(labels, shape)
    elif len(shape) != 1:
        raise DataError(
            f"The labels have the shape {shape}; give one for each item, or 0 and 1 (items, "
            "classes)."
        )
    return _listed(labels)


def _listed(labels: object) -> list[object]:
    for name in _TO_LISTS:
        if callable(getattr(labels, name, None)):
            return list(getattr(labels, name)())
    return list(np.asarray(labels).tolist())


def _refuse_amounts(labels: object, shape: tuple[int, ...]) -> None:
    rows = [row for row in _listed(labels) if isinstance(row, list)]
    values = {plain(value) for row in rows for value in row}
    if not values <= {0, 1, -1, None} or {0, -1} <= values:
        raise DataError(
            f"The labels have the shape {shape}, {shape[1]} for each item; several columns are for "
            "0 and 1, a column for each class. Give one column of classes or numbers."
        )
