"""Slices of measured items: by the cells of a column, and by how large items are."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from headstart import data as reading
from headstart.data.columns import must_have
from headstart.data.dataset import Dataset
from headstart.data.frames import table_of
from headstart.data.table import is_table, read_table
from headstart.errors import InputError
from headstart.evaluation import Results
from headstart.evaluation.slices import BY_SIZE, Sliced, groups_of, quarters, sliced
from headstart.findings.looks import looks_of
from headstart.located import is_remote
from headstart.types import Floats

Cells = Mapping[str, object]
"""What a column holds, by the names of the items."""

MOST_SLICES = 200
"""Values of a column beyond which it is none to look within."""


def by_size(data: Dataset, results: Results, seed: int) -> tuple[Sliced, ...]:
    """Measured items in quarters by their size; nothing where they are few, or all alike.

    Args:
        data: every item.
        results: of those that are measured.
        seed: of the intervals.
    """
    if data.modality == "text":
        unit = "characters"
        sizes = np.array([len(data.items[at]) for at in results.positions.tolist()], np.float64)
    else:
        unit = "pixels a side"
        sizes = _sides(data, results)
    groups = quarters(sizes, unit)
    if not groups:
        return ()
    return (sliced(BY_SIZE[data.modality], groups, results, seed, column=False),)


def _sides(data: Dataset, results: Results) -> Floats:
    """Of a square as large as the image; NaN where it can no longer be read."""
    looks = looks_of(data, results.positions, lambda _: None, thumbnails=False)
    sides = np.full(len(results.positions), np.nan)
    place = np.searchsorted(results.positions, looks.positions)
    sides[place] = np.sqrt(looks.width * looks.height)
    return sides


def by_column(by: str, cells: Cells, results: Results, seed: int) -> Sliced:
    """The items by what a column holds.

    Args:
        by: the column.
        cells: its cells, by the names of the items.
        results: of these items.
        seed: of the intervals.

    Raises:
        InputError: the column has too many values.
    """
    values = values_of(by, (cells.get(name) for name in results.names))
    return sliced(by, groups_of(values), results, seed, column=True)


def cells_of(data: object, by: str) -> Cells:
    """The cells of a column, by the names of the items.

    Raises:
        InputError: the data is no table, or has no such column.
    """
    table = None
    if isinstance(data, (str, Path)):
        path = Path(data)
        table = read_table(path) if is_table(path) and path.is_file() else None
    elif not isinstance(data, reading.Dataset):
        table = table_of(data)
    if table is None:
        of_hub = isinstance(data, str) and is_remote(data)
        remedy = "save it as one first" if of_hub else "leave it out"
        raise InputError(f"--by names a column, but the data is no table; {remedy}.")
    must_have(table, by, "--by")
    cells = table.columns[by]
    return {table.row_name(row): cells[row] for row in range(len(table))}


def values_of(by: str, cells: Iterable[object]) -> list[str]:
    """What a column holds as text, where the values are few enough to look within each.

    Raises:
        InputError: they are not.
    """
    values = ["" if cell is None else str(cell) for cell in cells]
    if (number := len(set(values))) > MOST_SLICES:
        raise InputError(
            f"The column {by!r} (--by) has {number:,} values for {len(values):,} items, and at "
            f"most {MOST_SLICES} can be looked within; name a column of fewer."
        )
    return values
