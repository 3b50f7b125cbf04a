"""A decision is saved and read as it was, and anything else is refused."""

import numpy as np
import pytest

from headstart.evaluation.answers import best_class, has_class, labels_of
from headstart.evaluation.decisions import (
    ClassThreshold,
    Costs,
    Decision,
    LabelThresholds,
    from_json,
)

KINDS: list[Decision] = [
    LabelThresholds((0.25, 0.7)),
    ClassThreshold(1, 0.25, "recall", 0.95),
    Costs(((0.0, 1.0), (5.0, 0.0))),
    Costs(((0.0, 1.0), (5.0, 0.0)), 0.125),
]


@pytest.mark.parametrize("decision", KINDS)
def test_what_is_saved_is_read(decision):
    task = "multilabel" if isinstance(decision, LabelThresholds) else "classification"
    assert from_json(decision.to_json(), task, 2) == decision


@pytest.mark.parametrize(
    ("said", "task"),
    [
        ({"kind": "labels", "thresholds": [0.5]}, "multilabel"),
        ({"kind": "labels", "thresholds": [0.5, 2]}, "multilabel"),
        ({"kind": "labels", "thresholds": [0.5, "0.5"]}, "multilabel"),
        ({"kind": "labels", "thresholds": [0.5, float("nan")]}, "multilabel"),
        ({"kind": "labels", "thresholds": [0.5, 0.5]}, "classification"),
        ({"kind": "class", "positive": 2, "threshold": 0.5, "target": "recall", "wanted": 0.9}, ""),
        ({"kind": "class", "positive": 1, "threshold": None, "target": "", "wanted": 0.9}, ""),
        ({"kind": "class", "positive": 1}, ""),
        ({"kind": "costs", "costs": [[0, 1]], "threshold": None}, ""),
        ({"kind": "costs", "costs": [[0, 1], [-1, 0]], "threshold": None}, ""),
        ({"kind": "costs", "costs": [[0, 1], [1, 0]], "threshold": 3}, ""),
        ({"kind": "costs", "costs": 3, "threshold": None}, ""),
        ({"kind": []}, ""),
        ([], ""),
    ],
)
def test_what_makes_no_sense_is_refused(said, task):
    with pytest.raises(ValueError, match="decision"):
        from_json(said, task or "classification", 2)


def test_answers_follow_the_decision():
    shares = np.array([[0.8, 0.2], [0.9, 0.1], [0.3, 0.7]])
    labels, threshold, costs, _ = KINDS
    assert has_class(shares, labels).tolist() == [[True, False], [True, False], [True, True]]
    assert best_class(shares, threshold).tolist() == [0, 0, 1]
    assert best_class(shares, costs).tolist() == [1, 0, 1]
    assert labels_of("classification", ("a", "b"), shares, costs) == ["b", "a", "b"]
    assert labels_of("multilabel", ("a", "b"), shares, labels)[2] == ("a", "b")
