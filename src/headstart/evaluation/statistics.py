"""Every metric of a task as a `Statistic`: what it is of the items, and what each adds to it.

The values are scikit-learn's, but for Pearson's r (NumPy's) and the calibration error. Rankings,
and F1 where pairs are compared, go by the influence of every item on them, see
`headstart.evaluation.ranking`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from headstart.evaluation.answers import best_class, has_class
from headstart.evaluation.calibration import log_losses, log_softmax, probabilities
from headstart.evaluation.intervals import Statistic
from headstart.evaluation.ranking import average_precision, roc_auc
from headstart.evaluation.spread import centre_and_spread
from headstart.evaluation.tables import (
    ClassRow,
    class_rows,
    confusion_matrix,
    f1_scores,
    labels_of,
    no_rows,
)
from headstart.types import Floats, Indices, Mask, Scores, Targets
from headstart.wording import some

Metric = Callable[..., float | Floats]
"""One of scikit-learn's."""
Ranking = Callable[[Floats, Mask], tuple[float, Floats]]

METRICS = {
    "classification": ("accuracy", "macro_f1", "roc_auc", "log_loss", "ece"),
    "multilabel": ("macro_f1", "micro_f1", "map"),
    "regression": ("pearson_r", "r2", "mae"),
}
LOWER_IS_BETTER = ("log_loss", "ece", "mae")
OF_LABELS = ("accuracy", "macro_f1", "micro_f1")
"""What needs no probabilities, of answers that are classes."""
FIRST = {"classification": "accuracy", "multilabel": "macro_f1", "regression": "mae"}
"""The metric of a task that comes first where one has to."""

_BINS = 15
_FEW = 5


@dataclass(frozen=True)
class Statistics:
    """What a model is worth on a test set, before any interval.

    Attributes:
        metrics: by name; rankings first, for that is the order in which intervals are drawn.
        per_class, confusion, notes: as in `headstart.evaluation.metrics.Evaluation`.
    """

    metrics: dict[str, Statistic]
    per_class: tuple[ClassRow, ...] = ()
    confusion: Indices | None = None
    notes: tuple[str, ...] = ()


def statistics(
    task: str,
    targets: Targets,
    scores: Scores,
    classes: Sequence[str],
    predicted: Indices | Mask | None = None,
) -> Statistics:
    """Every metric of the task; the arguments are those of `headstart.evaluation.evaluate`."""
    if task == "classification":
        chosen = None if predicted is None else predicted.astype(np.int64)
        return _classification(np.asarray(targets), scores, classes, chosen)
    if not len(targets):
        return _nothing(task, classes, ())
    if task == "multilabel":
        has = None if predicted is None else predicted.astype(bool)
        return _multilabel(np.asarray(targets) > 0, scores, classes, has)
    return _regression(np.asarray(targets, np.float64), scores)


def first(task: str, targets: Targets, scores: Scores, classes: Sequence[str]) -> Statistic:
    """The metric of `FIRST` alone, as `statistics` has it; the accuracy without the others."""
    if task != "classification":
        return statistics(task, targets, scores, classes).metrics[FIRST[task]]
    known = np.asarray(targets) >= 0
    if not known.any():
        return _undefined(0)
    right = best_class(probabilities(task, scores[known])) == targets[known]
    return Statistic(float(right.mean()), right.astype(np.float64)[:, None])


def _undefined(items: int) -> Statistic:
    return Statistic(math.nan, np.empty((items, 0)))


def _nothing(task: str, classes: Sequence[str], notes: tuple[str, ...]) -> Statistics:
    size = len(classes)
    return Statistics(
        dict.fromkeys(METRICS[task], _undefined(0)),
        no_rows(classes),
        np.zeros((size, size), np.int64) if task == "classification" else None,
        (*notes, "There is nothing to test on, so no metric is defined."),
    )


def _value(metric: Metric, truth: Targets | Mask, answers: Scores, **options: object) -> float:
    """What scikit-learn says; NaN where an answer is not finite, which it refuses."""
    return float(metric(truth, answers, **options)) if np.isfinite(answers).all() else math.nan


