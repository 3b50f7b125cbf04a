"""Names of items: how they are shown to people, and the order they are read in."""

import re
import unicodedata
from collections.abc import Iterable

_REORDERING = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
_DIGITS = re.compile(r"(\d+)")


def shown(name: str) -> str:
    """The name safe for a terminal: what is not printable is escaped as in a Python literal.

    Newlines, control and bidirectional characters and undecodable bytes in file names come out
    as `\\n`, `\\x1b`, `\\u202e`, `\\udcff`; other scripts and emoji stay as they are.
    """
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def harmless(text: str) -> str:
    """A text safe for a terminal, as a text: lines, tabs and every kind of space stay.

    Escaped are control characters, halves of surrogate pairs, and what reorders the letters after
    it; what joins letters or parts them (Persian, Hindi, emoji) stays.
    """
    return "".join(c if c in "\n\t" or _is_harmless(c) else shown(c) for c in text)


def _is_harmless(character: str) -> bool:
    if character.isprintable():
        return True
    kind = unicodedata.category(character)
    return kind == "Zs" or (kind == "Cf" and character not in _REORDERING)


def natural_key(name: str) -> tuple[object, ...]:
    """Sort key with `cell2` before `cell10`; equal only for equal names."""
    parts = _DIGITS.split(name)
    numbered = tuple(
        (int(part), part) if number % 2 else (0, part) for number, part in enumerate(parts)
    )
    return (*numbered, (0, name))


def some(names: Iterable[object], limit: int = 5) -> str:
    """`'a', 'b' and 7 more`: a few names for a sentence, quoted and escaped."""
    every = [repr(shown(str(name)))[:80] for name in names]
    if len(every) > limit:
        return f"{', '.join(every[:limit])} and {len(every) - limit:,} more"
    return ", ".join(every)
