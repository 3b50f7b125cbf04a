import math

import numpy as np
import pytest

from headstart.evaluation import Interval, constant_scores, evaluate, tfidf_scores
from headstart.evaluation.baselines import majority


def measured(
    task: str, train: np.ndarray, test: np.ndarray, names: list[str]
) -> dict[str, Interval]:
    scores = constant_scores(task, train, len(test), len(names))
    return evaluate(task, test, scores, names, seed=0).metrics


def test_the_majority_with_the_classes_shares() -> None:
    train, test = np.array([0] * 30 + [1] * 10), np.array([0] * 6 + [1] * 4)
    found = measured("classification", train, test, ["a", "b"])
    assert found["accuracy"].value == pytest.approx(0.6)
    assert found["log_loss"].value == pytest.approx(-0.6 * math.log(0.75) - 0.4 * math.log(0.25))
    assert found["roc_auc"].value == 0.5
    assert found["accuracy"].low < 0.6 < found["accuracy"].high


def test_the_mean() -> None:
    found = measured("regression", np.array([1.0, 3.0]), np.array([0.0, 4.0, 2.0]), [])
    assert found["mae"].value == pytest.approx(4 / 3)
    assert found["r2"].value == pytest.approx(0)
    assert math.isnan(found["pearson_r"].value)


def test_each_label_s_share() -> None:
    train = np.array([[1, 0, 0], [1, 0, 1], [1, 0, 0]], np.uint8)
    found = measured("multilabel", train, train, ["a", "b", "c"])
    assert found["micro_f1"].value == pytest.approx(2 * 3 / (3 + 4))
    assert found["map"].value == pytest.approx((1 + 1 / 3) / 2)


def texts(n: int, seed: int) -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(seed)
    words = [["goal", "match", "team"], ["stock", "market", "bank"], ["!", "?", "?!"]]
    targets = rng.permutation(n) % 3
    return [
        " ".join([*rng.choice(words[t], 2), *rng.choice(["the", "a", "of"], 2)]) for t in targets
    ], targets


def test_words_that_tell_the_classes_apart() -> None:
    train, y = texts(90, 0)
    test, z = texts(60, 1)
    scores = tfidf_scores(train, y, test, 3, 0)
    assert (scores.argmax(axis=1) == z).all()
    assert (scores == tfidf_scores(train, y, test, 3, 0)).all()


@pytest.mark.parametrize("y", [[0, 1], [0, 0, 1], [0, 0, 2, 2], [1, 1]])
def test_few_texts_and_missing_classes(y: list[int]) -> None:
    """Texts that tell nothing are answered with the classes that occur, the others below them."""
    scores = tfidf_scores(["?"] * len(y), np.array(y), ["word", "?"], 3, 0)
    seen = np.isin(np.arange(3), y)
    assert np.isfinite(scores).all()
    assert (scores[:, seen].min(axis=1) > scores[:, ~seen].max(axis=1)).all()
    counts = np.bincount(y, minlength=3)
    assert (counts[scores.argmax(axis=1)] == counts.max()).all()


def test_the_majority_is_named_where_it_is_clear() -> None:
    assert majority({"a": 30, "b": 10}) == "a"
    assert majority({"a": 30, "b": 29}) is None
    assert majority({}) is None
    assert majority({"a": 0}) is None
