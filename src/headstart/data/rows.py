"""A table's rows to a data set: labels understood, files found, what is missing left out."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from headstart.data import groups, name_labels, pixels, texts
from headstart.data.amounts import numbers_in
from headstart.data.cells import Labels, indicators, interpret
from headstart.data.columns import Columns, choose, must_have
from headstart.data.dataset import Dataset, Modality, Skipped, Unusable
from headstart.data.lazy import Lazy
from headstart.data.paths import Finder
from headstart.data.reads import Reads, trained
from headstart.data.table import Table
from headstart.data.times import time_column, times_of
from headstart.errors import DataError, Unreadable
from headstart.spec import ItemSpec, ReadSpec
from headstart.types import Label
from headstart.wording import shown

_DAMAGED = re.compile("[\udc80-\udcff]")


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
        DataError: a column is missing, no row is left, or with `strict` any row cannot be used.
    """
    columns = choose(table, spec, labelled, modality)
    found, decimal = _labels(table, columns, spec) if labelled else (None, "auto")
    labels = found.labels if found else None
    item_of, scale = _items(table, columns, spec)
    used = (*columns.input, *columns.labels)
    group = groups.in_table(table, spec, used, columns.kind) if labelled else ()
    times = _times(table, spec, used) if labelled else ()
    if times:
        item_of = _timed(item_of, times)
    items, kept, skipped = _usable(table, item_of, labels, spec, in_place)
    if len(skipped) == len(table):
        hint = "; --root names the folder that paths start from" * (columns.kind == "paths")
        raise DataError(
            f"No row of {table.name} can be used ({skipped[0].item}: {skipped[0].reason}{hint})."
        )
    return Dataset(
        modality=columns.modality,
        items=_images(table, columns, items, kept) if columns.kind == "images" else items,
        names=[table.row_name(row) for row in kept],
        task=found.task if found else None,
        labels=None if labels is None else _present(labels, kept),
        splits=[columns.splits[row] for row in kept] if any(columns.splits) else (),
        weights=[table.weights[row] for row in kept] if len(table.weights) else (),
        groups=[group[row] for row in kept] if group else (),
        times=[times[row] for row in kept] if times else (),
        skipped=() if in_place else tuple(skipped),
        warnings=(*table.warnings, *(found.warnings if found else ())),
        notes=(*table.notes, *columns.notes, *(found.notes if found else ())),
        reads=_remembered(columns, spec, found, decimal, scale),
    )


def refuse_first(skipped: Sequence[Skipped], spec: ReadSpec) -> None:
    """With `strict`, the first item that was left out is an error.

    Raises:
        DataError: names the item and the reason.
    """
    if spec.strict and skipped:
        raise DataError(
            f"{skipped[0].item}: {skipped[0].reason}; mend or remove it, or leave out --strict."
        )


def refuse_skipped(skipped: Sequence[Skipped], spec: ItemSpec) -> None:
    """The same where all that was left out is known.

    Raises:
        DataError: names the first item, the reason, and how many there are.
    """
    if spec.strict and skipped:
        raise DataError(
            f"{skipped[0].item}: {skipped[0].reason}; --strict makes that an error "
            f"({len(skipped)} in all)."
        )


def _images(
    table: Table, columns: Columns, items: Sequence[object], kept: Sequence[int]
) -> Sequence[object]:
    """Encoded images, or the files that the cells name instead; each when it is asked for."""
    cells = table.columns[columns.input[0]]

    def image(at: int) -> object:
        if isinstance(items[at], Unusable):
            return items[at]
        cell = cells[kept[at]]
        return columns.finder.or_as_written(cell) if isinstance(cell, str) else cell

    return Lazy(len(kept), image)


def _remembered(
    columns: Columns, spec: ReadSpec, found: Labels | None, decimal: str, scale: int
) -> Reads:
    known = trained(spec)
    root = spec.root if spec.root is not None else spec.allow_root
    return Reads(
        kind=columns.kind,
        input=columns.input,
        label=columns.labels,
        root=root if root is not None else known.root,
        label_from=spec.label_from or known.label_from,
        decimal=decimal,
        scale=scale,
        na_values=spec.na_values,
        separator=_separator(spec) or (found.separator if found else None),
    )


def _separator(spec: ReadSpec) -> str | None:
    return spec.separator if spec.separator is not None else trained(spec).separator


def _labels(table: Table, columns: Columns, spec: ReadSpec) -> tuple[Labels, str]:
    """What the labels are, and the decimal sign they were read with."""
    if not columns.labels:
        return _labels_from_names(table, columns, spec), "auto"
    if len(columns.labels) > 1:
        several = {name: table.columns[name] for name in columns.labels}
        return indicators(several, table.row_name, spec.task), "auto"
    (name,) = columns.labels
    if name in table.encoded_images:
        raise DataError(f"Column {name!r} of {table.name} holds images and cannot be --label.")
    cells = table.columns[name]
    damaged = [isinstance(c, str) and _DAMAGED.search(c) is not None for c in cells]
    if any(damaged):
        cells = [None if bad else cell for cell, bad in zip(cells, damaged, strict=True)]
    class_names = table.class_names.get(name, ())
    if spec.task in ("auto", "regression") and not class_names:
        decimal = spec.decimal if spec.decimal != "auto" else trained(spec).decimal
        numbers = numbers_in(cells, decimal, name, table.row_name, spec.na_values)
        found = numbers and interpret(
            numbers.cells, spec.task, table.row_name, column=name, na_values=spec.na_values
        )
        if numbers and found and found.task == "regression":
            notes = (*found.notes, *numbers.notes)
            return Labels(found.task, found.labels, found.warnings, notes), numbers.decimal
    found = interpret(
        cells,
        spec.task,
        table.row_name,
        class_names,
        column=name,
        na_values=spec.na_values,
        separator=_separator(spec),
    )
    return found, "auto"


