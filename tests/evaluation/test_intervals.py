import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from headstart.evaluation import intervals
from headstart.evaluation.intervals import (
    Interval,
    interval,
    of_means,
    of_share,
    resampled_cells,
    resampled_means,
)


def test_resampled_means_spread_as_theory_says() -> None:
    column = np.random.default_rng(0).exponential(2.0, (400, 1))
    means = resampled_means(column, 4000, np.random.default_rng(1))
    assert means.mean() == pytest.approx(column.mean(), rel=0.01)
    assert means.std() == pytest.approx(column.std() / math.sqrt(400), rel=0.05)


def test_the_normal_limit_agrees_with_drawing_items(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    first = rng.random(3000)
    columns = np.column_stack((first, first**2, np.ones(3000), rng.random(3000) < 0.1))
    drawn = resampled_means(columns, 3000, np.random.default_rng(1))
    monkeypatch.setattr(intervals, "_DRAWN_ITEM_BY_ITEM", 100)
    limit = resampled_means(columns, 3000, np.random.default_rng(1))
    np.testing.assert_allclose(limit.mean(axis=0), drawn.mean(axis=0), rtol=0.01)
    np.testing.assert_allclose(np.cov(limit.T), np.cov(drawn.T), atol=3e-6)


def test_resampled_cells_keep_the_number_of_items() -> None:
    cells = resampled_cells(np.array([3, 0, 7, 90]), 200, np.random.default_rng(0))
    assert (cells.sum(axis=1) == 100).all()
    assert (cells[:, 1] == 0).all()
    np.testing.assert_allclose(cells.mean(axis=0), [3, 0, 7, 90], atol=1)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=50), st.floats(0, 1))
def test_an_interval_contains_its_value_and_stays_in_range(
    samples: list[float], value: float
) -> None:
    found = interval(np.array(samples), value)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_undefined_resamples_do_not_count() -> None:
    found = interval(np.array([np.nan, 0.4, 0.6, np.inf]), 0.5)
    assert found == interval(np.array([0.4, 0.6]), 0.5)
    assert math.isnan(interval(np.array([np.nan]), 0.5).low)
    assert math.isnan(interval(np.array([0.5]), math.nan).low)


def test_null_in_json_where_undefined() -> None:
    assert Interval(0.5, 0.25, 0.75).to_json() == {"value": 0.5, "low": 0.25, "high": 0.75}
    assert intervals.UNDEFINED.to_json() == {"value": None, "low": None, "high": None}


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        right = (rng.random((200, 1)) < 0.8).astype(float)
        found = of_means(lambda m: m[:, 0], right, 300, rng)
        covered += found.low <= 0.8 <= found.high
    assert 0.90 <= covered / 200 <= 0.99


@pytest.mark.parametrize("right", [0, 1])
def test_a_perfect_or_hopeless_test_of_few_items_is_no_certainty(right):
    found = of_share(Interval(right, right, right), 16)
    known = binomtest(16 * right, 16).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((known.low, known.high))


@pytest.mark.parametrize(
    ("low", "high", "value"),
    [(0, 1, 0.9), (-1, 1, 0.8), (0, math.inf, 3.0), (-math.inf, 1, -2.0), (0, 1, 0.5)],
)
def test_a_narrow_interval_is_that_of_the_standard_error(low, high, value):
    """Whatever the scale, where it is nearly straight."""
    samples = value + 0.001 * np.array([-1.0, 1.0] * 50)
    found = interval(samples, value, low, high)
    assert found.high - value == pytest.approx(0.00196, rel=0.03)
    assert value - found.low == pytest.approx(0.00196, rel=0.03)


@pytest.mark.parametrize(("items", "share"), [(50, 0.9), (100, 0.95)])
def test_intervals_cover_near_the_end(items, share):
    """Percentiles hold such a share 88 and 87 times in 100."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        right = (rng.random((items, 1)) < share).astype(float)
        found = of_share(of_means(lambda m: m[:, 0], right, 200, rng), items)
        covered += found.low <= share <= found.high
    assert covered / 300 >= 0.93


def test_fewer_items_are_less_sure():
    samples = np.random.default_rng(0).normal(0.5, 0.05, 500)
    few, many = (interval(samples, 0.5, items=n) for n in (5, 5000))
    assert few.low < many.low < 0.5 < many.high < few.high


def test_items_that_belong_together_are_drawn_together() -> None:
    """Ten copies of each item say no more than one: the interval is that of the items alone."""
    from headstart.evaluation import evaluate

    rng = np.random.default_rng(0)
    targets = rng.integers(0, 3, 200)
    logits = rng.normal(size=(200, 3)) + 1.5 * np.eye(3)[targets]
    alone = evaluate("classification", targets, logits, "abc", seed=0).metrics
    copies = evaluate(
        "classification",
        np.repeat(targets, 10),
        np.repeat(logits, 10, axis=0),
        "abc",
        seed=0,
        together=np.repeat(np.arange(200), 10),
    ).metrics
    naive = evaluate(
        "classification", np.repeat(targets, 10), np.repeat(logits, 10, axis=0), "abc", seed=0
    ).metrics
    for name in ("accuracy", "macro_f1", "roc_auc", "log_loss"):
        one, other, third = (each[name] for each in (alone, copies, naive))
        assert other.value == pytest.approx(one.value)
        assert (other.high - other.low) == pytest.approx(one.high - one.low, rel=0.1)
        assert (third.high - third.low) < 0.5 * (one.high - one.low)


def test_groups_cover_where_items_alone_do_not() -> None:
    """Of 40 groups of 10 items that share their luck, the mean of new groups is covered."""
    held = {True: 0, False: 0}
    for seed in range(300):
        rng = np.random.default_rng(seed)
        luck = np.clip(0.7 + 0.25 * rng.normal(size=40), 0, 1)
        right = (rng.random((40, 10)) < luck[:, None]).ravel().astype(float)[:, None]
        for grouped in held:
            found = of_means(
                lambda means: means[:, 0],
                right,
                200,
                rng,
                together=np.repeat(np.arange(40), 10) if grouped else None,
            )
            held[grouped] += found.low <= EXPECTED <= found.high
    assert held[True] >= 0.92 * 300
    assert held[False] < 0.85 * 300


EXPECTED = float(np.clip(0.7 + 0.25 * np.random.default_rng(0).normal(size=1_000_000), 0, 1).mean())
