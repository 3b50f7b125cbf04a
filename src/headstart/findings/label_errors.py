"""Labels that are probably wrong.

Classes: confident learning (Northcutt et al. 2021, "Confident Learning: Estimating Uncertainty in
Dataset Labels"), as cleanlab counts them, on calibrated probabilities of heads that did not learn
from the item or its copies. The ranking is the mean of two ranks: the normalized margin of the
label's probability, and how many of the item's nearest neighbours have its label (Zhu et al. 2022,
"Detecting Corrupted Labels Without Training a Model to Predict"). Numbers:
large residuals of such heads.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from headstart.findings.evidence import Evidence
from headstart.findings.finding import Finding, finding
from headstart.findings.neighbours import Nearest
from headstart.findings.robust import deviations
from headstart.types import Floats, Indices, Label, Mask
from headstart.wording import items, percent

FEW = 20
"""Items below which nothing can be said."""

RESIDUAL = 5.0
"""Robust standard deviations from which a residual is suspicious."""

_CLOSE = 1e-6
"""Probabilities that differ by no more are the same, as in cleanlab."""

ADVICE = (
    "`headstart check --out` lists them with a column for the right label, which fit --corrections "
    "takes."
)


def found_in(evidence: Evidence, near: Nearest) -> Iterator[Finding]:
    """Suspected label errors, the surest first."""
    scored = np.flatnonzero(evidence.scored)
    if len(scored) < FEW:
        return
    if evidence.task == "regression":
        yield from _of_numbers(evidence, scored)
    elif evidence.task == "classification":
        yield from _of_classes(evidence, near, scored)
    else:
        yield from _of_several(evidence, near, scored)


def ranked(labels: Indices, probabilities: Floats, agreement: Floats) -> tuple[Floats, Mask]:
    """How suspicious each label is, and which are suspected.

    Args:
        labels: int (n,).
        probabilities: (n, classes), of a model that did not learn from the item.
        agreement: share of the item's neighbours that have its label, (n,); NaN where unknown.

    Returns:
        From 0 (most suspicious) to 1, (n,); and which are suspected, (n,): of as many as are
        counted as errors, the most suspicious first, those that the model would label otherwise.
    """
    known = np.where(np.isnan(agreement), 0.5, agreement)
    score = (_ranks(margins(labels, probabilities)) + _ranks(known)) / 2
    first = np.zeros(len(labels), bool)
    first[np.argsort(score, kind="stable")[: errors(labels, probabilities)]] = True
    return score, first & (probabilities.argmax(axis=1) != labels)


def margins(labels: Indices, probabilities: Floats) -> Floats:
    """From 0 to 1, how much likelier each label is than the likeliest other class, (n,)."""
    rows = np.arange(len(labels))
    others = probabilities.copy()
    others[rows, labels] = -1
    return np.asarray((probabilities[rows, labels] - others.max(axis=1) + 1) / 2, np.float64)


def errors(labels: Indices, probabilities: Floats) -> int:
    """How many labels confident learning counts as errors; of fewer than two classes none.

    An item is confidently of a class that it has at least the mean probability of that class's own
    items for; of several such classes the likeliest counts.
    """
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    if (counts > 0).sum() < 2:
        return 0
    own = probabilities[np.arange(len(labels)), labels]
    usual = np.bincount(labels, own, len(counts)) / np.maximum(counts, 1)
    # Of a class of few items some are in no fold: no item is confidently of one without items.
    confident = probabilities >= np.where(counts, np.maximum(usual, 2 * _CLOSE), 2) - _CLOSE
    number = confident.sum(axis=1)
    said = np.where(number > 1, probabilities.argmax(axis=1), confident.argmax(axis=1))
    likelier = probabilities.max(axis=1) > own + _CLOSE
    return int(((number > 0) & (said != labels) & likelier).sum())


def _ranks(values: Floats) -> Floats:
    """Ranks from 0 to 1, the mean of them where values are equal."""
    from scipy.stats import rankdata

    return np.asarray((rankdata(values) - 1) / max(len(values) - 1, 1), np.float64)


def _of_classes(evidence: Evidence, near: Nearest, scored: Indices) -> Iterator[Finding]:
    labels = evidence.targets[scored].astype(np.int64)
    shares = evidence.probabilities()
    agreement = np.full(len(scored), np.nan)
    for code in np.unique(labels).tolist():
        own = labels == code
        agreement[own] = near.share(evidence.targets == code)[scored[own]]
    score, issues = ranked(labels, shares, agreement)
    others = shares.copy()
    others[np.arange(len(labels)), labels] = -1
    suggested = others.argmax(axis=1)
    yield from _listed(
        evidence,
        scored,
        score,
        issues,
        {at: evidence.classes[suggested[at]] for at in np.flatnonzero(issues).tolist()},
    )


def _of_several(evidence: Evidence, near: Nearest, scored: Indices) -> Iterator[Finding]:
    """Each label by itself; an item is as suspicious as its most suspicious label."""
    targets = evidence.targets[scored].astype(np.int64)
    shares = evidence.probabilities()
    score, flipped = np.ones(len(scored)), np.zeros(targets.shape, bool)
    for label in range(targets.shape[1]):
        own = targets[:, label]
        if not 0 < own.sum() < len(own):
            continue
        there = near.share(evidence.targets[:, label] > 0)[scored]
        agreement = np.where(own > 0, there, 1 - there)
        binary = np.stack([1 - shares[:, label], shares[:, label]], axis=1)
        of_label, flipped[:, label] = ranked(own, binary, agreement)
        score = np.minimum(score, of_label)
    wrong = np.asarray(flipped.any(axis=1), bool)
    right = np.where(flipped, 1 - targets, targets) > 0
    suggested: dict[int, Label] = {
        at: tuple(name for name, on in zip(evidence.classes, right[at], strict=True) if on)
        for at in np.flatnonzero(wrong).tolist()
    }
    yield from _listed(evidence, scored, score, wrong, suggested)


def _listed(
    evidence: Evidence,
    scored: Indices,
    score: Floats,
    issues: Mask,
    suggested: Mapping[int, Label],
) -> Iterator[Finding]:
    order = [at for at in np.argsort(score, kind="stable").tolist() if issues[at]]
    listed = [
        evidence.suspect(
            int(evidence.positions[scored[at]]), suggestion=suggested[at], score=1 - score[at]
        )
        for at in order
    ]
    if listed:
        share = len(listed) / len(scored)
        yield finding(
            "label-errors",
            "warning",
            f"{items(len(listed), 'label')} ({percent(share)}) may be wrong, the surest first; "
            f"some are merely unusual, so look at them. {ADVICE}",
            listed,
        )


def _of_numbers(evidence: Evidence, scored: Indices) -> Iterator[Finding]:
    assert evidence.scores is not None
    predicted = evidence.scores[scored].astype(np.float64)
    residual = evidence.targets[scored].astype(np.float64) - predicted
    far = np.abs(deviations(residual))
    order = [at for at in np.argsort(-far, kind="stable").tolist() if far[at] > RESIDUAL]
    listed = [
        evidence.suspect(
            int(evidence.positions[scored[at]]),
            suggestion=float(f"{predicted[at]:.4g}"),
            score=float(far[at]),
        )
        for at in order
    ]
    if listed:
        yield finding(
            "label-errors",
            "warning",
            f"{items(len(listed), 'number lies', 'numbers lie')} {RESIDUAL:g} times as far "
            f"from what is predicted as is usual, the farthest first. {ADVICE}",
            listed,
        )
