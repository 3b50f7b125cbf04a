"""Occlusion of images: how much an answer changes when a part of the image is covered.

Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks". Large squares first;
where those count most, smaller ones. What is covered is strongly blurred: a patch of one colour has
edges, which networks take for something (Fong & Vedaldi 2017, "Interpretable Explanations of Black
Boxes by Meaningful Perturbation").
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from headstart.data.lazy import Lazy
from headstart.types import Floats

Pixels = NDArray[np.uint8]
Ask = Callable[[Sequence[object]], Floats]
"""Numbers that are explained (items, targets), of images as the network takes them."""

QUESTIONS = 110
"""About how often the network is asked about an image."""

STEPS = 8
"""Of a large square along the shorter side of the image; a square is two steps wide."""

FINER = 2
"""How many steps of a small square go into one of a large one."""

REFINED = 0.25
"""Share of the image that is looked at with small squares."""

BLUR = 1 / 6
"""Radius of the blur, as a share of the shorter side."""


@dataclass(frozen=True)
class Square:
    """A part of an image, in pixels."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of an array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def area(self) -> int:
        """Pixels in it."""
        return (self.bottom - self.top) * (self.right - self.left)


def occluded(pixels: Pixels, ask: Ask) -> NDArray[np.float32]:
    """How much each pixel counts for each target.

    Args:
        pixels: uint8 (height, width, 3), as the network takes them.
        ask: what the targets are for other images.

    Returns:
        (targets, height, width), by how much a target falls a pixel that is covered.
    """
    blur = blurred(pixels)
    whole = ask([pixels])
    step = max(1, min(pixels.shape[:2]) // STEPS)
    large = squares(pixels.shape[:2], step)
    coarse = _spread(large, _falls(pixels, large, blur, ask, whole), pixels.shape[:2])
    finer = max(1, step // FINER)
    area = pixels.shape[0] * pixels.shape[1]
    small = _most(squares(pixels.shape[:2], finer), coarse, max(1, int(REFINED * area / finer**2)))
    fine = _spread(small, _falls(pixels, small, blur, ask, whole), pixels.shape[:2])
    seen = np.zeros(pixels.shape[:2], bool)
    for each in small:
        seen[each.slices] = True
    return np.where(seen, (coarse + fine) / 2, coarse).astype(np.float32)


def blurred(pixels: Pixels) -> Pixels:
    """An image of which no detail is left."""
    blur = ImageFilter.GaussianBlur(min(pixels.shape[:2]) * BLUR)
    return np.asarray(Image.fromarray(pixels).filter(blur))


def squares(shape: tuple[int, int], step: int) -> list[Square]:
    """Squares of two steps a side, a step apart, that cover an image (height, width)."""
    tops, lefts = (_starts(side, step) for side in shape)
    return [
        Square(top, left, min(top + 2 * step, shape[0]), min(left + 2 * step, shape[1]))
        for top in tops
        for left in lefts
    ]


def _starts(side: int, step: int) -> list[int]:
    last = max(0, side - 2 * step)
    return [*range(0, last, step), last]


def _falls(
    pixels: Pixels, covered: Sequence[Square], blur: Pixels, ask: Ask, whole: Floats
) -> Floats:
    """By how much each target falls; (squares, targets)."""

    def one(at: int) -> Pixels:
        changed = pixels.copy()
        changed[covered[at].slices] = blur[covered[at].slices]
        return changed

    return whole - ask(Lazy(len(covered), one))


def _spread(covered: Sequence[Square], falls: Floats, shape: tuple[int, int]) -> Floats:
    """Falls a pixel: each square's over its area, and the mean where squares overlap."""
    total, count = np.zeros((falls.shape[1], *shape)), np.zeros(shape)
    for square, fall in zip(covered, falls, strict=True):
        total[:, *square.slices] += fall[:, None, None] / square.area
        count[square.slices] += 1
    return np.asarray(total / np.maximum(count, 1))


def _most(covered: Sequence[Square], heat: Floats, number: int) -> list[Square]:
    """The squares on the hottest places of a map, whichever the target; in their order."""
    share = np.abs(heat) / np.maximum(np.abs(heat).max(axis=(1, 2), keepdims=True), 1e-30)
    mean = share.mean(axis=0)
    heats = np.array([mean[each.slices].mean() for each in covered])
    return [covered[at] for at in sorted(np.argsort(-heats, kind="stable")[:number].tolist())]
