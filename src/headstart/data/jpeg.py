"""JPEG files that lack their last bytes: completed where no more than a few lines are missing.

A decoder that meets the end marker too early fills what is missing with grey, as browsers do. How
much is missing shows where the image changes with what stands in its place.
"""

import io
import re

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headstart.errors import Unreadable

SAID = "the end of the file is missing, so up to a few of the last lines are grey"

_END = b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
_OTHER = bytes(range(1, 255)) * 4
"""What no file goes on with; without a marker in it."""
_FEW, _SHARE = 8, 1 / 20
"""Lines that may be missing, and what share of all where that is more; of tiny ones a quarter."""
_GREY = 128


def completed(content: bytes) -> bytes | None:
    """The file with an end marker; None where it is no JPEG, has one, or lacks more than a little.

    Args:
        content: what Pillow says is truncated.
    """
    if not content.startswith(b"\xff\xd8") or content.rstrip(b"\0").endswith(_END):
        return None
    content = content.removesuffix(b"\xff")
    whole = content + _END
    try:
        scans = _scans(content)
        missing, height = _missing_lines(whole, content + _OTHER + _END, drafted=scans == 1)
    except (IndexError, OSError, SyntaxError, ValueError, Unreadable):
        return None
    allowed = min(max(_FEW, height * _SHARE), height / 4)
    return whole if missing <= allowed else None


def _scans(content: bytes) -> int:
    """How many scans there are.

    Raises:
        Unreadable: one of a progressive file is missing altogether.
        IndexError: the file ends in a header.
    """
    components: list[int] = []
    bits: dict[tuple[int, int], int] = {}
    scans = 0
    at = 2
    while (found := _MARKER.search(content, at)) is not None:
        kind, at = found[0][1], found.end()
        length = int.from_bytes(content[at : at + 2], "big")
        body = content[at + 2 : at + length]
        at += length
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            components = [body[6 + 3 * n] for n in range(body[5])]
        elif kind == 0xDA:
            scans += 1
            chosen = [body[1 + 2 * n] for n in range(body[0])]
            first, last, approximation = body[-3:]
            bits |= {(c, k): approximation & 15 for c in chosen for k in range(first, last + 1)}
    exact = all(bits.get((c, k)) == 0 for c in components for k in range(64))
    if not (components and exact):
        raise Unreadable("a whole scan of it is missing")
    return scans


def _missing_lines(whole: bytes, other: bytes, *, drafted: bool) -> tuple[float, int]:
    """How many lines are not in the file, and how many the image has.

    Args:
        whole, other: the file with different ends.
        drafted: look at one pixel for each block of 8 x 8, which is quick; later scans of a
            progressive file do not show in it.
    """
    first, height, tall = _pixels(whole, drafted)
    second, _, _ = _pixels(other, drafted)
    rows, columns = first.shape[:2]
    block = max(1, round(8 * rows / height))
    differs = (first != second).any(axis=2)
    if not differs.any():  # where the file stops at a restart, what follows is skipped
        grey = (first == _GREY).all(axis=2).ravel()[::-1]
        lost = grey.size if grey.all() else int(grey.argmin())
        return lost / columns * height / rows, height
    # One pixel more: colour may be smeared over the edge of a block.
    top = (int(differs.any(axis=1).argmax()) + (block > 1)) // (block * tall) * block * tall
    part = differs[top : top + block * tall].any(axis=0)
    left = int(part.argmax()) if part.any() else 0
    lost = (rows - top) - min(block * tall, rows - top) * left / columns
    return lost * height / rows, height


def _pixels(content: bytes, drafted: bool) -> tuple[NDArray[np.uint8], int, int]:
    """The pixels (rows, columns, colours), the image's height, and blocks on top of each other
    in a unit of it."""
    with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
        height = image.height
        if image.width * height > _MOST and not drafted:
            raise Unreadable("it is too large to be looked at twice")
        if drafted:
            image.draft(None, (max(1, image.width // 8), max(1, height // 8)))
        layers = getattr(image, "layer", [])
        tall = max((layer[2] for layer in layers), default=1) if len(layers) > 1 else 1
        return np.atleast_3d(np.asarray(image)), height, tall


_MOST = 32_000_000
