"""Thumbnails of an image: what near-duplicates are recognised by."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from headstart.data import images

COARSE, FINE = 32, 64
"""Pixels of a side: of every image in grey; and in colour of those that look like another."""

Thumbnails = NDArray[np.float16]

_OVERSAMPLED = 2
_BLUR = 2.0
"""Standard deviation, in pixels before they are made fewer: so that a thumbnail shifted by part of
a pixel can be told from its own pixels."""
_GREY = np.array([0.299, 0.587, 0.114], np.float32)

PREPROCESSING = images.all_at(_OVERSAMPLED * COARSE, _OVERSAMPLED * COARSE)
"""Of a thumbnail before it is made smaller, the coarse ones."""


def shape(side: int) -> tuple[int, ...]:
    """Of a thumbnail: (side, side) in grey, (3, side, side) in colour."""
    return (side, side) if side == COARSE else (3, side, side)


def thumbnail(content: bytes | NDArray[np.uint8], side: int) -> Thumbnails:
    """A thumbnail of what `images.load` gave, in the shape of its side, from 0 to 255.

    Raises:
        Unreadable: the image cannot be decoded.
    """
    size = _OVERSAMPLED * side
    pixels = images.decode(content, images.all_at(size, size)).pixels
    channels = pixels.astype(np.float32).transpose(2, 0, 1)
    if side == COARSE:
        channels = np.tensordot(_GREY, channels, 1)
    smaller = _smaller(side)
    return (smaller @ channels @ smaller.T).astype(np.float16)


def grey(colour: Thumbnails) -> NDArray[np.float32]:
    """Thumbnails in colour (n, 3, side, side) in grey (n, side, side)."""
    return np.asarray(np.einsum("c,ncij->nij", _GREY, colour.astype(np.float32)))


@lru_cache
def _smaller(side: int) -> NDArray[np.float32]:
    """Weights (side, twice as many): blur, and take the mean of every two."""
    centres = _OVERSAMPLED * np.arange(side) + 0.5
    weights = np.exp(-0.5 * ((centres[:, None] - np.arange(_OVERSAMPLED * side)) / _BLUR) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
