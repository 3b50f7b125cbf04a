"""What the simplest model gets: figures mean little without them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.evaluation.calibration import calibrate
from headstart.evaluation.folds import stratified_folds
from headstart.evaluation.intervals import Interval
from headstart.evaluation.metrics import evaluate

Array = npt.NDArray[Any]

_INVERSE_PENALTIES = (1.0, 10.0, 100.0)


def baseline(
    task: str, train_targets: Array, test_targets: Array, classes: Sequence[str], *, seed: int
) -> dict[str, Interval]:
    """The metrics of a model that never looks at the item.

    It answers with the shares of the classes (or labels) in the training data, so predicts the
    majority; for regression with their mean.

    Args:
        task: "classification", "multilabel" or "regression".
        train_targets: as in `evaluate`.
        test_targets: as in `evaluate`.
        classes: names, in order.
        seed: of the intervals.
    """
    n = len(train_targets)
    if task == "regression":
        answer = np.asarray(np.mean(train_targets, dtype=np.float64))
    elif task == "multilabel":
        share = (np.sum(train_targets, axis=0, dtype=np.float64) + 0.5) / (n + 1)
        answer = np.log(share) - np.log1p(-share)
    else:
        counts = np.bincount(train_targets[train_targets >= 0], minlength=len(classes))
        answer = np.log(np.maximum(counts, 0.5))
    scores = np.broadcast_to(answer, (len(test_targets), *answer.shape))
    return evaluate(task, test_targets, scores, classes, seed=seed).metrics


def tfidf_baseline(
    train_texts: Sequence[str],
    train_targets: Array,
    test_texts: Sequence[str],
    test_targets: Array,
    classes: Sequence[str],
    seed: int,
) -> dict[str, Interval]:
    """The metrics of TF-IDF and logistic regression: the classic for texts, no pretraining.

    Words and pairs of words; the regularisation and the temperature are chosen by
    cross-validation on the training texts, so the comparison is with the recipe at its best.

    Args:
        train_texts: not blank.
        train_targets: int (n,), every class known.
        test_texts: not blank.
        test_targets: int (n,), -1 for an unknown class.
        classes: names, in order.
        seed: of the folds and the intervals.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from threadpoolctl import threadpool_limits

    if len(np.unique(train_targets)) < 2:
        return baseline("classification", train_targets, test_targets, classes, seed=seed)
    texts = np.asarray(train_texts, dtype=object)
    fold = stratified_folds(train_targets, 5, np.random.default_rng(seed))

    def logits(penalty: float, kept: Array, asked: Sequence[str]) -> Array:
        # Words, or single marks: every text that is not blank has a token.
        words = TfidfVectorizer(
            ngram_range=(1, 2),
            token_pattern=r"\w+|[^\w\s]",
            sublinear_tf=True,
            max_features=200_000,
        )
        model = make_pipeline(words, _logistic(penalty))
        model.fit(texts[kept], train_targets[kept])
        known = model.predict_log_proba(asked)
        scores = np.full((len(asked), len(classes)), known.min() - 1.0)
        scores[:, model.classes_] = known
        return scores

    # Small products on every core wait for each other more than they compute.
    with threadpool_limits(1):
        best, divisor = _chosen(logits, texts, train_targets, fold, len(classes))
        scores = logits(best, np.ones(len(texts), bool), test_texts) / divisor
    return evaluate("classification", test_targets, scores, classes, seed=seed).metrics


def _logistic(penalty: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=penalty, max_iter=1000)


def _chosen(
    logits: Any, texts: Array, targets: Array, fold: Array, classes: int
) -> tuple[float, float]:
    """The inverse penalty with the least calibrated log loss, and its temperature."""
    found = []
    for penalty in _INVERSE_PENALTIES:
        held_out = np.zeros((len(texts), classes))
        for each in np.unique(fold[fold >= 0]):
            held_out[fold == each] = logits(penalty, fold != each, texts[fold == each])
        tried = fold >= 0
        divisor, loss = calibrate("classification", held_out[tried], targets[tried])
        found.append((loss, penalty, divisor))
    _, penalty, divisor = min(found)
    return penalty, divisor
