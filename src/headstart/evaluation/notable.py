"""Which items are worth a look: the surest mistakes, the least sure answers, the largest errors."""

import numpy as np

from headstart.types import Floats, Indices, Mask, Numbers, Scores


def surest_mistakes(targets: Numbers, answers: Numbers, sureness: Floats, most: int) -> Indices:
    """Places of the wrong answers that the model is surest of, the surest first.

    Args:
        targets: what is true, (n,), or 0/1 (n, classes).
        answers: what the model says, of the same shape.
        sureness: see `sureness`, (n,) or (n, classes): of each answer.
        most: how many at most.
    """
    wrong = targets != answers
    of_item = np.where(wrong, sureness, -1.0)
    if wrong.ndim > 1:
        of_item, wrong = of_item.max(axis=1, initial=-1.0), wrong.any(axis=1)
    return _first(-of_item, wrong, most)


def least_sure(sureness: Floats, most: int) -> Indices:
    """Places of the items that the model is least sure of, (n,) or (n, classes), those first."""
    of_item = sureness if sureness.ndim == 1 else sureness.min(axis=1, initial=np.inf)
    return _first(of_item, np.isfinite(of_item), most)


def largest_errors(targets: Numbers, values: Scores, most: int) -> Indices:
    """Places of the numbers that are furthest from what is true, those first."""
    errors = np.abs(values - targets)
    return _first(-errors, np.isfinite(errors), most)


def sureness(task: str, probabilities: Scores) -> Floats:
    """How sure an answer is.

    Args:
        task: "classification" or "multilabel".
        probabilities: (n, classes).

    Returns:
        Of classification the probability of the answer, (n,); of multilabel how far each
        probability is from one half, (n, classes).
    """
    if task == "multilabel":
        return np.abs(probabilities.astype(np.float64) - 0.5)
    return np.asarray(probabilities.max(axis=1, initial=0.0), np.float64)


def _first(order: Floats, among: Mask, most: int) -> Indices:
    """The lowest of `order` among the marked items; of equals the earlier item."""
    places = np.flatnonzero(among)
    return places[np.argsort(order[places], kind="stable")[:most]]
