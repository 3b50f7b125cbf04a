"""Durations and sizes as people write them."""

import re

from headstart.errors import InputError

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def seconds_of(text: str | float, option: str) -> float:
    """Seconds of `90`, `90s`, `5m`, `1h30m`.

    Args:
        text: what the user wrote.
        option: which option it is for, as in `--budget`.

    Raises:
        InputError: it is no duration.
    """
    text = str(text)
    found = re.fullmatch(r"\s*((?:\d+(?:\.\d+)?\s*[smhd]\s*)+|\d+(?:\.\d+)?)\s*", text.lower())
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.lower()) if found else []
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not text.isascii() or not 0 < seconds < 1e9:
        raise InputError(f"{option} is {text!r}, but it must be a time such as 90s, 5m or 1h30m.")
    return seconds


def bytes_of(text: str | int, option: str) -> int:
    """Bytes of `500MB`, `5GB`.

    Args:
        text: what the user wrote.
        option: which option it is for, as in `--max-size`.

    Raises:
        InputError: it is no size.
    """
    text = str(text)
    found = re.fullmatch(r"\s*(\d{1,15}(?:\.\d+)?)\s*([kmgt]?)b?\s*", text.lower())
    if found is None or not text.isascii():
        raise InputError(f"{option} is {text!r}, but it must be a size such as 500MB or 5GB.")
    return round(float(found[1]) * _BYTES[found[2]])
