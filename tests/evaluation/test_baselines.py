import math

import numpy as np
import pytest

from headstart.evaluation import baseline, tfidf_baseline


def test_the_majority_with_the_classes_shares() -> None:
    train, test = np.array([0] * 30 + [1] * 10), np.array([0] * 6 + [1] * 4)
    found = baseline("classification", train, test, ["a", "b"], seed=0)
    assert found["accuracy"].value == pytest.approx(0.6)
    assert found["log_loss"].value == pytest.approx(-0.6 * math.log(0.75) - 0.4 * math.log(0.25))
    assert found["roc_auc"].value == 0.5
    assert found["accuracy"].low < 0.6 < found["accuracy"].high


def test_the_mean() -> None:
    found = baseline("regression", np.array([1.0, 3.0]), np.array([0.0, 4.0, 2.0]), (), seed=0)
    assert found["mae"].value == pytest.approx(4 / 3)
    assert found["r2"].value == pytest.approx(0)
    assert math.isnan(found["pearson_r"].value)


def test_each_label_s_share() -> None:
    train = np.array([[1, 0, 0], [1, 0, 1], [1, 0, 0]], np.uint8)
    found = baseline("multilabel", train, train, ["a", "b", "c"], seed=0)
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
    found = tfidf_baseline(train, y, test, z, ["sport", "money", "noise"], 0)
    assert found["accuracy"].value == 1
    assert found == tfidf_baseline(train, y, test, z, ["sport", "money", "noise"], 0)


@pytest.mark.parametrize("y", [[0, 1], [0, 0, 1], [0, 0, 2, 2], [1, 1]])
def test_few_texts_and_missing_classes(y: list[int]) -> None:
    found = tfidf_baseline(["?"] * len(y), np.array(y), ["word"], np.array([1]), ["a", "b", "c"], 0)
    assert math.isfinite(found["log_loss"].value)
