"""Durations and sizes as people write them."""

import re

from headstart.errors import InputError

_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
}
_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_NUMBER = r"\d+(?:\.\d+)?"
_UNIT = "|".join(sorted(_SECONDS, key=len, reverse=True))
_PART = rf"({_NUMBER})\s*({_UNIT})(?![a-z])\s*"
_SIZE = r"\s*(\d{1,15}(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b|bytes?)\s*"


def seconds_of(text: object, option: str) -> float:
    """Seconds of `90s`, `5m`, `10 min`, `1h30m`, `2 hours`.

    Args:
        text: what the user wrote.
        option: which option it is for, as in `--budget`.

    Raises:
        InputError: it is no duration, or a number without a unit.
    """
    text = str(text)
    if text.isascii() and re.fullmatch(rf"\s*{_NUMBER}\s*", text):
        number = text.strip()
        raise InputError(
            f"{option} is {text!r}, which has no unit; write {number}s for seconds, {number}m for "
            f"minutes or {number}h for hours."
        )
    written = text.lower() if text.isascii() else ""
    whole = re.fullmatch(rf"\s*(?:{_PART})+", written)
    parts = re.findall(_PART, written) if whole else []
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not 0 < seconds < 1e9:
        raise InputError(
            f"{option} is {text!r}, but it must be a time such as 90s, 5m, 10 min or 1h30m."
        )
    return seconds


def bytes_of(text: object, option: str) -> int:
    """Bytes of `500MB`, `5 GB`, `2GiB`; 0 needs no unit.

    Args:
        text: what the user wrote.
        option: which option it is for, as in `--max-size`.

    Raises:
        InputError: it is no size, or a number without a unit.
    """
    text = str(text)
    if text.isascii() and re.fullmatch(rf"\s*{_NUMBER}\s*", text):
        if float(text) == 0:
            return 0
        number = text.strip()[:20]
        raise InputError(
            f"{option} is {text!r}, which has no unit; write {number}MB or {number}GB."
        )
    found = re.fullmatch(_SIZE, text.lower()) if text.isascii() else None
    if found is None:
        raise InputError(f"{option} is {text!r}, but it must be a size such as 500MB or 5GB.")
    number, letter, binary = found.groups()
    return round(float(number) * (_BINARY if binary else _BYTES)[letter or ""])
