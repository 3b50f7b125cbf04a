"""Two models on the same items: the difference between them, and how sure it is.

The tests ask how often a difference as large comes about where, item by item, the answers of the
two models change places at random: McNemar's exact test of what only one of them gets right
(1947), and a permutation test of every other metric.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from headstart.evaluation.answers import best_class, has_class
from headstart.evaluation.calibration import probabilities
from headstart.evaluation.intervals import Statistic, drawn_by, resampled_means
from headstart.types import Floats, Indices, Mask, Scores, Targets


@dataclass(frozen=True)
class Difference:
    """A paired difference of a mean over items, new less old, with its 95% interval.

    Attributes:
        metric: `accuracy`, higher is better; or `mae`, lower is better. For several labels an
            item it is the mean accuracy of the labels.
    """

    metric: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Change:
    """How the mean of a loss changes from one model to another.

    Attributes:
        share: the change, as a share of the old mean; below 0 where the new is better.
        chance: of such a gain by accident: one-sided, by a paired t-test.
    """

    share: float
    chance: float


@dataclass(frozen=True)
class Tested:
    """A paired difference with the test of it.

    Attributes:
        difference: new less old.
        new, old: the metric of each.
        chance: p, of a difference as large, either way, where the two models are alike; NaN
            where the metric is undefined.
        adjusted: p, corrected for what else was tested with it (Holm 1979).
        test: `mcnemar` or `permutation`.
    """

    difference: Difference
    new: float
    old: float
    chance: float
    adjusted: float
    test: str

    @property
    def significant(self) -> bool:
        """Whether a difference is called one: p, corrected, below 0.05."""
        return self.adjusted < LEVEL

    def to_json(self) -> dict[str, float | str | bool | None]:
        """A flat JSON object; null where undefined."""
        found = self.difference
        numbers = {
            "new": self.new,
            "old": self.old,
            "difference": found.value,
            "low": found.low,
            "high": found.high,
            "p": self.chance,
            "p_adjusted": self.adjusted,
        }
        return {
            "metric": found.metric,
            **{name: each if math.isfinite(each) else None for name, each in numbers.items()},
            "test": self.test,
            "significant": self.significant,
        }


LEVEL = 0.05
RESAMPLES = 2000
_BLOCK = 1 << 21
_MANY = 20_000


def change(new: Floats, old: Floats, together: Indices | None = None) -> Change:
    """The change between the losses of two models on the same items, each (n,).

    Items of the same number in `together`, (n,), count as one of what varies, by their sums.
    """
    from scipy.stats import t, ttest_rel

    gains, together = old - new, drawn_by(together)
    if not len(gains) or np.ptp(gains) == 0:
        chance = 1.0
    elif together is not None:
        error, groups = _error(gains, together)
        if error:
            chance = float(t.sf(gains.mean() / error, groups - 1))
        else:
            chance = float(gains.mean() <= 0)
    else:
        test = ttest_rel(gains, np.zeros_like(gains), alternative="greater")
        chance = float(test.pvalue)
    before = float(old.mean()) if len(old) else 0.0
    return Change((float(new.mean()) - before) / before if before else 0.0, chance)


def difference(
    task: str,
    targets: Targets,
    new: Scores,
    old: Scores,
    *,
    predicted: tuple[Indices | Mask | None, Indices | Mask | None] = (None, None),
    together: Indices | None = None,
) -> Difference | None:
    """The difference between the scores of two models; None with fewer than two items.

    Its interval is that of Student's t on the items' own differences, which are few values for
    accuracy and many for errors; it leaves out what another training would change.

    Args:
        task: "classification", "multilabel" or "regression".
        targets: as in `headstart.evaluation.evaluate`.
        new, old: logits (n, classes), or values (n,).
        predicted: what each answers, where that is not what its scores make likeliest.
        together: int (n,): items of the same number vary together; each is alone where None.
    """
    from scipy.stats import t

    if len(targets) < 2:
        return None
    metric = "mae" if task == "regression" else "accuracy"
    of_new, of_old = predicted
    each = by_item(task, targets, new, of_new) - by_item(task, targets, old, of_old)
    value, together = float(each.mean()), drawn_by(together)
    if together is None:
        margin = float(t.ppf(0.975, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each)))
    else:
        error, groups = _error(each, together)
        margin = float(t.ppf(0.975, groups - 1)) * error
    return Difference(metric, value, value - margin, value + margin)


def _error(each: Floats, together: Indices) -> tuple[float, int]:
    """The standard error of a mean of items in groups, by the sums of groups; and their number."""
    sums = _sums((each - each.mean())[:, None], together)[:, 0]
    groups = len(sums)
    return math.sqrt(groups / (groups - 1) * float(sums @ sums)) / len(each), groups


def _sums(columns: Floats, together: Indices) -> Floats:
    """The sums (groups, q) of the rows (n, q) of each group."""
    _, number = np.unique(together, return_inverse=True)
    sums = np.zeros((int(number.max(initial=-1)) + 1, columns.shape[1]))
    np.add.at(sums, number, columns)
    return sums


def by_item(
    task: str, targets: Targets, scores: Scores, predicted: Indices | Mask | None = None
) -> Floats:
    """Of each item (n,) whether it is right, the share of its labels that are, or its error.

    `predicted` is what is answered, where that is not what the scores make likeliest.
    """
    if task == "regression":
        return np.asarray(np.abs(scores.astype(np.float64) - targets), np.float64)
    answers = answered(task, scores) if predicted is None else predicted
    if task == "multilabel":
        return np.asarray((answers == (targets > 0)).mean(axis=1), np.float64)
    return np.asarray(answers == targets, np.float64)


def answered(task: str, scores: Scores) -> Indices | Mask:
    """The likeliest class, int (n,); for multilabel those of one half or more, (n, classes)."""
    shares = probabilities(task, scores)
    return has_class(shares) if task == "multilabel" else best_class(shares)


def shares_tested(metric: str, new: Mask, old: Mask) -> Tested:
    """The difference between two shares of the same items, (n,): McNemar's exact test.

    The interval is Agresti and Min's (2005): Wald's after one half is added to each cell.
    """
    from scipy.stats import binomtest

    n = len(new)
    gained, lost = int((new & ~old).sum()), int((old & ~new).sum())
    if not n:
        return _untested(metric, "mcnemar")
    value = (gained - lost) / n
    centre = (gained - lost) / (n + 2)
    spread = gained + lost + 1 - (gained - lost) ** 2 / (n + 2)
    margin = 1.959963984540054 * math.sqrt(spread) / (n + 2)
    low, high = max(min(centre - margin, value), -1.0), min(max(centre + margin, value), 1.0)
    chance = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    found = Difference(metric, value, low, high)
    return Tested(found, float(new.mean()), float(old.mean()), chance, chance, "mcnemar")


def statistics_tested(
    metric: str,
    new: Statistic,
    old: Statistic,
    rng: Generator,
    resamples: int = RESAMPLES,
    *,
    together: Indices | None = None,
) -> Tested:
    """The difference between two metrics of the same items: interval by a paired bootstrap.

    The test lets the answers of the two models change places, item by item, or group by group.
    Where no draw is as far out, p is bounded by Hoeffding's inequality (1963) for sums of random
    signs, so that many comparisons can still be corrected for.

    Args:
        metric: its name.
        new, old: of the same items in the same order.
        rng: where the randomness comes from.
        resamples: how many, of each kind.
        together: int (n,): items of the same number are drawn, and change places, together; each is
            alone where None.
    """
    value = new.value - old.value
    if not math.isfinite(value):
        return _untested(metric, "permutation")
    width = new.columns.shape[1]
    both = np.hstack((new.columns, old.columns))
    with np.errstate(divide="ignore", invalid="ignore"):
        means = resampled_means(both, resamples, rng, drawn_by(together))
        drawn = new.function(means[:, :width]) - old.function(means[:, width:])
        a, b = _swapped(new.columns, old.columns, resamples, rng, together)
        swapped = np.abs(new.function(a) - old.function(b))
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.percentile(drawn, (2.5, 97.5)) if len(drawn) else (math.nan, math.nan)
    # Sums in another order differ in their last digits.
    as_large = int(np.count_nonzero(~(swapped < abs(value) - 1e-12 * max(1.0, abs(value)))))
    chance: float = (1 + as_large) / (1 + resamples)
    if not as_large:
        spread = float(np.mean(swapped**2))
        chance = min(chance, 2 * math.exp(-(value**2) / (2 * spread)) if spread else chance)
    found = Difference(metric, value, min(float(low), value), max(float(high), value))
    return Tested(found, new.value, old.value, chance, chance, "permutation")


def holm(chances: Sequence[float]) -> list[float]:
    """p-values of one family, corrected (Holm 1979); NaN stays and does not count."""
    given = np.asarray(chances, np.float64)
    adjusted = np.full(len(given), np.nan)
    tested = np.flatnonzero(np.isfinite(given))
    order = tested[np.argsort(given[tested], kind="stable")]
    left = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(given[order] * left), 1.0)
    return [float(each) for each in adjusted]


def _untested(metric: str, test: str) -> Tested:
    nothing = Difference(metric, math.nan, math.nan, math.nan)
    return Tested(nothing, math.nan, math.nan, math.nan, math.nan, test)


def _swapped(
    new: Floats, old: Floats, resamples: int, rng: Generator, together: Indices | None = None
) -> tuple[Floats, Floats]:
    """Means (resamples, q) of both sides after each item changed sides with a chance of half."""
    n = len(new)
    middle, half = (new.mean(axis=0) + old.mean(axis=0)) / 2, (new - old) / 2
    if together is not None:
        half = _sums(half, together)
    if len(half) > _MANY:
        spread, axes = np.linalg.eigh(half.T @ half / n**2)
        root = np.sqrt(np.maximum(spread, 0)) * axes
        moved = rng.standard_normal((resamples, half.shape[1])) @ root.T
        return middle + moved, middle - moved
    moved = np.empty((resamples, half.shape[1]))
    rows = max(1, _BLOCK // len(half))
    for start in range(0, resamples, rows):
        part = moved[start : start + rows]
        signs = rng.integers(0, 2, (len(part), len(half)), np.int8) * 2.0 - 1
        np.matmul(signs, half, out=part)
    moved /= n
    return middle + moved, middle - moved
