"""Thresholds are those that trying every one finds, and keep what they promise on new items."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.errors import InputError
from headstart.evaluation.decisions import ClassThreshold, Costs
from headstart.evaluation.thresholds import (
    best_f1,
    cheapest,
    costs_of,
    fewest_for,
    for_costs,
    for_target,
    tuned,
)

NAMES = ("well", "ill")


@st.composite
def binary(draw, least: int = 2, most: int = 40):
    """Probabilities of the second class with ties, and who is of it; both classes occur."""
    items = draw(st.integers(least, most))
    steps = draw(st.lists(st.integers(0, 12), min_size=items, max_size=items))
    own = draw(st.lists(st.booleans(), min_size=items, max_size=items))
    own[0], own[1] = True, False
    return (np.array(steps, np.float32) / 12).astype(np.float64), np.array(own)


def f1_of(answered, own) -> float:
    return 2 * (answered & own).sum() / max(answered.sum() + own.sum(), 1)


def every_threshold(shares):
    return [*np.unique(shares).tolist(), 1.5]


@given(binary())
def test_the_best_f1_is_that_of_every_threshold(drawn):
    shares, own = drawn
    threshold, f1 = best_f1(shares, own)
    assert f1 == pytest.approx(max(f1_of(shares >= t, own) for t in every_threshold(shares)))
    assert f1_of(shares >= threshold, own) == pytest.approx(f1)


@given(binary(), st.floats(0.05, 0.95), st.sampled_from(["recall", "specificity"]))
def test_a_target_is_the_best_threshold_that_keeps_the_promise(drawn, wanted, kind):
    """With one more item at the wrong end there would still be as large a share as asked for."""
    shares, own = drawn
    both = np.column_stack((1 - shares, shares))
    mine = own if kind == "recall" else ~own
    if mine.sum() < fewest_for(wanted):
        with pytest.raises(InputError, match=f"{kind}=.* needs at least"):
            for_target(kind, wanted, both, own.astype(int), NAMES, 1)
        return
    found = for_target(kind, wanted, both, own.astype(int), NAMES, 1).threshold

    def kept(threshold):
        answered = shares.astype(np.float32) >= np.float32(threshold)
        good = answered[own] if kind == "recall" else ~answered[~own]
        return good.sum() / (mine.sum() + 1) >= wanted - 1e-9

    assert kept(found)
    better = [t for t in every_threshold(shares) if (t > found if kind == "recall" else t < found)]
    assert not any(kept(t) for t in better)


@given(binary(), st.floats(0.05, 0.95))
def test_precision_is_reached_by_the_lowest_threshold_that_does(drawn, wanted):
    shares, own = drawn
    both = np.column_stack((1 - shares, shares))

    def precision(threshold):
        answered = shares.astype(np.float32) >= np.float32(threshold)
        return (answered & own).sum() / (answered.sum() + 1)

    enough = [t for t in every_threshold(shares) if precision(t) >= wanted]
    if not enough:
        with pytest.raises(InputError, match="is not reached for 'ill' at any threshold"):
            for_target("precision", wanted, both, own.astype(int), NAMES, 1)
        return
    assert for_target("precision", wanted, both, own.astype(int), NAMES, 1).threshold == min(enough)


@settings(deadline=None)
@given(binary(), st.tuples(*[st.floats(0, 30)] * 2))
def test_no_other_threshold_costs_less(drawn, costs):
    shares, own = drawn
    table = ((0.0, costs[0]), (costs[1], 0.0))
    truth = own.astype(int)

    def cost(threshold):
        return costs_of(table, (shares.astype(np.float32) >= threshold).astype(int), truth).sum()

    found = np.float32(cheapest(table, shares, truth))
    assert cost(found) <= min(map(cost, every_threshold(shares))) + 1e-6


def new(rng, items: int, of_class: float = 0.3):
    """Calibrated probabilities (items, 2) of two overlapping classes, and the classes."""
    truth = (rng.random(items) < of_class).astype(int)
    x = rng.normal(size=items) + 1.5 * truth
    logit = 1.5 * x - 1.125 + np.log(of_class / (1 - of_class))
    share = 1 / (1 + np.exp(-logit))
    return np.column_stack((1 - share, share)), truth


@pytest.mark.parametrize(("kind", "wanted"), [("recall", 0.95), ("specificity", 0.9)])
@pytest.mark.parametrize("items", [120, 600])
def test_a_target_holds_on_new_items_on_average(kind, wanted, items):
    rng = np.random.default_rng(0)
    shares, truth = new(rng, 40_000)
    reached = []
    for _ in range(300):
        decision = for_target(kind, wanted, *new(rng, items), NAMES, 1)
        positive = decision.best_class(shares) == 1
        reached.append(
            positive[truth == 1].mean() if kind == "recall" else 1 - positive[truth == 0].mean()
        )
    assert wanted - 0.005 < np.mean(reached) < wanted + 0.03


def test_precision_holds_on_new_items_on_average():
    rng = np.random.default_rng(0)
    shares, truth = new(rng, 40_000)
    reached = []
    for _ in range(300):
        decision = for_target("precision", 0.65, *new(rng, 300), NAMES, 1)
        reached.append(truth[decision.best_class(shares) == 1].mean())
    assert 0.64 < np.mean(reached) < 0.69


def test_tuned_thresholds_have_a_better_f1_on_new_items_than_one_half():
    rng = np.random.default_rng(0)
    shares, truth = new(rng, 40_000, 0.1)
    gains = []
    for _ in range(40):
        learnt, own = new(rng, 300, 0.1)
        least = tuned(learnt[:, 1:], own[:, None]).values[0]
        gains.append(
            f1_of(shares[:, 1] >= least, truth > 0) - f1_of(shares[:, 1] >= 0.5, truth > 0)
        )
    assert np.mean(gains) > 0.05
    assert min(gains) > -0.02


def test_a_label_of_few_items_or_of_all_keeps_one_half():
    shares = np.linspace(0.01, 0.3, 40)[:, None].repeat(3, 1)
    own = np.zeros((40, 3), int)
    own[-4:, 0], own[:, 1], own[-5:, 2] = 1, 1, 1
    few, every, enough = tuned(shares, own).values
    assert (few, every) == (0.5, 0.5)
    assert 0.25 < enough < 0.5


def test_the_class_of_least_expected_cost():
    table = ((0.0, 1.0, 4.0), (10.0, 0.0, 1.0), (1.0, 1.0, 0.0))
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(3), 50)
    expected = [
        min(range(3), key=lambda j: sum(p[i] * table[i][j] for i in range(3))) for p in shares
    ]
    decision = for_costs(table, shares, rng.integers(0, 3, 50))
    assert decision == Costs(table)
    assert decision.best_class(shares).tolist() == expected


def test_of_two_classes_the_threshold_follows_the_items_where_probabilities_are_wrong():
    rng = np.random.default_rng(0)
    table = ((0.0, 1.0), (5.0, 0.0))
    shares, truth = new(rng, 2000)
    assert for_costs(table, shares, truth).threshold is None
    wrong = shares[:, 1] / 20
    wrong = np.column_stack((1 - wrong, wrong))
    found = for_costs(table, wrong, truth)
    assert found.threshold is not None
    told = costs_of(table, found.best_class(wrong), truth).mean()
    assert told < 0.8 * costs_of(table, Costs(table).best_class(wrong), truth).mean()


def test_below_the_threshold_the_answer_is_the_best_of_the_others():
    shares = np.array([[0.5, 0.3, 0.2], [0.45, 0.15, 0.4]])
    assert ClassThreshold(1, 0.25, "recall", 0.9).best_class(shares).tolist() == [1, 0]
    assert ClassThreshold(0, 0.6, "precision", 0.9).best_class(shares).tolist() == [1, 2]
