"""What the simplest models answer: figures mean little without them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.calibration import calibrate
from headstart.evaluation.folds import stratified_folds
from headstart.types import Floats, Indices, Mask, Scores, Targets

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_INVERSE_PENALTIES = (1.0, 10.0, 100.0)
_Texts = NDArray[np.object_]


def constant_scores(task: str, train_targets: Targets, items: int, classes: int) -> Scores:
    """Scores of a model that never looks at the item, of so many items.

    It answers with the shares of the classes (or labels) in the training data, so predicts the
    majority; for regression with their mean.

    Args:
        task: "classification", "multilabel" or "regression".
        train_targets: as in `evaluate`.
        items: how many are asked about.
        classes: how many there are.
    """
    n = len(train_targets)
    if task == "regression":
        answer = np.asarray(np.mean(train_targets, dtype=np.float64))
    elif task == "multilabel":
        share = (np.sum(train_targets, axis=0, dtype=np.float64) + 0.5) / (n + 1)
        answer = np.log(share) - np.log1p(-share)
    else:
        known = train_targets[train_targets >= 0].astype(np.int64)
        answer = np.log(np.maximum(np.bincount(known, minlength=classes), 0.5))
    return np.broadcast_to(answer, (items, *answer.shape))


def majority(counts: Mapping[str, int]) -> str | None:
    """The class of the most items; None where another has about as many.

    Counts are of every split and a baseline's choice is of one: too close, and they may differ.
    """
    first, second = (*sorted(counts.values(), reverse=True), 0, 0)[:2]
    if second > 0.9 * first or not first:
        return None
    return max(counts, key=lambda name: counts[name])


def tfidf_scores(
    train_texts: Sequence[str],
    train_targets: Targets,
    texts: Sequence[str],
    classes: int,
    seed: int,
    together: Indices | None = None,
) -> Scores:
    """Logits of TF-IDF and logistic regression: the classic for texts, no pretraining.

    Words and pairs of words; the regularisation and the temperature are chosen by
    cross-validation on the training texts, so the comparison is with the recipe at its best.

    Args:
        train_texts: not blank.
        train_targets: int (n,), every class known.
        texts: those that are asked about, not blank.
        classes: how many there are.
        seed: of the folds.
        together: of the training texts, as `stratified_folds` takes it.
    """
    from threadpoolctl import threadpool_limits

    if len(np.unique(train_targets)) < 2:
        return constant_scores("classification", train_targets, len(texts), classes)
    learnt = np.asarray(train_texts, dtype=object)
    fold = stratified_folds(train_targets, 5, np.random.default_rng(seed), together)

    def logits(penalty: float, kept: Mask, asked: Sequence[str]) -> Floats:
        model = _words(penalty)
        model.fit(learnt[kept], train_targets[kept])
        known = model.predict_log_proba(asked)
        scores = np.full((len(asked), classes), known.min() - 1.0)
        scores[:, model.classes_] = known
        return scores

    # Small products on every core wait for each other more than they compute.
    with threadpool_limits(1):
        best, divisor = _chosen(logits, learnt, train_targets, fold, classes)
        return logits(best, np.ones(len(learnt), bool), texts) / divisor


def _words(penalty: float) -> "Pipeline":
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    # Words, or single marks: every text that is not blank has a token.
    words = TfidfVectorizer(
        ngram_range=(1, 2),
        token_pattern=r"\w+|[^\w\s]",
        sublinear_tf=True,
        max_features=200_000,
    )
    return make_pipeline(words, LogisticRegression(C=penalty, max_iter=1000))


class _Logits(Protocol):
    def __call__(self, penalty: float, kept: Mask, asked: Sequence[str]) -> Floats: ...


def _chosen(
    logits: _Logits, texts: _Texts, targets: Targets, fold: Indices, classes: int
) -> tuple[float, float]:
    """The inverse penalty with the least calibrated log loss, and its temperature.

    The middle one, where no text can be held out: all of a class are in one group.
    """
    if not (fold >= 0).any():
        return _INVERSE_PENALTIES[1], 1.0
    found = []
    for penalty in _INVERSE_PENALTIES:
        held_out = np.zeros((len(texts), classes))
        for each in np.unique(fold[fold >= 0]):
            held_out[fold == each] = logits(penalty, fold != each, texts[fold == each].tolist())
        tried = fold >= 0
        divisor, loss = calibrate("classification", held_out[tried], targets[tried])
        found.append((loss, penalty, divisor))
    _, penalty, divisor = min(found)
    return penalty, divisor
