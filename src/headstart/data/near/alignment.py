"""Two thumbnails, one of them perhaps cropped: laid over each other, and how alike they are then.

Registration by Gauss-Newton steps on the squared difference (Lucas and Kanade 1981, "An Iterative
Image Registration Technique"), here of scale and shift in each direction, after both thumbnails
are brought to mean 0 and variance 1. The margin is left out: borders are alike in whole series of
photographs, and what is at the edge of a crop has other neighbours in the whole.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from headstart.types import Floats

Stack = NDArray[np.floating]
"""Thumbnails, (n, side, side)."""

_MARGIN = 3 / 32
_LEAST_SCALE, _MOST_SCALE, _SLACK = 0.85, 1.05, 0.02
"""Of the part that is compared, of the side of the other thumbnail: crops down to 15%."""
_LARGEST_STEP = 0.05
_DETAIL = 2.0
"""Pixels of a thumbnail: what is coarser is light and shade rather than detail."""
_ACROSS, _DOWN = slice(0, 2), slice(2, 4)
_FLAT = 0.5
"""Standard deviation, of 255 grey levels, of an image that there is nothing on."""


@dataclass(frozen=True)
class Aligned:
    """How alike pairs of thumbnails are, laid over each other as well as they can be.

    Attributes:
        all, detail: correlations (n,), of everything and of detail alone: 1 is the same but for
            brightness and contrast.
        windows: (n, 4), where the part lies in the whole.
    """

    all: Floats
    detail: Floats
    windows: Floats


def inner(stack: Stack) -> Stack:
    """Thumbnails without their margin."""
    margin = round(_MARGIN * stack.shape[-1])
    return stack[:, margin:-margin, margin:-margin]


def window(scale: float, left: float, top: float) -> Floats:
    """A part of an image, as `seen` takes it: scale and shift of the centre, across and down."""
    middle = 0.5 * scale - 0.5
    return np.array([scale, left + middle, scale, top + middle])


def seen(stack: Stack, windows: Floats) -> Stack:
    """What lies in a window (n, 4) of each thumbnail, at the size of a whole one."""
    across, down = (_weights(stack.shape[-1], windows[:, each]) for each in (_ACROSS, _DOWN))
    return np.asarray(down @ stack @ across.transpose(0, 2, 1))


def standardised(stack: Stack) -> Stack:
    """Each thumbnail at mean 0 and variance 1 inside its margin; a blank one is 0 there."""
    centred = stack - inner(stack).mean(axis=(1, 2), keepdims=True)
    spread = inner(stack).std(axis=(1, 2))[:, None, None]
    return np.where(spread > _FLAT, centred / np.maximum(spread, _FLAT), 0).astype(np.float32)


def correlation(one: Stack, other: Stack) -> Floats:
    """Of pairs that are `standardised`, (n,)."""
    return np.asarray(inner(one * other).mean(axis=(1, 2), dtype=np.float64))


def aligned(whole: Stack, part: Stack, windows: Floats, steps: int) -> Aligned:
    """How alike pairs of thumbnails are, each laid over the other as well as it can be.

    Args:
        whole: thumbnails (n, SIDE, SIDE).
        part: as many, each perhaps a part of its `whole`.
        windows: (n, 4) where in `whole` the search begins.
        steps: how many steps it makes.
    """
    target = standardised(part)
    windows, found = windows.copy(), windows.copy()
    best, detail = np.full((2, len(whole)), -1.0)
    for step in range(steps + 1):
        sampled = standardised(seen(whole, windows))
        now = correlation(sampled, target)
        better = now > best
        best[better], found[better] = now[better], windows[better]
        detail[better] = _detail(sampled[better], target[better])
        if step < steps:
            windows += _step(sampled, target, windows)
            scale = np.clip(windows[:, ::2], _LEAST_SCALE, _MOST_SCALE)
            room = np.abs(1 - scale) / 2 + _SLACK
            windows[:, ::2] = scale
            windows[:, 1::2] = np.clip(windows[:, 1::2], -room, room)
    return Aligned(best, detail, found)


def _step(sampled: Stack, target: Stack, windows: Floats) -> Floats:
    """Gauss-Newton: what to add to the windows."""
    side = sampled.shape[-1]
    down, across = map(np.asarray, np.gradient(sampled, axis=(1, 2)))
    offset = _centres(side).astype(np.float32)
    columns: list[Stack] = [across * offset, across, down * offset[:, None], down]
    flat = (len(sampled), inner(sampled)[0].size if len(sampled) else 0)
    jacobian = np.stack([inner(each).reshape(flat) for each in columns], axis=1) * side
    residual = inner(np.subtract(target, sampled)).reshape(flat)
    normal = jacobian @ jacobian.transpose(0, 2, 1)
    damping = 1e-3 * (np.trace(normal, axis1=1, axis2=2) / 4 + 1)
    normal += damping[:, None, None] * np.eye(4, dtype=np.float32)
    step = np.linalg.solve(normal, jacobian @ residual[:, :, None])[:, :, 0]
    step *= np.repeat(windows[:, ::2], 2, axis=1)
    return np.clip(step, -_LARGEST_STEP, _LARGEST_STEP).astype(np.float64)


def _centres(side: int) -> Floats:
    return (np.arange(side) + 0.5) / side - 0.5


def _weights(side: int, windows: Floats) -> Stack:
    """Weights of cubic convolution along an axis, (n, side, side), of windows (n, 2)."""
    places = (0.5 + windows[:, 1:] + windows[:, :1] * _centres(side)) * side - 0.5
    places = np.clip(places, 0, side - 1).astype(np.float32)
    distance = np.abs(places[:, :, None] - np.arange(side, dtype=np.float32))
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((2.5 - 0.5 * distance) * distance - 4) * distance + 2
    weights = np.where(distance <= 1, near, np.where(distance < 2, far, np.float32(0)))
    return np.asarray(weights / weights.sum(axis=2, keepdims=True))


@lru_cache
def _blur(side: int) -> Stack:
    distance = np.subtract.outer(np.arange(side), np.arange(side)) / _DETAIL
    weights = np.exp(-0.5 * distance**2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _detail(one: Stack, other: Stack) -> Floats:
    first, second = _fine(one), _fine(other)
    product = (first * second).sum(axis=(1, 2), dtype=np.float64)
    sizes = (first**2).sum(axis=(1, 2)) * (second**2).sum(axis=(1, 2))
    return np.asarray(product / np.maximum(np.sqrt(sizes), 1e-9))


def _fine(stack: Stack) -> Stack:
    """Without what is coarse, and without what is the same along a whole row or column.

    Bars, which a series of photographs may share, are mostly that.
    """
    blur = _blur(stack.shape[-1])
    fine = inner(stack - blur @ stack @ blur.T)
    fine = fine - fine.mean(axis=1, keepdims=True)
    return np.asarray(fine - fine.mean(axis=2, keepdims=True))
