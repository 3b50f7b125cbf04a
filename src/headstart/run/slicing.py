"""Slices of measured items: by the cells of a column, and by how large items are."""

from collections.abc import Iterable, Mapping

import numpy as np

from headstart.data.dataset import Dataset
from headstart.errors import InputError
from headstart.evaluation import Results
from headstart.evaluation.slices import Sliced, groups_of, quarters, sliced
from headstart.findings.looks import looks_of
from headstart.types import Floats

MOST_SLICES = 200
"""Values of a column beyond which it is none to look within."""


def by_size(data: Dataset, results: Results, seed: int) -> tuple[Sliced, ...]:
    """The test items in quarters by their size; nothing where they are few, or all alike.

    Args:
        data: every item.
        results: of the items, those of the test split among them.
        seed: of the intervals.
    """
    asked = results.select(results.within("test"))
    if data.modality == "text":
        by, unit = "length of the text", "characters"
        sizes = np.array([len(data.items[at]) for at in asked.positions.tolist()], np.float64)
    else:
        by, unit = "size of the image", "pixels a side"
        sizes = _sides(data, asked)
    groups = quarters(sizes, unit)
    return (sliced(by, groups, asked, seed),) if groups else ()


def _sides(data: Dataset, results: Results) -> Floats:
    """Of a square as large as the image; NaN where it can no longer be read."""
    looks = looks_of(data, results.positions, lambda _: None, thumbnails=False)
    sides = np.full(len(results.positions), np.nan)
    place = np.searchsorted(results.positions, looks.positions)
    sides[place] = np.sqrt(looks.width * looks.height)
    return sides


def by_column(by: str, cells: Mapping[str, object], results: Results, seed: int) -> Sliced:
    """The items by what a column holds.

    Args:
        by: the column.
        cells: its cells, by the names of the items.
        results: of the items.
        seed: of the intervals.

    Raises:
        InputError: the column has too many values.
    """
    values = values_of(by, (cells.get(name) for name in results.names))
    return sliced(by, groups_of(values), results, seed)


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
