"""Curves and bins of answers to items: what plots are drawn from."""

from dataclasses import dataclass

import numpy as np

from headstart.types import Floats, Indices, Mask, Scores

POINTS = 200
"""Most points of a curve: more cannot be told apart on paper."""

BINS = 10
"""Of probability, from 0 to 1, of equal width."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of a line.

    Attributes:
        x, y: (points,).
        area: under it: ROC AUC, or average precision.
        base: what scores that know nothing reach in its place.
    """

    x: Floats
    y: Floats
    area: float
    base: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Items whose probability is within bounds.

    Attributes:
        low, high: the bounds.
        probability: mean of what the model says; right: share of them where it is so.
        items: how many; with none the two means are 0.
    """

    low: float
    high: float
    probability: float
    right: float
    items: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often values are where.

    Attributes:
        edges: (bins + 1,).
        counts: items per bin, by name.
    """

    edges: Floats
    counts: dict[str, Indices]


def roc(positive: Mask, scores: Scores) -> Curve | None:
    """True positive rate over false positive rate; None where all items are positive, or none.

    Args:
        positive: which items are of the class, (n,).
        scores: how sure the model is that they are, (n,).
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    if not _told_apart(positive, scores):
        return None
    false, true, _ = roc_curve(positive, scores)
    x, y = _thinned(false, true)
    return Curve(x, y, float(roc_auc_score(positive, scores)), 0.5)


def precision_recall(positive: Mask, scores: Scores) -> Curve | None:
    """Precision over recall; the arguments, and None, are as in `roc`."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    if not _told_apart(positive, scores):
        return None
    precision, recall, _ = precision_recall_curve(positive, scores)
    x, y = _thinned(recall[::-1], precision[::-1])
    area = float(average_precision_score(positive, scores))
    return Curve(x, y, area, float(positive.mean()))


def reliability(probabilities: Scores, right: Mask) -> tuple[Bin, ...]:
    """Is what is said with 80% right in 80% of cases? One bin for every tenth.

    Args:
        probabilities: from 0 to 1, (n,).
        right: whether it is so, (n,).
    """
    place = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    items = np.bincount(place, minlength=BINS)
    among = np.maximum(items, 1)
    said = np.bincount(place, probabilities, BINS) / among
    so = np.bincount(place, right, BINS) / among
    edges = np.linspace(0, 1, BINS + 1)
    return tuple(
        Bin(*bounds, *means, number)
        for bounds, means, number in zip(
            zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True),
            zip(said.tolist(), so.tolist(), strict=True),
            items.tolist(),
            strict=True,
        )
    )


def histogram(values: dict[str, Scores], bins: int, low: float, high: float) -> Histogram:
    """Counts of several sets of values over the same bins; what is outside counts at the ends.

    Args:
        values: by name, (n,) each.
        bins: how many.
        low, high: where the first begins and the last ends; low is below high.
    """
    edges = np.linspace(low, high, bins + 1)
    counts = {
        name: np.histogram(np.clip(each, low, high), edges)[0] for name, each in values.items()
    }
    return Histogram(edges, counts)


def spread_out(number: int, most: int) -> Indices:
    """Places of at most so many of `number` items, evenly from the first to the last."""
    if number <= most:
        return np.arange(number)
    return np.round(np.linspace(0, number - 1, most)).astype(np.int64)


def _told_apart(positive: Mask, scores: Scores) -> bool:
    return bool(positive.any() and not positive.all() and np.isfinite(scores).all())


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """At most `POINTS` points, a step along the line apart from each other."""
    if len(x) <= POINTS:
        return x, y
    way = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    at = np.unique(np.searchsorted(way, np.linspace(0, way[-1], POINTS)))
    at[-1] = len(x) - 1
    return x[at], y[at]
