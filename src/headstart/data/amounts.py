"""Numbers as people write them in tables: `1,234.5`, `1.234,5`, `12 %`, `€ 3,50`."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headstart.data.forms import MISSING
from headstart.errors import DataError
from headstart.wording import some

_PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_BLANKS = " '\u2019\u00a0\u202f\u2009"
"""Between thousands, in much of Europe."""

_CURRENCY = r"[$€£¥₹₩₽₺₫฿]|US\$|USD|EUR|GBP|JPY|CHF|CNY|INR|RUB|BRL|R\$|kr|zł"
_DRESSED = re.compile(
    rf"(?P<sign>[-+−]?)\s*(?:{_CURRENCY})?\s*(?P<sign2>[-+−]?)"
    rf"(?P<digits>\d{{1,3}}(?:[{_BLANKS}]\d{{3}})+(?:[.,]\d+)?|\d[\d.,]*|[.,]\d+)"
    rf"\s*(?P<unit>%|‰)?\s*(?:{_CURRENCY})?"
)
_ACCOUNTED = re.compile(r"^\(([^-+−()]+)\)$")
"""Accountants put what is negative in brackets."""

_SPACES = re.compile(f"[{_BLANKS}]")
_MISSING = {"", "-", *(word.lower() for word in MISSING)}


@dataclass(frozen=True)
class Numbers:
    """A column of numbers, how its decimals were taken, and what to say of that."""

    cells: list[object]
    decimal: str
    notes: tuple[str, ...]


def numbers_in(
    cells: Sequence[object],
    decimal: str,
    name: str,
    row_name: Callable[[int], str],
    na_values: str | None = None,
) -> Numbers | None:
    """The numbers of a column that holds nothing else, written as people do.

    Args:
        cells: as the table has them.
        decimal: the decimal sign, point or comma; `auto` finds out.
        name: of the column.
        row_name: what to call a row.
        na_values: words, separated by commas, that mean that a number is missing.

    Returns:
        The column with such cells replaced by `float`; None where every cell is plain already,
        or any is no number.

    Raises:
        DataError: the commas can be decimal signs as well as thousands separators.
    """
    found = _digits(cells, na_values)
    if found is None or not (found.dressed or decimal == "comma"):
        return None
    parts, units = found.parts, found.units
    first = next(iter(parts))
    if len(units) > 1:
        raise DataError(
            f"{row_name(first)}: column {name!r} holds numbers with and without a percent sign; "
            "write all of them one way."
        )
    sign = _decimal_sign(list(parts.values()), decimal, name, row_name(first))
    if sign is None:
        return None
    values = {row: _value(text, sign) for row, text in parts.items()}
    if None in values.values():
        return None
    word = "comma" if sign == "," else "point"
    odd = (row for row in parts if not _PLAIN.fullmatch(str(cells[row])))
    shown_at = next(odd, first)
    note = (
        f"Column {name!r} holds numbers, read with a decimal {word}: {cells[shown_at]!r} is "
        f"{values[shown_at]:.15g} (a guess; --decimal says otherwise)."
    )
    filled = [values.get(row, cell) for row, cell in enumerate(cells)]
    return Numbers(filled, word, (note,) if decimal == "auto" else ())


@dataclass(frozen=True)
class _Digits:
    """Sign, digits and separators of each number by row; its units; whether any is not plain."""

    parts: dict[int, str]
    units: set[str]
    dressed: bool


def _digits(cells: Sequence[object], na_values: str | None) -> _Digits | None:
    """What numbers are in a column; None where it holds anything else, or none."""
    missing = _MISSING if na_values is None else {"", *na_values.lower().split(",")}
    parts: dict[int, str] = {}
    units, dressed = set(), False
    for row, cell in enumerate(cells):
        if isinstance(cell, list | tuple | dict | bytes | bool):
            return None
        if not isinstance(cell, str) or cell.strip().lower() in missing:
            continue
        text = _ACCOUNTED.sub(r"-\1", cell.strip())
        matched, plain = _DRESSED.fullmatch(text), _PLAIN.fullmatch(text)
        if matched is None and plain is None:
            return None
        if matched is None:
            parts[row] = text
            continue
        dressed = dressed or plain is None or text != cell.strip()
        units.add(matched["unit"] or "")
        minus = "-" if matched["sign"] + matched["sign2"] in ("-", "−") else ""
        parts[row] = minus + _SPACES.sub("", matched["digits"])
    return _Digits(parts, units, dressed) if parts else None


def _decimal_sign(texts: Sequence[str], decimal: str, name: str, row: str) -> str | None:
    """`.` or `,`; None where no reading fits every number."""
    if decimal != "auto":
        return "," if decimal == "comma" else "."
    fits = [sign for sign in ".," if all(_value(text, sign) is not None for text in texts)]
    if len(fits) == 1:
        return fits[0]
    if not fits and any(_value(t, ".") is None and _value(t, ",") is None for t in texts):
        return None
    if fits and all(_value(text, ".") == _value(text, ",") for text in texts):
        return "."
    examples = list(dict.fromkeys(t for t in texts if _value(t, ".") != _value(t, ",")))[:3]
    raise DataError(
        f"{row}: column {name!r} can be read in two ways: in {some(examples)} the sign between "
        "digits separates thousands or decimals; say which with --decimal point or --decimal comma."
    )


def _value(text: str, sign: str) -> float | None:
    """The number in a text whose decimal sign is `sign`; None where it cannot be."""
    if _PLAIN.fullmatch(text) and (sign == "." or "." not in text):
        return float(text)
    other = "," if sign == "." else "."
    whole, _, rest = text.partition(sign)
    if rest and not rest.isdecimal():
        return None
    groups = whole.lstrip("-+").split(other)
    if len(groups) > 1 and (not 1 <= len(groups[0]) <= 3 or any(len(g) != 3 for g in groups[1:])):
        return None
    digits = whole.replace(other, "")
    if not re.fullmatch(r"[-+]?\d*", digits) or not (digits.strip("-+") or rest):
        return None
    return float(f"{digits or '0'}.{rest or '0'}")
