"""One form for a class, however its cells are written; the order of classes."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache

import numpy as np

from headstart.errors import DataError
from headstart.wording import some

_WHOLE = re.compile(r"([+-]?(?:0|[1-9][0-9]{0,300}))(?:\.0*)?")
_NUMBER = re.compile(r"[+-]?[0-9]{1,300}(?:\.[0-9]*)?")
MISSING = frozenset(
    ("NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "NAN", "-NaN", "-nan", "NaT",
     "null", "NULL", "Null", "None")
)  # fmt: skip
"""What R, pandas, spreadsheets and databases write where a value is missing; `none` is a word."""
MISSING_FOLDED = frozenset(word.casefold() for word in MISSING) | {""}
"""The same and nothing at all, by `casefold`, for columns where none of them is a word."""
_FLOAT32 = float(np.finfo(np.float32).max)
_TRUTH = {"true": True, "false": False}
_BITS = ("0", "1")


def form(value: object) -> str:
    """What a class is called whose cell holds this value: a number, a text or anything else.

    `1`, `1.0`, `"1"` and `"1.0"` are `1`; True is `true`. Blanks around a text are left out, and
    it is in Unicode's composed form. `01` stays: leading zeros belong to codes.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else _fraction(value)
    return _of_text(str(value))


@lru_cache(10_000)
def _of_text(text: str) -> str:
    text = unicodedata.normalize("NFC", text.strip())
    whole = _WHOLE.fullmatch(text)
    return str(int(whole[1])) if whole else text


def _fraction(value: float) -> str:
    """The shortest text; a number that was stored as float32 is written as that was."""
    short = np.float32(value) if abs(value) < _FLOAT32 else value
    return str(short) if float(short) == value else repr(value)


def same(name: str) -> Hashable:
    """Equal for names that must be one class where two files differ: `01`, `1` and `true`.

    Not for `Cat` and `cat`: nothing says that those are the same.
    """
    if name.casefold() in _TRUTH:
        return float(_TRUTH[name.casefold()])
    return float(name) if _NUMBER.fullmatch(name) else name


def is_truth(name: str) -> bool:
    """Whether it is true or false, in any case."""
    return name.casefold() in _TRUTH


def ordered(names: Iterable[str]) -> list[str]:
    """Names of classes in order: numbers by what they count, then all others by letters."""
    return sorted(names, key=_rank)


def _rank(name: str) -> tuple[bool, float, str]:
    number = _NUMBER.fullmatch(name) is not None
    return not number, float(name) if number else 0.0, name


def unified(values: Sequence[object]) -> tuple[list[str | None], tuple[str, ...], tuple[str, ...]]:
    """A column's values, each in the one form of its class; warnings, and notes.

    None and blank texts give None. True and `true` are one class, and so are `1` and true in a
    column that holds no other number.

    Raises:
        DataError: it holds `true` and `1`, and other numbers besides.
    """
    found = [None if value is None else form(value) or None for value in values]
    spelt: defaultdict[str, dict[str, object]] = defaultdict(dict)
    for name, value in zip(found, values, strict=True):
        if name is not None:
            spelt[name].setdefault(_spelling(value), value)
    renamed = _truths(spelt)
    merged: defaultdict[str, list[str]] = defaultdict(list)
    for name, spellings in spelt.items():
        merged[renamed.get(name, name)] += spellings
    return (
        [None if name is None else renamed.get(name, name) for name in found],
        _merged(merged),
        _rewritten(merged),
    )


def _spelling(value: object) -> str:
    """As it is written: a text in quotes, so that it is not taken for a number."""
    return repr(value) if isinstance(value, (str, bool, int, float)) else str(value)


def _truths(spelt: dict[str, dict[str, object]]) -> dict[str, str]:
    """New names for true and false, where a column writes them in more than one way."""
    truths = {name: _TRUTH[name.casefold()] for name in spelt if is_truth(name)}
    others = spelt.keys() - truths.keys()
    if not truths:
        return {}
    if others and others <= set(_BITS):
        return {name: _BITS[value] for name, value in truths.items()}
    if others & set(_BITS):
        raise DataError(
            f"The labels hold {some(ordered(others & set(_BITS)))} and {some(sorted(truths))}, "
            "which may or may not be the same class; write both in one way."
        )
    typed = any(isinstance(value, bool) for name in truths for value in spelt[name].values())
    several = len(truths) > len(set(truths.values()))
    if others and not typed and not several:
        return {}
    return {name: form(value) for name, value in truths.items()}


def _merged(spelt: dict[str, list[str]]) -> tuple[str, ...]:
    several = [name for name in ordered(spelt) if len(_unpadded(spelt[name])) > 1]
    if not several:
        return ()
    ways = ", ".join(spelt[several[0]][:4])
    return (f"Labels {some(several)} are written in several ways ({ways}); each is one class.",)


def _rewritten(spelt: dict[str, list[str]]) -> tuple[str, ...]:
    notes = []
    padded = next((s for spellings in spelt.values() for s in spellings if _is_padded(s)), None)
    if padded:
        notes.append(f"Blanks around labels are left out, such as in {padded}.")
    for name, spellings in spelt.items():
        if len(spellings) == 1 and spellings[0] not in (repr(name), name):
            text = spellings[0]
            if text.startswith(("'", '"')) and not _is_padded(text):
                notes.append(f"Labels such as {text} are written as {name!r}.")
                break
    return tuple(notes)


def _is_padded(spelling: str) -> bool:
    inner = spelling[1:-1]
    return spelling.startswith(("'", '"')) and inner != inner.strip()


def _unpadded(spellings: Iterable[str]) -> set[str]:
    return {f"{s[0]}{s[1:-1].strip()}{s[-1]}" if _is_padded(s) else s for s in spellings}
