"""Which of two candidates is kept, by the validation items."""

from dataclasses import dataclass

import numpy as np

from headstart.training.adapted import Adapted
from headstart.training.averaged import averaged

SURE = 0.025
"""Chance of taking an accident for a gain, at each rung."""

SURE_OF_MEAN = 0.35
"""The same for a rung averaged with feature extraction, which cannot lose much."""


@dataclass(frozen=True)
class Verdict:
    """What validation items say of a new candidate.

    Attributes:
        adapted: it, or its mean with the first rung where that is better.
        better: whether it is kept.
        why: the reason, in words.
    """

    adapted: Adapted
    better: bool
    why: str


def judged(first: Adapted, best: Adapted, new: Adapted, seed: int) -> Verdict:
    """Whether a candidate's answers are better than the best's by more than chance.

    Averaged with feature extraction, where that is better.

    Args:
        first: feature extraction.
        best: what is kept so far.
        new: what was just trained.
        seed: of the intervals.
    """
    mean = averaged(first, new, seed)
    if mean is not None and mean.judged.errors.mean() < new.judged.errors.mean():
        new = mean
    sure = SURE if new.averaged_with is None else SURE_OF_MEAN
    chance = chance_of(new, best)
    before, after = (each.judged.errors.mean() for each in (best, new))
    percent = 100 * (after - before) / before if before else 0.0
    why = f"squared error {percent:+.0f}%, p = {chance:.2g}"
    if new.averaged_with is not None:
        why = f"averaged with feature extraction: {why}"
    return Verdict(new, bool(new.weights) and chance < sure, why)


def asked_for(first: Adapted, new: Adapted) -> str:
    """What to say of a candidate that is kept because it was asked for."""
    if not len(new.judged.errors):
        return "asked for"
    chance = chance_of(new, first)
    clear = "better than feature extraction" if chance < SURE else "no clear gain"
    return f"asked for; {clear} (p = {chance:.2g})"


def chance_of(new: Adapted, old: Adapted) -> float:
    """One-sided paired t-test of the squared errors: the chance of such a gain by accident."""
    from scipy.stats import ttest_rel

    gains = old.judged.errors - new.judged.errors
    if not len(gains) or np.ptp(gains) == 0:
        return 1.0
    return float(ttest_rel(gains, np.zeros_like(gains), alternative="greater").pvalue)
