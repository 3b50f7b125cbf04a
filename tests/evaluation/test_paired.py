"""The difference between two models on the same items."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, ttest_rel

from headstart.evaluation import difference
from headstart.evaluation.intervals import Statistic
from headstart.evaluation.paired import Change, change, holm, shares_tested, statistics_tested
from headstart.evaluation.statistics import METRICS, statistics


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


def test_what_only_one_gets_right_is_mcnemar_s_test():
    new = np.array([1] * 30 + [0] * 10 + [1] * 60, bool)
    old = np.array([0] * 30 + [1] * 10 + [1] * 60, bool)
    found = shares_tested("accuracy", new, old)
    assert found.chance == pytest.approx(binomtest(30, 40, 0.5).pvalue)
    assert (found.new, found.old, found.difference.value) == pytest.approx((0.9, 0.7, 0.2))
    assert found.difference.low > 0
    assert found.significant


def test_models_that_agree_on_every_item_leave_some_doubt():
    right = np.arange(20) % 2 == 0
    found = shares_tested("accuracy", right, right)
    assert (found.chance, found.difference.value) == (1.0, 0.0)
    assert -0.2 < found.difference.low < 0 < found.difference.high < 0.2


def test_nothing_to_compare_is_undefined():
    none = np.zeros(0, bool)
    assert math.isnan(shares_tested("accuracy", none, none).chance)
    undefined = Statistic(math.nan, np.empty((3, 0)))
    found = statistics_tested("roc_auc", undefined, undefined, np.random.default_rng(0))
    assert math.isnan(found.chance)
    assert not found.significant
    assert found.to_json()["p"] is None


@pytest.mark.parametrize("items", [300, 30_000])
def test_the_permutation_test_agrees_with_that_of_student(items):
    """Of a mean, drawn item by item or by its normal limit."""
    random = np.random.default_rng(1)
    old = random.exponential(1, items)
    new = old + random.normal(2.2 / np.sqrt(items), 1, items)
    sides = [Statistic(float(x.mean()), x[:, None], high=math.inf) for x in (new, old)]
    found = statistics_tested("mae", *sides, random, resamples=20_000)
    expected = ttest_rel(new, old)
    assert found.chance == pytest.approx(expected.pvalue, abs=0.01)
    low, high = expected.confidence_interval(0.95)
    width = high - low
    assert found.difference.low == pytest.approx(low, abs=0.06 * width)
    assert found.difference.high == pytest.approx(high, abs=0.06 * width)


def test_the_same_answers_are_never_told_apart():
    column = np.random.default_rng(0).normal(size=(50, 1))
    side = Statistic(float(column.mean()), column)
    found = statistics_tested("mae", side, side, np.random.default_rng(0))
    assert (found.chance, found.difference.value) == (1.0, 0.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_bonferroni_for_the_least_and_keeps_the_order(chances):
    found = holm(chances)
    assert min(found) == pytest.approx(min(1, min(chances) * len(chances)))
    order = np.argsort(chances, kind="stable")
    assert list(np.array(found)[order]) == sorted(found)
    assert all(a <= b <= 1 for a, b in zip(chances, found, strict=True))


def test_holm_by_hand_with_one_that_was_not_tested():
    assert holm([0.01, math.nan, 0.04, 0.03]) == pytest.approx(
        [0.03, math.nan, 0.06, 0.06], nan_ok=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("task", list(METRICS))
def test_models_whose_answers_change_places_at_random_are_seldom_told_apart(task):
    """Of 400 comparisons under the null 5% may be; 8.5% would be three standard errors more."""
    random = np.random.default_rng(7)
    told = dict.fromkeys(METRICS[task], 0)
    for _ in range(400):
        targets, a, b = _answers(task, random, 60)
        swap = random.random(60) < 0.5
        mixed = [np.where(swap if a.ndim == 1 else swap[:, None], *x) for x in ((a, b), (b, a))]
        sides = [statistics(task, targets, x, ("x", "y", "z")[: a.shape[-1]]) for x in mixed]
        for name in told:
            new, old = (each.metrics[name] for each in sides)
            if name == "accuracy":
                found = shares_tested(name, new.columns[:, 0] == 1, old.columns[:, 0] == 1)
            else:
                found = statistics_tested(name, new, old, random, resamples=400)
            told[name] += found.chance < 0.05
    assert max(told.values()) <= 34, told


def _answers(task, random, items):
    """Targets, and the scores of a good and a bad model."""
    if task == "regression":
        targets = random.normal(size=items)
        return targets, *(targets + random.normal(0, s, items) for s in (0.3, 0.6))
    labels = random.integers(0, 3, items)
    truth = np.eye(3)[labels]
    if task == "multilabel":
        truth = np.maximum(truth, random.random((items, 3)) < 0.3)
    targets = labels if task == "classification" else truth
    return targets, *(s * (2 * truth - 1) + random.normal(0, 1, truth.shape) for s in (1.0, 0.6))


def test_a_clear_difference_stays_one_in_a_family_of_hundreds():
    random = np.random.default_rng(0)
    old = random.normal(size=400)
    new = old + random.normal(1, 1, 400)
    sides = [
        Statistic(float(x.mean()), x[:, None], low=-math.inf, high=math.inf) for x in (new, old)
    ]
    chance = statistics_tested("mae", *sides, random).chance
    assert ttest_rel(new, old).pvalue < chance < 1e-4
    assert min(holm([chance] + [0.5] * 300)) < 0.05


def test_groups_vary_as_their_sums_do():
    """Each item twice is as much evidence as each once."""
    random = np.random.default_rng(0)
    targets, new, old = random.normal(size=(3, 40))
    twice = [np.repeat(each, 2) for each in (targets, new, old)]
    group = np.repeat(np.arange(40), 2)
    once = difference("regression", targets, new, old)
    found = difference("regression", *twice, together=group)
    assert once is not None
    assert found is not None
    assert (found.low, found.high) == pytest.approx((once.low, once.high))
    errors = abs(new), abs(old)
    assert change(*(np.repeat(each, 2) for each in errors), group).chance == pytest.approx(
        change(*errors).chance
    )
