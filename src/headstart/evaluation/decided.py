"""What a decision, and prediction sets, are worth on items that they were not chosen on."""

from collections.abc import Sequence

import numpy as np

from headstart.evaluation.answers import best_class
from headstart.evaluation.calibration import probabilities
from headstart.evaluation.conformal import Conformal, Margin, Sets, expected
from headstart.evaluation.decisions import ClassThreshold, Costs, Decision, LabelThresholds
from headstart.evaluation.intervals import (
    RESAMPLES,
    UNDEFINED,
    Interval,
    drawn_by,
    first,
    of_means,
    share,
)
from headstart.evaluation.metrics import evaluate
from headstart.evaluation.results import Results
from headstart.evaluation.thresholds import costs_of
from headstart.types import Indices, JsonObject, Mask, Scores, Targets


def of_decision(decision: Decision, results: Results, seed: int) -> JsonObject:
    """The decision, its figures on some items, and those of the usual answers to the same.

    Args:
        decision: as the model has it.
        results: of those items; its scores are all there.
        seed: of the intervals.
    """
    classes, targets, scores = results.classes, results.targets, results.scores
    together = drawn_by(results.together)
    if isinstance(decision, LabelThresholds):
        usual = evaluate(
            "multilabel", targets, scores, classes, seed=seed, together=together
        ).metrics
        return {
            "kind": "labels",
            "thresholds": dict(zip(classes, decision.values, strict=True)),
            "usual": {name: usual[name].to_json() for name in ("macro_f1", "micro_f1")},
        }
    known = targets >= 0
    shares, truth = probabilities("classification", scores[known]), targets[known]
    together = drawn_by(_of(together, known))
    answers = {"test": best_class(shares, decision), "usual": best_class(shares)}
    if isinstance(decision, ClassThreshold):
        at = decision.positive
        said: JsonObject = {
            "kind": decision.target,
            "class": classes[at],
            "asked": decision.wanted,
            "threshold": decision.threshold,
        }
        return said | {
            name: {
                rate: each.to_json()
                for rate, each in rates(got == at, truth == at, together, seed).items()
            }
            for name, got in answers.items()
        }
    said = {
        "kind": "costs",
        "costs": _by_name(decision, classes),
        "threshold": decision.threshold,
    }
    return said | {
        name: {"cost": _mean_cost(decision, got, truth, together, seed).to_json()}
        for name, got in answers.items()
    }


def rates(
    answered: Mask, true: Mask, together: Indices | None = None, seed: int = 0
) -> dict[str, Interval]:
    """Recall, precision and specificity with 95% intervals, from two masks (n,)."""

    def among(which: Mask, marked: Mask) -> Interval:
        return share(marked[which], _of(together, which), seed)

    return {
        "recall": among(true, answered),
        "precision": among(answered, true),
        "specificity": among(~true, ~answered),
    }


def _of(together: Indices | None, which: Mask) -> Indices | None:
    return None if together is None else together[which]


def _by_name(decision: Costs, classes: Sequence[str]) -> JsonObject:
    return {
        name: dict(zip(classes, row, strict=True))
        for name, row in zip(classes, decision.table, strict=True)
    }


def _mean_cost(
    decision: Costs, answers: Indices, truth: Targets, together: Indices | None, seed: int
) -> Interval:
    if not len(truth):
        return UNDEFINED
    each = costs_of(decision.table, answers, np.asarray(truth, np.int64))
    rng = np.random.default_rng(seed)
    high = float("inf")
    return of_means(first, each[:, None], RESAMPLES, rng, high=high, together=together)


def of_conformal(abstain: Conformal, results: Results, seed: int) -> JsonObject:
    """What prediction sets or intervals hold, on some items.

    Args:
        abstain: as the model has it.
        results: of those items; its scores are all there.
        seed: of the intervals.
    """
    together = drawn_by(results.together)
    low, high = expected(abstain.coverage, abstain.items)
    said: JsonObject = {
        "coverage": abstain.coverage,
        "items": abstain.items,
        "expected": {"low": low, "high": high},
    }
    if isinstance(abstain, Margin):
        ends = abstain.of(results.scores)
        within = (ends[:, 0] <= results.targets) & (results.targets <= ends[:, 1])
        return said | {
            "margin": abstain.margin,
            "test": {"coverage": share(within, together, seed).to_json()},
        }
    known = results.targets >= 0
    shares = probabilities("classification", results.scores[known])
    of_known = results.targets[known], results.classes, _of(together, known), seed
    return said | _of_sets(abstain, shares, *of_known)


def _of_sets(
    abstain: Sets,
    shares: Scores,
    targets: Targets,
    classes: Sequence[str],
    together: Indices | None,
    seed: int,
) -> JsonObject:
    def among(which: Mask, marked: Mask) -> JsonObject:
        return {**share(marked[which], _of(together, which), seed).to_json()}

    truth = np.asarray(targets, np.int64)
    sets = abstain.of(shares)
    covered, sizes = sets[np.arange(len(truth)), truth], sets.sum(axis=1)
    sure, every = sizes == 1, np.ones(len(truth), bool)
    return {
        "least": dict(zip(classes, abstain.least, strict=True)),
        "test": {
            "coverage": among(every, covered),
            "mean_size": float(sizes.mean()) if len(sizes) else None,
            "sure": among(every, sure),
            "accuracy_of_sure": among(sure, covered),
        },
        "per_class": {name: among(truth == at, covered) for at, name in enumerate(classes)},
    }
