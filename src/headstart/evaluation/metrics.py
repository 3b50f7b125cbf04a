"""The metrics of a task, with intervals, on a test set.

Classification: accuracy, macro F1, area under the ROC curve (for more than two classes each
class against the rest, averaged), log loss, and the expected calibration error over 15 bins of
the winning class's probability (Guo et al. 2017). Multilabel: macro and micro F1 at a
probability of one half, mean average precision. Regression: Pearson's r, R², mean absolute error.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.evaluation.calibration import log_losses, log_softmax
from headstart.evaluation.intervals import (
    UNDEFINED,
    Interval,
    interval,
    of_means,
    of_share,
    resampled_cells,
)
from headstart.evaluation.ranking import average_precision, roc_auc
from headstart.evaluation.spread import centre_and_spread
from headstart.evaluation.tables import ClassRow, class_rows, confusion_matrix, f1_scores
from headstart.wording import some

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Ranking = Callable[[Array, npt.NDArray[np.bool_]], tuple[float, Floats]]

METRICS = {
    "classification": ("accuracy", "macro_f1", "roc_auc", "log_loss", "ece"),
    "multilabel": ("macro_f1", "micro_f1", "map"),
    "regression": ("pearson_r", "r2", "mae"),
}
_BINS = 15
_FEW = 5


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
    confusion: npt.NDArray[np.int64] | None
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """A JSON object; null where a metric is undefined."""
        return {
            "metrics": {name: each.to_json() for name, each in self.metrics.items()},
            "per_class": [row.to_json() for row in self.per_class],
            "confusion": None if self.confusion is None else self.confusion.tolist(),
            "notes": list(self.notes),
        }


def evaluate(
    task: str,
    targets: Array,
    scores: Array,
    classes: Sequence[str],
    *,
    seed: int,
    resamples: int = 1000,
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
    """
    rng = np.random.default_rng(seed)
    if task == "classification":
        return _classification(np.asarray(targets), scores, classes, resamples, rng)
    if not len(targets):
        return _nothing(task, classes, ())
    if task == "multilabel":
        return _multilabel(np.asarray(targets) > 0, scores, classes, resamples, rng)
    return _regression(np.asarray(targets, np.float64), scores, resamples, rng)


def _nothing(task: str, classes: Sequence[str], notes: tuple[str, ...]) -> Evaluation:
    zeros = np.zeros(len(classes), np.int64)
    return Evaluation(
        dict.fromkeys(METRICS[task], UNDEFINED),
        class_rows(classes, zeros, zeros, zeros),
        np.diag(zeros) if task == "classification" else None,
        (*notes, "There is nothing to test on, so no metric is defined."),
    )


def _classification(
    targets: Array, logits: Array, classes: Sequence[str], resamples: int, rng: np.random.Generator
) -> Evaluation:
    known = targets >= 0
    notes: tuple[str, ...] = ()
    if not known.all():
        notes = (
            f"{np.count_nonzero(~known):,} of {len(targets):,} test items have a label that the "
            "model does not know; the figures leave them out.",
        )
        targets, logits = targets[known], logits[known]
    if not len(targets):
        return _nothing("classification", classes, notes)
    predicted = logits.argmax(axis=1)
    confusion = confusion_matrix(targets, predicted, len(classes))
    hits, support = confusion.diagonal(), confusion.sum(axis=1)
    right = (predicted == targets).astype(np.float64)
    auc, silent = _roc_auc(targets, logits, classes, resamples, rng)
    metrics = {
        "accuracy": of_share(
            of_means(lambda m: m[:, 0], right[:, None], resamples, rng), len(right)
        ),
        "macro_f1": _macro_f1(confusion, resamples, rng),
        "roc_auc": auc,
        "log_loss": of_means(
            lambda m: m[:, 0],
            log_losses("classification", logits, targets)[:, None],
            resamples,
            rng,
            high=math.inf,
        ),
        "ece": _calibration_error(logits, predicted, right, resamples, rng),
    }
    rows = class_rows(classes, hits, confusion.sum(axis=0), support)
    return Evaluation(metrics, rows, confusion, notes + silent + _few(classes, support))


def _roc_auc(
    targets: Array, logits: Array, classes: Sequence[str], resamples: int, rng: np.random.Generator
) -> tuple[Interval, tuple[str, ...]]:
    if len(classes) == 2:
        ranks, positive = (logits[:, 1:] - logits[:, :1]).astype(np.float64), targets[:, None] == 1
    else:
        ranks, positive = log_softmax(logits), targets[:, None] == np.arange(len(classes))
    area, defined = _macro_ranking(roc_auc, ranks, positive, resamples, rng)
    if math.isfinite(area.value) and all(defined):
        return area, ()
    if not math.isfinite(area.value):
        only = classes[int(targets[0])]
        return area, (f"ROC AUC is undefined: every test item is of one class, {only!r}.",)
    left_out = [name for name, fine in zip(classes, defined, strict=True) if not fine]
    return area, (f"ROC AUC leaves out what the test set has no item of: {some(left_out)}.",)


