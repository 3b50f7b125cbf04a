"""A table file to columns; each format has a module of its own."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headstart.data.dataset import Split
from headstart.errors import DataError
from headstart.registry import READERS
from headstart.wording import items, shown, some

PACKED = (".gz", ".bz2", ".xz")
"""Compressions that are read, of the formats that are text."""

_STRAY = 0.1
"""Share of the rows that a column without a name may hold something in and still be left out."""

_TEXT_FORMATS = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json")


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
        encoded_images: the columns whose cells are encoded images, or the paths of images.
        notes: what was guessed about the file, and how to say otherwise.
        warnings: what a person should know about the file.
        weights: how much each row counts in training, or empty: all alike.
    """

    name: str
    folder: Path | None
    columns: Mapping[str, Sequence[object]]
    row_name: Callable[[int], str]
    splits: Sequence[Split | None] = ()
    class_names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    encoded_images: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    weights: Sequence[float] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def is_table(path: Path) -> bool:
    """Whether a file is a table, going by its name: `.csv`, `.jsonl.gz`, `.parquet`, ..."""
    suffix = format_of(path)
    # Texts come by often, and only the readers of other packages take time to look for.
    return suffix in READERS.ours or (suffix[1:].isalnum() and suffix in READERS)


def format_of(path: Path) -> str:
    """The end of a table's name in lower case, a compression's left out: `.csv` of `a.CSV.gz`."""
    suffix = path.suffix.lower()
    if suffix in PACKED:
        inner = Path(path.stem).suffix.lower()
        return inner if inner in _TEXT_FORMATS else suffix
    return suffix


def read_table(path: Path) -> Table:
    """Read a CSV, TSV, JSON, JSONL, Parquet or spreadsheet file.

    Raises:
        DataError: names the file and line of what is wrong with it.
    """
    reader: Callable[[Path], Table] = READERS.resolve(format_of(path))
    try:
        if not path.is_file():  # a FIFO would be waited for
            raise DataError(
                f"{shown(str(path))} is not a regular file; save the table as one and name that."
            )
        return reader(path)
    except OSError as error:
        raise DataError(
            f"{shown(str(path))} cannot be read ({error.strerror or error}); "
            "check the file and its permissions."
        ) from error


def named_columns(
    where: str, name: str, names: Sequence[str], cells: Callable[[int], list[object]]
) -> tuple[dict[str, Sequence[object]], list[str], list[str]]:
    """Cells by column name; an index, and columns without a name or much in them, are passed over.

    Args:
        where: what a message about the header starts with.
        name: of the table.
        names: of the columns; blanks around them do not count.
        cells: the cells of the column of a number.

    Returns:
        The columns, what was passed over, and a warning where that holds something.

    Raises:
        DataError: two columns have one name, or a column that holds much has none.
    """
    plain = [column.strip().strip("\ufeff").strip() for column in names]
    refuse_repeated([column for column in plain if column], where)
    columns: dict[str, Sequence[object]] = {}
    notes, warnings = [], []
    for number, column in enumerate(plain):
        if column:
            columns[column] = cells(number)
            continue
        filled = [row for row, cell in enumerate(cells(number)) if not _is_blank(cell)]
        if filled and not number:
            notes.append(
                f"The first column of {name} has no name; it is passed over as the index of the "
                "rows."
            )
        elif len(filled) > _STRAY * len(cells(number)):
            raise DataError(
                f"{where}: column {number + 1} has no name; the header must name each column."
            )
        elif filled:
            warnings.append(
                f"Column {number + 1} of {name} has no name and is left out; "
                f"{items(len(filled), 'row')} of it (first: row {filled[0] + 1}) "
                f"{'holds' if len(filled) == 1 else 'hold'} something."
            )
    if not columns:
        raise DataError(f"{where}: no column has a name; the header must name each column.")
    trimmed = [column for column in names if column != column.strip() and column.strip()]
    if trimmed:
        notes.append(f"Blanks around the column names {some(trimmed)} of {name} are left out.")
    return columns, notes, warnings


def _is_blank(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def refuse_repeated(names: Sequence[str], where: str) -> None:
    """Refuse a table in which two columns have one name.

    Raises:
        DataError: names them; `where` is what the message starts with.
    """
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise DataError(f"{where}: column {some(twice)} is there twice; rename one.")
