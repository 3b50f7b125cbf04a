"""Curves and bins, held against what they are defined by."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score

from headstart.evaluation import curves, notable


def some(items: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    positive = rng.random(items) < 0.3
    return positive, rng.random(items) * 0.6 + 0.3 * positive


@pytest.mark.parametrize("items", [40, 5_000])
def test_a_thinned_curve_keeps_its_area(items) -> None:
    positive, scores = some(items)
    roc = curves.roc(positive, scores)
    assert len(roc.x) <= curves.POINTS
    assert roc.area == roc_auc_score(positive, scores)
    assert auc(roc.x, roc.y) == pytest.approx(roc.area, abs=0.005)
    assert (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1]) == (0, 0, 1, 1)
    precision = curves.precision_recall(positive, scores)
    assert precision.area == average_precision_score(positive, scores)
    assert precision.base == positive.mean()
    whole, found, _ = precision_recall_curve(positive, scores)
    assert auc(precision.x, precision.y) == pytest.approx(auc(found, whole), abs=0.005)
    assert (np.diff(precision.x) >= 0).all()


def test_nothing_to_tell_apart_has_no_curve() -> None:
    scores = np.array([0.1, 0.9])
    for positive in (np.array([True, True]), np.array([False, False])):
        assert curves.roc(positive, scores) is None
        assert curves.precision_recall(positive, scores) is None
    assert curves.roc(np.array([True, False]), np.array([0.1, np.nan])) is None


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_reliability_counts_every_item_once(items) -> None:
    said, right = (np.array(each) for each in zip(*items, strict=True))
    bins = curves.reliability(said, right.astype(bool))
    assert sum(each.items for each in bins) == len(items)
    assert sum(each.items * each.right for each in bins) == pytest.approx(right.sum())
    assert sum(each.items * each.probability for each in bins) == pytest.approx(said.sum())
    for each in bins:
        if each.items:
            assert each.low - 1e-9 <= each.probability <= each.high + 1e-9


def test_a_histogram_loses_nothing_at_its_ends() -> None:
    found = curves.histogram({"a": np.array([-5.0, 0.1, 0.9, 7.0]), "b": np.array([])}, 4, 0, 1)
    assert found.counts["a"].tolist() == [2, 0, 0, 2]
    assert found.counts["b"].sum() == 0
    assert found.edges.tolist() == [0, 0.25, 0.5, 0.75, 1]


@given(st.integers(0, 500), st.integers(1, 100))
def test_places_spread_out(number, most) -> None:
    places = curves.spread_out(number, most)
    assert len(places) == min(number, most)
    assert len(set(places.tolist())) == len(places)
    assert all(0 <= each < number for each in places.tolist())


def test_the_surest_mistakes_and_the_least_sure() -> None:
    shares = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.51, 0.49]])
    targets, answers = np.array([1, 1, 1, 0]), shares.argmax(axis=1)
    sure = notable.sureness("classification", shares)
    assert notable.surest_mistakes(targets, answers, sure, 5).tolist() == [0, 1]
    assert notable.surest_mistakes(targets, answers, sure, 1).tolist() == [0]
    assert notable.least_sure(sure, 2).tolist() == [3, 1]
    several = notable.sureness("multilabel", shares)
    marks = (shares > 0.5).astype(int)
    truth = marks.copy()
    truth[2, 1] = 0
    truth[1, 0] = 0
    assert notable.surest_mistakes(truth, marks, several, 5).tolist() == [2, 1]
    assert notable.least_sure(several, 1).tolist() == [3]
    values = np.array([1.0, 5.0, np.nan])
    assert notable.largest_errors(np.array([1.5, 1.0, 1.0]), values, 5).tolist() == [1, 0]
