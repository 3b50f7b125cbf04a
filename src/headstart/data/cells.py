"""Cells of a label column to labels, and the task they speak of."""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.dataset import Label, Task
from headstart.data.names import shown, some
from headstart.errors import InputError

_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
_NOT_A_NUMBER = ("nan", "na", "n/a", "null", "none")
_YES = {"1", "1.0", "true", "yes"}
_NO = {"0", "0.0", "false", "no"}

RowName = Callable[[int], str]


@dataclass(frozen=True)
class Labels:
    """Labels per row (None: missing), the task, and what a person should know."""

    task: Task
    labels: list[Label | None]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def interpret(
    cells: Sequence[Any], task: str, row_name: RowName, class_names: Sequence[str] = ()
) -> Labels:
    """Labels from one column.

    Lists are several classes each; numbers with many distinct values are regression where `task`
    is auto; with `multilabel`, strings are split at `|` and `;`.

    Raises:
        InputError: a cell that cannot be a label of this task.
    """
    listed = any(isinstance(cell, (list, tuple)) for cell in cells)
    if listed and task not in ("auto", "multilabel"):
        raise InputError(f"The labels are lists, which is --task multilabel, not {task}.")
    if listed or task == "multilabel":
        return _several(cells, row_name, class_names)
    if class_names:
        named = [_class_named(cell, class_names, row) for row, cell in _numbered(cells, row_name)]
        return Labels("classification", list(named))
    if task == "regression":
        return Labels("regression", [_number(x, row) for row, x in _numbered(cells, row_name)])
    if task == "auto":
        values = [_value(cell) for cell in cells]
        if None not in values and _are_measured(np.array(values, np.float64)):
            count = len(set(values))
            return Labels(
                "regression",
                [None if x is None or math.isnan(x) else x for x in values],
                notes=(
                    f"The labels are numbers with {count:,} distinct values, so the task is "
                    "regression (a guess; --task classification says otherwise).",
                ),
            )
    labels = [_class(cell, row) for row, cell in _numbered(cells, row_name)]
    return Labels("classification", list(labels), _merged(cells, labels))


def indicators(columns: dict[str, Sequence[Any]], row_name: RowName) -> Labels:
    """Several classes from one column each, whose cells say yes (1, true) or no (0, false).

    Raises:
        InputError: a cell that says neither.
    """
    labels: list[Label | None] = []
    for row, cells in enumerate(zip(*columns.values(), strict=True)):
        said = ["" if _is_missing(cell) else str(cell).strip().lower() for cell in cells]
        for name, word in zip(columns, said, strict=True):
            if word and word not in _YES | _NO:
                raise InputError(
                    f"{row_name(row)}: {shown(word)[:40]!r} in label column {name!r} is neither "
                    "0 nor 1; with several --label columns each must say yes or no."
                )
        present = (n for n, word in zip(columns, said, strict=True) if word in _YES)
        labels.append(tuple(sorted(present)) if all(said) else None)
    return Labels("multilabel", labels)


def _numbered(cells: Sequence[Any], row_name: RowName) -> list[tuple[Callable[[], str], Any]]:
    return [(partial(row_name, row), cell) for row, cell in enumerate(cells)]


def _is_missing(cell: Any) -> bool:
    if isinstance(cell, str):
        return not cell.strip()
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def _several(cells: Sequence[Any], row_name: RowName, class_names: Sequence[str]) -> Labels:
    labels: list[Label | None] = []
    flat: list[Any] = []
    for row, cell in _numbered(cells, row_name):
        if isinstance(cell, str):
            cell = [part.strip() for part in re.split(r"[|;]", cell) if part.strip()] or None
        if cell is None:
            labels.append(None)
            continue
        parts = list(cell) if isinstance(cell, (list, tuple)) else [cell]
        flat += parts
        if class_names:
            names = [_class_named(part, class_names, row) for part in parts]
        else:
            names = [_class(part, row) for part in parts]
        labels.append(tuple(sorted({name for name in names if name is not None})))
    warnings = () if class_names else _merged(flat, [_class(x, lambda: "") for x in flat])
    return Labels("multilabel", labels, warnings)


def _class(cell: Any, row: Callable[[], str]) -> str | None:
    if isinstance(cell, str):
        return cell if cell.strip() else None
    if _is_missing(cell):
        return None
    if isinstance(cell, bool | np.bool_):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, dict | list | tuple | bytes | np.ndarray):
        raise InputError(f"{row()}: a label must be text or a number, not {type(cell).__name__}.")
    return str(cell)


def _class_named(cell: Any, names: Sequence[str], row: Callable[[], str]) -> str | None:
    if cell is None or cell == -1:
        return None
    if not isinstance(cell, int) or not 0 <= cell < len(names):
        raise InputError(f"{row()}: {cell!r} is no class number from 0 to {len(names) - 1}.")
    return names[cell]


def _value(cell: Any) -> float | None:
    """The number a cell holds, NaN where it is missing, None where it is something else."""
    if _is_missing(cell):
        return math.nan
    if isinstance(cell, str):
        if cell.strip().lower() in _NOT_A_NUMBER:
            return math.nan
        return float(cell) if _NUMBER.fullmatch(cell) else None
    if isinstance(cell, bool | np.bool_):
        return None
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return None


def _number(cell: Any, row: Callable[[], str]) -> float | None:
    value = float(cell) if isinstance(cell, bool | np.bool_) else _value(cell)
    if value is None or math.isinf(value):
        raise InputError(
            f"{row()}: {shown(str(cell))[:40]!r} is not a number, which --task regression needs."
        )
    return None if math.isnan(value) else value


def _are_measured(values: NDArray[np.float64]) -> bool:
    """Whether numbers are measurements rather than the numbers of classes.

    Fractions are, with more than 10 distinct values; whole numbers with more than 20, unless they
    run from 0 or 1 without a gap and repeat, as class numbers do.
    """
    present = values[~np.isnan(values)]
    if not present.size or np.isinf(present).any():
        return False
    distinct = np.unique(present)
    if (distinct != np.round(distinct)).any():
        return bool(distinct.size > 10)
    gapless = distinct[0] in (0, 1) and distinct[-1] - distinct[0] == distinct.size - 1
    return distinct.size > 20 and not (gapless and present.size >= 2 * distinct.size)


def _merged(cells: Sequence[Any], labels: Sequence[str | None]) -> tuple[str, ...]:
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for cell, label in zip(cells, labels, strict=True):
        if label is not None:
            kinds[label].add(type(cell).__name__)
    mixed = sorted(label for label, types in kinds.items() if len(types) > 1)
    if not mixed:
        return ()
    return (f"Labels {some(mixed)} are written as number and as text; each is one class.",)
