"""What Python code gives for an option, as the kind of value that the option has."""

import os
from collections.abc import Collection

from headstart.errors import InputError

_LISTED = (list, tuple)


def value_of(
    option: str, value: object, kinds: Collection[type], *, columns: bool = False
) -> object:
    """The value as Python's own: a path becomes text, and a scalar of numpy what it holds.

    Args:
        option: how the user writes it, `--input`.
        value: what was given.
        kinds: the types that it may have.
        columns: whether it names columns of a table: a number or a list of names does too.

    Raises:
        InputError: it is of another kind.
    """
    if isinstance(value, kinds := tuple(kinds)):
        return str(value) if isinstance(value, str) else value
    if columns:
        return _columns_of(option, value)
    if str in kinds and isinstance(value, os.PathLike):
        return os.fsdecode(value)
    item = getattr(value, "item", None)  # of numpy, and of torch and JAX where it is one number
    held = item() if callable(item) and getattr(value, "shape", None) == () else value
    if isinstance(held, kinds):
        return held
    if kinds == (bool,):
        raise InputError(f"{option} is {_short(value)}, but it must be True or False.")
    if str in kinds:
        raise InputError(f"{option} is {_short(value)}, but it must be text.")
    return held  # a number of another kind: its range is named where it is checked


def _columns_of(option: str, value: object) -> str:
    names = [_column(option, each) for each in (value if isinstance(value, _LISTED) else [value])]
    if not names or (len(names) > 1 and any("," in name for name in names)):
        raise InputError(
            f"{option} is {_short(value)}, but it must be the name of a column, or a list of names "
            "without commas in them."
        )
    return ",".join(names)


def _column(option: str, name: object) -> str:
    """The name as the table has it, whose columns may be numbered."""
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        raise InputError(f"{option} is {_short(name)}, but it must be the name of a column.")
    return str(name)


def _short(value: object) -> str:
    try:
        written = repr(value)
    except Exception:  # another library's
        written = ""
    return (
        written if 0 < len(written) <= 60 and "\n" not in written else f"a {type(value).__name__}"
    )