def _labels_from_names(table: Table, columns: Columns, spec: ReadSpec) -> Labels:
    if columns.kind != "paths":
        raise DataError(
            f"--label-from reads labels from names of files, but column {columns.input[0]!r} of "
            f"{table.name} holds none."
        )
    pattern = name_labels.asked(spec.label_from or trained(spec).label_from or "")
    names = ["" if cell is None else str(cell) for cell in table.columns[columns.input[0]]]
    labels = pattern.labels(names)
    name_labels.refuse_none(pattern, labels, names)
    # Whatever a name says is a class: `NA` is Namibia.
    return interpret(labels, spec.task, table.row_name, na_values="")


def _items(table: Table, columns: Columns, spec: ReadSpec) -> tuple[Callable[[int], object], int]:
    """What gives the item of a row, or raises `Unreadable`; and the scale of pixels."""
    if columns.kind == "images":
        return (lambda _: None), 1
    cells = table.columns[columns.input[0]]
    if columns.kind == "paths":
        return (lambda row: _path(cells[row], columns.finder)), 1
    if columns.kind == "texts":
        several = [table.columns[name] for name in columns.input]
        return (lambda row: _text([column[row] for column in several])), 1
    if len(columns.input) > 1:
        cells = pixels.rows_of(table.columns, columns.input)
    scale = trained(spec).scale if trained(spec).kind == "pixels" else pixels.scale_in(cells)
    return (lambda row: _pixels(cells[row], scale)), scale


def _times(table: Table, spec: ReadSpec, used: Sequence[str]) -> Sequence[Any]:
    """When each row was, as `--time` says; none where it does not."""
    column = time_column(spec)
    if column is None:
        return ()
    must_have(table, column, "--time")
    if column in used or column in table.encoded_images:
        raise DataError(
            f"Column {column!r} of {table.name} is the input or the label, and cannot be --time."
        )
    return times_of(table.columns[column], column, table.row_name)


def _timed(item_of: Callable[[int], object], times: Sequence[Any]) -> Callable[[int], object]:
    """The same, but no row is used that has no time."""

    def item(row: int) -> object:
        if times[row] is None:
            raise Unreadable("it has no time")
        return item_of(row)

    return item


def _usable(
    table: Table,
    item_of: Callable[[int], object],
    labels: Sequence[Label | None] | None,
    spec: ReadSpec,
    in_place: bool,
) -> tuple[list[object], list[int], list[Skipped]]:
    """The items of the rows that can be used, the numbers of those rows, and the other rows."""
    items: list[object] = []
    kept: list[int] = []
    skipped: list[Skipped] = []
    for row in range(len(table)):
        try:
            if labels is not None and labels[row] is None:
                raise Unreadable("it has no label")
            item = item_of(row)
        except Unreadable as reason:
            skipped.append(Skipped(table.row_name(row), str(reason)))
            refuse_first(skipped, spec)
            if not in_place:
                continue
            item = Unusable(str(reason))
        items.append(item)
        kept.append(row)
    return items, kept, skipped


def _text(cells: Sequence[object]) -> str:
    present = [cell for cell in cells if cell is not None]
    if not present:
        raise Unreadable("the text is empty or blank")
    if any(isinstance(cell, str) and _DAMAGED.search(cell) for cell in present):
        raise Unreadable("it has bytes that are not UTF-8")
    if len(cells) > 1:
        return texts.clean("\n".join(map(str, present)))
    # A cell of digits is a number in some formats and a text in others.
    number = isinstance(present[0], int | float) and not isinstance(present[0], bool)
    return texts.clean(str(present[0]) if number else present[0])


def _path(cell: object, finder: Finder) -> str:
    if cell is None or not str(cell).strip():
        raise Unreadable("it has no image")
    if isinstance(cell, bool) or not isinstance(cell, str | int):
        raise Unreadable(f"a {type(cell).__name__} is not the path of an image")
    try:
        return finder.path(str(cell))
    except Unreadable as reason:
        raise Unreadable(f"{shown(str(cell))[:200]!r}: {reason}") from None


def _pixels(cell: object, scale: int) -> object:
    if cell is None:
        raise Unreadable("it has no image")
    return pixels.as_bytes(pixels.image(cell), scale)


def _present(labels: Sequence[Label | None], kept: Sequence[int]) -> list[Label]:
    return [label for row in kept if (label := labels[row]) is not None]
