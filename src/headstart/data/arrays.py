"""Arrays and tensors of other libraries as images: uint8, channels last."""

from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from headstart.errors import DataError, Unreadable
from headstart.types import Array

CHANNELS = (1, 3, 4)
MAX_FLOAT_ERROR = 1e-4
"""How far above 1 a float image in 0..1 may be: what rounding makes of 1."""


def is_array(value: object) -> bool:
    """Whether a value is an array or tensor of any library; a frame's column is one too."""
    return hasattr(value, "__array__") and not isinstance(value, np.generic)


def as_numpy(value: Any) -> Array:
    """An array or tensor of any library as numpy's.

    Raises:
        Unreadable: it cannot be copied to memory.
    """
    if isinstance(value, np.ndarray):
        return value
    try:
        if hasattr(value, "detach"):  # torch: it may have a gradient, be on a GPU, or be bfloat16
            value = value.detach().cpu()
            value = value.float() if str(value.dtype) == "torch.bfloat16" else value
        return np.asarray(value)
    except Exception as error:  # whatever the other library raises
        reason = str(error).strip().partition("\n")[0][:100]
        raise Unreadable(f"the {type(value).__name__} cannot be read ({reason})") from error


def is_image(shape: tuple[int, ...]) -> bool:
    """Whether an array of this shape is one image: (height, width[, channels])."""
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in CHANNELS)


def channels_first(shape: tuple[int, ...]) -> bool:
    """Whether it is one image in the other order, (channels, height, width), and no other."""
    return len(shape) == 3 and shape[0] in CHANNELS and shape[2] not in CHANNELS


def pixels(array: Array) -> NDArray[np.uint8]:
    """One image as uint8 (height, width[, 3 or 4]).

    Whole numbers from 0 to 255 are taken as they are, 16-bit ones are scaled, and floats are in
    0..1 or in 0..255, whichever their largest value tells. What could be meant in two ways is
    refused: an answer about a black image helps nobody.

    Args:
        array: (height, width[, 1, 3 or 4]), or (1, 3 or 4, height, width) as torch has it.

    Raises:
        Unreadable: it has another shape, or values that are no brightness.
    """
    if channels_first(array.shape):
        array = np.moveaxis(array, 0, 2)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if not is_image(array.shape):
        raise Unreadable(
            f"an array must be (height, width[, 3 or 4]), not {_described(array)}; give one "
            "image an item"
        )
    if not array.size:
        raise Unreadable(f"an array of {array.shape} is empty")
    if array.dtype == np.uint8:
        return array
    return _eight_bits(array)


def stacked(array: Array) -> list[Array]:
    """The images of one array, whose values are on one scale: a dark one is no image in 0..1.

    Args:
        array: (images, height, width[, channels]).

    Raises:
        Unreadable: no scale fits all of them; NaN and infinity are a matter of one image.
    """
    images = list(array)
    if array.dtype.kind not in "iuf" or array.dtype == np.uint8 or not array.size:
        return images
    finite = np.isfinite(array).all(axis=tuple(range(1, array.ndim)))
    if finite.any():
        whole = _eight_bits(array[finite])
        for at, image in zip(np.flatnonzero(finite).tolist(), whole, strict=True):
            images[at] = image
    return images


def images_of(array: Array) -> list[Array]:
    """The images of an array that the user gave; see `stacked`.

    Raises:
        DataError: no scale fits all of them.
    """
    try:
        return stacked(array)
    except Unreadable as error:
        raise DataError(f"Of the array of {array.shape} {error}.") from error


def of_two_scales(items: Sequence[object]) -> set[int]:
    """Positions of images of floats that may be in 0..1 or be nearly black ones in 0..255.

    Alone such an image is in 0..1. Beside others that go up to 255 it is not known, but where its
    values are fractions and those of the others are whole.
    """
    floats = {at: each for at, each in enumerate(items) if _is_float(each)}
    highs = {at: _high(each) for at, each in floats.items()}
    large = [floats[at] for at, high in highs.items() if 1 + MAX_FLOAT_ERROR < high <= 255]
    small = {at for at, high in highs.items() if 0 < high <= 1 + MAX_FLOAT_ERROR}
    if not large or not small:
        return set()
    whole = not any(np.mod(each, 1).any() for each in large)
    return {at for at in small if not (whole and np.mod(floats[at], 1).any())}


def _is_float(item: object) -> TypeGuard[Array]:
    return isinstance(item, np.ndarray) and item.dtype.kind == "f" and item.ndim > 1


def _high(array: Array) -> float:
    return float(array.max()) if array.size and np.isfinite(array).all() else 0.0


def _eight_bits(array: Array) -> NDArray[np.uint8]:
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind not in "iuf":
        raise Unreadable(f"an array must hold numbers, not {array.dtype}")
    low, high = float(array.min()), float(array.max())
    if not low >= 0 or not np.isfinite(high):
        raise Unreadable(
            f"its values go from {low:g} to {high:g}, but pixels are from 0 to 255 or from 0 to 1; "
            "give images as they are before normalisation"
        )
    if array.dtype.kind == "f":
        return _from_floats(array, high)
    if array.dtype == np.uint16 and high > 255:
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if high > 255 or (array.dtype == np.uint16 and high > 0):
        raise Unreadable(
            f"its values are {array.dtype} up to {high:g}, which may be 8 or 16 bits; convert it "
            "to uint8"
        )
    return array.astype(np.uint8)


def _from_floats(array: Array, high: float) -> NDArray[np.uint8]:
    if high <= 1 + MAX_FLOAT_ERROR:
        array = np.minimum(array.astype(np.float32), 1) * 255
        return np.asarray(np.rint(array), np.uint8)
    whole = high <= 255 and (high > 16 or not np.mod(array, 1).any())
    if not whole:
        raise Unreadable(
            f"its floats go up to {high:g}, which is neither 0 to 1 nor 0 to 255; convert it to "
            "uint8"
        )
    return np.asarray(np.rint(array), np.uint8)


def _described(array: Array) -> str:
    return f"{array.dtype} {array.shape}"
