"""Every figure of a finished run, from its answers to each item."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np

from headstart.evaluation.answers import predicted
from headstart.evaluation.baselines import constant_scores
from headstart.evaluation.decided import of_conformal, of_decision
from headstart.evaluation.decisions import Decision
from headstart.evaluation.intervals import Interval
from headstart.evaluation.metrics import Evaluation, evaluate
from headstart.evaluation.paired import Difference, difference
from headstart.evaluation.results import Results
from headstart.types import JsonObject, Mask, Scores


@dataclass(frozen=True)
class Measured:
    """Figures of a model, and of others on the same test items.

    Attributes:
        test: of the model.
        baselines: by name, the metrics of simpler answers; the constant one comes first.
        gain: of the model over one of the others; None where there is nothing to compare.
        class_counts: items of each class, over every split; empty for regression.
        decision, abstain: what is known of how scores become answers, and what that is worth on the
            test items; None where the model has none.
    """

    test: Evaluation
    baselines: Mapping[str, Mapping[str, Interval]]
    gain: Difference | None
    class_counts: Mapping[str, int]
    decision: JsonObject | None = None
    abstain: JsonObject | None = None


def measure(
    results: Results,
    others: Mapping[str, Scores],
    *,
    over: str | None = None,
    decisions: Mapping[str, Decision | None] | None = None,
    seed: int,
) -> Measured:
    """Measure a model on its test items, beside the constant answer and others.

    Args:
        results: of every item; scores are needed of the test items alone.
        others: by name, calibrated scores of the test items by other models.
        over: which of them the gain is over.
        decisions: by name, how those scores become answers, and those of `majority`.
        seed: of the intervals.
    """
    test = results.within("test")
    targets, scores = results.targets[test], results.scores[test]
    together = results.select(test).together
    decided = decisions or {}

    def measured(answers: Scores, decision: Decision | None) -> Evaluation:
        return evaluate(
            results.task,
            targets,
            answers,
            results.classes,
            seed=seed,
            predicted=predicted(results.task, answers, decision),
            together=together,
        )

    baselines, gain = {}, None
    if test.any():
        constant = _constant(results, test)
        name = "mean" if results.task == "regression" else "majority"
        every = {name: constant, **others}
        baselines = {
            each: measured(answers, decided.get(each)).metrics for each, answers in every.items()
        }
        if over is not None:
            task, before = results.task, others[over]
            answers = (
                predicted(task, scores, results.decision),
                predicted(task, before, decided.get(over)),
            )
            gain = difference(task, targets, scores, before, predicted=answers, together=together)
    asked = results.select(test)
    return Measured(
        measured(scores, results.decision),
        baselines,
        gain,
        _class_counts(results),
        None if results.decision is None else of_decision(results.decision, asked, seed),
        None if results.abstain is None else of_conformal(results.abstain, asked, seed),
    )


def _constant(results: Results, test: Mask) -> Scores:
    """The constant answer to the test items; to those of a fold what the other folds say."""
    classes = len(results.classes)
    if results.folds is None:
        learnt = results.targets[results.within("train", "validation")]
        return constant_scores(results.task, learnt, int(test.sum()), classes)
    fold = np.array([-1 if each is None else each for each in results.folds])
    answers = np.zeros(results.scores.shape)
    for each in np.unique(fold[test]):
        own, learnt = fold == each, results.targets[fold != each]
        answers[own] = constant_scores(results.task, learnt, int(own.sum()), classes)
    return answers[test]


def _class_counts(results: Results) -> dict[str, int]:
    if results.task == "regression":
        return {}
    several = [x if isinstance(x, tuple) else (str(x),) for x in results.labels]
    counts = Counter(chain.from_iterable(several))
    return {name: counts[name] for name in results.classes}
