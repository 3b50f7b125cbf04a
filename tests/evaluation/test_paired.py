"""The difference between two models on the same items."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from headstart.evaluation import difference
from headstart.evaluation.paired import Change, change


def scores(right, classes=2):
    """Logits that are right where asked, for targets that are all nought."""
    return np.eye(classes)[np.where(right, 0, 1)]


def test_accuracy():
    targets = np.zeros(4, np.int64)
    found = difference("classification", targets, scores([1, 1, 1, 0]), scores([1, 1, 0, 0]))
    assert found is not None
    assert (found.metric, found.value) == ("accuracy", 0.25)
    assert found.low < 0 < found.high


def test_an_error_that_grows_is_a_positive_difference():
    targets = np.zeros(3)
    found = difference("regression", targets, np.array([2.0, -2.0, 2.0]), np.ones(3))
    assert found is not None
    assert (found.metric, found.value, found.low, found.high) == ("mae", 1.0, 1.0, 1.0)


def test_several_labels():
    targets = np.array([[1, 0], [0, 1]])
    new, old = np.array([[1.0, -1], [-1, 1]]), np.array([[1.0, 1], [1, 1]])
    found = difference("multilabel", targets, new, old)
    assert found is not None
    assert found.value == 0.5


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(5, 60))
def test_the_interval_is_that_of_the_paired_test(seed, items):
    random = np.random.default_rng(seed)
    targets, new, old = random.normal(size=(3, items))
    found = difference("regression", targets, new, old)
    expected = ttest_rel(abs(new - targets), abs(old - targets)).confidence_interval(0.95)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_one_item_tells_nothing():
    assert difference("regression", np.zeros(1), np.zeros(1), np.ones(1)) is None


def test_the_chance_of_a_gain():
    """One-sided, paired, of the squared errors."""
    random = np.random.default_rng(0)
    before = random.uniform(0, 1, 200)
    noise = random.normal(0, 0.05, 200)
    better = change(before - 0.02 + noise, before)
    assert better.chance < 0.001
    assert better.share == pytest.approx((noise.mean() - 0.02) / before.mean())
    assert change(before + 0.02 + noise, before).chance > 0.999
    assert 0.01 < change(before + noise - noise.mean(), before).chance < 0.99
    assert change(before, before) == Change(0.0, 1.0)
    assert change(np.zeros(0), np.zeros(0)) == Change(0.0, 1.0)
