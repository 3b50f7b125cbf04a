"""Prediction sets and intervals hold the truth as often as asked for, as small as can be."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from headstart.errors import InputError
from headstart.evaluation.conformal import (
    Margin,
    Sets,
    expected,
    fewest_for,
    from_json,
    margin_for,
    reached,
    sets_for,
)


@given(
    st.lists(st.integers(-20, 20), min_size=1, max_size=60),
    st.integers(1, 99).map(lambda percent: percent / 100),
)
def test_the_score_that_is_reached_is_the_quantile_of_the_definition(scores, share):
    """The ceil((n + 1) share)-th smallest of the scores of how strange an item is."""
    if len(scores) < fewest_for(share):
        assert math.ceil(round((len(scores) + 1) * share, 9)) > len(scores)
        return
    strange = sorted(-each for each in scores)
    rank = math.ceil(round((len(scores) + 1) * share, 9))
    assert reached(np.array(scores, float), share) == -strange[rank - 1]


def drawn(rng, items: int, of_class=(0.5, 0.3, 0.2)):
    truth = rng.choice(len(of_class), items, p=of_class)
    x = rng.normal(size=(items, len(of_class))) + 1.2 * np.eye(len(of_class))[truth]
    shares = np.exp(1.2 * x) * np.array(of_class)
    return shares / shares.sum(1, keepdims=True), truth


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("items", [60, 600])
def test_sets_cover_as_asked_for(coverage, items):
    """Of few items all classes together, of many each; never less than the most probable class."""
    rng = np.random.default_rng(0)
    shares, truth = drawn(rng, 10_000)
    best = shares.argmax(axis=1) == truth
    groups = [np.ones(len(truth), bool)] if items < 150 else [truth == at for at in range(3)]
    every = []
    for _ in range(200):
        found = sets_for(coverage, *drawn(rng, items)).of(shares)
        covered = found[np.arange(len(truth)), truth]
        every.append([covered[group].mean() for group in groups])
    wanted = np.array([max(coverage, best[group].mean()) for group in groups])
    slack = 3 / items if items < 150 else 0.01
    got = np.mean(every, axis=0)
    assert (got > wanted - 0.006).all()
    assert (got < wanted + 0.006 + slack).all()


def test_each_class_of_enough_items_is_covered_alike():
    rng = np.random.default_rng(0)
    shares, truth = drawn(rng, 20_000, (0.8, 0.2))
    every = []
    for _ in range(100):
        sets = sets_for(0.98, *drawn(rng, 600, (0.8, 0.2)))
        assert sets.least[0] > sets.least[1]
        covered = sets.of(shares)[np.arange(len(truth)), truth]
        every.append([covered[truth == at].mean() for at in range(2)])
    assert np.mean(every, axis=0) == pytest.approx([0.98, 0.98], abs=0.01)


def test_classes_of_few_items_share_a_threshold():
    shares, truth = drawn(np.random.default_rng(0), 400, (0.7, 0.2, 0.05, 0.05))
    first, second, third, fourth = sets_for(0.9, shares, truth).least
    assert third == fourth
    few = sets_for(0.9, shares[:80], truth[:80])
    assert len(set(few.least[1:])) == 1
    assert len({first, second}) == 2


def test_a_set_is_every_class_that_is_probable_enough_and_never_empty():
    sets = Sets(0.9, (0.4, 0.3, 0.9), 100)
    shares = np.array([[0.35, 0.35, 0.3], [0.2, 0.25, 0.55], [np.nan] * 3])
    assert sets.names(("a", "b", "c"), shares) == [("a", "b"), ("c",), ()]


def test_intervals_cover_as_asked_for():
    rng = np.random.default_rng(0)
    every = []
    for _ in range(200):
        margin = margin_for(0.9, np.zeros(150), rng.standard_t(3, 150))
        ends = margin.of(np.zeros(5000))
        numbers = rng.standard_t(3, 5000)
        every.append(((ends[:, 0] <= numbers) & (numbers <= ends[:, 1])).mean())
    assert np.mean(every) == pytest.approx(0.9, abs=0.012)


def test_the_margin_is_that_of_the_sorted_errors():
    errors = np.random.default_rng(0).normal(size=99)
    assert margin_for(0.9, errors, np.zeros(99)).margin == np.sort(np.abs(errors))[89]


def test_too_few_items_are_refused():
    with pytest.raises(
        InputError, match="0.95 needs at least 19 items to train on, but there are 18"
    ):
        margin_for(0.95, np.zeros(18), np.zeros(18))
    with pytest.raises(InputError, match="needs at least 9 items"):
        sets_for(0.9, np.full((8, 2), 0.5), np.zeros(8, int))


def test_what_one_choice_leaves_is_a_beta_distribution():
    assert expected(0.9, 99) == pytest.approx(beta.ppf((0.025, 0.975), 90, 10))


@pytest.mark.parametrize("kind", [Sets(0.9, (0.2, 0.5), 80), Margin(0.95, 3.5, 80)])
def test_what_is_saved_is_read(kind):
    task = "regression" if isinstance(kind, Margin) else "classification"
    assert from_json(kind.to_json(), task, 2) == kind


@pytest.mark.parametrize(
    ("said", "task"),
    [
        ({"coverage": 0.9, "least": [0.1], "items": 9}, "classification"),
        ({"coverage": 1.5, "least": [0.1, 0.2], "items": 9}, "classification"),
        ({"coverage": 0.9, "least": [0.1, None], "items": 9}, "classification"),
        ({"coverage": 0.9, "least": [0.1, 0.2], "items": 9}, "multilabel"),
        ({"coverage": 0.9, "margin": -1, "items": 9}, "regression"),
        ({"coverage": 0.9, "items": 9}, "regression"),
        ([], "regression"),
        ({"coverage": "0.9", "margin": 1, "items": 9}, "regression"),
    ],
)
def test_what_makes_no_sense_is_refused(said, task):
    with pytest.raises(ValueError, match="abstain"):
        from_json(said, task, 2)
