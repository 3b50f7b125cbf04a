"""Files that data names, read without ever hanging."""

import os
import stat

from headstart.errors import Unreadable

MAX_BYTES = 512 * 2**20


def content(path: str) -> bytes:
    """Everything in a regular file.

    Raises:
        Unreadable: there is none, it is a FIFO, device or folder (none is waited for), it may
            not be read, or it has more than `MAX_BYTES`.
    """
    # Without O_NONBLOCK, opening a FIFO would wait for a writer for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable("it is not a regular file")
            if status.st_size > MAX_BYTES:
                raise Unreadable(f"the file has more than {MAX_BYTES // 2**20} MiB")
            # Not `read(MAX_BYTES)`: that asks for so much memory first, and threads wait for it.
            with os.fdopen(descriptor, "rb", buffering=0, closefd=False) as file:
                found = file.readall()
            if len(found) > MAX_BYTES:  # it has grown since
                raise Unreadable(f"the file has more than {MAX_BYTES // 2**20} MiB")
            return found
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Unreadable((error.strerror or "it cannot be opened").lower()) from error
    except ValueError as error:
        raise Unreadable("its name cannot be a file's name") from error
