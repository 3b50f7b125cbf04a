"""Where files are going to be written: refused before any work where they cannot be; the cache."""

import hashlib
import os
from pathlib import Path

from headstart.errors import InputError

_LONGEST = 200
"""Bytes of a name that a neighbour's name may begin with; a name has 255 at most."""


def neighbour(path: Path, what: str, suffix: str = "") -> Path:
    """A hidden name in the same folder: `.NAME.partial`; a hash for a name that is long."""
    name = path.name.removesuffix(suffix)
    encoded = name.encode("utf-8", "surrogatepass")
    short = name if len(encoded) <= _LONGEST else hashlib.sha256(encoded).hexdigest()[:32]
    return path.with_name(f".{short}.{what}{suffix}")


def absolute(path: Path, option: str) -> Path:
    """The path from the root, links followed.

    Raises:
        InputError: there is none: links that go round, a NUL, a folder that is gone to start from.
    """
    try:
        return path.resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise _impossible(path, option, error) from error


def check_written(path: Path, option: str, *deepest: Path) -> None:
    """Refuse a path that no file or folder can have, or that may not be written.

    Args:
        path: what is to be written.
        option: as the user writes it, `--out`.
        deepest: what else is going to be written in it or beside it.

    Raises:
        InputError: names the option, what is wrong with it, and what to do.
    """
    resolved = absolute(path, option)
    said = f"{option} is {str(path)[:200]!r}"
    try:
        str(resolved).encode("utf-8")
        for each in (resolved, neighbour(resolved, "unfinished", resolved.suffix), *deepest):
            _possible(each)
        special = resolved.exists() and not (resolved.is_file() or resolved.is_dir())
        above = next(each for each in resolved.parents if each.exists())
    except (OSError, ValueError) as error:
        raise _impossible(path, option, error) from error
    if special:
        raise InputError(f"{said}, which is a device, a FIFO or a socket; name another.")
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise InputError(
            f"{said}, but no file and no folder can be made in {str(above)!r}; name another place."
        )


def _impossible(path: Path, option: str, error: Exception) -> InputError:
    if isinstance(error, UnicodeEncodeError):
        return InputError(
            f"{option} is {str(path)[:200]!r}, whose path is not UTF-8; name another."
        )
    why = getattr(error, "strerror", None) or error
    return InputError(
        f"{option} is {str(path)[:200]!r}, which cannot be written ({why}); name another."
    )


def _possible(path: Path) -> None:
    """Ask for the path: raises for a name that is too long or has a NUL in it, not for none."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return


def cache_folder() -> Path:
    """Where stored features live: HEADSTART_CACHE, or headstart/ in the user's cache folder.

    Raises:
        InputError: there is no such folder, as for a user without a home, or its path is not UTF-8.
    """
    chosen = os.environ.get("HEADSTART_CACHE")
    try:
        folder = Path(chosen) if chosen else _user_cache() / "headstart"
        str(folder).encode("utf-8")
    except RuntimeError:
        raise InputError(
            "There is no home folder to keep features in; set HEADSTART_CACHE to a folder for them."
        ) from None
    except UnicodeEncodeError:
        raise InputError(
            f"The cache folder {os.fsencode(folder)!r} is not UTF-8; set HEADSTART_CACHE to one "
            "that is."
        ) from None
    return folder


def _user_cache() -> Path:
    """The folder for all caches; the standard says that a path which is not absolute is none."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return named if named.is_absolute() else Path.home() / ".cache"
