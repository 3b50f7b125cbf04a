"""Memory that a training keeps from step to step, where the C library can be asked to (glibc).

By default glibc gives every large block back to the system when it is freed and asks for it again
a moment later, cleared page by page: every step of a training allocates the same blocks.
"""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST = 1 << 30
_NEVER = 2**31 - 1
_USUAL_TRIM, _USUAL_MMAP = 64 << 20, 32 << 20
"""What glibc's own rule comes to in a program with large blocks; once set, it does not move."""


@contextmanager
def kept() -> Iterator[None]:
    """Keep freed memory for the next step, and give all of it back at the end."""
    library = ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
    if library is None:
        yield
        return
    library.mallopt(_MMAP_THRESHOLD, _LARGEST)
    library.mallopt(_TRIM_THRESHOLD, _NEVER)
    try:
        yield
    finally:
        library.mallopt(_MMAP_THRESHOLD, _USUAL_MMAP)
        library.mallopt(_TRIM_THRESHOLD, _USUAL_TRIM)
        library.malloc_trim(0)
