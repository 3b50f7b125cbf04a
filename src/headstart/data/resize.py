"""An image made small: in eight bits first, and a large one a band of rows at a time."""

import math

from PIL import Image

from headstart.data.colour import check_depth, eight_bits, to_eight_bits

LARGE = 1 << 24
"""Pixels of an image that is never in memory twice."""

_GAP = 2.0
_BAND = 1 << 22
_SUPPORT = {
    Image.Resampling.BILINEAR: 1.0,
    Image.Resampling.BICUBIC: 2.0,
    Image.Resampling.LANCZOS: 3.0,
}
"""Pixels around a point that a filter of Pillow's looks at."""

Box = tuple[float, float, float, float]


def resized(
    image: Image.Image, size: tuple[int, int], resample: Image.Resampling, box: Box
) -> Image.Image:
    """`eight_bits(image).resize(size, resample, box, reducing_gap=2)`, whatever its size.

    Args:
        image: decoded; `size` is (width, height), `box` (left, top, right, bottom) in its pixels.

    Raises:
        Mismatch: its pixels have no agreed meaning in eight bits.
    """
    convert = to_eight_bits(image)
    if convert is None or image.width * image.height < LARGE:
        return eight_bits(image).resize(size, resample, box=box, reducing_gap=_GAP)
    rows = max(1, _BAND // image.width)
    for at in range(0, image.height, rows):
        check_depth(image.crop((0, at, image.width, min(at + rows, image.height))))
    across = int((box[2] - box[0]) / size[0] / _GAP) or 1
    down = int((box[3] - box[1]) / size[1] / _GAP) or 1
    whole = resample == Image.Resampling.NEAREST or across == down == 1
    if whole:
        across = down = 1
    around = (0, 0, *image.size) if whole else _around(image, size, resample, box)
    left, top, right, bottom = around
    # Whole steps of the reduction, so that no band's edge shows.
    rows = math.ceil(rows / down) * down
    small: Image.Image | None = None
    for at in range(top, bottom, rows):
        band = convert(image.crop((left, at, right, min(at + rows, bottom))))
        part = band.reduce((across, down)) if across > 1 or down > 1 else band
        if small is None:
            small = Image.new(part.mode, (part.width, math.ceil((bottom - top) / down)))
        small.paste(part, (0, (at - top) // down))
    assert small is not None
    part_box = (
        (box[0] - left) / across,
        (box[1] - top) / down,
        (box[2] - left) / across,
        (box[3] - top) / down,
    )
    return small.resize(size, resample, box=part_box)


def _around(
    image: Image.Image, size: tuple[int, int], resample: Image.Resampling, box: Box
) -> tuple[int, int, int, int]:
    """The pixels that the filter looks at, as Pillow chooses them."""
    support = _SUPPORT.get(resample, 0.5) - 0.5
    x, y = support * (box[2] - box[0]) / size[0], support * (box[3] - box[1]) / size[1]
    return (
        max(0, int(box[0] - x)),
        max(0, int(box[1] - y)),
        min(image.width, math.ceil(box[2] + x)),
        min(image.height, math.ceil(box[3] + y)),
    )
