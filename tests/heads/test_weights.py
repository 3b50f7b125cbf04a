"""Weights of items: none is removed, two is twice, and all alike is as without."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV

from headstart import heads
from headstart.errors import InputError
from headstart.heads import linear

NAMES = ["linear", "knn", "mlp"]
TASKS = {"classification": 2, "multilabel": 2, "regression": 0}


def data(task, n=80, d=6):
    rng = np.random.default_rng(0)
    features = rng.standard_normal((n, d)).astype(np.float32)
    noisy = features[:, 0] + 0.7 * rng.standard_normal(n)
    if task == "regression":
        return features, noisy
    if task == "multilabel":
        return features, np.stack([noisy > 0, features[:, 1] > 0], axis=1).astype(np.uint8)
    return features, (noisy > 0).astype(np.int64)


def fit(name, task, features, targets, weights=None, **more):
    return heads.fit(
        name, features, targets, task=task, classes=TASKS[task], seed=0, weights=weights, **more
    )


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", NAMES)
def test_no_weight_is_no_item(name, task):
    features, targets = data(task)
    weights = (np.arange(len(features)) % 4 > 0).astype(float)
    there = weights > 0
    with_zeros = fit(name, task, features, targets, weights, epochs=2)
    without = fit(name, task, features[there], targets[there], weights[there], epochs=2)
    for key, array in without.arrays.items():
        np.testing.assert_array_equal(with_zeros.arrays[key], array)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", NAMES)
def test_equal_weights_are_as_none(name, task):
    features, targets = data(task)
    plain = fit(name, task, features, targets, epochs=2)
    equal = fit(name, task, features, targets, np.full(len(features), 3.0), epochs=2)
    np.testing.assert_allclose(
        equal.scores(features), plain.scores(features), atol=0.02 * np.ptp(plain.scores(features))
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_heavier_class_is_said_more_often(name):
    features, targets = data("classification")
    weights = np.where(targets == 1, 20.0, 1.0)
    plain = fit(name, "classification", features, targets).scores(features)
    heavy = fit(name, "classification", features, targets, weights).scores(features)
    assert heavy.argmax(axis=1).sum() > plain.argmax(axis=1).sum()
    assert (heavy[:, 1] - heavy[:, 0]).mean() > (plain[:, 1] - plain[:, 0]).mean()


def test_weights_go_with_balance():
    features, targets = data("classification")
    weights = np.where(targets == 1, 20.0, 1.0)
    both = fit("linear", "classification", features, targets, weights, balance="balanced")
    alone = fit("linear", "classification", features, targets, balance="balanced")
    assert both.scores(features).argmax(axis=1).sum() > alone.scores(features).argmax(axis=1).sum()


def test_weighted_leave_one_out_agrees_with_scikit_learn():
    features, targets = data("regression")
    weights = np.random.default_rng(1).uniform(0.2, 3, len(features))
    weights /= weights.mean()
    rows = features.astype(np.float64)
    coefficients, intercept, penalty, loss = linear._leave_one_out(rows, targets, weights)
    alphas = [alpha * rows.shape[1] for alpha in linear._ALPHAS]
    expected = RidgeCV(alphas).fit(rows, targets, sample_weight=weights)
    assert penalty == pytest.approx(expected.alpha_)
    np.testing.assert_allclose(coefficients, expected.coef_, atol=1e-8)
    assert intercept == pytest.approx(expected.intercept_)
    assert loss > 0


def test_nothing_but_zeros_is_refused():
    features, targets = data("classification")
    with pytest.raises(InputError, match="weight 0"):
        fit("linear", "classification", features, targets, np.zeros(len(features)))
