"""What a decision, and prediction sets, are worth on items that they were not chosen on."""

from collections.abc import Sequence

import numpy as np

from headstart.evaluation.answers import best_class
from headstart.evaluation.calibration import probabilities
from headstart.evaluation.conformal import Conformal, Margin, Sets, expected
from headstart.evaluation.decisions import ClassThreshold, Costs, Decision, LabelThresholds
from headstart.evaluation.intervals import UNDEFINED, Interval, of_means
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
    if isinstance(decision, LabelThresholds):
        usual = evaluate("multilabel", targets, scores, classes, seed=seed).metrics
        return {
            "kind": "labels",
            "thresholds": dict(zip(classes, decision.values, strict=True)),
            "usual": {name: usual[name].to_json() for name in ("macro_f1", "micro_f1")},
        }
    known = targets >= 0
    shares, truth = probabilities("classification", scores[known]), targets[known]
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
            name: {rate: each.to_json() for rate, each in rates(got == at, truth == at).items()}
            for name, got in answers.items()
        }
    said = {
        "kind": "costs",
        "costs": _by_name(decision, classes),
        "threshold": decision.threshold,
    }
    return said | {
        name: {"cost": _mean_cost(decision, got, truth, seed).to_json()}
        for name, got in answers.items()
    }


def rates(answered: Mask, true: Mask) -> dict[str, Interval]:
    """Recall, precision and specificity with 95% intervals, from two masks (n,)."""
    return {
        "recall": share(answered[true]),
        "precision": share(true[answered]),
        "specificity": share(~answered[~true]),
    }


def share(which: Mask) -> Interval:
    """The share of items that are marked, with Wilson's 95% interval; undefined of none."""
    from scipy.stats import binomtest

    if not len(which):
        return UNDEFINED
    test = binomtest(int(which.sum()), len(which))
    found = test.proportion_ci(0.95, method="wilson")
    return Interval(float(test.statistic), float(found.low), float(found.high))


def _by_name(decision: Costs, classes: Sequence[str]) -> JsonObject:
    return {
        name: dict(zip(classes, row, strict=True))
        for name, row in zip(classes, decision.table, strict=True)
    }


def _mean_cost(decision: Costs, answers: Indices, truth: Targets, seed: int) -> Interval:
    if not len(truth):
        return UNDEFINED
    each = costs_of(decision.table, answers, np.asarray(truth, np.int64))
    rng = np.random.default_rng(seed)
    return of_means(lambda m: m[:, 0], each[:, None], 1000, rng, high=float("inf"))


def of_conformal(abstain: Conformal, results: Results) -> JsonObject:
    """What prediction sets or intervals hold, on some items.

    Args:
        abstain: as the model has it.
        results: of those items; its scores are all there.
    """
    low, high = expected(abstain.coverage, abstain.items)
    said: JsonObject = {
        "coverage": abstain.coverage,
        "items": abstain.items,
        "expected": {"low": low, "high": high},
    }
    if isinstance(abstain, Margin):
        ends = abstain.of(results.scores)
        within = (ends[:, 0] <= results.targets) & (results.targets <= ends[:, 1])
        return said | {"margin": abstain.margin, "test": {"coverage": share(within).to_json()}}
    known = results.targets >= 0
    shares = probabilities("classification", results.scores[known])
    return said | _of_sets(abstain, shares, results.targets[known], results.classes)


def _of_sets(abstain: Sets, shares: Scores, targets: Targets, classes: Sequence[str]) -> JsonObject:
    truth = np.asarray(targets, np.int64)
    sets = abstain.of(shares)
    covered, sizes = sets[np.arange(len(truth)), truth], sets.sum(axis=1)
    sure = sizes == 1
    return {
        "least": dict(zip(classes, abstain.least, strict=True)),
        "test": {
            "coverage": share(covered).to_json(),
            "mean_size": float(sizes.mean()) if len(sizes) else None,
            "sure": share(sure).to_json(),
            "accuracy_of_sure": share(covered[sure]).to_json(),
        },
        "per_class": {
            name: share(covered[truth == at]).to_json() for at, name in enumerate(classes)
        },
    }
