"""CSV and TSV to a table: the separator is recognised, and quotes never merge rows unsaid.

Lines are read one at a time. A line without quotes is split at the separator. One with quotes is
taken as RFC 4180 says where that gives as many cells as the header has; where a quote that is
never closed would swallow lines that are whole rows themselves, it is a character like any other.
"""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from headstart.data.table import Table, named_columns
from headstart.data.textfile import TextFile, text_file
from headstart.errors import DataError
from headstart.wording import items, shown, some

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_NO_SEPARATOR = "\x1f"
"""Of a table of one column: the character that nobody writes."""

_SAMPLE = 200
_MOST_LINES = 2000
"""Lines that one quoted cell may span."""

_RULE = re.compile(r"[|:\s]*-{2}[-|:\s]*")
"""What Markdown puts below the names of columns."""

_LONGEST_FIELD = 2**31 - 1


def read_csv(path: Path) -> Table:
    """Read a table whose columns commas separate, or another separator that fits better.

    Raises:
        DataError: names the line of what is wrong.
    """
    return _read(path, ",")


def read_tsv(path: Path) -> Table:
    """The same where tabs are expected."""
    return _read(path, "\t")


@dataclass(frozen=True)
class _Row:
    """Cells, where they start, over how many lines, and how their quotes were taken."""

    line: int
    cells: list[str]
    lines: int = 1
    way: str = "plain"


@dataclass(frozen=True)
class _Style:
    """How cells are written: what separates them, and whether a blank follows that."""

    separator: str
    blanks: bool = False

    def split(self, line: str) -> list[str]:
        """The cells of a line whose quotes mean nothing."""
        cells = line.split(self.separator)
        return [cell.lstrip(" ") for cell in cells] if self.blanks else cells

    def parse(self, lines: Iterable[str], **how: Any) -> list[str] | None:
        """The cells of the first record as `csv` reads it; None where it cannot."""
        how = {"strict": True, **how}
        reader = csv.reader(lines, delimiter=self.separator, skipinitialspace=self.blanks, **how)
        try:
            return next(reader)
        except (csv.Error, StopIteration):
            return None


def _read(path: Path, expected: str) -> Table:
    # The limit is the interpreter's, not the reader's: it is put back afterwards.
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        return _table(text_file(path), expected)
    finally:
        csv.field_size_limit(before)


def _table(file: TextFile, expected: str) -> Table:
    name = shown(file.path.name)
    lines = enumerate(file.lines(), 1)
    sample = list(islice(lines, _SAMPLE))
    from_file = list(file.notes)
    if sample and (hint := sample[0][1]).lower()[:4] == "sep=" and hint[4:] in SEPARATORS:
        expected = sample.pop(0)[1][4:]  # Excel's own way of saying it
    while sample and not sample[0][1].strip():
        sample.pop(0)
    if not sample:
        raise _no_rows(f"{name}, line 1")
    style, header = _recognised([line for _, line in sample], expected)
    if style.separator not in (expected, _NO_SEPARATOR):
        from_file.append(
            f"The columns of {name} are separated by {SEPARATORS[style.separator]} (a guess)."
        )
    if style.blanks:
        from_file.append(f"Blanks after the separators of {name} are left out.")
    first = sample.pop(0)[0]
    rows = _Reader(style, len(header), name, deque(sample), lines)
    names, found = _shaped(f"{name}, line {first}", header, rows)
    if not found:
        raise _no_rows(f"{name}, line {first}")
    repeated = _blanked(names, found)
    columns, notes, warnings = named_columns(
        f"{name}, line {first}", name, names, lambda n: [row.cells[n] or None for row in found]
    )
    starts = [row.line for row in found]
    return Table(
        name=name,
        folder=file.path.parent,
        columns=columns,
        row_name=lambda row: f"{name}:{starts[row]}",
        notes=(*from_file, *notes, *_spans(name, found)),
        warnings=(*_quotes(name, found), *_repeats(name, repeated), *warnings),
    )


def _no_rows(where: str) -> DataError:
    return DataError(
        f"{where}: the table has no rows; a line with the column names and at least one row are "
        "needed."
    )


def _recognised(sample: Sequence[str], expected: str) -> tuple[_Style, list[str]]:
    """The separator that gives most lines as many cells as the header, and the header's cells."""
    best = (0.0, False, 0)
    style, header = _Style(_NO_SEPARATOR), [sample[0]]
    lines = [line for line in sample[1:] if line.strip()]
    for separator in dict.fromkeys((expected, *SEPARATORS)):
        each = _Style(separator)
        names = each.parse([sample[0]]) or each.split(sample[0])
        if len(names) < 2:
            continue
        each = _Style(separator, blanks=separator != "\t" and all(n[:1] == " " for n in names[1:]))
        widths = [len(each.parse([line], strict=False) or ()) for line in lines]
        even = max((sum(w == n for w in widths) for n in (len(names), len(names) + 1)), default=0)
        share = even / len(widths) if widths else 1.0
        score = (round(share, 1), separator == expected, len(names))
        if score > best:
            best, style = score, each
            header = each.parse([sample[0]]) or each.split(sample[0])
    if style.separator == _NO_SEPARATOR:
        header = style.parse([sample[0]]) or header
    return style, header


