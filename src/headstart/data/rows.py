"""A table's rows to a data set: labels understood, files found, what is missing left out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from headstart.data import texts
from headstart.data.cells import Labels, indicators, interpret
from headstart.data.columns import Columns, choose
from headstart.data.dataset import Dataset, Label, Modality, Selection, Skipped, Unusable
from headstart.data.files import Roots
from headstart.data.names import shown
from headstart.data.table import Table
from headstart.errors import InputError, Unreadable
from headstart.spec import ReadSpec


def dataset_of(
    table: Table,
    spec: ReadSpec,
    *,
    labelled: bool = True,
    modality: Modality | None = None,
    in_place: bool = False,
) -> Dataset:
    """The data set in a table.

    Args:
        table: the table.
        spec: which columns, which task, what is allowed.
        labelled: whether labels are wanted; if so a row without one is skipped.
        modality: what the items are, where that is known; else guessed.
        in_place: whether a row that cannot be used stays, as an `Unusable`: each row is to have
            an answer.

    Raises:
        InputError: a column is missing, a path leaves its folder, no row is left, or with
            `strict` any row cannot be used.
    """
    columns = choose(table, spec, labelled, modality)
    found = _labels(table, columns, spec) if labelled else None
    labels = found.labels if found else None
    items, kept, skipped = _usable(table, columns, labels, spec, in_place)
    if len(skipped) == len(table):
        raise InputError(
            f"No row of {table.name} can be used ({skipped[0].item}: {skipped[0].reason})."
        )
    return Dataset(
        modality=columns.modality,
        items=items,
        names=[table.row_name(row) for row in kept],
        task=found.task if found else None,
        labels=None if labels is None else _present(labels, kept),
        splits=[columns.splits[row] for row in kept] if any(columns.splits) else (),
        weights=[table.weights[row] for row in kept] if len(table.weights) else (),
        skipped=() if in_place else tuple(skipped),
        warnings=found.warnings if found else (),
        notes=columns.notes + (found.notes if found else ()),
    )


def refuse_first(skipped: Sequence[Skipped], spec: ReadSpec) -> None:
    """With `strict`, the first item that was left out is an error.

    Raises:
        InputError: names the item and the reason.
    """
    if spec.strict and skipped:
        raise InputError(
            f"{skipped[0].item}: {skipped[0].reason}; mend or remove it, or leave out --strict."
        )


def refuse_skipped(skipped: Sequence[Skipped], spec: ReadSpec) -> None:
    """The same where all that was left out is known.

    Raises:
        InputError: names the first item, the reason, and how many there are.
    """
    if spec.strict and skipped:
        raise InputError(
            f"{skipped[0].item}: {skipped[0].reason}; --strict makes that an error "
            f"({len(skipped)} in all)."
        )


def _labels(table: Table, columns: Columns, spec: ReadSpec) -> Labels:
    if len(columns.labels) > 1:
        if spec.task not in ("auto", "multilabel"):
            raise InputError(f"Several --label columns are --task multilabel, not {spec.task}.")
        return indicators({n: table.columns[n] for n in columns.labels}, table.row_name)
    (name,) = columns.labels
    if name in table.encoded_images:
        raise InputError(f"Column {name!r} of {table.name} holds images and cannot be --label.")
    return interpret(
        table.columns[name], spec.task, table.row_name, table.class_names.get(name, ())
    )


def _usable(
    table: Table,
    columns: Columns,
    labels: Sequence[Label | None] | None,
    spec: ReadSpec,
    in_place: bool,
) -> tuple[Sequence[Any], list[int], list[Skipped]]:
    """The items of the rows that can be used, the numbers of those rows, and the other rows."""
    cells = table.columns[columns.input]
    lazy = columns.input in table.encoded_images
    roots = Roots(table.folder or Path(), spec.allow_root)
    items: list[Any] = []
    kept: list[int] = []
    skipped: list[Skipped] = []
    for row in range(len(table)):
        try:
            if labels is not None and labels[row] is None:
                raise Unreadable("it has no label")
            if not lazy:
                items.append(_item(cells[row], columns.modality, roots, table, row))
            kept.append(row)
        except Unreadable as reason:
            skipped.append(Skipped(table.row_name(row), str(reason)))
            refuse_first(skipped, spec)
            if in_place:
                items.append(Unusable(str(reason)))
                kept.append(row)
    return (Selection(cells, np.array(kept, np.int64)) if lazy else items), kept, skipped


def _item(cell: Any, modality: Modality, roots: Roots, table: Table, row: int) -> Any:
    if cell is None:
        raise Unreadable("it has no image" if modality == "image" else "the text is empty or blank")
    if modality == "text":
        return texts.clean(cell)
    if not isinstance(cell, str):
        raise Unreadable(f"a {type(cell).__name__} is not the path of an image")
    if table.folder is None:
        raise Unreadable(f"{shown(cell)[:60]!r} is not an image")
    try:
        return roots.resolve(cell, table.row_name(row))
    except Unreadable as reason:
        raise Unreadable(f"{shown(cell)[:200]!r}: {reason}") from None


def _present(labels: Sequence[Label | None], kept: Sequence[int]) -> list[Label]:
    return [label for row in kept if (label := labels[row]) is not None]
