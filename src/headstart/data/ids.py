"""What a table calls its own rows, carried to the answers so that both can be joined."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from headstart.data.columns import must_have
from headstart.data.dataset import Dataset, Ids
from headstart.data.table import Table, is_table
from headstart.errors import DataError
from headstart.wording import shown


def _is_table(given: str) -> bool:
    """Whether what the user named is a file that is read as a table."""
    path = Path(given)
    try:
        return is_table(path) and path.is_file()
    except (OSError, ValueError):
        return False


def refuse_columns(inputs: Sequence[str], **named: str | None) -> None:
    """Refuse options that name a column where no input has any.

    Raises:
        DataError: says which option.
    """
    for option, column in named.items():
        if column is not None and not any(map(_is_table, inputs)):
            raise DataError(
                f"--{option} names a column, but none of the inputs is a table; leave it out."
            )


def ids_of(table: Table, column: str) -> Ids:
    """The cells of a column, by the names of the rows.

    Raises:
        DataError: there is no such column, or it holds images.
    """
    must_have(table, column, "--id")
    if column in table.encoded_images:
        raise DataError(f"Column {column!r} of {table.name} holds images and cannot be --id.")
    cells: Sequence[object] = table.columns[column]
    return Ids(column, {table.row_name(row): _plain(cells[row]) for row in range(len(table))})


def _plain(cell: object) -> str | float | None:
    """A cell as every format of answers can hold it."""
    return cell if cell is None or isinstance(cell, (str, int, float)) else str(cell)


def placed(data: Dataset, folder: str) -> Dataset:
    """The same with the folder in every name, which tells the items of several inputs apart."""
    if folder in ("", "."):
        return data

    def name(item: str) -> str:
        return f"{shown(folder).rstrip('/')}/{item}"

    ids = data.ids
    return replace(
        data,
        names=[name(each) for each in data.names],
        skipped=tuple(replace(each, item=name(each.item)) for each in data.skipped),
        ids=ids and Ids(ids.column, {name(item): cell for item, cell in ids.cells.items()}),
    )


def joined_ids(column: str, parts: Sequence[Dataset]) -> Ids:
    """The cells of all the parts that have any."""
    known = [part.ids.cells for part in parts if part.ids is not None]
    return Ids(column, {item: cell for cells in known for item, cell in cells.items()})


def folder_of(given: str) -> str:
    """The folder that the names of an input's items start from; empty where there is none."""
    path = Path(given)
    if _is_table(given):
        return path.parent.as_posix()
    try:
        return path.as_posix() if given and path.is_dir() else ""
    except (OSError, ValueError):
        return ""
