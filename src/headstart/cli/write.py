"""Predictions to a CSV, JSONL or Parquet file, whole or not at all."""

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from headstart.atomic import whole
from headstart.cli.rows import as_json, cells, header, rows

if TYPE_CHECKING:
    from headstart.model import Predictions

ROWS_AT_ONCE = 10_000


def write(answers: "Predictions", top: int | None, path: Path) -> None:
    """Write every row of `answers` to `path`, in the format its suffix names.

    A column per class, or `top` columns; the last column, `error`, says why a row has no answer.
    """
    with whole(path) as unfinished:
        if path.suffix.lower() == ".parquet":
            _write_parquet(answers, top, unfinished)
            return
        with unfinished.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            if path.suffix.lower() == ".csv":
                write_csv(answers, top, file)
            else:
                for row in rows(answers, top):
                    file.write(json.dumps(as_json(row, top), allow_nan=False) + "\n")


def write_csv(answers: "Predictions", top: int | None, file: TextIO) -> None:
    """Write every row of `answers` as CSV."""
    names = header(answers, top)
    out = csv.writer(file, lineterminator="\n")
    out.writerow(names)
    out.writerows(cells(row, len(names), top) for row in rows(answers, top))


def _write_parquet(answers: "Predictions", top: int | None, path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    names = header(answers, top)
    words = {"item", "label", "error"}
    schema = pa.schema(
        [
            (name, pa.string() if name in words or name.startswith("label_") else pa.float64())
            for name in names
        ]
    )
    with parquet.ParquetWriter(path, schema) as writer:
        pending: list[list[str | float | None]] = []

        def flush() -> None:
            columns = zip(*pending, strict=True)
            arrays = [pa.array(list(c), f.type) for c, f in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            pending.clear()

        for row in rows(answers, top):
            pending.append(cells(row, len(names), top))
            if len(pending) == ROWS_AT_ONCE:
                flush()
        if pending:
            flush()