class _Reader:
    """Rows of one width, or one name for the line that has another."""

    def __init__(
        self,
        style: _Style,
        width: int,
        name: str,
        first: deque[tuple[int, str]],
        rest: Iterator[tuple[int, str]],
    ) -> None:
        self.style, self.width, self.name = style, width, name
        self._first, self._rest = first, rest

    def peek(self, most: int) -> list[str]:
        """Some of the next lines that are not blank."""
        return [line for _, line in islice(self._first, most) if line.strip()]

    def rows(self) -> Iterator[_Row]:
        """Every row; a blank line is a row without cells.

        Raises:
            DataError: a row of another width than the header.
        """
        while (following := self._next()) is not None:
            number, line = following
            if not line.strip() and (self.width > 1 or not line):
                yield _Row(number, [""] * self.width)
            elif '"' in line:
                yield self._quoted(number, line)
            else:
                yield self._fitting(_Row(number, self.style.split(line)))

    def _next(self) -> tuple[int, str] | None:
        return self._first.popleft() if self._first else next(self._rest, None)

    def _fitting(self, row: _Row) -> _Row:
        extra = len(row.cells) - self.width
        if extra > 0 and not any(cell.strip() for cell in row.cells[self.width :]):
            del row.cells[self.width :]
            extra = 0
        if extra:
            values = items(len(row.cells), "value")
            raise DataError(
                f"{self.name}, line {row.line}: the row has {values}, but the header has "
                f"{items(self.width, 'column')}; quote values that hold the separator, and check "
                "quotes and line ends."
            )
        return row

    def _quoted(self, number: int, line: str) -> _Row:
        parse, split = self.style.parse, self.style.split
        cells = parse([line])
        if cells is not None and len(cells) == self.width:
            return _Row(number, cells)
        longer = self._spanning(number, line) if cells is None else None
        if longer is not None:
            return longer
        readings: tuple[tuple[str, Callable[[], list[str] | None]], ...] = (
            ("escaped", lambda: parse([line], escapechar="\\") if '\\"' in line else None),
            ("literal", lambda: split(line)),
            ("literal", lambda: parse([line], strict=False)),
        )
        for way, reading in readings:
            found = reading()
            if found is not None and len(found) == self.width:
                return _Row(number, found, way=way)
        return self._fitting(_Row(number, cells if cells is not None else split(line)))

    def _spanning(self, number: int, line: str) -> _Row | None:
        """The row that begins here and ends lines below, where that is what is meant."""
        taken = [(number, line)]

        def feed() -> Iterator[str]:
            yield line + "\n"
            while len(taken) < _MOST_LINES and (following := self._next()) is not None:
                taken.append(following)
                yield following[1] + "\n"

        cells = self.style.parse(feed())
        fits = cells is not None and len(cells) == self.width and len(taken) > 1
        if fits and not self._are_rows([each for _, each in taken]):
            assert cells is not None
            return _Row(number, cells, lines=len(taken))
        self._first.extendleft(reversed(taken[1:]))
        return None

    def _are_rows(self, lines: Sequence[str]) -> bool:
        return self.width > 1 and all(len(self.style.split(each)) == self.width for each in lines)


def _shaped(where: str, header: list[str], reader: _Reader) -> tuple[list[str], list[_Row]]:
    """The names of the columns, and the rows, blank ones at the end left out.

    Where every row has one cell more than the header and begins with its number, as R writes it,
    the first column has no name.
    """
    sample = [reader.style.parse([line], strict=False) or [""] for line in reader.peek(_SAMPLE)]
    if (
        len({cells[0] for cells in sample if cells[0].strip().isdecimal()}) == len(sample) > 0
        and all(len(cells) == len(header) + 1 for cells in sample)
        and any(cells[-1].strip() for cells in sample)
    ):
        header = ["", *header]
        reader.width += 1
    numbers = [name for name in header if _is_number(name)]
    if numbers:
        raise DataError(
            f"{where}: {some(numbers)} is no column name; the first line must name the columns."
        )
    rows = list(reader.rows())
    while rows and not any(cell.strip() for cell in rows[-1].cells):
        rows.pop()
    return header, rows


def _blanked(header: Sequence[str], rows: Sequence[_Row]) -> list[_Row]:
    """The rows that are the header again, or a line below it; emptied.

    As in files put one after another, and in tables of Markdown.
    """
    names = [_plain(name) for name in header]
    repeated = [
        row
        for row in rows
        if len(names) > 1
        and ([*map(_plain, row.cells)] == names or _RULE.fullmatch("|".join(row.cells)))
    ]
    for row in repeated:
        row.cells[:] = [""] * len(names)
    return repeated


def _plain(cell: str) -> str:
    return cell.strip().strip("\ufeff").strip()


def _repeats(name: str, rows: Sequence[_Row]) -> tuple[str, ...]:
    if not rows:
        return ()
    return (
        f"{items(len(rows), 'line')} of {name} (first: line {rows[0].line}) "
        f"{'is' if len(rows) == 1 else 'are'} the header again, or a line below it, and skipped.",
    )


def _quotes(name: str, rows: Sequence[_Row]) -> tuple[str, ...]:
    kinds = (
        ("literal", "is taken as a character: it is not closed, or not at an end of its cell"),
        ("escaped", "is taken as escaped by the backslash before it"),
    )
    lines = {way: [row.line for row in rows if row.way == way] for way, _ in kinds}
    return tuple(
        f"In {items(len(lines[way]), 'line')} of {name} (first: line {lines[way][0]}) a quotation "
        f"mark {what}."
        for way, what in kinds
        if lines[way]
    )


def _spans(name: str, rows: Sequence[_Row]) -> tuple[str, ...]:
    spans = [row for row in rows if row.lines > 1]
    if not spans:
        return ()
    return (
        f"{items(len(spans), 'row')} of {name} (first: line {spans[0].line}) "
        f"{'has' if len(spans) == 1 else 'have'} line ends between quotation marks: "
        f"{sum(row.lines for row in spans):,} lines of the file.",
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip().lower() not in ("nan", "inf", "infinity")
