"""What more labels would buy: the test metric by the number of training items, and a power law.

Heads are fitted on parts of the training items, several parts of each size, and measured on the
same test items. Nothing is chosen by that. The error falls about as a + b (n + d)^-c, with a from
0 and c up to 1 (Hestness et al. 2017; POW4 of Viering and Loog 2022). The band comes from
resamples of the parts and of the test items, each fitted by that law and by a straight line in
log n, which tells what the choice of a law makes of it. It goes no further than twice the items.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.evaluation.intervals import Interval, drawn_by
from headstart.types import Floats, Indices
from headstart.wording import count, figure

SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
"""Of the training items."""

TIMES = 2
"""How many times the training items are looked ahead."""

LEAST_SIZES = 3
"""Fewer sizes than these tell no law."""

_RESAMPLES = 200
_EXPONENTS = np.geomspace(0.05, 1.0, 16)
_SHIFTS = (0.0, 0.5, 2.0, 8.0)
"""Of the law's d, in units of the smallest size."""


@dataclass(frozen=True)
class Point:
    """The metric with so many training items; its interval is over parts and test items."""

    items: int
    fits: int
    found: Interval


@dataclass(frozen=True)
class Law:
    """The error as `floor + scale * (n + shift) ** -exponent`."""

    floor: float
    scale: float
    shift: float
    exponent: float


@dataclass(frozen=True)
class LearningCurve:
    """The metric by the number of training items, and what twice as many would make of it.

    Attributes:
        metric: accuracy, macro F1, or the mean absolute error.
        points: by size.
        law: of the error (one less the metric, where higher is better).
        items: how many twice the training items are.
        expected: the metric with so many; low and high are an 80% band.
        gain: how much of it is new, likewise; below 0 where an error falls.
        significant: whether the band of the gain leaves no gain out.
    """

    metric: str
    points: tuple[Point, ...]
    law: Law
    items: int
    expected: Interval
    gain: Interval
    significant: bool

    @property
    def sentence(self) -> str:
        """What twice the labels would buy, or that it cannot be told."""
        name = {"macro_f1": "macro F1", "mae": "the mean absolute error"}.get(
            self.metric, self.metric
        )
        twice = f"Twice the labels ({count(self.items)} training items)"
        size = 100 if self.metric == "accuracy" else 1
        unit = " points" if self.metric == "accuracy" else ""
        low, value, high = (
            f"{size * each:+.1f}" if size == 100 else f"{each:+.3g}"
            for each in (self.gain.low, self.gain.value, self.gain.high)
        )
        if not self.significant:
            return (
                f"Whether more labels would help cannot be told: {twice.lower()} would change "
                f"{name} by {value}{unit} (80% band {low} to {high})."
            )
        at = f"{self.expected.value:.1%}" if size == 100 else figure(self.expected.value)
        return (
            f"{twice} would change {name} by about {value}{unit} (80% band {low} to {high}), "
            f"to {at}."
        )


def learning_curve(
    metric: str,
    sizes: Sequence[int],
    items: Sequence[Floats],
    *,
    seed: int,
    together: Indices | None = None,
) -> LearningCurve | None:
    """Fit the law to heads of many sizes; None with fewer sizes than `LEAST_SIZES`.

    Args:
        metric: `accuracy`, `macro_f1` or `mae`; the mean of `items`.
        sizes: training items of each head, (heads,).
        items: of each head a value for every test item, (test items,), whose mean is the metric.
        seed: of the resamples.
        together: int (test items,): those of the same number are drawn together; each is alone
            where None.
    """
    numbers = np.asarray(sizes, np.int64)
    distinct = np.unique(numbers)
    if len(distinct) < LEAST_SIZES:
        return None
    # Higher is better for all but an error, which is what the law is of.
    rises = metric != "mae"
    errors = 1 - np.asarray(items, np.float64) if rises else np.asarray(items, np.float64)
    rng = np.random.default_rng(seed)
    means = _means(numbers, distinct, errors.mean(axis=1))
    drawn = _resampled(numbers, distinct, errors, rng, drawn_by(together))
    weights = 1 / np.maximum(drawn.var(axis=0), 1e-3 * drawn.var(axis=0).max() + 1e-12)
    now, then = float(distinct[-1]), float(TIMES * distinct[-1])
    laws = _power_laws(distinct, np.vstack((means, drawn)), weights)
    at = np.array([[_error(law, now), _error(law, then)] for law in laws])
    ahead = np.vstack((at[1:], _straight(distinct, drawn, weights, (now, then))))
    # What is known is the error with all items; the laws say how it goes on from there.
    gains = ahead[:, 1] - ahead[:, 0]
    expected = np.maximum(np.concatenate((drawn[:, -1], drawn[:, -1])) + gains, 0)
    value = at[0, 1] - at[0, 0]
    found = max(means[-1] + value, 0.0)

    def band(samples: Floats, middle: float) -> Interval:
        low, high = np.percentile(samples, (10, 90))
        return Interval(middle, min(float(low), middle), max(float(high), middle))

    fall = band(gains, float(value))
    error = band(expected, float(found))
    return LearningCurve(
        metric=metric,
        points=tuple(
            _point(size, numbers, means[place], drawn[:, place], rises)
            for place, size in enumerate(distinct.tolist())
        ),
        law=laws[0],
        items=int(then),
        expected=_flipped(error, 1) if rises else error,
        gain=_flipped(fall, 0) if rises else fall,
        significant=bool(np.percentile(gains, 90) < 0),
    )


