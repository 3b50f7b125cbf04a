"""Thresholds chosen on scores of items that nothing of the model learnt from.

Every function takes calibrated probabilities of such items, and never looks at a test item.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation.conformal import fewest_for, reached
from headstart.evaluation.decisions import HALF, NEVER, ClassThreshold, Costs, LabelThresholds
from headstart.types import Floats, Indices, Mask, Scores, Targets
from headstart.wording import shown

CLEARLY = 2

FEWEST = 5
"""Items of a label below which its threshold stays at one half: they cannot tell a better one."""


def tuned(probabilities: Scores, targets: Targets) -> LabelThresholds:
    """A threshold for each label, for the F1 that new items will have.

    Each is the mean of two estimates: the threshold with the best F1 on these items, and one half
    of that F1, which is the best threshold of calibrated probabilities (Lipton et al. 2014,
    "Optimal Thresholding of Classifiers to Maximize F1 Measure"). The first alone is noisy, the
    second alone believes the calibration. A label of fewer than `FEWEST` items, or of all, keeps
    one half.

    Args:
        probabilities: (n, labels).
        targets: 0 and 1, (n, labels).
    """
    columns = zip(np.asarray(probabilities, np.float64).T, (targets > 0).T, strict=True)
    return LabelThresholds(tuple(_tuned(shares, has) for shares, has in columns))


def _tuned(shares: Floats, has: Mask) -> float:
    if has.sum() < FEWEST or has.all():
        return HALF
    cut, f1 = best_f1(shares, has)
    return (cut + f1 / 2) / 2


def best_f1(shares: Floats, has: Mask) -> tuple[float, float]:
    """The threshold with the best F1 on some items, and that F1; of equal ones the highest.

    The threshold is half way to the next lower probability.

    Args:
        shares: probabilities of one label, (n,).
        has: which items have it, (n,); one at least.
    """
    order = np.argsort(-shares, kind="stable")
    ranked = shares[order]
    hits, answered = np.cumsum(has[order]), np.arange(1, len(ranked) + 1)
    f1 = 2 * hits / (answered + has.sum())
    # Items of one probability are on one side.
    ends = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    best = int(ends[f1[ends].argmax()])
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2), float(f1[best])


def for_target(
    kind: str,
    wanted: float,
    probabilities: Scores,
    targets: Indices,
    classes: Sequence[str],
    at: int,
) -> ClassThreshold:
    """The threshold of one class with which new items reach a recall, precision or specificity.

    Of those that do the one that gives up least: for recall the highest, for the others the lowest.
    It is conservative for few items. Of n items of the class, the k-th lowest probability with
    k = floor((n + 1) (1 - recall)) is reached by a new one with a chance of at least the recall
    asked for, on average over such choices (the quantile of split conformal prediction); likewise
    specificity, of the other items. For precision one false alarm more than there was is counted.

    Args:
        kind: recall, precision or specificity.
        wanted: above 0 and below 1.
        probabilities: (n, classes).
        targets: (n,).
        classes: their names.
        at: the class.

    Raises:
        InputError: there are too few items to promise that, or no threshold reaches it.
    """
    shares = np.asarray(probabilities[:, at], np.float32)
    own = targets == at
    name = shown(classes[at])
    if kind == "precision":
        return ClassThreshold(at, _for_precision(wanted, shares, own, name), kind, wanted)
    ranked = shares[own] if kind == "recall" else -shares[~own]
    if len(ranked) < fewest_for(wanted):
        raise InputError(too_few(kind, wanted, name, len(ranked)))
    least = reached(ranked, wanted)
    if kind == "specificity":
        least = float(np.nextafter(np.float32(-least), np.float32(2)))
    return ClassThreshold(at, least, kind, wanted)


def too_few(kind: str, wanted: float, name: str, items: int) -> str:
    """The sentence that refuses a target that so few items cannot promise."""
    whose = f"of {name!r}" if kind == "recall" else f"of other classes than {name!r}"
    return (
        f"--target {kind}={wanted:g} needs at least {fewest_for(wanted):,} items {whose} to choose "
        f"by, but there are {items:,}; ask for less, or add items."
    )


def _for_precision(wanted: float, shares: NDArray[np.float32], own: Mask, name: str) -> float:
    order = np.argsort(-shares, kind="stable")
    ranked, hits = shares[order], np.cumsum(own[order])
    answered = np.arange(1, len(ranked) + 1)
    ends = np.append(np.diff(ranked) != 0, True)
    found = hits / (answered + 1)
    enough = np.flatnonzero(ends & (found >= wanted))
    if not len(enough):
        best = float(found[ends].max(initial=0.0))
        raise InputError(
            f"--target precision={wanted:g} is not reached for {name!r} at any threshold: out of "
            f"fold it is {math.floor(100 * best) / 100:g} at best; ask for less, or add items."
        )
    return float(ranked[enough[-1]])


def for_costs(table: Sequence[Sequence[float]], probabilities: Scores, targets: Indices) -> Costs:
    """The answers that cost least: the class of least expected cost.

    That believes the probabilities. For two classes it is a threshold; where another is cheaper on
    these items by more than `CLEARLY` standard errors of the difference, that is taken.

    Args:
        table: (classes, classes) what class i answered as j costs.
        probabilities: (n, classes).
        targets: (n,).
    """
    expecting = Costs(tuple(tuple(map(float, row)) for row in table))
    if len(expecting.table) != 2 or len(targets) < 2:
        return expecting
    found = replace(expecting, threshold=cheapest(expecting.table, probabilities[:, 1], targets))
    before, after = (
        costs_of(table, each.best_class(probabilities), targets) for each in (expecting, found)
    )
    saved = before - after
    return (
        found if saved.mean() > CLEARLY * saved.std(ddof=1) / math.sqrt(len(saved)) else expecting
    )


def cheapest(table: Sequence[Sequence[float]], shares: Scores, targets: Indices) -> float:
    """The threshold on the second of two classes that costs least on some items.

    Args:
        table: (2, 2) as in `for_costs`.
        shares: probabilities of the second class, (n,).
        targets: 0 or 1, (n,).
    """
    (no, false_alarm), (miss, yes) = table
    gains = np.where(targets == 1, miss - yes, no - false_alarm)
    order = np.argsort(-shares.astype(np.float32), kind="stable")
    ranked = shares.astype(np.float32)[order]
    # What is saved by answering the second class from each probability on.
    saved = np.cumsum(gains[order])
    ends = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    best = int(ends[saved[ends].argmax()])
    return float(ranked[best]) if saved[best] > 0 else NEVER


def costs_of(table: Sequence[Sequence[float]], answers: Indices, targets: Indices) -> Floats:
    """What each answer costs, (n,)."""
    return np.asarray(table, np.float64)[targets, answers]
