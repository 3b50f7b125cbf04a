"""The first sheet of a spreadsheet as a table, through python-calamine (the extra `excel`)."""

import datetime
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from headstart.data.table import Table, named_columns
from headstart.errors import DataError, InputError
from headstart.wording import shown, some

_MOST_CELLS = 50_000_000
"""A compressed sheet can claim any number."""


def read_excel(path: Path) -> Table:
    """Read the first sheet that holds anything; its first row names the columns.

    Raises:
        DataError: the extra is missing, or names what is wrong with the file.
    """
    name = shown(path.name)
    with _saying(name):
        sheet, first, rows, others = _first_sheet(path, name)
    while rows and not any(cell is not None for cell in rows[-1]):
        rows.pop()
    at = next((n for n, row in enumerate(rows) if any(cell is not None for cell in row)), None)
    if at is None or at + 1 == len(rows):
        raise DataError(
            f"{name}, sheet {shown(sheet)!r}: the table has no rows; a row with the column names "
            "and at least one more are needed."
        )
    columns, notes, warnings = _columns(
        f"{name}, row {first + at + 1}", name, rows[at], rows[at + 1 :]
    )
    other_sheets = (
        (f"{name} is read from its sheet {shown(sheet)!r}; {some(others)} not.",) if others else ()
    )
    return Table(
        name=f"{name} (sheet {shown(sheet)!r})" if others else name,
        folder=path.parent,
        columns=columns,
        row_name=lambda row: f"{name}:{first + at + row + 2}",
        notes=(*other_sheets, *notes),
        warnings=tuple(warnings),
    )


def _first_sheet(path: Path, name: str) -> tuple[str, int, list[list[object]], list[str]]:
    """The first sheet that is not empty: its name, where it starts, its rows; the others' names."""
    try:
        from python_calamine import CalamineWorkbook
    except ImportError:
        raise DataError(
            f'{name} is a spreadsheet; to read it, install the extra: pip install "headstart'
            '[excel]", or save it as CSV.'
        ) from None
    workbook = CalamineWorkbook.from_path(str(path))
    for sheet_name in workbook.sheet_names:
        sheet = workbook.get_sheet_by_name(sheet_name)
        if sheet.height * sheet.width > _MOST_CELLS:
            raise DataError(f"{name} has more than {_MOST_CELLS:,} cells; save it as CSV.")
        first = sheet.start[0] if sheet.start else 0
        rows = [[_cell(cell) for cell in row] for row in sheet.to_python(skip_empty_area=True)]
        if any(cell is not None for row in rows for cell in row):
            return sheet_name, first, rows, [n for n in workbook.sheet_names if n != sheet_name]
    return (workbook.sheet_names or [""])[0], 0, [], []


@contextmanager
def _saying(name: str) -> Iterator[None]:
    """Say what the library says; its own panics are no `Exception`."""
    try:
        yield
    except (InputError, KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        said = str(error).strip().partition("\n")[0][:200]
        raise DataError(
            f"{name} is not a spreadsheet that can be read ({shown(said)}); save it again, or as "
            "CSV."
        ) from error


def _cell(cell: object) -> object:
    """A cell as the other formats have it: whole numbers whole, dates as ISO text."""
    if cell == "" or cell is None:
        return None
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return int(cell)
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell) if isinstance(cell, datetime.timedelta) else cell


def _columns(
    where: str, name: str, header: Sequence[object], rows: Sequence[Sequence[object]]
) -> tuple[dict[str, Sequence[object]], list[str], list[str]]:
    names = ["" if cell is None else str(cell).strip() for cell in header]
    numbers = [cell for cell in header if isinstance(cell, int | float)]
    if numbers:
        raise DataError(
            f"{where}: {some(numbers)} is no column name; the first row must name the columns."
        )
    return named_columns(where, name, names, lambda number: [row[number] for row in rows])
