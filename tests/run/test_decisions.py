"""What was chosen is saved, applied by everything that answers, and shown."""

import csv
import json

import numpy as np
import pyarrow.parquet
import pytest

import headstart
from headstart.evaluation.answers import best_class
from tests.run.test_measure import WORDS, written

COMMON = ("--seed", "3", "--offline", "--json")


ASKED = {
    "labels": ("multilabel",),
    "half": ("multilabel", "--threshold", "0.5"),
    "low": ("multilabel", "--threshold", "0.2"),
    "target": ("classification", "--target", "recall:food=0.8"),
    "costs": ("classification", "--costs", "food>car=9,food>animal=9"),
    "sets": ("classification", "--abstain", "0.8"),
    "intervals": ("regression", "--abstain", "0.8"),
}


@pytest.fixture(scope="module")
def fitted(place):
    """By what was asked: the report, and the rows of predictions.parquet."""
    found = {}
    for name, (task, *options) in ASKED.items():
        table = written(place, task)
        done = place.run("fit", table, "--task", task, "--out", name, *options, *COMMON)
        assert done.code == 0, done.err
        rows = pyarrow.parquet.read_table(place.folder / name / "predictions.parquet").to_pylist()
        found[name] = done.json, rows
    return found


def read(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_the_figures_are_those_of_the_answers_beside_them(fitted):
    report, rows = fitted["target"]
    test = [row for row in rows if row["split"] == "test"]
    answered = [row["prediction"] == "food" for row in test if row["label"] == "food"]
    said = report["decision"]
    assert said["kind"] == "recall"
    assert (said["class"], said["asked"]) == ("food", 0.8)
    assert said["test"]["recall"]["value"] == pytest.approx(np.mean(answered))
    assert (said["scores"], said["items"]) == ("out-of-fold", len(rows) - len(test))
    least = np.float32(said["threshold"])
    assert [row["prediction"] == "food" for row in rows] == [
        np.float32(row["p(food)"]) >= least for row in rows
    ]
    right = [row["prediction"] == row["label"] for row in test]
    assert report["test"]["accuracy"]["value"] == pytest.approx(np.mean(right))


def test_costs_on_test_items_are_those_of_the_answers(fitted):
    report, rows = fitted["costs"]
    table = report["decision"]["costs"]
    test = [row for row in rows if row["split"] == "test"]
    costs = [table[row["label"]][row["prediction"]] for row in test]
    assert report["decision"]["test"]["cost"]["value"] == pytest.approx(np.mean(costs))
    shares = np.array([[row[f"p({name})"] for name in report["classes"]] for row in test])
    usual = [report["classes"][at] for at in best_class(shares)]
    costs = [table[row["label"]][each] for row, each in zip(test, usual, strict=True)]
    assert report["decision"]["usual"]["cost"]["value"] == pytest.approx(np.mean(costs))


def test_sets_are_counted_as_they_are_written(fitted):
    report, rows = fitted["sets"]
    test = [row for row in rows if row["split"] == "test"]
    said = report["abstain"]["test"]
    assert said["coverage"]["value"] == pytest.approx(
        np.mean([row["label"] in row["set"] for row in test])
    )
    assert said["mean_size"] == pytest.approx(np.mean([len(row["set"]) for row in test]))
    assert said["sure"]["value"] == pytest.approx(np.mean([len(row["set"]) == 1 for row in test]))
    assert all(row["prediction"] in row["set"] for row in rows)


def test_intervals_are_counted_as_they_are_written(fitted):
    report, rows = fitted["intervals"]
    test = [row for row in rows if row["split"] == "test"]
    within = [row["low"] <= row["label"] <= row["high"] for row in test]
    assert report["abstain"]["test"]["coverage"]["value"] == pytest.approx(np.mean(within))


def test_thresholds_of_labels_are_told_beside_one_half(fitted):
    report, rows = fitted["labels"]
    half, others = fitted["half"]
    assert half["decision"] is None
    assert report["decision"]["usual"]["macro_f1"] == half["test"]["macro_f1"]
    assert report["test"]["map"] == half["test"]["map"]
    for row, other in zip(rows, others, strict=True):
        for name, least in report["decision"]["thresholds"].items():
            assert row[f"p({name})"] == other[f"p({name})"]
            assert (name in row["prediction"]) == (
                np.float32(row[f"p({name})"]) >= np.float32(least)
            )
    assert fitted["low"][0]["decision"]["scores"] == "given"
    assert set(fitted["low"][0]["decision"]["thresholds"].values()) == {0.2}


def test_a_model_without_a_decision_is_of_the_older_schema(place, fitted):
    schema = {
        name: json.loads((place.folder / name / "model.json").read_text())["schema"]
        for name in fitted
    }
    assert schema.pop("half") == 3
    assert set(schema.values()) == {4}


TEXTS = [" ".join(words) for words in WORDS.values()] + ["bread and a brake", "dog in the car"]


@pytest.mark.parametrize("name", [name for name in ASKED if name != "low"])
def test_a_saved_model_answers_alike_everywhere(place, fitted, name):
    model = headstart.load(place.folder / name)
    answers = model.predict(TEXTS)
    with model.session() as session:
        again = session.predict(TEXTS)
    assert (again.labels, again.sets) == (answers.labels, answers.sets)
    report, rows = fitted[name]
    table = written(place, ASKED[name][0])
    measured = headstart.evaluate(model, place.folder / table)
    assert (measured.decision is None) == (report["decision"] is None)
    assert (measured.abstain is None) == (report["abstain"] is None)
    read = headstart.predict(model, place.folder / table)
    if read.sets is not None:
        assert read.sets == [tuple(row["set"]) for row in rows]
    if read.probabilities is not None:
        said = [row["prediction"] for row in rows]
        assert [list(x) if isinstance(x, tuple) else x for x in read.labels] == said
        right = np.mean([x == row["label"] for x, row in zip(said, rows, strict=True)])
        if model.task == "classification":
            assert measured.metrics["accuracy"].value == pytest.approx(right)


def test_answers_in_files_hold_sets_and_intervals(place, fitted):
    place.table("new.csv", "text", *TEXTS)
    assert place.run("predict", "sets", "new.csv", "--out", "sets.csv").code == 0
    rows = read(place.folder / "sets.csv")
    model = headstart.load(place.folder / "sets")
    assert [tuple(row["set"].split("|")) for row in rows] == model.predict(TEXTS).sets
    assert list(rows[0])[:4] == ["item", "label", "probability", "set"]
    said = place.run("predict", "sets", "new.csv", "--json", "--top", "1").json["predictions"]
    assert [tuple(each["set"]) for each in said] == model.predict(TEXTS).sets
    assert [each["sure"] for each in said] == [len(each["set"]) == 1 for each in said]
    assert place.run("predict", "intervals", "new.csv", "--out", "ends.parquet").code == 0
    ends = pyarrow.parquet.read_table(place.folder / "ends.parquet").to_pylist()
    margin = fitted["intervals"][0]["abstain"]["margin"]
    for row in ends:
        assert row["high"] - row["value"] == pytest.approx(margin)
        assert row["value"] - row["low"] == pytest.approx(margin)


def test_a_label_that_is_not_the_most_probable_has_its_own_probability(place, fitted):
    place.table("new.csv", "text", *TEXTS)
    assert place.run("predict", "costs", "new.csv", "--out", "all.csv").code == 0
    assert place.run("predict", "costs", "new.csv", "--out", "two.csv", "--top", "2").code == 0
    rows = read(place.folder / "all.csv")
    assert all(row["probability"] == row[f"p({row['label']})"] for row in rows)
    two = read(place.folder / "two.csv")
    for row, full in zip(two, rows, strict=True):
        others = {name: float(full[f"p({name})"]) for name in WORDS if name != row["label"]}
        assert row["label_2"] == max(others, key=others.get)


def test_the_card_and_the_terminal_say_it(place, fitted):
    cards = {name: (place.folder / name / "README.md").read_text() for name in fitted}
    assert "The answer is `food` from a probability of" in cards["target"]
    assert "- `food` answered as `car` costs 9" in cards["costs"]
    assert "It says classes of which one is right for 80.0%" in cards["sets"]
    assert "An item has a class from this probability on" in cards["labels"]
    assert "## Answers" not in cards["half"]
    table = written(place, "classification")
    said = place.run("evaluate", "sets", table).out
    assert "the true class is in the set of" in said
    assert "chosen on out-of-fold scores of" in said
    said = place.run("evaluate", "costs", table).out
    assert "mean cost of a test item" in said
