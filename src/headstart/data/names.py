"""The order in which names of items are read."""

import re

_DIGITS = re.compile(r"(\d+)")


def natural_key(name: str) -> tuple[object, ...]:
    """Sort key with `cell2` before `cell10`; equal only for equal names."""
    parts = _DIGITS.split(name)
    numbered = tuple(
        (int(part), part) if number % 2 else (0, part) for number, part in enumerate(parts)
    )
    return (*numbered, (0, name))
