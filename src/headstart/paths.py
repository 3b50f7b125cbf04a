"""Where files are going to be written: refused before any work where they cannot be."""

import hashlib
import os
from pathlib import Path

from headstart.errors import InputError

_LONGEST = 200
"""Bytes of a name that a neighbour's name may begin with; a name has 255 at most."""


def neighbour(path: Path, what: str, suffix: str = "") -> Path:
    """A hidden name in the same folder: `.NAME.partial`; a hash for a name that is long."""
    name = path.name.removesuffix(suffix)
    encoded = os.fsencode(name)
    short = name if len(encoded) <= _LONGEST else hashlib.sha256(encoded).hexdigest()[:32]
    return path.with_name(f".{short}.{what}{suffix}")


def check_written(path: Path, option: str, *deepest: Path) -> None:
    """Refuse a path that no file or folder can have, or that may not be written.

    Args:
        path: what is to be written.
        option: as the user writes it, `--out`.
        deepest: what else is going to be written in it or beside it.

    Raises:
        InputError: names the option, what is wrong with it, and what to do.
    """
    said = f"{option} is {str(path)[:200]!r}"
    whole = path.absolute()
    try:
        str(whole).encode("utf-8")
        for each in (whole, neighbour(whole, "unfinished", whole.suffix), *deepest):
            _possible(each)
        above = next(each for each in whole.parents if each.exists())
    except UnicodeEncodeError:
        raise InputError(f"{said}, whose path is not UTF-8; name one that is.") from None
    except (OSError, ValueError, RuntimeError) as error:  # the last for links that go round
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{said}, which cannot be written ({why}); name another.") from error
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise InputError(
            f"{said}, but no file and no folder can be made in {str(above)!r}; name another place."
        )


def _possible(path: Path) -> None:
    """Ask for the path: a name that is too long, or has a NUL in it, is told from a missing one."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
