"""95% intervals by the bootstrap: what the metric would be on other test sets like this one.

Items are drawn with replacement, whatever their class (not stratified): the shares of the classes
are as much a matter of chance as the items are. Items that belong together are drawn together
(Field and Welsh 2007, "Bootstrapping clustered data"): they are not independent. The standard error
of the resamples makes the interval, with Student's t, on a scale on which the metric has no end:
the logit of what is from 0 to 1 (for areas under the ROC curve: Qin and Hotilovac 2008; -1 to 1:
Fisher's z), the logarithm of an error. Percentiles of the resamples hold the value too seldom near
an end: of 100 items and an area of 0.92, 92 times in 100.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from headstart.types import Floats, Indices, Mask

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


RESAMPLES = 1000

FEW_GROUPS = 5
"""Groups below which an interval over groups says little."""


def drawn_by(together: Indices | None) -> Indices | None:
    """What is drawn together; None where all is of one group, which has no spread to go by."""
    return None if together is None or len(np.unique(together)) < 2 else together


def few_groups(together: Indices | None) -> tuple[str, ...]:
    """What a reader of intervals should know where items are of few groups."""
    groups = 0 if together is None else len(np.unique(together))
    if together is None or groups in (0, len(together)) or groups >= FEW_GROUPS:
        return ()
    if groups == 1:
        return (
            f"All {len(together):,} test items are of one group: the intervals are by item and too "
            "narrow; how far other groups differ cannot be told.",
        )
    return (f"The test items are of only {groups} groups: the intervals are uncertain.",)


_Z = 1.959963984540054  # of the standard normal, two-sided 95%
UNDEFINED = Interval(math.nan, math.nan, math.nan)


def resampled_means(
    columns: Floats, resamples: int, rng: Generator, together: Indices | None = None
) -> Floats:
    """Means of bootstrap resamples of the rows of `columns` (n, q), as (resamples, q).

    Rows of the same number in `together`, (n,), are drawn together.
    """
    n = len(columns)
    if together is not None:
        _, number = np.unique(together, return_inverse=True)
        sums = np.zeros((int(number.max(initial=-1)) + 1, columns.shape[1] + 1))
        np.add.at(sums, number, np.column_stack((columns, np.ones(n))))
        drawn = resampled_means(sums, resamples, rng)
        return np.asarray(drawn[:, :-1] / drawn[:, -1:])
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


def interval(
    samples: Floats, value: float, low: float = 0.0, high: float = 1.0, *, items: int | None = None
) -> Interval:
    """The interval of a metric by its resamples, within its range `low` to `high`.

    Resamples in which the metric is undefined (NaN) do not count.

    Args:
        samples: the metric of each resample.
        value: the metric itself.
        low, high: its least and its greatest possible value.
        items: how many were resampled, for Student's t; the normal distribution's where None.
    """
    if not math.isfinite(value):
        return UNDEFINED
    defined = samples[np.isfinite(samples)]
    if not len(defined):
        return Interval(value, math.nan, math.nan)
    margin = _quantile(items) * float(defined.std())
    # How far the value is from either end.
    down, up = value - low, high - value
    if min(down, up) <= 0 or margin == 0 or math.isinf(max(min(down, up), margin)):
        # There is no such scale, or nothing to go by.
        left, right = np.clip(np.percentile(defined, (2.5, 97.5)), low, high)
        return Interval(value, min(float(left), value), max(float(right), value))
    if math.isinf(up):
        factor = math.exp(min(margin / down, 700))
        return Interval(value, low + down / factor, low + down * factor)
    if math.isinf(down):
        factor = math.exp(min(margin / up, 700))
        return Interval(value, high - up * factor, high - up / factor)
    factor = math.exp(min(margin * (1 / down + 1 / up), 700))
    width = high - low
    left, right = (width * down / (down + up * each) for each in (factor, 1 / factor))
    return Interval(value, low + left, low + right)


def _quantile(items: int | None) -> float:
    """Of the standard errors on either side."""
    if items is None or items < 2:
        return _Z
    from scipy.stats import t

    return float(t.ppf(0.975, items - 1))


def of_share(found: Interval, items: int) -> Interval:
    """`found`, of a share of `items`; of all or none of them, Wilson's interval (1927).

    Resamples of a perfect test are all perfect, whatever its size; that is no certainty.
    """
    if not found.value <= 0 and not found.value >= 1:  # NaN too
        return found
    doubt = _Z**2 / (items + _Z**2)
    return Interval(found.value, max(found.value - doubt, 0.0), min(found.value + doubt, 1.0))


def share(which: Mask, together: Indices | None = None, seed: int = 0) -> Interval:
    """The share of items that are marked, (n,), with its 95% interval; undefined of none.

    Wilson's interval, which needs no chance; of items that belong together the bootstrap's.

    Args:
        which: the marked ones.
        together: see `resampled_means`.
        seed: of the resamples.
    """
    from scipy.stats import binomtest

    if not len(which):
        return UNDEFINED
    together = drawn_by(together)
    if together is None or len(np.unique(together)) == len(together):
        test = binomtest(int(which.sum()), len(which))
        found = test.proportion_ci(0.95, method="wilson")
        return Interval(float(test.statistic), float(found.low), float(found.high))
    rng = np.random.default_rng(seed)
    columns = which.astype(np.float64)[:, None]
    drawn = of_means(first, columns, RESAMPLES, rng, together=together)
    return of_share(drawn, len(np.unique(together)))


def less(one: Interval, other: Interval) -> Interval:
    """The difference between two metrics, each of items of its own, with its 95% interval.

    From how far each may be off (Zou and Donner 2008, "Construction of confidence limits about
    effect measures"); of two shares with Wilson's intervals that is Newcombe's (1998). Where groups
    have items on both sides it is too wide rather than too narrow.
    """
    value = one.value - other.value
    down = math.hypot(one.value - one.low, other.high - other.value)
    up = math.hypot(one.high - one.value, other.value - other.low)
    return Interval(value, value - down, value + up)


def first(means: Floats) -> Floats:
    """The first of the means: what a metric is that is a mean itself."""
    return means[:, 0]


@dataclass(frozen=True)
class Statistic:
    """A metric as a function of means over items, which are cheap to resample.

    Attributes:
        value: the metric of the items, as scikit-learn has it; NaN where it is undefined.
        columns: one row per item, (n, q); q is 0 where there is nothing to resample.
        function: from means (m, q) to the metric (m,).
        low, high: the least and the greatest possible value.
    """

    value: float
    columns: Floats
    function: Callable[[Floats], Floats] = first
    low: float = 0.0
    high: float = 1.0

    def interval(self, resamples: int, rng: Generator, together: Indices | None = None) -> Interval:
        """Its 95% interval; see `of_means`."""
        if not self.columns.shape[1]:
            return UNDEFINED
        return of_means(
            self.function,
            self.columns,
            resamples,
            rng,
            value=self.value,
            low=self.low,
            high=self.high,
            together=together,
        )


def of_means(
    function: Callable[[Floats], Floats],
    columns: Floats,
    resamples: int,
    rng: Generator,
    *,
    value: float | None = None,
    low: float = 0.0,
    high: float = 1.0,
    together: Indices | None = None,
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
        together: see `resampled_means`.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if value is None:
            value = float(function(columns.mean(axis=0)[None])[0])
        samples = function(resampled_means(columns, resamples, rng, together))
    drawn = len(columns) if together is None else len(np.unique(together))
    return interval(samples, value, low, high, items=drawn)
