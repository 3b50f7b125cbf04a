"""What decisions are worth on test items: groups are drawn as a whole."""

from dataclasses import replace

import numpy as np
import pytest

from headstart.evaluation.conformal import Margin, Sets
from headstart.evaluation.decided import of_conformal, of_decision
from headstart.evaluation.decisions import ClassThreshold, Costs, LabelThresholds
from tests.report.page.stories import answers

CLASSES = ("cat", "dog", "owl")
COPIES = 9


def repeated(task):
    """Answers, and the same with each item there several times, as a group."""
    found = answers(task, () if task == "regression" else CLASSES)
    copies = np.repeat(np.arange(90), COPIES)
    return found, replace(
        found,
        positions=np.arange(len(copies)),
        targets=found.targets[copies],
        scores=found.scores[copies],
        joined=copies,
    )


def widths(said):
    """Value and width of every interval in what is said."""
    if isinstance(said, dict):
        if set(said) == {"value", "low", "high"}:
            return [(said["value"], said["high"] - said["low"])]
        return [each for part in said.values() for each in widths(part)]
    return []


@pytest.mark.parametrize(
    ("task", "decision"),
    [
        ("classification", ClassThreshold(1, 0.3, "recall", 0.9)),
        ("classification", Costs(((0.0, 1.0, 2.0), (5.0, 0.0, 1.0), (1.0, 1.0, 0.0)))),
        ("multilabel", LabelThresholds((0.3, 0.5, 0.6))),
    ],
)
def test_copies_make_no_decision_surer(task, decision):
    alone, joined = repeated(task)
    copied = replace(joined, joined=None)
    once, whole, apart = (
        widths(of_decision(decision, each, 0)) for each in (alone, joined, copied)
    )
    assert len(once) == len(whole) >= 2
    for (value, wide), (same, found), (_, narrow) in zip(once, whole, apart, strict=True):
        assert same == pytest.approx(value)
        assert found == pytest.approx(wide, rel=0.35)
        assert narrow < 0.5 * found


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_copies_make_no_coverage_surer(task):
    alone, joined = repeated(task)
    made = Margin(0.8, 1.0, 60) if task == "regression" else Sets(0.8, (0.3, 0.3, 0.3), 60)
    once, whole = (widths(of_conformal(made, each, 0)) for each in (alone, joined))
    assert len(once) == len(whole) >= 1
    for (value, wide), (same, found) in zip(once, whole, strict=True):
        assert same == pytest.approx(value)
        assert found == pytest.approx(wide, rel=0.3)
