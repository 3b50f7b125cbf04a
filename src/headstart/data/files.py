"""Files that data names: read without ever hanging, and none outside the folders allowed."""

import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from headstart.data.names import shown
from headstart.errors import InputError, Unreadable

MAX_BYTES = 512 * 2**20

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|data:|file:")


@contextmanager
def opened(path: str) -> Iterator[FileIO]:
    """A regular file to read, unbuffered.

    Raises:
        Unreadable: there is none, it is a FIFO, device or folder (none is waited for), or it may
            not be read.
    """
    # Without O_NONBLOCK, opening a FIFO would wait for a writer for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Unreadable("it is not a regular file")
            with os.fdopen(descriptor, "rb", buffering=0, closefd=False) as file:
                yield file
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Unreadable((error.strerror or "it cannot be opened").lower()) from error
    except ValueError as error:
        raise Unreadable("its name cannot be a file's name") from error


def content(path: str) -> bytes:
    """Everything in a regular file.

    Raises:
        Unreadable: as `opened`, or it has more than `MAX_BYTES`.
    """
    with opened(path) as file:
        too_large = Unreadable(f"the file has more than {MAX_BYTES // 2**20} MiB")
        if os.fstat(file.fileno()).st_size > MAX_BYTES:
            raise too_large
        # Not `read(MAX_BYTES)`: that asks for so much memory first, and threads wait for it.
        found = file.read()
        if len(found) > MAX_BYTES:  # it has grown since
            raise too_large
        return found


def standard_input() -> bytes:
    """All that is given on standard input.

    Raises:
        InputError: it is closed, empty, or cannot be read.
    """
    # Python sets it to None where it was closed before the start.
    if sys.stdin is None:
        raise InputError("Standard input is closed, but - reads from it; name files instead.")
    try:
        given = sys.stdin.buffer.read()
    except (OSError, ValueError) as error:
        raise InputError(f"Standard input cannot be read ({error}); name files instead.") from error
    if not given:
        raise InputError("Standard input is empty, but - reads from it; name files instead.")
    return given


class Roots:
    """Turns the paths a table names into files, all inside the table's folder or `allow_root`."""

    def __init__(self, folder: Path, allow_root: str | None) -> None:
        self._folder = folder
        allowed = [folder] if allow_root is None else [folder, Path(allow_root)]
        self._allowed = [os.path.realpath(each) for each in allowed]
        self._real: dict[str, str] = {}

    def resolve(self, written: str, row: str) -> str:
        """The path of the file that row `row` names as `written`.

        Raises:
            InputError: a URL, or a file outside the folders allowed, links followed.
            Unreadable: there is no such file, or it is not a regular one.
        """
        if _URL.match(written):
            raise InputError(
                f"{row}: {shown(written)[:100]!r} is a URL, but images must be files; "
                "download them first."
            )
        path = os.path.join(self._folder, written)  # noqa: PTH118 - kept as written, fast
        try:
            inside = self._inside(path)
        except (OSError, ValueError) as error:
            raise Unreadable("there is no such file") from error
        if not inside:
            raise InputError(
                f"{row}: {shown(written)!r} is outside the table's folder; "
                "name a folder it may be in with --allow-root."
            )
        try:
            status = os.stat(path)  # noqa: PTH116
        except (OSError, ValueError) as error:
            raise Unreadable("there is no such file") from error
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("it is not a regular file")
        return path

    def _inside(self, path: str) -> bool:
        folder, name = os.path.split(path)
        if folder not in self._real:
            self._real[folder] = os.path.realpath(folder)
        real = f"{self._real[folder]}{os.sep}{name}"
        # Asking about each file's own link alone keeps a million rows quick.
        if name in ("", ".", "..") or os.path.islink(real):  # noqa: PTH114
            real = os.path.realpath(path)
        return any(
            real == root or real.startswith(root.rstrip(os.sep) + os.sep) for root in self._allowed
        )
