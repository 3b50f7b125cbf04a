"""The metrics of a task, with intervals, on a test set.

Classification: accuracy, macro F1, area under the ROC curve (for more than two classes each
class against the rest, averaged), log loss, and the expected calibration error over 15 bins of
the winning class's probability (Guo et al. 2017). Multilabel: macro and micro F1 at a
probability of one half, mean average precision. Regression: Pearson's r, R², mean absolute error.

The values are scikit-learn's, see `headstart.evaluation.statistics`. The intervals are ours: each
metric as a function of means over items, which are cheap to resample.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from headstart.evaluation.intervals import (
    RESAMPLES,
    Interval,
    drawn_by,
    few_groups,
    interval,
    of_share,
    resampled_cells,
)
from headstart.evaluation.statistics import LOWER_IS_BETTER, METRICS, Statistics, statistics
from headstart.evaluation.tables import ClassRow, f1_scores
from headstart.types import Indices, Mask, Scores, Targets


@dataclass(frozen=True)
class Evaluation:
    """What a model is worth on a test set.

    Attributes:
        metrics: by name, in the order of `METRICS`.
        per_class: one row per class; empty for regression.
        confusion: items of class i predicted as class j, (classes, classes); None but for
            classification.
        notes: what a reader of these figures should know.
    """

    metrics: dict[str, Interval]
    per_class: tuple[ClassRow, ...]
    confusion: Indices | None
    notes: tuple[str, ...]

    @property
    def confused(self) -> tuple[tuple[int, ...], ...]:
        """The confusion matrix by rows; empty where there is none."""
        return () if self.confusion is None else tuple(map(tuple, self.confusion.tolist()))


def evaluate(
    task: str,
    targets: Targets,
    scores: Scores,
    classes: Sequence[str],
    *,
    seed: int,
    resamples: int = RESAMPLES,
    predicted: Indices | Mask | None = None,
    together: Indices | None = None,
) -> Evaluation:
    """Every metric of the task with its 95% bootstrap interval.

    Args:
        task: "classification", "multilabel" or "regression".
        targets: int (n,), -1 for a class the model does not know (left out, and noted); 0/1
            (n, classes) for multilabel; float (n,) for regression.
        scores: logits (n, classes) after the temperature; predictions (n,) for regression.
        classes: names, in the order of the columns.
        seed: of the resamples.
        resamples: how many.
        predicted: the answers, int (n,) or (n, classes), where they are not the most probable
            class, or the classes of one half or more.
        together: int (n,): items of the same number belong together, and are resampled together;
            each is alone where None.
    """
    if together is not None and task == "classification":
        together = together[np.asarray(targets) >= 0]
    few = few_groups(together)
    together = drawn_by(together)
    rng = np.random.default_rng(seed)
    found = statistics(task, targets, scores, classes, predicted)
    intervals = {name: _interval(name, found, resamples, rng, together) for name in found.metrics}
    return Evaluation(
        {name: intervals[name] for name in METRICS[task]},
        found.per_class,
        found.confusion,
        found.notes + _not_finite(scores) + few,
    )


def _interval(
    name: str,
    found: Statistics,
    resamples: int,
    rng: Generator,
    together: Indices | None,
) -> Interval:
    metric, confusion = found.metrics[name], found.confusion
    if name == "macro_f1" and together is None and confusion is not None and confusion.any():
        drawn = _macro_f1(metric.value, confusion, resamples, rng)
        return of_share(drawn, len(metric.columns))
    drawn = metric.interval(resamples, rng, together)
    items = len(metric.columns) if together is None else len(np.unique(together))
    if name == "roc_auc" and confusion is not None and confusion.any():
        # A perfect ranking is as much in doubt as its smallest class is small.
        support = confusion.sum(axis=1)
        return of_share(drawn, min(items, int(support[support > 0].min())))
    return of_share(drawn, items) if name in ("accuracy", "macro_f1") else drawn


def _macro_f1(value: float, confusion: Indices, resamples: int, rng: Generator) -> Interval:
    """By resamples of the confusion matrix, which lose nothing."""
    of_class, as_class = np.nonzero(confusion)
    classes = len(confusion)

    def of_cells(cells: Indices) -> float:
        hits = np.bincount(of_class, cells * (of_class == as_class), classes)
        guesses, support = (np.bincount(each, cells, classes) for each in (as_class, of_class))
        return float(np.nanmean(f1_scores(hits, guesses, support)))

    resampled = resampled_cells(confusion[of_class, as_class], resamples, rng)
    samples = np.array([of_cells(cells) for cells in resampled])
    return interval(samples, value, items=int(confusion.sum()))


def _not_finite(scores: Scores) -> tuple[str, ...]:
    finite = np.isfinite(scores).all(axis=tuple(range(1, scores.ndim)))
    lost = np.count_nonzero(~finite)
    have = "has" if lost == 1 else "have"
    note = f"{lost:,} of {len(scores):,} test items {have} scores that are not finite numbers."
    return (note,) * bool(lost)


def clearly_better(metric: str, found: Interval, other: float) -> bool:
    """Whether another value is outside of the interval of a metric, on its worse side."""
    return found.high < other if metric in LOWER_IS_BETTER else found.low > other
