"""Files that data names, read without ever hanging."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO

from headstart.errors import DataError, Unreadable

MAX_BYTES = 512 * 2**20


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
        DataError: it is closed, empty, or cannot be read.
    """
    # Python sets it to None where it was closed before the start.
    if sys.stdin is None:
        raise DataError("Standard input is closed, but - reads from it; name files instead.")
    try:
        given = sys.stdin.buffer.read()
    except (OSError, ValueError) as error:
        raise DataError(f"Standard input cannot be read ({error}); name files instead.") from error
    if not given:
        raise DataError("Standard input is empty, but - reads from it; name files instead.")
    return given
