"""Every figure of a report is that of the answers beside it."""

import csv
import json
import math
from dataclasses import asdict

import numpy as np
import pyarrow.parquet
import pytest

from headstart.data.labels import encode
from headstart.evaluation import evaluate
from headstart.evaluation.answers import predicted
from headstart.evaluation.decisions import LabelThresholds
from headstart.evaluation.thresholds import tuned
from tests.runs import Place

WORDS = {
    "animal": ("cat", "dog", "horse", "bird"),
    "car": ("engine", "brakes", "tyre", "gearbox"),
    "food": ("bread", "cheese", "apple", "soup"),
}
SEED = 3


@pytest.fixture(scope="module")
def place(tmp_path_factory, warm):
    return Place(tmp_path_factory.mktemp("measured"), warm)


def written(place: Place, task: str) -> str:
    """A table of texts with labels of a kind, some of them wrong."""
    rng = np.random.default_rng(0)
    lines = []
    for number in range(90):
        about = rng.permutation([*WORDS])[: 1 + number % 2]
        text = f"{number} " + " ".join(rng.choice(WORDS[each]) for each in about)
        if rng.random() < 0.2:
            about = [*WORDS][:1]
        said = {
            "classification": about[0],
            "multilabel": "|".join(sorted(about)),
            "regression": round(len(about) + rng.normal(0, 0.3), 3),
        }
        lines.append((text, said[task]))
    with (place.folder / f"{task}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *lines])
    return f"{task}.csv"


@pytest.fixture(scope="module", params=["classification", "multilabel", "regression"])
def fitted(request, place):
    """A report as it was written, and the rows of answers beside it."""
    task = request.param
    done = place.run(
        *("fit", written(place, task), "--task", task, "--out", task, "--seed", str(SEED)),
        *("--offline", "--json"),
    )
    assert done.code == 0, done.err
    rows = pyarrow.parquet.read_table(place.folder / task / "predictions.parquet").to_pylist()
    return json.loads((place.folder / task / "report.json").read_text()), rows


def arrays(report, rows, *splits):
    """Targets and scores of the items in some splits."""
    task, classes = report["task"], report["classes"]
    rows = [row for row in rows if row["split"] in splits]
    labels = [tuple(x) if isinstance(x, list) else x for x in (row["label"] for row in rows)]
    targets = encode(labels, classes, task)
    if task == "regression":
        return targets, np.array([row["value"] for row in rows])
    shares = np.array([[row[f"p({name})"] for name in classes] for row in rows])
    scores = np.log(shares) - (np.log1p(-shares) if task == "multilabel" else 0)
    return targets, scores


def decision(report):
    """How the model answers: by the thresholds that its report names."""
    if report["task"] != "multilabel":
        assert report["decision"] is None
        return None
    assert report["decision"]["scores"] == "out-of-fold"
    return LabelThresholds(tuple(report["decision"]["thresholds"].values()))


def metrics(found):
    return {name: asdict(each) for name, each in found.metrics.items()}


def alike(said, found):
    """The file rounds probabilities to 32 bits, so the last digits may differ."""
    assert list(said) == list(found)
    for name, each in found.items():
        for end, number in each.items():
            expected = None if math.isnan(number) else pytest.approx(number, rel=1e-5, abs=1e-6)
            assert said[name][end] == expected, (name, end)


def test_every_test_figure_is_that_of_the_answers(fitted):
    report, rows = fitted
    targets, scores = arrays(report, rows, "test")
    found = evaluate(
        report["task"],
        targets,
        scores,
        report["classes"],
        seed=SEED,
        predicted=predicted(report["task"], scores, decision(report)),
    )
    assert len(targets) == report["counts"]["test"]
    alike(report["test"], metrics(found))
    assert [row["name"] for row in report["per_class"]] == report["classes"]
    for said, row in zip(report["per_class"], found.per_class, strict=True):
        assert said == pytest.approx(asdict(row))
    assert report["confusion"] == [list(row) for row in found.confused]
    assert set(found.notes) <= set(report["warnings"])


def test_the_constant_baseline_is_that_of_the_labels(fitted):
    report, rows = fitted
    learnt, _ = arrays(report, rows, "train", "validation")
    targets, _ = arrays(report, rows, "test")
    if report["task"] == "regression":
        name, answer = "mean", np.asarray(learnt.mean())
    elif report["task"] == "multilabel":
        share = (learnt.sum(axis=0) + 0.5) / (len(learnt) + 1)
        name, answer = "majority", np.log(share / (1 - share))
    else:
        name, answer = "majority", np.log(np.bincount(learnt))
    scores = np.broadcast_to(answer, (len(targets), *answer.shape))
    own = None
    if report["task"] == "multilabel":  # the constant answer has thresholds of its own
        own = tuned(np.broadcast_to(1 / (1 + np.exp(-answer)), learnt.shape), learnt)
    found = evaluate(
        report["task"],
        targets,
        scores,
        report["classes"],
        seed=SEED,
        predicted=predicted(report["task"], scores, own),
    )
    alike(report["baselines"][name], metrics(found))


def test_classes_are_counted_over_every_split(fitted):
    report, rows = fitted
    if report["task"] == "regression":
        assert report["class_counts"] == {}
        return
    every = [x for row in rows for x in np.atleast_1d(row["label"])]
    assert report["class_counts"] == {name: every.count(name) for name in report["classes"]}
