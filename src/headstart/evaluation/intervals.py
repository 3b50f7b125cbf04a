"""95% intervals by the bootstrap: what the metric would be on other test sets like this one.

Items are drawn with replacement, whatever their class (not stratified): the shares of the
classes are as much a matter of chance as the items are. The interval runs from the 2.5th to the
97.5th percentile (Efron 1979) and is widened, where it must be, to contain the value.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from headstart.types import Floats, Indices

# Above so many items a mean's bootstrap distribution is its normal limit to three digits.
_DRAWN_ITEM_BY_ITEM = 20_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A metric and its 95% interval; all NaN where the metric is undefined."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | None]:
        """A JSON object; null where undefined."""
        return {
            name: number if math.isfinite(number) else None
            for name, number in (("value", self.value), ("low", self.low), ("high", self.high))
        }


_Z = 1.959963984540054  # of the standard normal, two-sided 95%
UNDEFINED = Interval(math.nan, math.nan, math.nan)


def resampled_means(columns: Floats, resamples: int, rng: Generator) -> Floats:
    """Means of bootstrap resamples of the rows of `columns` (n, q), as (resamples, q)."""
    n = len(columns)
    if n > _DRAWN_ITEM_BY_ITEM:
        mean = columns.mean(axis=0)
        centred = columns - mean
        # The root of the covariance by its eigenvectors: columns may depend on each other.
        spread, axes = np.linalg.eigh(centred.T @ centred / n**2)
        root = np.sqrt(np.maximum(spread, 0)) * axes
        return np.asarray(mean + rng.standard_normal((resamples, len(mean))) @ root.T)
    means = np.empty((resamples, columns.shape[1]))
    for each in means:
        counts = np.bincount(rng.integers(0, n, n), minlength=n)
        np.matmul(counts.astype(np.float64), columns, out=each)
    return means / n


def resampled_cells(counts: Indices, resamples: int, rng: Generator) -> Indices:
    """Bootstrap resamples of a table of counts (cells,): (resamples, cells), int64."""
    total = int(counts.sum())
    return rng.multinomial(total, counts / total, size=resamples)


def interval(samples: Floats, value: float, low: float = 0.0, high: float = 1.0) -> Interval:
    """The percentile interval of `samples`, within the metric's range `low` to `high`.

    Resamples in which the metric is undefined (NaN) do not count.
    """
    if not math.isfinite(value):
        return UNDEFINED
    defined = samples[np.isfinite(samples)]
    if not len(defined):
        return Interval(value, math.nan, math.nan)
    left, right = np.clip(np.percentile(defined, (2.5, 97.5)), low, high)
    return Interval(value, min(float(left), value), max(float(right), value))


def of_share(found: Interval, items: int) -> Interval:
    """`found`, of a share of `items`; of all or none of them, Wilson's interval (1927).

    Resamples of a perfect test are all perfect, whatever its size; that is no certainty.
    """
    if 0 < found.value < 1:
        return found
    doubt = _Z**2 / (items + _Z**2)
    return Interval(found.value, max(found.value - doubt, 0.0), min(found.value + doubt, 1.0))


def of_means(
    function: Callable[[Floats], Floats],
    columns: Floats,
    resamples: int,
    rng: Generator,
    *,
    value: float | None = None,
    low: float = 0.0,
    high: float = 1.0,
) -> Interval:
    """A metric that is a `function` of the means of per-item `columns` (n, q).

    Args:
        function: from means (m, q) to the metric (m,); NaN where it is undefined.
        columns: one row per item.
        resamples: how many.
        rng: where the randomness comes from.
        value: the metric itself, of the items; what the function gives where None.
        low: the metric's least possible value.
        high: the metric's greatest possible value.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if value is None:
            value = float(function(columns.mean(axis=0)[None])[0])
        samples = function(resampled_means(columns, resamples, rng))
    return interval(samples, value, low, high)
