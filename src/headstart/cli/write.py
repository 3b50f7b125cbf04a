"""Predictions to a CSV, JSONL or Parquet file, whole or not at all."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from headstart.atomic import whole
from headstart.report.rows import as_json, cells, header, id_key, rows

if TYPE_CHECKING:
    from headstart.predictors import Predictions

ROWS_AT_ONCE = 10_000


def write(answers: "Predictions", top: int | None, path: Path) -> None:
    """Write every row of `answers` to `path`, in the format its suffix names.

    A column per class, or `top` columns; the last column, `error`, says why a row has no answer.
    """
    id = id_key(answers)
    with whole(path) as unfinished:
        if path.suffix.lower() == ".parquet":
            _write_parquet(answers, top, unfinished)
            return
        with unfinished.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            if path.suffix.lower() == ".csv":
                write_csv(answers, top, file)
            else:
                for row in rows(answers, top):
                    file.write(json.dumps(as_json(row, top, id), allow_nan=False) + "\n")


def write_csv(answers: "Predictions", top: int | None, file: TextIO) -> None:
    """Write every row of `answers` as CSV."""
    names = header(answers, top)
    out = csv.writer(file, lineterminator="\n")
    out.writerow(names)
    out.writerows(cells(row, names, top) for row in rows(answers, top))


def _write_parquet(answers: "Predictions", top: int | None, path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    names = header(answers, top)
    schema = pa.schema([(name, _kind_of(name, answers)) for name in names])
    with parquet.ParquetWriter(path, schema) as writer:
        pending: list[list[object]] = []

        def flush() -> None:
            columns = zip(*pending, strict=True)
            arrays = [_array(c, f.type) for c, f in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            pending.clear()

        for row in rows(answers, top):
            pending.append(cells(row, names, top))
            if len(pending) == ROWS_AT_ONCE:
                flush()
        if pending:
            flush()


def _kind_of(name: str, answers: "Predictions") -> object:
    """The Parquet type of a column; of the user's its own, or text where its cells are mixed."""
    import pyarrow as pa

    if answers.ids is None or name != id_key(answers):
        words = name in ("item", "label", "set", "error") or name.startswith("label_")
        return pa.string() if words else pa.float64()
    try:
        kind = pa.array(list(answers.ids.cells.values())).type
    except (ValueError, TypeError):  # Arrow's own are both
        return pa.string()
    return pa.string() if pa.types.is_null(kind) else kind


def _array(cells: Iterable[object], kind: object) -> object:
    import pyarrow as pa

    if pa.types.is_string(kind):
        # A lone surrogate cannot be written as UTF-8.
        cells = (
            c if c is None else str(c).encode("utf-8", "backslashreplace").decode() for c in cells
        )
    return pa.array(list(cells), kind)
