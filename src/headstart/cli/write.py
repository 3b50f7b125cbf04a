"""Predictions to a CSV, JSONL or Parquet file, whole or not at all."""

import csv
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from headstart.cli.rows import as_json, cells, header, rows
from headstart.errors import InputError
from headstart.paths import check_written

if TYPE_CHECKING:
    from headstart.model import Predictions

SUFFIXES = (".csv", ".jsonl", ".parquet")
ROWS_AT_ONCE = 10_000


def check_out(out: str) -> Path:
    """The file to write, before any work is done for it.

    Raises:
        InputError: it cannot be written there, or not in a format we know.
    """
    path = Path(out)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"--out is {out!r}, but it must end in .csv, .jsonl or .parquet.")
    check_written(path, "--out")
    if path.is_dir():
        raise InputError(f"--out is {out!r}, which is a folder; name a file.")
    if not path.parent.is_dir():
        raise InputError(f"--out is {out!r}, but there is no folder {str(path.parent)!r}; make it.")
    return path.resolve()


def write(answers: "Predictions", top: int | None, path: Path) -> None:
    """Write every row of `answers` to `path`, in the format its suffix names.

    A column per class, or `top` columns; the last column, `error`, says why a row has no answer.
    """
    with _whole(path) as unfinished:
        if path.suffix.lower() == ".parquet":
            _write_parquet(answers, top, unfinished)
            return
        with unfinished.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            if path.suffix.lower() == ".csv":
                write_csv(answers, top, file)
            else:
                for row in rows(answers, top):
                    file.write(json.dumps(as_json(row, top), allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())


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


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it when all is written and removed otherwise."""
    unfinished = path.with_name(f".headstart-{os.getpid()}-{os.urandom(4).hex()}.partial")
    try:
        yield unfinished
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