def _macro_ranking(
    metric: Ranking, ranks: Array, positive: Array, resamples: int, rng: np.random.Generator
) -> tuple[Interval, list[bool]]:
    """Mean of `metric` over the columns where it is defined, and which those are."""
    values, influence = [], np.zeros(len(ranks))
    for column in range(positive.shape[1]):
        value, each = metric(ranks[:, column], positive[:, column])
        values.append(value)
        influence += each
    defined = [math.isfinite(value) for value in values]
    if not any(defined):
        return UNDEFINED, defined
    mean = float(np.mean([value for value in values if math.isfinite(value)]))
    items = mean + influence[:, None] / sum(defined)
    return of_means(lambda m: m[:, 0], items, resamples, rng), defined


def _macro_f1(confusion: Array, resamples: int, rng: np.random.Generator) -> Interval:
    true, predicted = np.nonzero(confusion)
    counts = confusion[true, predicted]
    classes = len(confusion)

    def of_cells(cells: Array) -> float:
        hits = np.bincount(true, cells * (true == predicted), classes)
        f1 = f1_scores(
            hits, np.bincount(predicted, cells, classes), np.bincount(true, cells, classes)
        )
        return float(np.nanmean(f1))

    samples = [of_cells(cells) for cells in resampled_cells(counts, resamples, rng)]
    return interval(np.array(samples), of_cells(counts))


def _calibration_error(
    logits: Array, predicted: Array, right: Floats, resamples: int, rng: np.random.Generator
) -> Interval:
    items = np.arange(len(right))
    sure = np.exp(log_softmax(logits)[items, predicted])
    gaps = np.zeros((len(right), _BINS))
    gaps[items, np.minimum((sure * _BINS).astype(np.int64), _BINS - 1)] = sure - right
    return of_means(lambda m: np.abs(m).sum(axis=1), gaps, resamples, rng)


def _multilabel(
    targets: Array, logits: Array, classes: Sequence[str], resamples: int, rng: np.random.Generator
) -> Evaluation:
    predicted = logits > 0
    hit = predicted & targets
    hits, guesses, support = (each.sum(axis=0) for each in (hit, predicted, targets))
    f1 = f1_scores(hits, guesses, support)
    counted = np.isfinite(f1)
    macro = float(f1[counted].mean()) if counted.any() else math.nan
    # F1 is 2 hits / (guesses + support); its influence is that quotient's derivative.
    share = np.where(counted, len(targets) / np.maximum(guesses + support, 1), 0)
    influence = 2 * (hit @ share) - (predicted.astype(np.float64) + targets) @ (
        np.nan_to_num(f1) * share
    )
    counts = np.column_stack((hit.sum(axis=1), predicted.sum(axis=1) + targets.sum(axis=1)))
    precision, defined = _macro_ranking(average_precision, logits, targets, resamples, rng)
    metrics = {
        "macro_f1": of_means(
            lambda m: m[:, 0], macro + influence[:, None] / max(counted.sum(), 1), resamples, rng
        ),
        "micro_f1": of_means(
            lambda m: 2 * m[:, 0] / m[:, 1], counts.astype(np.float64), resamples, rng
        ),
        "map": precision,
    }
    missing = [name for name, fine in zip(classes, defined, strict=True) if not fine]
    left_out = f"Mean average precision leaves out labels that no test item has: {some(missing)}."
    notes = (left_out,) * bool(missing)
    rows = class_rows(classes, hits, guesses, support)
    return Evaluation(metrics, rows, None, notes + _few(classes, support))


def _regression(
    targets: Floats, predictions: Array, resamples: int, rng: np.random.Generator
) -> Evaluation:
    # Centred and scaled, so that sums of squares lose no digits whatever the unit.
    centre, scale = centre_and_spread(targets)
    y = (targets - centre) / scale
    p = (predictions.astype(np.float64) - centre) / scale
    columns = np.column_stack((y, p, y * y, p * p, y * p, (y - p) ** 2))

    def pearson(m: Floats) -> Floats:
        y_variance, p_variance = m[:, 2] - m[:, 0] ** 2, m[:, 3] - m[:, 1] ** 2
        varies = (y_variance > 1e-12) & (p_variance > 1e-12 * m[:, 3])
        ratio = (m[:, 4] - m[:, 0] * m[:, 1]) / np.sqrt(np.where(varies, y_variance, 1))
        ratio /= np.sqrt(np.where(varies, p_variance, 1))
        return np.where(varies, ratio.clip(-1, 1), np.nan)

    def r2(m: Floats) -> Floats:
        variance = m[:, 2] - m[:, 0] ** 2
        return np.where(variance > 1e-12, 1 - m[:, 5] / np.maximum(variance, 1e-12), np.nan)

    errors = np.abs(targets - predictions)[:, None]
    metrics = {
        "pearson_r": of_means(pearson, columns, resamples, rng, low=-1),
        "r2": of_means(r2, columns, resamples, rng, low=-math.inf),
        "mae": of_means(lambda m: m[:, 0], errors, resamples, rng, high=math.inf),
    }
    unsaid = [name for name, each in metrics.items() if not math.isfinite(each.value)]
    notes = (f"{' and '.join(unsaid)} undefined: the numbers are all the same.",) * bool(unsaid)
    return Evaluation(metrics, (), None, notes)


def _few(classes: Sequence[str], support: Array) -> tuple[str, ...]:
    few = [name for name, items in zip(classes, support, strict=True) if items < _FEW]
    if not few:
        return ()
    return (f"Fewer than {_FEW} test items, so their figures say little: {some(few)}.",)
