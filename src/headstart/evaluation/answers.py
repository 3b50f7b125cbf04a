"""From probabilities to what is answered: the class, or the classes, that an item has.

Probabilities count as `predictions.parquet` keeps them, in 32 bits: whoever reads that file finds
the answers that the figures are computed from.
"""

from collections.abc import Sequence
from itertools import compress

import numpy as np

from headstart.evaluation.calibration import probabilities as probabilities_of
from headstart.evaluation.decisions import HALF, Decision, LabelThresholds
from headstart.types import Indices, Label, Mask, Scores


def has_class(probabilities: Scores, decision: Decision | None = None) -> Mask:
    """Which classes an item has that may have several: those of one half or more; one shape.

    A decision has a threshold of its own for each.
    """
    if isinstance(decision, LabelThresholds):
        return decision.has_class(probabilities)
    return probabilities.astype(np.float32) >= HALF


def best_class(probabilities: Scores, decision: Decision | None = None) -> Indices:
    """The most probable class of each row, (n,), from probabilities (n, classes).

    Or that of the decision.
    """
    if decision is not None and not isinstance(decision, LabelThresholds):
        return decision.best_class(probabilities)
    return np.asarray(probabilities.astype(np.float32).argmax(axis=1), np.int64)


def labels_of(
    task: str, classes: Sequence[str], probabilities: Scores, decision: Decision | None = None
) -> list[Label]:
    """What each row says: a class, or for multilabel a tuple of classes.

    Args:
        task: "classification" or "multilabel".
        classes: in the order of the columns.
        probabilities: (n, classes).
        decision: how they become answers; see `has_class` and `best_class`.
    """
    if task == "multilabel":
        several = has_class(probabilities, decision)
        return [tuple(compress(classes, row)) for row in several]
    return [classes[best] for best in best_class(probabilities, decision).tolist()]


def predicted(task: str, scores: Scores, decision: Decision | None) -> Indices | Mask | None:
    """The answers of a decision, int (n,) or (n, classes); None without one.

    Args:
        task: "classification", "multilabel" or "regression".
        scores: calibrated logits (n, classes).
        decision: how they become answers.
    """
    if decision is None:
        return None
    shares = probabilities_of(task, scores)
    if task == "multilabel":
        return has_class(shares, decision)
    return best_class(shares, decision)
