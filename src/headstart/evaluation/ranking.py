"""Metrics of a ranking, each with the influence of every item on it.

The influence of an item is how the metric changes with that item's weight, times n. The
metric on a resample is then the value plus a mean of influences: a bootstrap that costs one
sort per class, not one per class and resample (the infinitesimal jackknife, Jaeckel 1972; for
the area under the ROC curve these are the components of DeLong et al. 1988).
"""

import math

import numpy as np

from headstart.types import Floats, Indices, Mask


def roc_auc(scores: Floats, positive: Mask) -> tuple[float, Floats]:
    """Area under the ROC curve of `scores` (n,), and each item's influence (n,).

    Ties count half. NaN and zeros where all items are positive, or none is.
    """
    n, positives = len(scores), int(positive.sum())
    negatives = n - positives
    if not positives or not negatives:
        return math.nan, np.zeros(n)
    group, above_positives, above_negatives = _groups(scores, positive)
    ties_positives = -np.diff(above_positives, prepend=positives)
    ties_negatives = -np.diff(above_negatives, prepend=negatives)
    # Of a positive: the share of negatives below it. Of a negative: of positives above it.
    won_positives = 1 - (above_negatives + ties_negatives / 2) / negatives
    won_negatives = (above_positives + ties_positives / 2) / positives
    won = np.where(positive, won_positives[group], won_negatives[group])
    area = float(won[positive].mean())
    return area, (won - area) * np.where(positive, n / positives, n / negatives)


def average_precision(scores: Floats, positive: Mask) -> tuple[float, Floats]:
    """Mean precision at each positive of `scores` (n,), and each item's influence (n,).

    The step-wise sum that scikit-learn uses. NaN and zeros where no item is positive.
    """
    n, positives = len(scores), int(positive.sum())
    if not positives:
        return math.nan, np.zeros(n)
    group, above_positives, above_negatives = _groups(scores, positive)
    ties_positives = -np.diff(above_positives, prepend=positives)
    found = above_positives + ties_positives
    seen = found + above_negatives - np.diff(above_negatives, prepend=n - positives)
    precision = found / seen
    value = float((ties_positives * precision).sum() / positives)
    # An item weighs on the precision at its own group and at every group ranked below it.
    gain = np.cumsum(ties_positives / seen)[group]
    loss = np.cumsum(ties_positives * precision / seen)[group]
    influence = positive * (precision[group] + gain - value) - loss
    return value, influence * n / positives


def _groups(scores: Floats, positive: Mask) -> tuple[Indices, Floats, Floats]:
    """Group of each item (by score, lowest first); positives and negatives above each group."""
    _, group = np.unique(scores, return_inverse=True)
    of_positives = np.bincount(group[positive], minlength=int(group.max()) + 1)
    of_all = np.bincount(group)
    positives_above = positive.sum() - np.cumsum(of_positives)
    all_above = len(scores) - np.cumsum(of_all)
    return (
        group,
        positives_above.astype(np.float64),
        (all_above - positives_above).astype(np.float64),
    )
