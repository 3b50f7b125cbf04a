"""Pillow's own warnings kept from the terminal: what matters in them is said of the item."""

import contextlib
import ctypes
import logging
import re
import threading
import warnings
from collections.abc import Iterator
from typing import Any

from PIL import _imaging

_RULE: object = ("ignore", None, Warning, re.compile(r"PIL(\.|$)"), 0)
_lock = threading.Lock()
_within = 0

# Without a handler of its own, what it logs goes to standard error.
logging.getLogger("PIL").addHandler(logging.NullHandler())

# Pillow's libtiff prints what is wrong with a file, and Pillow raises an error for it anyway. Its
# functions are found through Pillow's own library, unless they are built into that (Windows).
with contextlib.suppress(AttributeError, OSError, TypeError):
    _tiff = ctypes.CDLL(_imaging.__file__)
    for _setter in (_tiff.TIFFSetErrorHandler, _tiff.TIFFSetWarningHandler):
        _setter.restype = ctypes.c_void_p
        _setter(None)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Ignore warnings of Pillow's while any thread is within.

    `warnings.catch_warnings` is not for threads: it puts back what it found, whoever has changed
    it since. This takes away its own rule alone.
    """
    global _within
    rules: Any = warnings.filters
    with _lock:
        _within += 1
        if _within == 1:
            rules.insert(0, _RULE)
    try:
        yield
    finally:
        with _lock:
            _within -= 1
            if _within == 0:
                _take_away(rules)
                _take_away(warnings.filters)  # somebody may have put a copy there


def _take_away(rules: Any) -> None:
    with contextlib.suppress(ValueError):
        rules.remove(_RULE)