def _classification(
    targets: Indices, logits: Scores, classes: Sequence[str], predicted: Indices | None
) -> Statistics:
    from sklearn.metrics import accuracy_score, f1_score

    known = targets >= 0
    notes: tuple[str, ...] = ()
    if not known.all():
        notes = (
            f"{np.count_nonzero(~known):,} of {len(targets):,} test items have a label that the "
            "model does not know; the figures leave them out.",
        )
        targets, logits = targets[known], logits[known]
        predicted = None if predicted is None else predicted[known]
    if not len(targets):
        return _nothing("classification", classes, notes)
    best = best_class(probabilities("classification", logits))
    predicted = best if predicted is None else predicted
    confusion = confusion_matrix(targets, predicted, len(classes))
    right = (predicted == targets).astype(np.float64)
    auc, auc_notes = _roc_auc(targets, logits, classes)
    every = np.arange(len(classes))
    f1 = float(f1_score(targets, predicted, average="macro"))
    metrics = {
        "roc_auc": auc,
        "accuracy": Statistic(float(accuracy_score(targets, predicted)), right[:, None]),
        "macro_f1": _macro_f1(f1, predicted[:, None] == every, targets[:, None] == every),
        "log_loss": _log_loss(targets, logits),
        "ece": _calibration_error(logits, best, (best == targets).astype(np.float64)),
    }
    rows = class_rows(classes, targets, predicted)
    few = _few(classes, confusion.sum(axis=1))
    return Statistics(metrics, rows, confusion, notes + auc_notes + few)


def _macro_f1(value: float, predicted: Mask, targets: Mask) -> Statistic:
    """Of `predicted` and `targets` (n, classes), by the influence of every item.

    F1 is 2 hits / (guesses + support); its influence is that quotient's derivative.
    """
    hit = predicted & targets
    hits, guesses, support = (each.sum(axis=0) for each in (hit, predicted, targets))
    each = f1_scores(hits, guesses, support)
    counted = np.isfinite(each)
    share = np.where(counted, len(targets) / np.maximum(guesses + support, 1), 0)
    influence = 2 * (hit @ share) - (predicted.astype(np.float64) + targets) @ (
        np.nan_to_num(each) * share
    )
    return Statistic(value, value + influence[:, None] / max(counted.sum(), 1))


def _roc_auc(
    targets: Indices, logits: Scores, classes: Sequence[str]
) -> tuple[Statistic, tuple[str, ...]]:
    from sklearn.metrics import roc_auc_score

    if len(classes) == 2:
        ranks, positive = (logits[:, 1:] - logits[:, :1]).astype(np.float64), targets[:, None] == 1
    else:
        ranks, positive = log_softmax(logits), targets[:, None] == np.arange(len(classes))
    area, defined = _macro_ranking(roc_auc, roc_auc_score, ranks, positive)
    if all(defined):
        return area, ()
    if not any(defined):
        only = classes[int(targets[0])]
        return area, (f"ROC AUC is undefined: every test item is of one class, {only!r}.",)
    left_out = [name for name, fine in zip(classes, defined, strict=True) if not fine]
    return area, (f"ROC AUC leaves out what the test set has no item of: {some(left_out)}.",)


def _macro_ranking(
    influences: Ranking, metric: Metric, ranks: Floats, positive: Mask
) -> tuple[Statistic, list[bool]]:
    """Mean of a metric over the columns where it is defined, and which those are."""
    influence, defined = np.zeros(len(ranks)), []
    for column in range(positive.shape[1]):
        value, each = influences(ranks[:, column], positive[:, column])
        defined.append(math.isfinite(value))
        influence += each
    if not any(defined):
        return _undefined(len(ranks)), defined
    # scikit-learn takes a matrix of one column for a vector.
    which = np.flatnonzero(defined)
    of = which if len(which) > 1 else which[0]
    mean = _value(metric, positive[:, of], ranks[:, of], average="macro")
    return Statistic(mean, mean + influence[:, None] / sum(defined)), defined


def _log_loss(targets: Indices, logits: Scores) -> Statistic:
    from sklearn.metrics import log_loss

    classes = np.arange(logits.shape[1])
    if len(classes) == 1:  # which scikit-learn refuses
        value = 0.0
    else:
        shares = probabilities("classification", logits)
        value = _value(log_loss, targets, shares, labels=classes)
    # scikit-learn's probabilities end this far from 0 and 1.
    end = float(np.finfo(np.float64).eps)
    losses = log_losses("classification", logits, targets).clip(-math.log1p(-end), -math.log(end))
    return Statistic(value, losses[:, None], high=math.inf)


