"""Decisions and slices on the page: as the report has them, for every kind."""

from dataclasses import replace

import numpy as np
import pytest

from headstart.evaluation import measure
from headstart.evaluation.conformal import Margin, Sets
from headstart.evaluation.decisions import ClassThreshold, Costs, LabelThresholds
from headstart.evaluation.slices import groups_of, sliced
from headstart.report.decisions import share
from tests.report.page.stories import folder, story
from tests.report.page.test_write import Read, written

COSTS = ((0.0, 1.0, 2.0), (5.0, 0.0, 1.0), (1.0, 1.0, 0.0))
CASES = {
    "labels": ("multilabel", {"decision": LabelThresholds((0.3, 0.5, 0.625))}),
    "target": ("classification", {"decision": ClassThreshold(1, 0.3, "recall", 0.9)}),
    "costs": ("classification", {"decision": Costs(COSTS)}),
    "sets": ("classification", {"abstain": Sets(0.9, (0.3, 0.2, 0.1), 30)}),
    "margin": ("regression", {"abstain": Margin(0.9, 1.5, 30)}),
}


def decided(task, **how):
    """A report of answers with a decision, as a fit makes it."""
    made, found = story(task)
    found = replace(found, **how)
    measured = measure(found, {}, seed=0)
    origin = {"scores": "out-of-fold", "items": 30}
    decision = None if measured.decision is None else {**measured.decision, **origin}
    return replace(made, decision=decision, abstain=measured.abstain), found


@pytest.mark.parametrize("kind", CASES)
def test_every_kind_of_decision_is_shown(tmp_path, kind) -> None:
    task, how = CASES[kind]
    made, found = decided(task, **how)
    text = written(folder(tmp_path / kind, made, found))
    read = Read(text)
    assert '<a href="#decisions">Decisions</a>' in text
    assert "None" not in read.text
    if kind == "labels":
        assert "0.625" in read.text
        assert "0.5 for every label" in read.text
    elif kind == "target":
        assert "The answer is dog from a probability of 0.300 on, for a recall of 90" in read.text
        assert share(made.decision["test"]["recall"]) in read.text
        assert share(made.decision["usual"]["specificity"]) in read.text
    elif kind == "costs":
        assert "The answer is the class of least expected cost." in read.text
        assert '<th scope="row"><bdi>dog</bdi></th><td><bdi>5</bdi></td>' in text
    else:
        assert share(made.abstain["test"]["coverage"]) in read.text
        assert "90.0% was asked for." in read.text
    if kind == "sets":
        assert share(made.abstain["per_class"]["owl"]) in read.text
    if "decision" in how:
        assert "Chosen on out-of-fold scores of 30 items." in read.text


def test_a_plain_fit_has_no_decisions_and_no_slices(tmp_path) -> None:
    text = written(folder(tmp_path / "m", *story("regression")))
    assert "Decisions" not in text
    assert "Slices" not in text


def test_slices_are_a_table_that_says_how_many_there_are(tmp_path) -> None:
    made, found = story("classification")
    test = found.select(found.within("test"))
    groups = groups_of(["<short>" if n % 4 else "long" for n in range(len(test.positions))])
    slices = sliced("length of the text", groups, test, 0, column=False)
    text = written(folder(tmp_path / "m", replace(made, slices=(slices,)), found))
    read = Read(text)
    assert "By length of the text" in read.text
    assert "<short>" in read.text
    assert "2 slices were looked at" in read.text
    first = slices.slices[1]
    assert f"{first.difference.value:+.3f}" in read.text
    whole = sliced(
        "<i>\u202ekind", groups_of(["x" * 500] * len(test.positions)), test, 0, column=True
    )
    other = written(folder(tmp_path / "n", replace(made, slices=(whole,)), found))
    assert "nan" not in Read(other).text
    assert "x" * 50 not in other
    assert "\u202e" not in other
    assert "By <i>\\u202ekind" in Read(other).text
    assert np.isnan(whole.slices[0].difference.value)


def test_a_column_called_as_the_sizes_are_is_private_too(tmp_path) -> None:
    made, found = story("classification")
    test = found.select(found.within("test"))
    groups = groups_of([f"Dr {n % 3}" for n in range(len(test.positions))])
    by = [sliced("length of the text", groups, test, 0, column=each) for each in (True, False)]
    first, other = (
        folder(tmp_path / str(at), replace(made, slices=(each,)), found)
        for at, each in enumerate(by)
    )
    assert "Dr 1" in written(first)
    assert "Dr 1" not in written(first, private=True)
    assert "Dr 1" in written(other, private=True)
