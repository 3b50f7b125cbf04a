"""Names of items: how they are shown to people, and the order they are read in."""

import re
from collections.abc import Iterable

_DIGITS = re.compile(r"(\d+)")


def shown(name: str) -> str:
    """The name safe for a terminal: what is not printable is escaped as in a Python literal.

    Newlines, control and bidirectional characters and undecodable bytes in file names come out
    as `\\n`, `\\x1b`, `\\u202e`, `\\udcff`; other scripts and emoji stay as they are.
    """
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


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