def _calibration_error(logits: Scores, best: Indices, right: Floats) -> Statistic:
    items = np.arange(len(right))
    sure = np.exp(log_softmax(logits)[items, best])
    gaps = np.zeros((len(right), _BINS))
    gaps[items, _bins(sure)] = sure - right
    value = float(np.abs(gaps.mean(axis=0)).sum())
    return Statistic(value, gaps, lambda m: np.abs(m).sum(axis=1))


def _bins(sure: Floats) -> Indices:
    return np.minimum(np.nan_to_num(sure * _BINS).astype(np.int64), _BINS - 1)


def _multilabel(
    targets: Mask, logits: Scores, classes: Sequence[str], answered: Mask | None
) -> Statistics:
    from sklearn.metrics import average_precision_score, f1_score

    predicted = has_class(probabilities("multilabel", logits)) if answered is None else answered
    labels = labels_of(len(classes))

    def f1(average: str) -> float:
        asked = {"labels": labels, "average": average, "zero_division": np.nan}
        return float(f1_score(targets, predicted, **asked))

    hits = (predicted & targets).sum(axis=1)
    counts = np.column_stack((hits, predicted.sum(axis=1) + targets.sum(axis=1)))
    precision, defined = _macro_ranking(
        average_precision, average_precision_score, logits.astype(np.float64), targets
    )
    metrics = {
        "map": precision,
        "macro_f1": _macro_f1(f1("macro"), predicted, targets),
        "micro_f1": Statistic(
            f1("micro"), counts.astype(np.float64), lambda m: 2 * m[:, 0] / m[:, 1]
        ),
    }
    missing = [name for name, fine in zip(classes, defined, strict=True) if not fine]
    left_out = f"Mean average precision leaves out labels that no test item has: {some(missing)}."
    notes = (left_out,) * bool(missing)
    rows = class_rows(classes, targets, predicted)
    return Statistics(metrics, rows, None, notes + _few(classes, targets.sum(axis=0)))


def _regression(targets: Floats, predictions: Scores) -> Statistics:
    from sklearn.metrics import mean_absolute_error, r2_score

    predictions = predictions.astype(np.float64)
    # Centred and scaled, so that sums of squares lose no digits whatever the unit.
    centre, scale = centre_and_spread(targets)
    y, p = (targets - centre) / scale, (predictions - centre) / scale
    columns = np.column_stack((y, p, y * y, p * p, y * p, (y - p) ** 2))

    def defined(function: Callable[[Floats], Floats]) -> bool:
        with np.errstate(invalid="ignore"):
            return bool(np.isfinite(function(columns.mean(axis=0)[None])[0]))

    correlation = float(np.corrcoef(y, p)[0, 1]) if defined(_pearson) else math.nan
    explained = _value(r2_score, y, p) if defined(_r2) else math.nan
    error = _value(mean_absolute_error, targets, predictions)
    metrics = {
        "pearson_r": Statistic(correlation, columns, _pearson, low=-1),
        "r2": Statistic(explained, columns, _r2, low=-math.inf),
        "mae": Statistic(error, np.abs(targets - predictions)[:, None], high=math.inf),
    }
    notes: tuple[str, ...] = ()
    if np.isfinite(p).all() and not defined(_r2):
        notes = ("Pearson r and R2 are undefined: the test items all have the same number.",)
    elif np.isfinite(p).all() and not defined(_pearson):
        notes = ("Pearson r is undefined: the model says the same number of every test item.",)
    return Statistics(metrics, notes=notes)


def _pearson(m: Floats) -> Floats:
    """From the means of y, p, y², p² and yp."""
    y_variance, p_variance = m[:, 2] - m[:, 0] ** 2, m[:, 3] - m[:, 1] ** 2
    varies = (y_variance > 1e-12) & (p_variance > 1e-12 * m[:, 3])
    ratio = (m[:, 4] - m[:, 0] * m[:, 1]) / np.sqrt(np.where(varies, y_variance, 1))
    ratio /= np.sqrt(np.where(varies, p_variance, 1))
    return np.where(varies, ratio.clip(-1, 1), np.nan)


def _r2(m: Floats) -> Floats:
    """From the means of y, -, y², -, - and (y - p)²."""
    variance = m[:, 2] - m[:, 0] ** 2
    return np.where(variance > 1e-12, 1 - m[:, 5] / np.maximum(variance, 1e-12), np.nan)


def _few(classes: Sequence[str], support: Indices) -> tuple[str, ...]:
    few = [name for name, items in zip(classes, support, strict=True) if items < _FEW]
    if not few:
        return ()
    return (f"Fewer than {_FEW} test items, so their figures say little: {some(few)}.",)
