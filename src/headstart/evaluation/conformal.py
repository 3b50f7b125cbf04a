"""Conformal prediction: sets of classes, or intervals, that hold the truth as often as asked for.

Vovk, Gammerman & Shafer 2005, "Algorithmic Learning in a Random World"; the sets are those of
Sadinle, Lei & Wasserman 2019, "Least Ambiguous Set-Valued Classifiers with Bounded Error Levels":
every class that is probable enough, but never none. Scores of items that nothing learnt from, by
heads that learnt from the other folds, stand for those of new items (cross-conformal prediction,
Vovk 2015).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation.decisions import NEVER
from headstart.types import Floats, Indices, JsonObject, Mask, Scores, Unchecked

ENOUGH = 50
"""Items of a class from which it has a threshold of its own; the others have one together."""


@dataclass(frozen=True)
class Sets:
    """Prediction sets: the classes that are probable enough, the most probable always among them.

    Attributes:
        coverage: share of new items whose class is in their set, as asked for.
        least: the probability from which each class is in the set.
        items: how many the thresholds were chosen on.
    """

    coverage: float
    least: tuple[float, ...]
    items: int

    def of(self, probabilities: Scores) -> Mask:
        """Which classes are in the set of each item, (n, classes); none without an answer."""
        shares = probabilities.astype(np.float32)
        within = shares >= np.array(self.least, np.float32)
        answered = np.flatnonzero(np.isfinite(shares).all(axis=1))
        within[answered, shares[answered].argmax(axis=1)] = True
        return within

    def names(self, classes: Sequence[str], probabilities: Scores) -> list[tuple[str, ...]]:
        """The set of each item, in the order of the classes; empty where there is no answer."""
        return [tuple(compress(classes, row)) for row in self.of(probabilities)]

    def to_json(self) -> JsonObject:
        """See `from_json`."""
        return {"coverage": self.coverage, "least": list(self.least), "items": self.items}


@dataclass(frozen=True)
class Margin:
    """Prediction intervals: a value, less and plus a margin.

    Attributes:
        coverage: share of new items whose number is in their interval, as asked for.
        margin: in the unit of the numbers.
        items: how many it was chosen on.
    """

    coverage: float
    margin: float
    items: int

    def of(self, values: Scores) -> Floats:
        """The low and the high end for each item, (n, 2)."""
        centre = np.asarray(values, np.float64)[:, None]
        return np.asarray(centre + np.array([-self.margin, self.margin]), np.float64)

    def to_json(self) -> JsonObject:
        """See `from_json`."""
        return {"coverage": self.coverage, "margin": self.margin, "items": self.items}


Conformal = Sets | Margin


def sets_for(coverage: float, probabilities: Scores, targets: Indices) -> Sets:
    """Prediction sets that hold the class of as large a share of new items.

    A class of `ENOUGH` items has a threshold of its own, so that its items are covered as well as
    any other's; those of fewer have one together, where together they have enough; else all have
    the same. Where the most probable class alone covers more than that, it is the set.

    Args:
        coverage: from 0 to 1.
        probabilities: (n, classes), calibrated, of items that nothing learnt from.
        targets: (n,).

    Raises:
        InputError: so few items promise no such coverage.
    """
    shares = np.asarray(probabilities, np.float32)
    counts = np.bincount(targets, minlength=shares.shape[1])
    own = shares[np.arange(len(targets)), targets]
    # The most probable class is in the set whatever the threshold is.
    own = np.where(shares.argmax(axis=1) == targets, np.float32(NEVER), own)
    rare = counts < ENOUGH
    if rare.any() and counts[rare].sum() < ENOUGH:
        rare[:] = True
    group = np.where(rare, -1, np.arange(len(rare)))
    least = np.zeros(len(rare))
    for each in np.unique(group):
        least[group == each] = _chosen(own[group[targets] == each], coverage)
    return Sets(coverage, tuple(map(float, least)), len(targets))


def margin_for(coverage: float, values: Scores, targets: Floats) -> Margin:
    """Prediction intervals that hold as large a share of new items' numbers.

    Args:
        coverage: from 0 to 1.
        values: (n,) of items that nothing learnt from.
        targets: (n,).

    Raises:
        InputError: so few items promise no such coverage.
    """
    errors = np.abs(np.asarray(values, np.float64) - targets)
    return Margin(coverage, -_chosen(-errors, coverage), len(errors))


def _chosen(scores: NDArray[np.floating], coverage: float) -> float:
    if len(scores) < fewest_for(coverage):
        raise InputError(
            f"--abstain {coverage:g} needs at least {fewest_for(coverage):,} items to train on, "
            f"but there are {len(scores):,}; ask for less, or add items."
        )
    return reached(scores, coverage)


def reached(scores: NDArray[np.floating], share: float) -> float:
    """The score that a new item reaches with a chance of at least `share`, by those of n others.

    The k-th lowest with k = floor((n + 1) (1 - share)): the quantile of split conformal prediction.

    Args:
        scores: (n,), n at least `fewest_for(share)`.
        share: above 0 and below 1.
    """
    rank = outside(share, len(scores))
    return float(np.partition(scores, rank - 1)[rank - 1])


def outside(share: float, items: int) -> int:
    """floor((items + 1) (1 - share)), whatever the last digits of `share` are."""
    return math.floor((items + 1) * (1 - share) + 1e-9)


def fewest_for(share: float) -> int:
    """Items without which nothing of the kind can be promised."""
    return math.ceil(share / (1 - share) - 1e-9)


def expected(coverage: float, items: int) -> tuple[float, float]:
    """Between what the coverage lies of 95 in 100 sets so chosen: (low, high).

    That of one threshold and any number of new items is Beta-distributed (Angelopoulos & Bates
    2021, "A Gentle Introduction to Conformal Prediction", 3.2).
    """
    from scipy.stats import beta

    beyond = outside(coverage, items)
    low, high = beta.ppf((0.025, 0.975), items + 1 - beyond, beyond)
    return float(low), float(high)


def from_json(said: Unchecked, task: str, classes: int) -> Conformal:
    """What `to_json` gave.

    Raises:
        ValueError: it is none, or not for such a model.
    """
    numbers: Sequence[object]
    try:
        kind: Literal["least", "margin"] = "margin" if task == "regression" else "least"
        numbers = [said["coverage"], said[kind]] if kind == "margin" else said[kind]
        right = type(said["items"]) is int and 0 < said["coverage"] < 1
        right = right and all(
            type(each) in (int, float) and 0 <= each < math.inf  # type: ignore[operator]
            for each in numbers
        )
    except (LookupError, TypeError) as error:
        raise ValueError(f"'abstain' is {str(said)[:60]!r}, which is nothing known") from error
    if not right or (kind == "least" and len(numbers) != classes) or task == "multilabel":
        raise ValueError("'abstain' does not fit the model")
    if kind == "margin":
        return Margin(said["coverage"], float(said["margin"]), said["items"])
    return Sets(said["coverage"], tuple(map(float, said["least"])), said["items"])
