"""How headstart makes an image small, as a graph: the filters of Pillow as two matrix products.

ONNX's own Resize rounds elsewhere, knows no `reducing_gap`, and differs from runtime to runtime. A
filter is linear, so that the rows of an image, and then its columns, are multiplied with a matrix
of weights, which the graph computes from height and width. Each product is rounded to eight bits,
as Pillow does.

Where a pixel lies is computed in whole numbers, as a share of what it is measured in: these are
exact, in any runtime and at any precision that it may choose for other numbers.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from onnx import TensorProto

from headstart.errors import InputError
from headstart.export.nodes import Nodes, Value
from headstart.preprocessing import ImagePreprocessing

SUPPORT = {"bilinear": 1, "bicubic": 2, "lanczos": 3}
"""Pixels around a point that a filter looks at."""


@dataclass(frozen=True)
class Span:
    """What the network sees along one side of an image.

    The side is resized to `resized / unit` pixels; `size` of them are kept, `twice_start /
    (2 * unit)` from its start.
    """

    side: Value
    size: int
    resized: Value
    twice_start: Value
    unit: int

    @property
    def shrinks(self) -> Value:
        """Whether whole pixels are averaged first: `reducing_gap=2` of `headstart.data.resize`."""
        return self.side * self.unit >= self.resized * 4


def resized(pixels: Value, preprocessing: ImagePreprocessing) -> Value:
    """Images uint8 (N, H, W, 3) of any size as the network takes them: uint8 (N, h, w, 3).

    Raises:
        InputError: the filter is not one of `SUPPORT`.
    """
    filter, nodes = preprocessing.interpolation, pixels.nodes
    if filter not in SUPPORT:
        raise InputError(
            f"The model resizes images by {filter!r}, which cannot be exported; fit again with a "
            "backbone that resizes by another way."
        )
    shape = nodes.op("Shape", pixels)
    height, width = (nodes.op("Gather", shape, nodes.constant([at], "int64")) for at in (1, 2))
    spans = _spans(nodes, height, width, preprocessing)
    shrinks = nodes.op("Or", *(span.shrinks for span in spans))
    rows, columns = (_weights(span, filter, shrinks) for span in spans)
    narrow = _eight_bits(pixels.turned(0, 3, 1, 2).cast() @ columns.turned(1, 0))
    small = _eight_bits(rows @ narrow)
    return small.cast(TensorProto.UINT8).turned(0, 2, 3, 1)


def _eight_bits(values: Value) -> Value:
    return values.nodes.op("Floor", values + 0.5).at_least(0.0).at_most(255.0)


def _spans(
    nodes: Nodes, height: Value, width: Value, preprocessing: ImagePreprocessing
) -> tuple[Span, Span]:
    """Which rows and columns the network sees: `headstart.data.images._window`."""
    crop = (preprocessing.height, preprocessing.width)
    if not preprocessing.keep_aspect_ratio:
        share = Fraction(preprocessing.crop_fraction).limit_denominator(100)
        unit, parts = share.numerator, share.denominator
        down, across = (
            Span(
                side,
                size,
                nodes.constant([size * parts], "int64"),
                nodes.constant([size * (parts - unit)], "int64"),
                unit,
            )
            for side, size in zip((height, width), crop, strict=True)
        )
        return down, across
    fits = [math.floor(side / preprocessing.crop_fraction) for side in crop]
    high, wide = height * fits[1], width * fits[0]
    by_width = nodes.op("LessOrEqual", wide, high)
    quotient = _floor if crop[0] == crop[1] else _nearest
    scaled = (
        by_width.where(quotient(high, width), nodes.constant([fits[0]], "int64")),
        by_width.where(nodes.constant([fits[1]], "int64"), quotient(wide, height)),
    )
    down, across = (
        Span(side, size, each, _nearest(each - size, nodes.constant([2], "int64")) * 2, 1)
        for side, size, each in zip(
            (height, width),
            crop,
            (s.at_least(c) for s, c in zip(scaled, crop, strict=True)),
            strict=True,
        )
    )
    return down, across


def _floor(number: Value, divisor: Value) -> Value:
    return number // divisor


def _nearest(number: Value, divisor: Value) -> Value:
    """The nearest whole number to a quotient, of two that are as near the even one."""
    whole = number // divisor
    up = divisor < (number % divisor) * 2 + whole % 2
    return whole + up.cast(TensorProto.INT64)


def _weights(span: Span, filter: str, shrinks: Value) -> Value:
    """The weight (size, side) of every pixel of a side in each of those it becomes."""
    nodes, side, reach = span.side.nodes, span.side, 2 * SUPPORT[filter] - 1
    long, twice = side * span.unit, span.resized * 2
    # Blocks of whole pixels, from where the filter begins to where it ends.
    block = (long // twice).at_least(1)
    around = shrinks.where(long, long.at_least(span.resized)) * reach
    first = (span.twice_start * side - around).at_least(0) // twice
    end = (span.twice_start + 2 * span.unit * span.size) * side + around
    last = ((end + twice - 1) // twice).at_most(side)
    zero, one = (nodes.constant(each, "int64") for each in (0, 1))
    pixels = nodes.op("Range", zero, nodes.op("Squeeze", side), one)
    inside = (pixels >= first) & (pixels < last)
    blocks = (pixels - first) // block
    full = (last - first - blocks * block).at_most(block).at_least(1)
    # From the middle of a new pixel to that of a block, in halves of what both are measured in.
    steps = nodes.constant([[span.unit * (2 * at + 1)] for at in range(span.size)], "int64")
    away = (blocks * 2 + 1) * span.resized * block + twice * first
    away = away - (steps + span.twice_start) * side
    distance = away.cast() / (long.at_least(span.resized * block) * 2).cast()
    weights = _curve(distance, filter) * inside.cast() / full.cast()
    return weights / nodes.op("ReduceSum", weights, nodes.constant([1], "int64"), keepdims=1)


def _curve(distance: Value, filter: str) -> Value:
    """The filter of Pillow, at distances from its middle."""
    nodes = distance.nodes
    x = nodes.op("Abs", distance)
    if filter == "bilinear":
        return (1.0 - x).at_least(0.0)
    if filter == "lanczos":
        return _sinc(x) * _sinc(x / 3.0) * (x < 3.0).cast()
    inner = (x * 1.5 - 2.5) * x * x + 1.0
    outer = (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5
    beyond = (x < 2.0).where(outer, nodes.constant(0.0))
    return (x < 1.0).where(inner, beyond)


def _sinc(x: Value) -> Value:
    """`sin(pi x) / (pi x)`, which is 1 at nought."""
    angle = x.at_least(1e-6) * math.pi
    return x.nodes.op("Sin", angle) / angle
