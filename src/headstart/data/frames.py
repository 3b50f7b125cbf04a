"""Tables that are in memory already: frames of several libraries, rows, columns, hub data sets."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from headstart.data.arrays import as_numpy, images_of, is_array
from headstart.data.image_cells import image_of, is_cell
from headstart.data.lazy import mapped
from headstart.data.scalars import PANDAS_MISSING
from headstart.data.table import Table
from headstart.errors import DataError
from headstart.wording import shown, some

_SAMPLE = 100


def table_of(data: Any) -> Table | None:
    """The table in a value; None where the value is no table.

    Args:
        data: a DataFrame of pandas or polars, a `pyarrow.Table`, a `datasets.Dataset` or
            `DatasetDict`, a mapping of column names to columns, one row as a mapping, or a
            sequence of rows.

    Raises:
        DataError: two columns of one name, columns of several lengths, or no rows.
    """
    if _is(data, "datasets", "Dataset", "DatasetDict"):
        return _of_hub(data)
    if _is(data, "datasets", "IterableDataset", "IterableDatasetDict"):
        raise DataError(
            "An IterableDataset has no length; give a datasets.Dataset: load it without streaming."
        )
    if _is(data, "polars", "LazyFrame"):
        raise DataError("A LazyFrame holds no rows yet; give its collect().")
    if _is(data, "pandas", "DataFrame"):
        columns = [(str(name), data.iloc[:, at]) for at, name in enumerate(data.columns)]
        return _made("DataFrame", columns, _index_of(data))
    if _is(data, "polars", "DataFrame"):
        return _made("DataFrame", [(name, data[name].to_list()) for name in data.columns])
    if _is(data, "pyarrow", "Table", "RecordBatch"):
        names = list(data.schema.names)
        columns = [(name, data.column(at).to_pylist()) for at, name in enumerate(names)]
        return _made("Table", columns)
    if isinstance(data, Mapping) and not is_cell(data):
        return _of_mapping(data)
    if isinstance(data, (list, tuple)) and data and all(_is_row(each) for each in data):
        return _of_rows(data)
    return None


def _index_of(frame: Any) -> list[str]:
    """What a frame calls its rows, where that tells them apart; else nothing."""
    index = [shown(str(label))[:80] for label in frame.index]
    return index if len(set(index)) == len(index) else []


def is_missing(value: object) -> bool:
    """Whether a cell holds nothing: None, NaN, `pandas.NA` or NaT."""
    if value is None or type(value).__name__ in PANDAS_MISSING:
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def _unwrapped(value: object) -> object:
    return image_of(value) if is_cell(value) else value


def _is(data: object, library: str, *names: str) -> bool:
    """Whether it is of a class of a library, or of one derived from it; nothing is imported."""
    return any(
        each.__name__ in names and each.__module__.partition(".")[0] == library
        for each in type(data).__mro__
    )


def _is_row(value: object) -> bool:
    return isinstance(value, Mapping) and not is_cell(value)


def _of_hub(data: Any) -> Table:
    from headstart.data import hub

    name = type(data).__name__
    parts = data if isinstance(data, Mapping) else {"row": data}
    plain = {part: rows.with_format(None) for part, rows in parts.items()}
    # The user's own program wrote the paths in it.
    return replace(hub.table_of(plain, name), folder=Path())


def _of_mapping(data: Mapping[object, object]) -> Table:
    if not data:
        raise DataError("The mapping is empty; it must have columns.")
    if not all(_is_column(cells) for cells in data.values()):
        return _of_rows([data])
    return _made("mapping", [(str(name), cells) for name, cells in data.items()])


def _is_column(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return True
    # An image has two or three axes, a stack of them four.
    return is_array(value) and len(getattr(value, "shape", ())) in (1, 4)


def _of_rows(rows: Sequence[Mapping[object, object]]) -> Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names:
        raise DataError("The rows have no columns.")
    return _made("list", [(str(name), [row.get(name) for row in rows]) for name in names])


def _made(kind: str, columns: Sequence[tuple[str, object]], index: Sequence[str] = ()) -> Table:
    names = [name for name, _ in columns]
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise DataError(f"Column {some(twice)} of the {kind} is there twice; rename one.")
    cells = {name: _cells(column) for name, column in columns}
    lengths = {len(column) for column in cells.values()}
    if len(lengths) > 1:
        raise DataError(f"The columns of the {kind} have several lengths; give equal ones.")
    if not lengths or lengths == {0}:
        raise DataError(f"The {kind} has no rows; at least one is needed.")
    images = frozenset(name for name, column in cells.items() if _holds_images(column))
    return Table(
        name=f"the {kind}",
        folder=Path(),
        columns={name: mapped(_unwrapped, c) if name in images else c for name, c in cells.items()},
        row_name=lambda row: f"row {index[row] if index else row}",
        encoded_images=images,
    )


def _cells(column: Any) -> list[object]:
    """Cells as Python has them, None where one is missing."""
    if is_array(column) and not isinstance(column, np.ndarray) and hasattr(column, "tolist"):
        values = column.tolist()
    elif is_array(column):
        array = as_numpy(column)
        values = array.tolist() if array.ndim == 1 else images_of(array)
    else:
        values = list(column)
    return [None if is_missing(value) else value for value in values]


def _holds_images(cells: Sequence[object]) -> bool:
    seen = islice((cell for cell in cells if cell is not None), _SAMPLE)
    return any(
        isinstance(cell, (bytes, bytearray, memoryview, Image.Image, Path))
        or is_cell(cell)
        or (is_array(cell) and len(getattr(cell, "shape", ())) >= 2)
        for cell in seen
    )
