"""Labels that are probably wrong.

Classes: confident learning (Northcutt et al. 2021, "Confident Learning: Estimating Uncertainty in
Dataset Labels") by cleanlab, on calibrated probabilities of heads that did not learn from the item
or its copies. The ranking is the mean of two ranks: cleanlab's label quality, and how many of the
item's nearest neighbours have its label (Zhu et al. 2022, "Detecting Corrupted Labels Without
Training a Model to Predict"). Numbers: large residuals of such heads.
"""

import warnings
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
        From 0 (most suspicious) to 1, (n,); and which are suspected, (n,): of as many as cleanlab
        counts errors, the most suspicious first, those that the model would label otherwise.
    """
    from cleanlab.count import num_label_issues
    from cleanlab.rank import get_label_quality_scores

    with warnings.catch_warnings():
        # Of a class of few items some are in no fold: it is then without labels.
        warnings.simplefilter("ignore")
        quality = get_label_quality_scores(labels, probabilities, method="normalized_margin")
        number = int(num_label_issues(labels, probabilities))
    known = np.where(np.isnan(agreement), 0.5, agreement)
    score = (_ranks(np.asarray(quality, np.float64)) + _ranks(known)) / 2
    first = np.zeros(len(labels), bool)
    first[np.argsort(score, kind="stable")[:number]] = True
    return score, first & (probabilities.argmax(axis=1) != labels)


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
            f"{items(len(listed), 'number')} lie {RESIDUAL:g} times as far from what is predicted "
            f"as is usual, the farthest first. {ADVICE}",
            listed,
        )
