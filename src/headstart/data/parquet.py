"""Parquet files as one table; encoded images are read when they are asked for."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from headstart.data.dataset import Split
from headstart.data.image_cells import image_of
from headstart.data.lazy import Lazy, chained
from headstart.data.table import Table, refuse_repeated
from headstart.errors import DataError, first_line
from headstart.types import Unchecked
from headstart.wording import shown, some

if TYPE_CHECKING:
    import pyarrow as pa

_INDEX = re.compile(r"__index_level_\d+__")
_BATCH = 32
"""Encoded images held in memory at once."""


class _ImageColumn:
    """The encoded images in one column of a file, or their paths as written, read on demand.

    Reading in order is one pass over the file that holds `_BATCH` images at a time; going back
    starts a row group again. May be shared by threads.
    """

    def __init__(self, path: Path, column: str) -> None:
        import pyarrow.parquet as pq

        metadata = pq.read_metadata(path)
        groups = range(metadata.num_row_groups)
        self._path = path
        self._column = column
        self._ends = list(accumulate(metadata.row_group(group).num_rows for group in groups))
        self._lock = Lock()
        self._group = -1
        self._first = 0
        self._batch: list[object] = []
        self._rest: Iterator[list[object]] = iter(())

    def items(self) -> Lazy:
        """One for each row."""
        return Lazy(self._ends[-1] if self._ends else 0, self._fetch)

    def _fetch(self, index: int) -> object:
        group = bisect_right(self._ends, index)
        with self._lock:
            cell = self._cell(group, index)
        return image_of(cell) if isinstance(cell, dict) else cell

    def _cell(self, group: int, index: int) -> object:
        import pyarrow as pa

        try:
            if group != self._group or index < self._first:
                self._open(group)
            while index >= self._first + len(self._batch):
                self._first += len(self._batch)
                self._batch = next(self._rest)
        except (pa.ArrowException, OSError, StopIteration) as error:
            self._group = -1
            raise DataError(
                f"{shown(str(self._path))} is damaged or has changed ({first_line(error)}); "
                "get it again."
            ) from error
        return self._batch[index - self._first]

    def _open(self, group: int) -> None:
        import pyarrow.parquet as pq

        # A buffered stream: the column chunk of a row group may be larger than memory.
        file = pq.ParquetFile(self._path, buffer_size=2**20, pre_buffer=False)
        batches = file.iter_batches(_BATCH, row_groups=[group], columns=[self._column])
        self._rest = (batch.column(0).to_pylist() for batch in batches)
        self._group, self._batch = group, []
        self._first = self._ends[group - 1] if group else 0


class _Columns(Mapping[str, Sequence[object]]):
    """Columns by name; cells become Python's own when a column is asked for."""

    def __init__(
        self,
        tables: Sequence["pa.Table"],
        written: Mapping[str, str],
        made: Mapping[str, Sequence[object]],
    ) -> None:
        self._tables = tables
        self._written = written
        self._made = dict(made)

    def __len__(self) -> int:
        return len(self._written)

    def __iter__(self) -> Iterator[str]:
        return iter(self._written)

    def __contains__(self, name: object) -> bool:
        return name in self._written

    def __getitem__(self, name: str) -> Sequence[object]:
        written = self._written[name]
        if name not in self._made:
            self._made[name] = [
                cell for table in self._tables for cell in _cells(table.column(written))
            ]
        return self._made[name]


def _cells(column: "pa.ChunkedArray") -> list[object]:
    """The cells of a column; None for one that cannot be represented."""
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):
        return [_cell(scalar) for scalar in column]


def _cell(scalar: "pa.Scalar") -> object:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        return None


def read_file(path: Path) -> Table:
    """Read one file.

    Raises:
        DataError: it is damaged or empty.
    """
    return read_parquet([(path, None)], path.name, path.parent)


def read_parquet(
    files: Sequence[tuple[Path, Split | None]], name: str, folder: Path | None
) -> Table:
    """Read files of the same columns as one table.

    Args:
        files: paths, each with the split its name gives.
        name: what to call the table in messages.
        folder: where relative paths in it start.

    Raises:
        DataError: a file that is damaged, empty or has other columns than the first.
    """
    for path, _ in files:
        if not path.is_file():  # a FIFO would be waited for
            raise DataError(f"{shown(str(path))} is not a regular file; remove or replace it.")
    read = [_read_file(path, files[0][0]) for path, _ in files]
    counts = [table.num_rows for table, _ in read]
    if not sum(counts):
        raise DataError(f"{shown(name)}, line 1: the table has no rows; at least one is needed.")
    first, images = read[0]
    written = _plain_names(_names(files[0][0]), shown(name))
    pictures = {
        column: chained([_ImageColumn(path, written[column]).items() for path, _ in files])
        for column in written
        if written[column] in images
    }
    splits = [split for (_, split), n in zip(files, counts, strict=True) for _ in range(n)]
    ends = list(accumulate(counts))

    def row_name(row: int) -> str:
        file = bisect_right(ends, row)
        return f"{shown(files[file][0].name)}:{row - (ends[file - 1] if file else 0) + 1}"

    return Table(
        name=shown(name),
        folder=folder,
        columns=_Columns([table for table, _ in read], written, pictures),
        row_name=row_name,
        splits=splits if any(splits) else (),
        class_names=_class_names(first.schema.metadata or {}),
        encoded_images=frozenset(pictures),
    )


def _plain_names(names: Sequence[str], table: str) -> dict[str, str]:
    """Columns as they are called here to as they are written; an index of pandas is none."""
    kept = [name for name in names if not _INDEX.fullmatch(name)] or names
    refuse_repeated([name.strip() for name in kept], table)
    return {name.strip(): name for name in kept}


def _names(path: Path) -> list[str]:
    import pyarrow.parquet as pq

    return list(pq.read_schema(path).names)


def _read_file(path: Path, first: Path) -> tuple["pa.Table", frozenset[str]]:
    """The columns of a file but for those that hold encoded images, and the names of the latter."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
        names = schema.names
        refuse_repeated(names, shown(path.name))
        if names != _names(first):
            raise DataError(
                f"{shown(path.name)} has the columns {some(names)}, but {shown(first.name)} has "
                f"{some(_names(first))}; they must be the same."
            )
        images = frozenset(n for n in names if _holds_images(schema.field(n).type))
        plain = [name for name in names if name not in images]
        return pq.read_table(path, columns=plain, partitioning=None), images
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{shown(path.name)} is not a Parquet file that can be read ({first_line(error)})."
        ) from error


def _holds_images(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    binary = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    if pa.types.is_struct(kind):
        return any(each.name == "bytes" for each in kind)
    return any(is_kind(kind) for is_kind in binary)


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, Sequence[str]]:
    """Names of class numbers, as the hub's `datasets` writes them into a Parquet file."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {
            column: tuple(feature["names"])
            for column, kind in features.items()
            if (feature := _element(kind)).get("_type") == "ClassLabel"
        }
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def _element(feature: Any) -> Unchecked:
    if isinstance(feature, list):
        feature = feature[0]
    if feature.get("_type") in ("Sequence", "List", "LargeList"):
        feature = feature["feature"]
    return dict(feature)
