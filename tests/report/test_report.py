import json
import math
from dataclasses import fields
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.data.dataset import Skipped
from headstart.evaluation import Interval
from headstart.report.jsonable import jsonable
from headstart.report.report import EmbedReport, EvaluationReport, Report
from headstart.search.outlook import Outlook
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


def test_every_field_is_there_whatever_the_task():
    kept = {each.name for each in fields(Report)} | {"next_steps"}
    numbers = report(
        task="regression",
        classes=(),
        per_class=(),
        confusion=(),
        model=None,
        rungs=(),
        temperature=None,
    )
    for whole in (report(), numbers):
        said = through_text(whole.to_json())
        assert set(said) == kept
        assert said["seed"] == whole.seed
        assert said["confusion"] == [list(row) for row in whole.confusion]
        assert [row["name"] for row in said["per_class"]] == [row.name for row in whole.per_class]
        assert [rung["cut"] for rung in said["rungs"]] == [rung.cut for rung in whole.rungs]


def test_an_undefined_metric_is_null():
    nan = Interval(math.nan, math.nan, math.nan)
    said = through_text(report(test={"roc_auc": nan}).to_json())
    assert said["test"]["roc_auc"] == {"value": None, "low": None, "high": None}


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
    assert said["metrics"] == {name: each.to_json() for name, each in TEST.items()}
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


def test_an_outlook_is_a_next_step_where_it_names_a_budget():
    said = Outlook("Fine-tuning after blocks.4 would take about 5 min.", "6m")
    assert through_text(report().to_json())["outlook"] is None
    promising = report(outlook=said)
    content = through_text(promising.to_json())
    assert content["outlook"] == {"sentence": said.sentence, "budget": "6m"}
    assert content["next_steps"][-1]["command"] == "--budget 6m"
    assert content["next_steps"][-1]["what"].startswith(said.sentence)
    nothing = report(outlook=Outlook("More minutes would probably buy nothing."))
    assert nothing.next_steps == report().next_steps


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


def test_what_json_has_nothing_for_is_refused():
    assert jsonable({"folder": PurePosixPath("runs/a")}) == {"folder": "runs/a"}
    with pytest.raises(TypeError, match="set is no type of JSON"):
        jsonable([{1}])
