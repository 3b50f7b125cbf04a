"""A table file to columns: CSV, TSV and JSONL here, Parquet in its own module."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headstart.data.dataset import Split
from headstart.data.names import shown, some
from headstart.errors import InputError

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_LONGEST_FIELD = 2**31 - 1


@dataclass(frozen=True)
class Table:
    """Columns of equal length, as they were written.

    Attributes:
        name: what to call the table in messages, escaped.
        folder: where relative paths start; None where there can be no paths.
        columns: cells by column name; None where a cell is missing. May be lazy.
        row_name: what to call a row in messages, such as `reviews.csv:12`.
        splits: the split that the table itself gives each row, or empty.
        class_names: the names of a column's classes, where its cells are class numbers.
        encoded_images: the columns whose cells are encoded images.
        weights: how much each row counts in training, or empty: all alike.
    """

    name: str
    folder: Path | None
    columns: Mapping[str, Sequence[Any]]
    row_name: Callable[[int], str]
    splits: Sequence[Split | None] = ()
    class_names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    encoded_images: frozenset[str] = frozenset()
    weights: Sequence[float] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def read_table(path: Path) -> Table:
    """Read a CSV, TSV, JSONL or Parquet file.

    Raises:
        InputError: names the file and line of what is wrong with it.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        from headstart.data.parquet import read_parquet

        return read_parquet([(path, None)], path.name, path.parent)
    try:
        if suffix in (".jsonl", ".ndjson"):
            return _read_jsonl(path)
        return _read_delimited(path, "\t" if suffix == ".tsv" else ",")
    except OSError as error:
        raise InputError(
            f"{shown(str(path))} cannot be read ({error.strerror}); check its permissions."
        ) from error


def _lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file with their line ends; a byte order mark is dropped."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            where = f"{shown(path.name)}, line {number}"
            if number == 1:
                if line.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in line:
                    raise InputError(f"{where}: this is UTF-16, not UTF-8; save it as UTF-8.")
                line = line.removeprefix(b"\xef\xbb\xbf")
            try:
                yield line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise InputError(
                    f"{where}: byte {error.start + 1} ({line[error.start]:#04x}) is not UTF-8; "
                    "save the file as UTF-8."
                ) from error


def _read_delimited(path: Path, delimiter: str) -> Table:
    # The limit is the interpreter's, not the reader's: it is put back afterwards.
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        rows, lines = _rows(path, csv.reader(_lines(path), delimiter=delimiter, strict=True))
    finally:
        csv.field_size_limit(before)
    columns = {
        name: [row[number] or None for row in rows[1:]] for number, name in enumerate(rows[0])
    }
    return _made(path, columns, lines[1:])


def _rows(path: Path, reader: Any) -> tuple[list[list[str]], list[int]]:
    """Every row that is not blank, the header first, with the line each one starts on."""
    rows: list[list[str]] = []
    lines: list[int] = []
    while True:
        line = reader.line_num + 1
        where = f"{shown(path.name)}, line {line}"
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            raise InputError(
                f"{where}: the row cannot be read ({error}); check its quotes and line ends."
            ) from error
        if not row:
            continue
        if not rows:
            _check_header(row, where)
        elif len(row) != len(rows[0]):
            raise InputError(
                f"{where}: the row has {len(row)} values, but the header has {len(rows[0])} "
                "columns; quote values that hold the separator."
            )
        rows.append(row)
        lines.append(line)
    if len(rows) < 2:
        raise InputError(
            f"{shown(path.name)}, line {reader.line_num or 1}: the table has no rows; "
            "a line with the column names and at least one row are needed."
        )
    return rows, lines


def _check_header(names: Sequence[str], where: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice and twice != [""]:
        raise InputError(f"{where}: column {some(twice)} is there twice; rename one.")
    if any(not name.strip() for name in names):
        raise InputError(f"{where}: a column has no name; the first line must name each column.")
    if len(names) == 1 and (found := next((c for c in "\t;|" if c in names[0]), None)):
        raise InputError(
            f"{where}: the columns seem to be separated by {found!r}; save the table with commas, "
            "or with tabs as a *.tsv file."
        )
    numbers = [name for name in names if _is_number(name)]
    if numbers:
        raise InputError(
            f"{where}: {some(numbers)} is no column name; the first line must name the columns."
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip().lower() not in ("nan", "inf", "infinity")


def _read_jsonl(path: Path) -> Table:
    records: list[dict[str, Any]] = []
    lines: list[int] = []
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            records.append(_record(line, f"{shown(path.name)}, line {number}"))
            lines.append(number)
    if not records:
        raise InputError(f"{shown(path.name)}, line 1: the table has no rows; one is needed.")
    names = list(dict.fromkeys(name for record in records for name in record))
    if not names:
        raise InputError(f"{shown(path.name)}, line {lines[0]}: the rows have no columns.")
    columns = {name: [record.get(name) for record in records] for name in names}
    return _made(path, columns, lines)


def _record(line: str, where: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(pairs)
        if len(record) < len(pairs):
            names = [name for name, _ in pairs]
            twice = sorted({name for name in names if names.count(name) > 1})
            raise InputError(f"{where}: column {some(twice)} is there twice; rename one.")
        return record

    try:
        record = json.loads(line, object_pairs_hook=unique)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{where}: this is not JSON ({error}); each line must be one JSON object."
        ) from error
    if not isinstance(record, dict):
        raise InputError(f'{where}: this is not a JSON object such as {{"text": ..., ...}}.')
    return record


def _made(path: Path, columns: Mapping[str, list[Any]], lines: list[int]) -> Table:
    name = shown(path.name)
    return Table(
        name=name,
        folder=path.parent,
        columns=columns,
        row_name=lambda row: f"{name}:{lines[row]}",
    )
