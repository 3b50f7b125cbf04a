"""JSON to a table: an object a line, or one document that holds the rows or the columns."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

from headstart.data.table import Table, format_of, refuse_repeated
from headstart.data.textfile import TextFile, text_file
from headstart.errors import DataError, InputError
from headstart.wording import shown, some

_FORMS = (
    "an array of objects, an object a line, an object of columns, or an object that names a "
    "label for each item"
)
_LINES = object()
"""What a file of an object a line is instead of one document."""


def read_json(path: Path) -> Table:
    """Read JSON Lines, an array of objects, or what pandas and others write as one document.

    Raises:
        DataError: names the line, or what the document lacks.
    """
    file = text_file(path)
    start = next((line.lstrip() for line in file.lines() if line.strip()), None)
    if start is None:
        raise DataError(f"{shown(path.name)}, line 1: the table has no rows; one is needed.")
    if start.startswith("[") or format_of(path) == ".json":
        document = _document(file)
        if document is not _LINES:
            return _of_document(file, document)
    return _of_lines(file)


def _of_lines(file: TextFile) -> Table:
    name = shown(file.path.name)
    records: list[Mapping[str, object]] = []
    starts: list[int] = []
    blank: list[int] = []
    for number, line in enumerate(file.lines(), 1):
        if not line.strip():
            blank.append(number)
            continue
        for each in blank:  # those at the end are no rows
            records.append({})
            starts.append(each)
        blank.clear()
        records.append(_record(line, f"{name}, line {number}"))
        starts.append(number)
    return _made(file, records, starts)


def _record(line: str, where: str) -> dict[str, object]:
    record = _parsed(line, where, "each line must be one JSON object")
    if not isinstance(record, dict):
        raise DataError(f'{where}: this is not a JSON object such as {{"text": ..., ...}}.')
    return record


def _parsed(text: str, where: str, wanted: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=partial(_unique, where))
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: this is not JSON ({error}); {wanted}.") from error


def _unique(where: str, pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        refuse_repeated([name for name, _ in pairs], where)
    return record


def _document(file: TextFile) -> object:
    """The one value in the file; `_LINES` where there are several."""
    text = "\n".join(file.lines())
    name = shown(file.path.name)
    try:
        return _parsed(text, f"{name}, line 1", f"it must be {_FORMS}")
    except InputError as error:
        cause = error.__cause__
        if isinstance(cause, json.JSONDecodeError) and cause.msg == "Extra data":
            return _LINES
        if isinstance(cause, json.JSONDecodeError):
            raise DataError(
                f"{name}, line {cause.lineno}: this is not JSON ({cause.msg}); it must be {_FORMS}."
            ) from cause
        raise


def _of_document(file: TextFile, document: object) -> Table:
    name = shown(file.path.name)
    if isinstance(document, dict):
        lists = [key for key, value in document.items() if _is_rows(value)]
        if len(lists) == 1:
            document = document[lists[0]]
        elif len(lists) > 1:
            raise DataError(
                f"{name} holds several lists of objects ({some(lists)}); save the one that has a "
                "row for each item by itself."
            )
        else:
            document = _rows_of(document, name)
    if not isinstance(document, list) or not document:
        raise DataError(f"{name}, line 1: there are no rows in it; it must be {_FORMS}.")
    for number, record in enumerate(document, 1):
        if not isinstance(record, dict | None):
            raise DataError(
                f"{name}, row {number}: this is not a JSON object such as "
                f'{{"text": ..., ...}}; it must be {_FORMS}.'
            )
    return _made(file, [record or {} for record in document], range(1, len(document) + 1))


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(x, dict) for x in value)


def _rows_of(document: Mapping[str, object], name: str) -> list[dict[str, object]]:
    """Rows from an object of columns, of rows by name, or of labels by item.

    Raises:
        DataError: it is none of them.
    """
    columns = document.get("columns")
    if isinstance(columns, list) and (rows := _split_rows(document, len(columns))) is not None:
        names = [str(column) for column in columns]
        refuse_repeated(names, f"{name}, line 1")
        return [dict(zip(names, row, strict=True)) for row in rows]
    values = list(document.values())
    lists = [value for value in values if isinstance(value, list)]
    if lists and len(lists) == len(values):
        if len({len(value) for value in lists}) > 1:
            raise DataError(f"{name} holds columns of different lengths; each needs every row.")
        return [dict(zip(document, row, strict=True)) for row in zip(*lists, strict=True)]
    records = {key: value for key, value in document.items() if isinstance(value, dict)}
    if records and len(records) == len(values):
        inner = list(dict.fromkeys(chain.from_iterable(records.values())))
        if all(key.isdecimal() for key in inner):  # columns of cells by row, as pandas writes them
            return [{name: cells.get(key) for name, cells in records.items()} for key in inner]
        return list(records.values())
    if len(values) > 1 and not any(isinstance(value, list | dict) for value in values):
        return [{"item": key, "label": value} for key, value in document.items()]
    raise DataError(f"{name} is JSON, but no table: it must be {_FORMS}.")


def _split_rows(document: Mapping[str, object], width: int) -> list[list[object]] | None:
    """The rows under `data`, as pandas writes them beside `columns`; None where they are none."""
    rows = document.get("data")
    if not isinstance(rows, list):
        return None
    return rows if all(isinstance(row, list) and len(row) == width for row in rows) else None


def _made(file: TextFile, records: Sequence[Mapping[str, object]], starts: Sequence[int]) -> Table:
    name = shown(file.path.name)
    names = list(dict.fromkeys(chain.from_iterable(records)))
    if not names:
        raise DataError(f"{name}, line {starts[0] if starts else 1}: the rows have no columns.")
    stripped = [column.strip() for column in names]
    refuse_repeated(stripped, f"{name}, line 1")
    return Table(
        name=name,
        folder=file.path.parent,
        columns={
            plain: [record.get(column) for record in records]
            for plain, column in zip(stripped, names, strict=True)
        },
        row_name=lambda row: f"{name}:{starts[row]}",
        notes=file.notes,
    )
