"""Slices of the items: the metric on each, and beside the rest."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from headstart.evaluation.intervals import Interval, less, share
from headstart.evaluation.slices import LEAST, groups_of, quarters, sliced
from headstart.report.result import slice_cells
from tests.report.page.stories import answers

CLASSES = ("cat", "dog", "owl")


def halves(number):
    """Two slices and their values, a third of the items in the first."""
    return groups_of(["a" if n % 3 == 0 else "b" for n in range(number)])


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_a_slice_has_the_metric_of_its_items_alone(task):
    found = answers(task, () if task == "regression" else CLASSES)
    made = sliced("kind", halves(90), found, seed=0, column=True)
    first = np.arange(90) % 3 == 0
    for each, which in zip(made.slices, (first, ~first), strict=True):
        targets, scores = found.targets[which], found.scores[which]
        if task == "classification":
            expected = (scores.argmax(axis=1) == targets).mean()
        elif task == "multilabel":
            expected = f1_score(targets, scores >= 0, average="micro")
        else:
            expected = np.abs(scores - targets).mean()
        assert each.items == which.sum()
        assert each.found.value == pytest.approx(expected)
        assert each.found.low < each.found.value < each.found.high
    a, b = made.slices
    assert (a.name, b.name) == ("a", "b")
    assert a.difference.value == pytest.approx(a.found.value - b.found.value)
    assert b.difference.value == pytest.approx(-a.difference.value)
    assert b.difference.low == pytest.approx(-a.difference.high)
    assert made == sliced("kind", halves(90), found, seed=0, column=True)


def test_a_slice_of_all_has_no_rest():
    found = answers("classification", CLASSES)
    (only,) = sliced("kind", groups_of(["x"] * 90), found, seed=0, column=True).slices
    assert math.isnan(only.difference.value)
    said = sliced("kind", groups_of(["x"] * 90), found, seed=0, column=True).to_json()
    assert said["slices"][0]["difference"] == {"value": None, "low": None, "high": None}
    assert said["metric"] == "accuracy"


@pytest.mark.parametrize("task", ["multilabel", "regression"])
def test_one_item_tells_nothing_of_others_and_a_perfect_slice_is_no_certainty(task):
    found = answers(task, () if task == "regression" else CLASSES)
    perfect = replace(found, scores=np.where(found.targets > 0, 3.0, -3.0))
    groups = groups_of(["alone", *["some"] * 5, *["rest"] * 84])
    alone, _, some = sliced("kind", groups, perfect, seed=0, column=True).slices
    assert (alone.name, some.name) == ("alone", "some")
    assert math.isfinite(alone.found.value)
    assert math.isnan(alone.found.low)
    assert math.isnan(alone.difference.low)
    assert slice_cells(alone, "mae")[3] == slice_cells(alone, "mae")[5] == "-"
    if task == "multilabel":
        assert some.found.value == 1
        assert some.found.low < 0.7
        assert some.difference.low < 0 < some.difference.high


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_copies_make_no_slice_surer(task):
    found = answers(task, () if task == "regression" else CLASSES)
    copies = np.repeat(np.arange(90), 8)
    several = replace(
        found,
        positions=np.arange(720),
        targets=found.targets[copies],
        scores=found.scores[copies],
        joined=copies,
    )
    groups = groups_of(["a" if n % 3 == 0 else "b" for n in copies])
    for alone, joined in zip(
        sliced("", halves(90), found, seed=0, column=True).slices,
        sliced("", groups, several, seed=0, column=True).slices,
        strict=True,
    ):
        assert joined.found.value == pytest.approx(alone.found.value)
        width, expected = (x.found.high - x.found.low for x in (joined, alone))
        assert width == pytest.approx(expected, rel=0.35)


def test_the_difference_of_shares_is_newcombes():
    # Newcombe 1998, table II, example (a): 56/70 less 48/80.
    one, other = (share(np.arange(n) < k) for k, n in ((56, 70), (48, 80)))
    found = less(one, other)
    assert (round(found.value, 4), round(found.low, 4), round(found.high, 4)) == (
        *(0.2, 0.0524, 0.3339),
    )
    assert less(one, Interval(math.nan, math.nan, math.nan)).value is not None


@given(st.lists(st.integers(1, 60), min_size=LEAST, max_size=90))
def test_quarters_part_the_items_by_size(sizes):
    sizes = np.array(sizes, np.float64)
    groups = quarters(sizes, "words")
    if not groups:
        assert len(np.unique(sizes)) == 1 or np.quantile(sizes, 0.25, method="lower") == max(sizes)
        return
    rows = np.concatenate([which for _, which in groups])
    assert sorted(rows.tolist()) == list(range(len(sizes)))
    for (_, before), (_, after) in zip(groups, groups[1:], strict=False):
        assert sizes[before].max() < sizes[after].min()
    assert len({name for name, _ in groups}) == len(groups) <= 4


def test_few_items_and_unknown_sizes_have_no_quarters():
    assert quarters(np.arange(LEAST - 1.0), "words") == []
    assert quarters(np.full(200, 7.0), "words") == []
    sizes = np.where(np.arange(100) % 2, np.nan, np.arange(100.0))
    groups = quarters(sizes, "words")
    assert sum(len(which) for _, which in groups) == 50
    assert [name for name, _ in groups][0].startswith("0 to ")
