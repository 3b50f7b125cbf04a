"""The result in words says what the model was made for."""

import pytest

from headstart.evaluation import Interval
from headstart.report.result import sentences

MODEL = {"accuracy": Interval(0.62, 0.46, 0.76)}
BASELINES = {"majority": {"accuracy": Interval(0.76, 0.72, 0.80)}}


def said(decision=None):
    counts = {"sick": 24, "well": 76}
    return sentences("classification", MODEL, BASELINES, None, counts, decision)


def test_no_gain_over_the_most_frequent_class_is_said():
    assert any("no clear gain" in each for each in said())
    assert any("no clear gain" in each for each in said({"kind": "labels"}))


@pytest.mark.parametrize(
    ("decision", "purpose"),
    [
        ({"kind": "recall", "asked": 0.95, "class": "sick"}, "for a recall of 95.0% of sick"),
        ({"kind": "costs"}, "for the least expected cost"),
    ],
)
def test_answers_that_were_chosen_for_something_else_are_not_blamed_for_their_accuracy(
    decision, purpose
):
    found = said(decision)
    assert purpose in found[1]
    assert "always predicting 'well': 76.0%" in found
    assert not any("no clear gain" in each for each in found)
