"""Two models on the same items: the difference between them, and how sure it is."""

from dataclasses import dataclass

import numpy as np

from headstart.evaluation.answers import best_class, has_class
from headstart.evaluation.calibration import probabilities
from headstart.types import Floats, Scores, Targets


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


def change(new: Floats, old: Floats) -> Change:
    """The change between the losses of two models on the same items, each (n,)."""
    from scipy.stats import ttest_rel

    gains = old - new
    if not len(gains) or np.ptp(gains) == 0:
        chance = 1.0
    else:
        test = ttest_rel(gains, np.zeros_like(gains), alternative="greater")
        chance = float(test.pvalue)
    before = float(old.mean()) if len(old) else 0.0
    return Change((float(new.mean()) - before) / before if before else 0.0, chance)


def difference(task: str, targets: Targets, new: Scores, old: Scores) -> Difference | None:
    """The difference between the scores of two models; None with fewer than two items.

    Its interval is that of Student's t on the items' own differences, which are few values for
    accuracy and many for errors; it leaves out what another training would change.

    Args:
        task: "classification", "multilabel" or "regression".
        targets: as in `headstart.evaluation.evaluate`.
        new, old: logits (n, classes), or values (n,).
    """
    from scipy.stats import t

    if len(targets) < 2:
        return None
    metric = "mae" if task == "regression" else "accuracy"
    each = _by_item(task, targets, new) - _by_item(task, targets, old)
    value = float(each.mean())
    margin = float(t.ppf(0.975, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each)))
    return Difference(metric, value, value - margin, value + margin)


def _by_item(task: str, targets: Targets, scores: Scores) -> Floats:
    if task == "regression":
        return np.asarray(np.abs(scores.astype(np.float64) - targets), np.float64)
    shares = probabilities(task, scores)
    if task == "multilabel":
        return np.asarray((has_class(shares) == (targets > 0)).mean(axis=1), np.float64)
    return np.asarray(best_class(shares) == targets, np.float64)
