"""Images whose pixels a table holds: a cell of numbers each, or a column for each pixel."""

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from headstart.errors import DataError, Unreadable
from headstart.wording import some

LEAST = 64
"""Numbers of the smallest image, 8 by 8."""

_NUMBERS = re.compile(r"[\s\[(]*\d[\d\s.,;eE+-]*[\s\])]*")
_PIXEL = re.compile(r"(?P<kind>pixels?|pix|px|p)?[_. -]*\d+(?P<by>[x_., -]\d+)?", re.I)


def columns_of(names: Sequence[str]) -> tuple[str, ...]:
    """The columns that look like one pixel each: `pixel0` ... `pixel783`, or `1x1` ... `28x28`."""
    families: dict[str, list[str]] = {}
    for name in names:
        matched = _PIXEL.fullmatch(name)
        if matched and (matched["kind"] or matched["by"]):
            families.setdefault((matched["kind"] or "").lower(), []).append(name)
    found = max(families.values(), key=len, default=[])
    return tuple(found) if side_of(len(found)) else ()


def side_of(numbers: int) -> int | None:
    """The side of the square, grey image of so many pixels; None where there is none."""
    side = math.isqrt(numbers)
    return side if numbers >= LEAST and side * side == numbers else None


def are_pixels(cells: Sequence[object]) -> bool:
    """Whether some cells are images, as long texts or lists of numbers."""
    present = [cell for cell in cells if cell is not None]
    return bool(present) and all(_count(cell) >= LEAST for cell in present)


def scale_in(cells: Sequence[object]) -> int:
    """What the values in a column are multiplied with: 255 where the largest is 1, else 1."""
    largest = 0.0
    for cell in cells:
        try:
            values = image(cell)
        except Unreadable:
            continue
        largest = max(largest, float(values.max(initial=0)))
        if largest > 1:
            return 1
    return 255 if largest else 1


def image(cell: object) -> NDArray[np.float64]:
    """The image in a cell: a text or list of numbers, or an array of two or three dimensions.

    Returns:
        (height, width[, channels]).

    Raises:
        Unreadable: it is no image.
    """
    if isinstance(cell, str):
        if not _NUMBERS.fullmatch(cell):
            raise Unreadable("its pixels are not numbers")
        words = re.split(r"[\s,;\[\]()]+", cell.strip(" \t\r\n[]()"))
        cell = [float(word) for word in words if word]
    try:
        values = np.asarray(cell, np.float64)
    except (TypeError, ValueError) as error:
        raise Unreadable("its pixels are not numbers") from error
    if values.ndim == 1:
        side = side_of(values.size)
        if side is None:
            raise Unreadable(
                f"{values.size:,} pixels are no square, grey image; save it as an image file"
            )
        values = values.reshape(side, side)
    if not (values.ndim == 2 or (values.ndim == 3 and values.shape[2] in (1, 3, 4))):
        raise Unreadable(f"pixels of shape {values.shape} are no image")
    return values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values


def as_bytes(values: NDArray[np.float64], scale: int) -> NDArray[np.uint8]:
    """The image in uint8, its values multiplied by `scale`.

    Raises:
        Unreadable: a value is then outside 0 to 255.
    """
    scaled = values * scale
    if not (np.isfinite(scaled).all() and scaled.min() >= 0 and scaled.max() <= 255.5):
        raise Unreadable("its pixels are not from 0 to 255")
    return np.rint(scaled).clip(0, 255).astype(np.uint8)


def rows_of(columns: Mapping[str, Sequence[object]], names: Sequence[str]) -> list[object]:
    """A list of numbers for each row, from a column for each pixel; None where one is missing.

    Raises:
        DataError: the columns are no square image.
    """
    if side_of(len(names)) is None:
        raise DataError(
            f"The {len(names):,} columns {some(names, 2)} are no square, grey image; save the "
            "images as image files."
        )
    return [
        None if None in cells else cells
        for cells in zip(*(columns[name] for name in names), strict=True)
    ]


def _count(cell: object) -> int:
    if isinstance(cell, str):
        if len(cell) < 2 * LEAST - 1 or not _NUMBERS.fullmatch(cell):
            return 0
        return len(re.findall(r"[\d.]+", cell))
    try:
        values = np.asarray(cell)
    except (TypeError, ValueError):
        return 0
    numeric = values.dtype.kind in "uif" and not isinstance(cell, str | bytes)
    return int(values.size) if numeric else 0
