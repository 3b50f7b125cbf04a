"""The metrics of a task, with intervals, on a test set.

Classification: accuracy, macro F1, area under the ROC curve (for more than two classes each
class against the rest, averaged), log loss, and the expected calibration error over 15 bins of
the winning class's probability (Guo et al. 2017). Multilabel: macro and micro F1 at a
probability of one half, mean average precision. Regression: Pearson's r, R², mean absolute error.

The values are scikit-learn's, but for Pearson's r (NumPy's) and the calibration error. The
intervals are ours: each metric as a function of means over items, which are cheap to resample.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from headstart.evaluation.answers import best_class, has_class
from headstart.evaluation.calibration import log_losses, log_softmax, probabilities
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
        found = _classification(np.asarray(targets), scores, classes, resamples, rng)
    elif not len(targets):
        found = _nothing(task, classes, ())
    elif task == "multilabel":
        found = _multilabel(np.asarray(targets) > 0, scores, classes, resamples, rng)
    else:
        found = _regression(np.asarray(targets, np.float64), scores, resamples, rng)
    return replace(found, notes=found.notes + _not_finite(scores))


def _not_finite(scores: Scores) -> tuple[str, ...]:
    finite = np.isfinite(scores).all(axis=tuple(range(1, scores.ndim)))
    lost = np.count_nonzero(~finite)
    have = "has" if lost == 1 else "have"
    note = f"{lost:,} of {len(scores):,} test items {have} scores that are not finite numbers."
    return (note,) * bool(lost)


def clearly_better(metric: str, found: Interval, other: float) -> bool:
    """Whether another value is outside of the interval of a metric, on its worse side."""
    return found.high < other if metric in LOWER_IS_BETTER else found.low > other


def _nothing(task: str, classes: Sequence[str], notes: tuple[str, ...]) -> Evaluation:
    size = len(classes)
    return Evaluation(
        dict.fromkeys(METRICS[task], UNDEFINED),
        no_rows(classes),
        np.zeros((size, size), np.int64) if task == "classification" else None,
        (*notes, "There is nothing to test on, so no metric is defined."),
    )


def _value(metric: Metric, truth: Targets | Mask, answers: Scores, **options: object) -> float:
    """What scikit-learn says; NaN where an answer is not finite, which it refuses."""
    return float(metric(truth, answers, **options)) if np.isfinite(answers).all() else math.nan


def _classification(
    targets: Indices, logits: Scores, classes: Sequence[str], resamples: int, rng: Generator
) -> Evaluation:
    from sklearn.metrics import accuracy_score

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
    predicted = best_class(probabilities("classification", logits))
    confusion = confusion_matrix(targets, predicted, len(classes))
    right = (predicted == targets).astype(np.float64)
    auc, auc_notes = _roc_auc(targets, logits, classes, resamples, rng)
    share = accuracy_score(targets, predicted)
    accuracy = of_means(_first, right[:, None], resamples, rng, value=share)
    metrics = {
        "accuracy": of_share(accuracy, len(right)),
        "macro_f1": _macro_f1(targets, predicted, confusion, resamples, rng),
        "roc_auc": auc,
        "log_loss": _log_loss(targets, logits, resamples, rng),
        "ece": _calibration_error(logits, predicted, right, resamples, rng),
    }
    rows = class_rows(classes, targets, predicted)
    few = _few(classes, confusion.sum(axis=1))
    return Evaluation(metrics, rows, confusion, notes + auc_notes + few)


def _first(means: Floats) -> Floats:
    return means[:, 0]


def _roc_auc(
    targets: Indices, logits: Scores, classes: Sequence[str], resamples: int, rng: Generator
) -> tuple[Interval, tuple[str, ...]]:
    from sklearn.metrics import roc_auc_score

    if len(classes) == 2:
        ranks, positive = (logits[:, 1:] - logits[:, :1]).astype(np.float64), targets[:, None] == 1
    else:
        ranks, positive = log_softmax(logits), targets[:, None] == np.arange(len(classes))
    area, defined = _macro_ranking(roc_auc, roc_auc_score, ranks, positive, resamples, rng)
    if all(defined):
        return area, ()
    if not any(defined):
        only = classes[int(targets[0])]
        return area, (f"ROC AUC is undefined: every test item is of one class, {only!r}.",)
    left_out = [name for name, fine in zip(classes, defined, strict=True) if not fine]
    return area, (f"ROC AUC leaves out what the test set has no item of: {some(left_out)}.",)


def _macro_ranking(
    influences: Ranking,
    metric: Metric,
    ranks: Floats,
    positive: Mask,
    resamples: int,
    rng: Generator,
) -> tuple[Interval, list[bool]]:
    """Mean of a metric over the columns where it is defined, and which those are."""
    influence, defined = np.zeros(len(ranks)), []
    for column in range(positive.shape[1]):
        value, each = influences(ranks[:, column], positive[:, column])
        defined.append(math.isfinite(value))
        influence += each
    if not any(defined):
        return UNDEFINED, defined
    # scikit-learn takes a matrix of one column for a vector.
    which = np.flatnonzero(defined)
    of = which if len(which) > 1 else which[0]
    truth, scores = positive[:, of], ranks[:, of]
    mean = _value(metric, truth, scores, average="macro")
    items = mean + influence[:, None] / sum(defined)
    return of_means(_first, items, resamples, rng, value=mean), defined


def _macro_f1(
    targets: Indices, predicted: Indices, confusion: Indices, resamples: int, rng: Generator
) -> Interval:
    from sklearn.metrics import f1_score

    of_class, as_class = np.nonzero(confusion)
    classes = len(confusion)

    def of_cells(cells: Indices) -> float:
        hits = np.bincount(of_class, cells * (of_class == as_class), classes)
        guesses, support = (np.bincount(each, cells, classes) for each in (as_class, of_class))
        return float(np.nanmean(f1_scores(hits, guesses, support)))

    resampled = resampled_cells(confusion[of_class, as_class], resamples, rng)
    samples = np.array([of_cells(cells) for cells in resampled])
    return interval(samples, float(f1_score(targets, predicted, average="macro")))


def _log_loss(targets: Indices, logits: Scores, resamples: int, rng: Generator) -> Interval:
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
    return of_means(_first, losses[:, None], resamples, rng, value=value, high=math.inf)


def _calibration_error(
    logits: Scores, predicted: Indices, right: Floats, resamples: int, rng: Generator
) -> Interval:
    items = np.arange(len(right))
    sure = np.exp(log_softmax(logits)[items, predicted])
    gaps = np.zeros((len(right), _BINS))
    gaps[items, _bins(sure)] = sure - right
    return of_means(lambda m: np.abs(m).sum(axis=1), gaps, resamples, rng)


def _bins(sure: Floats) -> Indices:
    return np.minimum(np.nan_to_num(sure * _BINS).astype(np.int64), _BINS - 1)


def _multilabel(
    targets: Mask, logits: Scores, classes: Sequence[str], resamples: int, rng: Generator
) -> Evaluation:
    from sklearn.metrics import average_precision_score, f1_score

    predicted = has_class(probabilities("multilabel", logits))
    labels = labels_of(len(classes))

    def f1(average: str) -> float:
        asked = {"labels": labels, "average": average, "zero_division": np.nan}
        return float(f1_score(targets, predicted, **asked))

    hit = predicted & targets
    hits, guesses, support = (each.sum(axis=0) for each in (hit, predicted, targets))
    each = f1_scores(hits, guesses, support)
    counted = np.isfinite(each)
    # F1 is 2 hits / (guesses + support); its influence is that quotient's derivative.
    share = np.where(counted, len(targets) / np.maximum(guesses + support, 1), 0)
    influence = 2 * (hit @ share) - (predicted.astype(np.float64) + targets) @ (
        np.nan_to_num(each) * share
    )
    macro = f1("macro")
    items = macro + influence[:, None] / max(counted.sum(), 1)
    counts = np.column_stack((hit.sum(axis=1), predicted.sum(axis=1) + targets.sum(axis=1)))
    precision, defined = _macro_ranking(
        average_precision,
        average_precision_score,
        logits.astype(np.float64),
        targets,
        resamples,
        rng,
    )
    metrics = {
        "macro_f1": of_means(_first, items, resamples, rng, value=macro),
        "micro_f1": of_means(
            lambda m: 2 * m[:, 0] / m[:, 1],
            counts.astype(np.float64),
            resamples,
            rng,
            value=f1("micro"),
        ),
        "map": precision,
    }
    missing = [name for name, fine in zip(classes, defined, strict=True) if not fine]
    left_out = f"Mean average precision leaves out labels that no test item has: {some(missing)}."
    notes = (left_out,) * bool(missing)
    rows = class_rows(classes, targets, predicted)
    return Evaluation(metrics, rows, None, notes + _few(classes, support))


def _regression(targets: Floats, predictions: Scores, resamples: int, rng: Generator) -> Evaluation:
    from sklearn.metrics import mean_absolute_error, r2_score

    predictions = predictions.astype(np.float64)
    # Centred and scaled, so that sums of squares lose no digits whatever the unit.
    centre, scale = centre_and_spread(targets)
    y, p = (targets - centre) / scale, (predictions - centre) / scale
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

    def defined(function: Callable[[Floats], Floats]) -> bool:
        with np.errstate(invalid="ignore"):
            return bool(np.isfinite(function(columns.mean(axis=0)[None])[0]))

    correlation = np.corrcoef(y, p)[0, 1] if defined(pearson) else math.nan
    explained = _value(r2_score, y, p) if defined(r2) else math.nan
    error = _value(mean_absolute_error, targets, predictions)
    errors = np.abs(targets - predictions)[:, None]
    metrics = {
        "pearson_r": of_means(pearson, columns, resamples, rng, value=correlation, low=-1),
        "r2": of_means(r2, columns, resamples, rng, value=explained, low=-math.inf),
        "mae": of_means(_first, errors, resamples, rng, value=error, high=math.inf),
    }
    notes: tuple[str, ...] = ()
    if np.isfinite(p).all() and not defined(r2):
        notes = ("Pearson r and R2 are undefined: the test items all have the same number.",)
    elif np.isfinite(p).all() and not defined(pearson):
        notes = ("Pearson r is undefined: the model says the same number of every test item.",)
    return Evaluation(metrics, (), None, notes)


def _few(classes: Sequence[str], support: Indices) -> tuple[str, ...]:
    few = [name for name, items in zip(classes, support, strict=True) if items < _FEW]
    if not few:
        return ()
    return (f"Fewer than {_FEW} test items, so their figures say little: {some(few)}.",)
