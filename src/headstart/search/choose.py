"""Which of two candidates is kept, by the validation items."""

from dataclasses import dataclass

from headstart.evaluation.paired import change
from headstart.training.adapted import Adapted
from headstart.training.averaged import averaged
from headstart.types import Indices

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
    found = change(new.judged.errors, best.judged.errors, _together(first))
    why = f"squared error {100 * found.share:+.0f}%, p = {found.chance:.2g}"
    if new.averaged_with is not None:
        why = f"averaged with feature extraction: {why}"
    return Verdict(new, bool(new.weights) and found.chance < sure, why)


def asked_for(first: Adapted, new: Adapted) -> str:
    """What to say of a candidate that is kept because it was asked for."""
    if not len(new.judged.errors):
        return "asked for"
    chance = change(new.judged.errors, first.judged.errors, _together(first)).chance
    clear = "better than feature extraction" if chance < SURE else "no clear gain"
    return f"asked for; {clear} (p = {chance:.2g})"


def _together(first: Adapted) -> Indices | None:
    """What the validation items belong to, where that is known of each that was judged."""
    together = first.examples.parts["validation"].together
    return together if together is not None and len(together) == len(first.judged.errors) else None
