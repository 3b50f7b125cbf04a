import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.data.dataset import Skipped
from headstart.evaluation import Interval
from headstart.report.jsonable import jsonable, metrics_from_json
from headstart.report.report import EmbedReport, EvaluationReport, Report
from tests.report.sample import TEST, report

PROMISED = {
    *("task", "classes", "backbone", "strategy", "cut", "seed", "counts", "test", "baselines"),
    *("rungs", "seconds", "store", "skipped", "warnings", "versions", "head", "temperature"),
    *("per_class", "confusion", "notes", "dataset", "next_steps"),
}
RUNG = {"strategy", "cut", "seconds", "trained_parameters", "validation"}


def through_text(value):
    return json.loads(json.dumps(value, allow_nan=False))


def test_holds_every_key_that_is_promised():
    said = report().to_json()
    assert set(said) >= PROMISED
    assert all(set(rung) >= RUNG for rung in said["rungs"])
    assert said["test"]["accuracy"] == {"value": 0.912, "low": 0.889, "high": 0.931}
    assert said["baselines"]["majority"]["accuracy"]["value"] == 0.687
    assert said["skipped"][0] == {"item": "photos/0.jpg", "reason": "the file is truncated"}


def test_comes_back_equal():
    whole = report()
    assert Report.from_json(through_text(whole.to_json())) == whole


def test_comes_back_equal_for_regression_that_was_not_saved():
    whole = report(
        task="regression",
        classes=(),
        per_class=(),
        confusion=(),
        model=None,
        rungs=(),
        temperature=None,
    )
    assert Report.from_json(through_text(whole.to_json())) == whole


def test_a_key_of_a_later_version_is_left_out():
    assert Report.from_json({**report().to_json(), "later": 1}) == report()


def test_an_undefined_metric_is_null_and_comes_back_undefined():
    nan = Interval(math.nan, math.nan, math.nan)
    said = through_text(report(test={"roc_auc": nan}).to_json())
    assert said["test"]["roc_auc"] == {"value": None, "low": None, "high": None}
    assert math.isnan(Report.from_json(said).test["roc_auc"].value)


def test_not_a_report():
    with pytest.raises(KeyError):
        Report.from_json({"task": "classification"})


def test_an_evaluation_and_an_embedding_are_json_too():
    measured = EvaluationReport(
        model="m",
        dataset="d",
        task="classification",
        classes=("a", "b"),
        counts={"measured": np.int64(3), "skipped": 0},
        metrics=TEST,
        confusion=((1, 0), (0, 2)),
        skipped=(Skipped("a.jpg", "gone"),),
    )
    said = through_text(measured.to_json())
    assert said["counts"] == {"measured": 3, "skipped": 0}
    assert metrics_from_json(said["metrics"]) == TEST
    assert said["skipped"] == [{"item": "a.jpg", "reason": "gone"}]
    written = EmbedReport(
        path="f.npz",
        backbone="b",
        cut=None,
        rows=2,
        features=4,
        store={"hits": 0, "misses": 2},
        seconds={"total": 0.1},
        skipped=(Skipped("b.jpg", "gone"),),
    )
    assert through_text(written.to_json())["skipped"] == [{"item": "b.jpg", "reason": "gone"}]


def test_the_next_command_can_be_pasted_into_a_shell():
    commands = [command for _, command in report().next_steps]
    assert commands[0] == "headstart predict 'runs/solar cells' photo.jpg"


numbers = st.floats() | st.integers() | st.booleans() | st.none() | st.text()
values = st.recursive(
    numbers | st.floats().map(np.float64) | st.integers(-9, 9).map(np.int32),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=8,
)


@given(values)
def test_anything_jsonable_is_valid_json(value):
    json.loads(json.dumps(jsonable(value), allow_nan=False))
