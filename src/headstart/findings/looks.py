"""What images look like from outside: size, format, contrast, sharpness."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headstart.data import images
from headstart.data.dataset import Dataset
from headstart.errors import Unreadable
from headstart.progress import Advance
from headstart.runtime.engine import cores
from headstart.types import Floats, Indices

SIDE = 128
"""Pixels of the sides of what is looked at."""


@dataclass(frozen=True)
class Looks:
    """Of some images; NaN where it is not known.

    Attributes:
        positions: where they are in the data, (n,).
        bytes: of the file, (n,).
        width, height: in pixels, (n,).
        formats: as Pillow calls them, or `pixels`.
        contrast: grey levels between which 98% of the pixels are, (n,).
        sharpness: the logarithm of how much of the variance is in fine detail, (n,).
    """

    positions: Indices
    bytes: Floats
    width: Floats
    height: Floats
    formats: Sequence[str]
    contrast: Floats
    sharpness: Floats


def looks_of(data: Dataset, positions: Indices, advance: Advance, *, thumbnails: bool) -> Looks:
    """Look at the images at some positions; those that cannot be read are left out.

    Args:
        data: the items.
        positions: which of them.
        advance: receives the number of items that are done.
        thumbnails: whether they are decoded, for contrast and sharpness.
    """

    def look(at: int) -> tuple[str, tuple[float, ...]] | None:
        try:
            return _look(data.items[at], thumbnails)
        except Unreadable:
            return None

    formats: list[str] = []
    kept: list[int] = []
    rows: list[tuple[float, ...]] = []
    with ThreadPoolExecutor(cores(), "look") as pool:
        for at, seen in zip(positions.tolist(), pool.map(look, positions.tolist()), strict=True):
            advance(1)
            if seen is not None:
                kept.append(at)
                formats.append(seen[0])
                rows.append(seen[1])
    table = np.array(rows, np.float64).reshape(len(rows), 5)
    return Looks(np.array(kept, np.int64), table[:, 0], table[:, 1], table[:, 2], formats,
                 table[:, 3], table[:, 4])  # fmt: skip


def _look(item: object, thumbnail: bool) -> tuple[str, tuple[float, ...]]:
    """The format; bytes, width, height, contrast and sharpness."""
    content = images.load(item)
    seen = images.header(content)
    contrast = sharpness = np.nan
    if thumbnail:
        pixels = images.decode(content, images.all_at(SIDE, SIDE)).pixels
        grey = pixels.mean(axis=2, dtype=np.float32)
        low, high = np.percentile(grey, (1, 99))
        contrast, sharpness = float(high - low), _sharpness(grey)
    size = len(content) if isinstance(content, bytes) else np.nan
    return seen.format, (size, seen.width, seen.height, contrast, sharpness)


def _sharpness(grey: NDArray[np.float32]) -> float:
    """The logarithm of the variance of the Laplacian, in units of the variance of the pixels.

    So that an image of little contrast is not taken for a blurred one (Pech-Pacheco et al. 2000,
    "Diatom autofocusing in brightfield microscopy").
    """
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    return float(np.log((laplacian.var() + 1e-3) / (grey.var() + 1e-3)))