def _point(size: int, numbers: Indices, mean: float, drawn: Floats, rises: bool) -> Point:
    low, high = np.percentile(drawn, (2.5, 97.5))
    error = Interval(float(mean), min(float(low), float(mean)), max(float(high), float(mean)))
    return Point(size, int((numbers == size).sum()), _flipped(error, 1) if rises else error)


def _flipped(found: Interval, top: float) -> Interval:
    return Interval(top - found.value, top - found.high, top - found.low)


def _means(numbers: Indices, distinct: Indices, errors: Floats) -> Floats:
    return np.array([errors[numbers == size].mean() for size in distinct])


def _resampled(
    numbers: Indices,
    distinct: Indices,
    errors: Floats,
    rng: np.random.Generator,
    together: Indices | None,
) -> Floats:
    """Mean errors (resamples, sizes): other parts of each size, and other test items.

    Parts of one size share items, the more the larger they are, and there is one of all items:
    what they do not tell is made up for by the test items, which are drawn for all alike.
    """
    tested = errors.shape[1]
    number = np.arange(tested)
    if together is not None:
        _, number = np.unique(together, return_inverse=True)
    units = int(number.max(initial=-1)) + 1
    drawn = np.empty((_RESAMPLES, len(distinct)))
    heads = [np.flatnonzero(numbers == size) for size in distinct]
    for row in drawn:
        counts = np.bincount(rng.integers(0, units, units), minlength=units)[number]
        by_head = errors @ counts / counts.sum()
        for place, own in enumerate(heads):
            row[place] = by_head[rng.choice(own, len(own))].mean()
    return drawn


def _power_laws(sizes: Indices, errors: Floats, weights: Floats) -> list[Law]:
    """The law of each row of `errors` (rows, sizes), by least squares.

    With shift and exponent given, floor and scale are those of a line, none below 0; these two
    are looked for on a grid, so that no start is needed and no minimum is missed.
    """
    best = np.full(len(errors), np.inf)
    laws = [Law(0.0, 0.0, 0.0, 1.0)] * len(errors)
    for shift in (float(sizes[0]) * each for each in _SHIFTS):
        for exponent in _EXPONENTS.tolist():
            x = (sizes + shift) ** -exponent
            floor, scale = _line(x, errors, weights)
            losses = ((errors - floor[:, None] - scale[:, None] * x) ** 2) @ weights
            for at in np.flatnonzero(losses < best - 1e-15):
                best[at] = losses[at]
                laws[at] = Law(float(floor[at]), float(scale[at]), shift, exponent)
    return laws


def _line(x: Floats, errors: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Floor and scale, both from 0, of each row of errors."""
    share = weights / weights.sum()
    centre, middle = x @ share, errors @ share
    spread = ((x - centre) ** 2) @ share
    slope = ((errors - middle[:, None]) * (x - centre)) @ share / max(float(spread), 1e-300)
    slope = np.maximum(slope, 0)
    floor = middle - slope * centre
    through = (errors * x) @ share / max(float(x**2 @ share), 1e-300)
    return np.maximum(floor, 0), np.where(floor < 0, through, slope)


def _error(law: Law, items: float) -> float:
    return law.floor + law.scale * math.pow(items + law.shift, -law.exponent)


def _straight(
    sizes: Indices, errors: Floats, weights: Floats, ahead: tuple[float, float]
) -> Floats:
    """A straight line in log n, whichever way it leads: errors at two sizes, (rows, 2)."""
    x, share = np.log(sizes), weights / weights.sum()
    centre, middle = x @ share, errors @ share
    spread = ((x - centre) ** 2) @ share
    slope = ((errors - middle[:, None]) * (x - centre)) @ share / spread
    return np.asarray(middle[:, None] + slope[:, None] * (np.log(ahead) - centre))
