"""`metadata.csv`, `.jsonl` or `.parquet` beside images: the imagefolder layout of the hub."""

import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

from headstart.data.columns import choose
from headstart.data.dataset import Dataset, Skipped
from headstart.data.guess import is_label_name
from headstart.data.reads import trained
from headstart.data.split_names import split_above, split_name
from headstart.data.table import Table, read_table
from headstart.data.walk import File
from headstart.errors import DataError, InputError
from headstart.spec import ReadSpec
from headstart.wording import shown, some

FILE_NAME = "file_name"
"""The column that names an image, from the folder of the metadata."""

_NAMES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")


def read_metadata(top: Path, files: Sequence[File]) -> Table | None:
    """The table of the metadata in a folder, or in each of its splits; None where there is none.

    One right in the folder is the table; else those in folders of splits are joined, their images
    named from the folder. Where nothing in them names the split, the images' folders do.

    Raises:
        DataError: a table that is wrong.
    """
    found: dict[tuple[str, ...], File] = {}
    for name in reversed(_NAMES):
        found |= {f.parts[:-1]: f for f in files if f.parts[-1] == name and os.path.isfile(f.path)}  # noqa: PTH113
    if () in found:
        table = read_table(Path(found[()].path))
        cells = table.columns.get(FILE_NAME)
        if cells is None or table.splits:
            return table
        splits = [split_above(str(cell).replace("\\", "/").split("/")[:-1]) for cell in cells]
        return replace(table, splits=splits) if all(splits) else table
    found = {parts: file for parts, file in found.items() if split_above(parts) is not None}
    tables = {parts: read_table(Path(file.path)) for parts, file in found.items()}
    tables = {p: t for p, t in tables.items() if FILE_NAME in t.columns and len(t.columns) > 1}
    return _joined(top, tables) if tables else None


def names_images(table: Table, spec: ReadSpec) -> bool:
    """Whether a table in a folder of images names them; else it is about something else."""
    if FILE_NAME in table.columns or spec.input is not None or trained(spec).input:
        return True
    try:
        return choose(table, spec, labelled=False, modality=None).modality == "image"
    except InputError:
        return False


def refuse_classes(data: Dataset, top: Path, spec: ReadSpec) -> None:
    """A column that was guessed is not the label where the images are in folders of classes.

    Raises:
        DataError: asks which are meant.
    """
    labels = data.reads.label
    asked = spec.label is not None or spec.label_from is not None or trained(spec).label
    if asked or data.reads.kind != "paths" or any(map(is_label_name, labels)):
        return
    folders = Counter(Path(item).parent.name for item in data.items if isinstance(item, str))
    classes = [name for name in folders if split_name(name) is None and name != top.name]
    if len(classes) > 1 and min(folders.values()) > 1:
        raise DataError(
            f"{shown(str(top))} has metadata, and its images are in the folders "
            f"{some(sorted(classes))}; say --label {','.join(labels)} if that is the label, or "
            "move the metadata elsewhere if the folders are the classes."
        )


def unnamed(table: Table, data: Dataset, top: Path, items: Sequence[File]) -> list[Skipped]:
    """The images of a folder that no row of its metadata names."""
    if data.reads.kind != "paths":
        return []
    cells = [str(cell).strip().replace("\\", "/") for cell in table.columns[data.reads.input[0]]]
    named = {os.path.abspath(top / cell) for cell in cells}  # noqa: PTH100 - links stay
    named |= {os.path.abspath(item) for item in data.items if isinstance(item, str)}  # noqa: PTH100
    return [
        Skipped(file.name, "the metadata does not name it")
        for file in items
        if os.path.abspath(file.path) not in named  # noqa: PTH100
    ]


def _joined(top: Path, tables: Mapping[tuple[str, ...], Table]) -> Table:
    """Tables below one another; a column that one of them lacks is empty there."""
    names = list(dict.fromkeys(name for table in tables.values() for name in table.columns))
    columns: dict[str, list[object]] = {name: [] for name in names}
    for parts, table in tables.items():
        for name in names:
            cells = list(table.columns.get(name, [None] * len(table)))
            if name == FILE_NAME:
                cells = [_below(parts, cell) for cell in cells]
            columns[name] += cells
    each = list(tables.items())
    ends = list(accumulate(len(table) for _, table in each))

    def row_name(row: int) -> str:
        at = bisect_right(ends, row)
        parts, table = each[at]
        return shown("/".join(parts)) + "/" + table.row_name(row - (ends[at - 1] if at else 0))

    return Table(
        name=f"the metadata in {shown(top.name) or 'the folder'}",
        folder=top,
        columns=columns,
        row_name=row_name,
        splits=[split_above(parts) for parts, table in each for _ in range(len(table))],
        class_names={n: c for _, table in each for n, c in table.class_names.items()},
    )


def _below(parts: Sequence[str], cell: object) -> object:
    return "/".join((*parts, cell)) if isinstance(cell, str) else cell
