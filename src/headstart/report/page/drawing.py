"""Plots as inline SVG: the page's style gives them their colours, for screens and paper.

Hand-made, for a library's SVG holds its own colours and fonts: these follow the page into the
dark, and take a few kilobytes each.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from headstart.wording import figure

WIDTH, HEIGHT = 440, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 24, 12, 44
KINDS = 6
"""How many lines the style tells apart."""


@dataclass(frozen=True)
class Table:
    """Cells as texts; the first of each row names it."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Plot:
    """A plot, and the same in words and numbers.

    Attributes:
        key: its id on the page.
        title: a few words.
        description: what is to be seen, for who does not see it; below the plot for all.
        shapes: what is in the SVG.
        table: the numbers.
        legend: names of what is drawn, each with its kind from 1.
        size: width and height, in the SVG's own units.
    """

    key: str
    title: str
    description: str
    shapes: Markup
    table: Table
    legend: tuple[tuple[int, str], ...] = ()
    size: tuple[int, int] = (WIDTH, HEIGHT)


@dataclass(frozen=True)
class Axis:
    """One direction of a plot: what it shows, and from where to where (low is below high)."""

    label: str
    low: float
    high: float
    as_percent: bool = False

    def share(self, value: float) -> float:
        """Where a value is, from 0 to 1; outside it is at the end."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    def ticks(self) -> list[float]:
        """Round values, about five."""
        step = 10 ** math.floor(math.log10((self.high - self.low) / 2))
        step = next(s * step for s in (0.5, 1, 2, 5, 10) if (self.high - self.low) / (s * step) < 7)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [n * step for n in range(first, last + 1)]

    def written(self, tick: float) -> str:
        """A tick as a reader sees it."""
        if self.as_percent:
            return f"{100 * tick:.3g}%"
        return f"{tick:,.0f}" if 1000 <= abs(tick) < 1e9 else f"{tick:.4g}"


def axis(label: str, values: Iterable[float], *, from_zero: bool = False) -> Axis:
    """An axis that holds all values that are finite, with a little room."""
    known = [each for each in values if math.isfinite(each)] or [0.0]
    low, high = min(known), max(known)
    room = (high - low) * 0.04 or abs(high) * 0.04 or 1.0
    return Axis(label, 0.0 if from_zero and low >= 0 else low - room, high + room)


@dataclass(frozen=True)
class Frame:
    """Two axes, and where on the paper their values are."""

    x: Axis
    y: Axis

    def across(self, value: float) -> float:
        """From the left, of a value of x."""
        return LEFT + self.x.share(value) * (WIDTH - LEFT - RIGHT)

    def down(self, value: float) -> float:
        """From the top, of a value of y."""
        return HEIGHT - BOTTOM - self.y.share(value) * (HEIGHT - TOP - BOTTOM)

    def around(self) -> Markup:
        """Grid, ticks and labels."""
        parts = []
        left, right, top, bottom = LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM
        for tick in self.y.ticks():
            y = self.down(tick)
            parts += [_line("grid", left, y, right, y)]
            parts += [_text("tick end", left - 8, y + 4, self.y.written(tick))]
        for tick in self.x.ticks():
            x = self.across(tick)
            parts += [_line("grid", x, top, x, bottom)]
            parts += [_text("tick middle", x, bottom + 16, self.x.written(tick))]
        parts += [_text("axis middle", (left + right) / 2, HEIGHT - 8, self.x.label)]
        turned = f"rotate(-90 12 {_n((top + bottom) / 2)})"
        parts += [_text("axis middle", 12, (top + bottom) / 2, self.y.label, turned)]
        return Markup().join(parts)

    def line(self, kind: str | int, x: Sequence[float], y: Sequence[float]) -> Markup:
        """A line through points."""
        points = " ".join(
            f"{_n(self.across(a))},{_n(self.down(b))}" for a, b in zip(x, y, strict=True)
        )
        return Markup('<polyline class="{}" points="{}"/>').format(_class("line", kind), points)

    def band(
        self, kind: int, x: Sequence[float], low: Sequence[float], high: Sequence[float]
    ) -> Markup:
        """What is between two lines."""
        there = [*zip(x, high, strict=True), *reversed(list(zip(x, low, strict=True)))]
        points = " ".join(f"{_n(self.across(a))},{_n(self.down(b))}" for a, b in there)
        return Markup('<polygon class="{}" points="{}"/>').format(_class("band", kind), points)

    def dots(self, kind: int, x: Sequence[float], y: Sequence[float], r: float = 3.5) -> Markup:
        """A dot a point: one path, for thousands of them."""
        marks = "".join(
            f"M{_n(self.across(a))} {_n(self.down(b))}h0" for a, b in zip(x, y, strict=True)
        )
        return Markup('<path class="{}" stroke-width="{}" d="{}"/>').format(
            _class("dots", kind), _n(2 * r), marks
        )

    def whisker(self, kind: int, x: float, low: float, high: float) -> Markup:
        """A line upright from one value of y to another."""
        return _line(_class("line", kind), *self._ends(x, low, x, high))

    def bar(self, kind: int, left: float, right: float, low: float, high: float) -> Markup:
        """A bar from one value of x to another, and of y."""
        x1, y1, x2, y2 = self._ends(left, low, right, high)
        return _rect(_class("bar", kind), x1 + 0.5, y2, max(x2 - x1 - 1, 0.5), max(y1 - y2, 0))

    def _ends(
        self, x1: float, y1: float, x2: float, y2: float
    ) -> tuple[float, float, float, float]:
        return self.across(x1), self.down(y1), self.across(x2), self.down(y2)


def intervals(
    rows: Sequence[tuple[str, float, float, float]],
    x: Axis,
    kinds: Sequence[int] | None = None,
) -> tuple[Markup, int]:
    """A dot with its interval a row, named at the left; and how high all of it is.

    Args:
        rows: name, value, low and high.
        x: of the values.
        kinds: of each row, for differences, which have a line at zero; None: the first row is the
            model, the others are what it is compared with.
    """
    left, right, each = 200, WIDTH - RIGHT, 34
    bottom = TOP + each * len(rows)

    def across(value: float) -> float:
        return left + x.share(value) * (right - left)

    parts = []
    for tick in x.ticks():
        parts += [_line("grid", across(tick), TOP, across(tick), bottom)]
        parts += [_text("tick middle", across(tick), bottom + 16, x.written(tick))]
    parts += [_text("axis middle", (left + right) / 2, bottom + 36, x.label)]
    if kinds is not None:
        parts += [_line("zero", across(0), TOP, across(0), bottom)]
    colours = [1, *[0] * len(rows)] if kinds is None else kinds
    for place, ((name, value, low, high), kind) in enumerate(zip(rows, colours, strict=False)):
        y = TOP + each * (place + 0.5)
        parts += [_text("row end", left - 12, y + 4, _cut(name, 30))]
        if math.isfinite(low) and math.isfinite(high):
            parts += [_line(_class("line", kind), across(low), y, across(high), y)]
        parts += [
            Markup('<circle class="{}" cx="{}" cy="{}" r="5"/>').format(
                _class("bar", kind), _n(across(value)), _n(y)
            )
        ]
    return Markup().join(parts), bottom + 44


def shares(parts: Sequence[tuple[str, float]]) -> tuple[Markup, int]:
    """One bar that is divided as the parts of a whole are; and how high it is."""
    total, at, drawn = sum(value for _, value in parts) or 1.0, 0.0, []
    for place, (_, value) in enumerate(parts):
        wide = value / total * WIDTH
        drawn.append(_rect(_class("bar", place % KINDS + 1), at, 0, max(wide - 1, 0.3), 22))
        at += wide
    return Markup().join(drawn), 22


def cells(counts: Sequence[Sequence[int]]) -> tuple[Markup, int]:
    """A matrix of many classes: a square a cell that is not empty, darker with its row's share."""
    side, parts = WIDTH / len(counts), [_rect("paper", 0, 0, WIDTH, WIDTH)]
    for row, numbers in enumerate(counts):
        for column, number in enumerate(numbers):
            if number:
                shade = 0.15 + 0.85 * number / sum(numbers)
                kind = 1 if row == column else 2
                mark = Markup(
                    '<rect class="{}" x="{}" y="{}" width="{}" height="{}" opacity="{}"/>'
                )
                place = _n(column * side), _n(row * side), _n(side), _n(side), f"{shade:.2f}"
                parts.append(mark.format(_class("bar", kind), *place))
    return Markup().join(parts), WIDTH


def number(value: float) -> str:
    """A number of a table."""
    return figure(value)


def _class(shape: str, kind: str | int) -> str:
    return f"{shape} k{kind}"


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    mark = Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>')
    return mark.format(kind, _n(x1), _n(y1), _n(x2), _n(y2))


def _rect(kind: str, x: float, y: float, width: float, height: float) -> Markup:
    mark = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>')
    return mark.format(kind, _n(x), _n(y), _n(width), _n(height))


def _text(kind: str, x: float, y: float, text: str, transform: str = "") -> Markup:
    turned = Markup(' transform="{}"').format(transform) if transform else ""
    mark = Markup('<text class="{}" x="{}" y="{}"{}>{}</text>')
    return mark.format(kind, _n(x), _n(y), turned, text)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
