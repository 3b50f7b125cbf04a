"""Numbers as people say them, and names and texts safe for a terminal."""

import math
import unicodedata
from collections.abc import Iterable

_REORDERING = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
NEAR_ZERO = 0.01
"""Seconds below which a time is not worth a digit."""


def count(number: int) -> str:
    """`12,345`."""
    return f"{number:,}"


def items(number: int, one: str, many: str | None = None) -> str:
    """`1 item`, `2 items`; `many` where an s at the end will not do."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def capital(text: str) -> str:
    """The same, with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def hexadecimal(digest: bytes) -> str:
    """A digest of content as 32 hexadecimal digits; NumPy drops the zeros at its end."""
    return digest.ljust(16, b"\0").hex()


def short(number: float) -> str:
    """A big number with one letter: `950`, `3.4M`, `1.2B`."""
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(number) >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"


def size(number: float) -> str:
    """A number of bytes: `512 B`, `1.5 MB` (a MB is a million bytes)."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= scale:
            return f"{number / scale:.3g} {unit}"
    return f"{number:.0f} B"


def duration(seconds: float) -> str:
    """`0.42 s`, `12 s`, `3 min 20 s` or `2 h 05 min`."""
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < NEAR_ZERO:
        return "0 s"
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if round(seconds) < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02d} s" if rest else f"{minutes} min"
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours} h {rest:02d} min"


def percent(share: float) -> str:
    """`91.2%`, or `unknown` for a share that could not be computed."""
    return f"{share:.1%}" if math.isfinite(share) else "unknown"


def meaningful(probability: float) -> float:
    """A probability without the digits that mean nothing: four are left."""
    return float(f"{probability:.4g}")


def figure(value: float) -> str:
    """A metric's value: three decimals, fewer when it is large."""
    if not math.isfinite(value):
        return "-"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.4g}"


def value(number: float) -> str:
    """An answer in the user's own unit, with its digits: `1,700,000,012.3`, `1.500`, `0.0123`."""
    if not math.isfinite(number):
        return "-"
    if not 1 <= abs(number) < 1e15:
        return f"{number:.4g}"
    decimals = max(1, 4 - len(str(int(abs(number)))))
    return f"{number:,.{decimals}f}"


def rate(speed: float) -> str:
    """Items a second, short: `1,234`, `56`, `7.8` or `0.09`."""
    if speed >= 10:
        return f"{speed:,.0f}"
    return f"{speed:.1f}" if speed >= 1 else f"{speed:.2g}"


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


def some(names: Iterable[object], limit: int = 5) -> str:
    """`'a', 'b' and 7 more`: a few names for a sentence, quoted and escaped."""
    every = [quoted(str(name))[:80] for name in names]
    if len(every) > limit:
        return f"{', '.join(every[:limit])} and {len(every) - limit:,} more"
    return ", ".join(every)


def quoted(name: str) -> str:
    """The name in quotes, escaped for a terminal; a backslash of its own stays single."""
    mark = '"' if "'" in name else "'"
    return f"{mark}{shown(name)}{mark}"
