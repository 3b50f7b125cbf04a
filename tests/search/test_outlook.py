"""What more minutes would buy, in words: a budget is named only where it could help."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headstart.search import outlook
from headstart.search.budget import Decision
from headstart.search.rungs import proposed
from headstart.training.adapted import FEW
from headstart.training.examples import Examples, Part
from tests.training.small import Small, pictures, ready, sentences

FIGURES = Path(__file__).parents[2] / "docs" / "figures.md"


@pytest.fixture(scope="module", params=["image", "text"])
def small(request, names) -> Small:
    items = pictures(40) if request.param == "image" else sentences(40)
    return ready(names[request.param], *items)


def sized(small: Small, train: int, validation: int) -> Examples:
    """The same with so many items."""
    lengths = {"train": train, "validation": validation, "test": 10}
    parts = {
        name: Part(np.zeros((n, 1), np.float32), np.zeros(n, np.int64), np.arange(n))
        for name, n in lengths.items()
    }
    return replace(small.examples, parts=parts)


def candidates(small: Small, examples: Examples):
    return list(proposed(small.trunk, examples, small.spec))


def before(small: Small, train=1000, validation=180, item_seconds=0.005, elapsed=30.0):
    examples = sized(small, train, validation)
    backbone = small.trunk.backbone
    return outlook.before(candidates(small, examples), examples, backbone, item_seconds, elapsed)


def minutes(found) -> int:
    assert found.budget.endswith("m")
    return int(found.budget[:-1])


def test_the_next_rung_its_time_and_a_measured_gain(small):
    found = before(small)
    examples = sized(small, 1000, 180)
    first, backbone = candidates(small, examples)[0], small.trunk.backbone
    assert found.sentence.lower().startswith(first.words)
    assert outlook.MEASURED[small.data.modality] in found.sentence
    seconds = outlook.estimated(first, examples, backbone, 0.005)
    assert 60 * minutes(found) >= (30 + seconds) / 0.9
    assert 60 * (minutes(found) - 1) <= (45 + seconds) / 0.9


def test_more_items_or_a_slower_network_take_more_time(small):
    examples, backbone = sized(small, 1000, 180), small.trunk.backbone
    first = candidates(small, examples)[0]
    seconds = outlook.estimated(first, examples, backbone, 0.005)
    assert outlook.estimated(first, examples, backbone, 0.01) == pytest.approx(2 * seconds)
    more = sized(small, 4000, 180)
    assert outlook.estimated(candidates(small, more)[0], more, backbone, 0.005) > seconds
    eased = first.eased(0.25, learns_all=True)
    assert outlook.estimated(eased, examples, backbone, 0.005) < seconds


def test_with_few_items_minutes_buy_nothing(small):
    found = before(small, 100, FEW - 1)
    assert found.budget is None
    assert f"{FEW - 1} validation items" in found.sentence
    examples = sized(small, 100, FEW - 1)
    assert outlook.after([], examples, small.trunk.backbone, 0.005, 60.0) == found


def test_small_sets_are_told_what_small_sets_gained(small):
    assert outlook.MEASURED["small"] in before(small, 300, 50).sentence


def test_no_time_is_named_that_was_not_measured(small):
    found = before(small, item_seconds=0.0)
    assert "about" not in found.sentence
    assert "not known" in found.sentence
    assert found.budget == outlook.UNKNOWN


def after(small: Small, *decisions: Decision):
    examples = sized(small, 1000, 180)
    decided = list(zip(candidates(small, examples), decisions, strict=False))
    return outlook.after(decided, examples, small.trunk.backbone, 0.005, 180.0)


def test_a_climb_that_tried_all_in_full_says_so(small):
    done = Decision(200.0, seconds=100.0, usual=100.0)
    found = after(small, done, replace(done, left=101.0))
    assert found.budget is None
    assert "more minutes would probably buy nothing" in found.sentence


def test_a_rung_that_was_refused_names_the_budget_that_holds_it(small):
    done = Decision(150.0, seconds=100.0, usual=100.0)
    refused = Decision(30.0, seconds=60.0, effort=0.05, why_not="would take long", usual=390.0)
    found = after(small, done, refused)
    assert "was not tried; all of it takes about 6 min" in found.sentence
    assert minutes(found) == 10  # 180 s and 360 / 0.9


def test_a_climb_with_a_share_of_the_budget_names_all_of_it(small):
    examples = sized(small, 1000, 180)
    refused = Decision(30.0, seconds=60.0, effort=0.05, why_not="would take long", usual=390.0)
    decided = [(candidates(small, examples)[0], refused)]
    backbone = small.trunk.backbone
    assert minutes(outlook.after(decided, examples, backbone, 0.005, 180.0, 0.5)) == 20


def test_a_rung_that_was_shortened_names_the_budget_that_does_not(small):
    found = after(small, Decision(150.0, seconds=140.0, effort=0.5, usual=240.0))
    assert "had 50% of its usual views and epochs; all of it takes about 4 min" in found.sentence
    assert minutes(found) == 5  # 180 s and 90 / 0.9, rounded up
    short = Decision(150.0, seconds=140.0, learns_all=False, usual=180.0)
    assert "did not learn from the validation items" in after(small, short).sentence


def test_what_was_not_measured_for_lack_of_time_is_estimated(small):
    found = after(small, Decision(2.0, why_not="too little time is left", usual=None))
    assert "was not tried" in found.sentence
    assert minutes(found) > 3


def test_what_no_time_would_allow_is_not_promised(small):
    assert after(small, Decision(100.0, why_not="2 GB of activations are more than")).budget is None


@pytest.mark.parametrize("figure", ["12.8%", "11.8%", "735", "3,000", "1% to 9%", "twelve draws"])
def test_gains_are_those_of_the_figures(figure):
    said = " ".join(FIGURES.read_text("utf-8").split())
    assert any(figure in each for each in outlook.MEASURED.values())
    assert figure in said
