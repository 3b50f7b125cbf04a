"""Figures of folds, and the model beside them."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

import headstart
from headstart.data import from_memory
from headstart.data.folds import fold_of
from headstart.evaluation.predictions import FILE
from tests.runs import COLOURS, SENTENCES, picture


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    labels = [*COLOURS] * 20
    return [picture(rng, COLOURS[each]) for each in labels], labels


@pytest.fixture(scope="module")
def crossed(images, place):
    items, labels = images
    groups = [f"p{at // 4}" for at in range(40)]
    return headstart.fit(
        items, labels, groups=groups, folds=5, out=place.folder / "model", offline=True
    )


def test_every_item_is_tested_once_by_a_model_of_the_other_folds(crossed, place) -> None:
    report = crossed.report
    assert (report.folds, report.counts["test"]) == (5, 40)
    assert report.counts["train"] + report.counts["validation"] == 40
    table = pq.read_table(place.folder / "model" / FILE)
    folds, groups = table["fold"].to_pylist(), table["group"].to_pylist()
    assert set(folds) == set(range(5))
    assert len(set(zip(groups, folds, strict=True))) == 10
    assert table["split"].to_pylist() == ["test"] * 40
    assert np.isfinite(crossed.results.scores).all()


def test_the_figures_are_of_all_items(crossed) -> None:
    results, report = crossed.results, crossed.report
    right = results.scores.argmax(axis=1) == results.targets
    assert report.test["accuracy"].value == pytest.approx(right.mean())
    assert report.baselines["majority"]["accuracy"].value <= 0.5
    assert sum(map(sum, report.confusion)) == 40


def test_report_and_card_say_what_the_figures_are_of(crossed, place) -> None:
    said = [note for note in crossed.report.notes if "5 folds" in note]
    assert "They measure the procedure" in said[0]
    assert "all 40 items" in said[0]
    card = (place.folder / "model" / "README.md").read_text("utf-8")
    assert "By 5-fold cross-validation" in card
    assert "On the test split" not in card
    saved = json.loads((place.folder / "model" / "report.json").read_text("utf-8"))
    assert saved["folds"] == 5
    assert headstart.load(place.folder / "model").about["folds"] == 5
    assert not list(place.folder.glob(".*unfinished*"))


def test_the_model_is_the_one_of_all_items_and_of_no_fold(crossed, images) -> None:
    """What it answers to the items is not what the figures are of: it knows them."""
    items, _ = images
    own = crossed.model.predict(items).probabilities
    assert crossed.model.trained is not None
    assert len(crossed.model.trained) == 40
    assert not np.allclose(np.log(own), crossed.results.scores, atol=1e-3)


@pytest.mark.slow
def test_a_label_that_only_its_group_explains_is_not_foretold(place) -> None:
    """Texts of one author are alike, and authors have labels by chance."""
    rng = np.random.default_rng(0)
    authors = [f"author {chr(97 + at)}{chr(97 + at)} wrote" for at in range(20)]
    by_chance = rng.permutation(["x", "y"] * 10)
    texts = [f"{authors[at % 20]} line {at // 20} of some words" for at in range(120)]
    labels = [str(by_chance[at % 20]) for at in range(120)]
    groups = [at % 20 for at in range(120)]
    apart, kept = (
        headstart.fit(texts, labels, groups=each, folds=4, offline=True).report.test["accuracy"]
        for each in (None, groups)
    )
    assert apart.value > 0.9
    assert kept.value < 0.75


def test_numbers_in_folds(place) -> None:
    texts = [f"{SENTENCES['car'][at % 4]} number {at}" for at in range(40)]
    numbers = [float(at % 4) for at in range(40)]
    done = headstart.fit(texts, numbers, task="regression", folds=2, offline=True)
    assert done.report.counts["test"] == 40
    error = np.abs(done.results.scores - done.results.targets).mean()
    assert done.report.test["mae"].value == pytest.approx(error)
    assert done.report.baselines["mean"]["mae"].value == pytest.approx(1.0, abs=0.1)


def test_two_groups_and_a_class_that_is_never_tested(place) -> None:
    """Each fold learns from too little to calibrate on, and knows every class."""
    texts = [f"{SENTENCES[name][at % 4]} number {at}" for at in range(20) for name in SENTENCES]
    labels = [name for _ in range(20) for name in SENTENCES]
    several = [*labels, *["rare"] * 5]
    texts += [f"of another kind {at}" for at in range(5)]
    groups = [*(f"g{at // 20}" for at in range(40)), *["last"] * 5]
    done = headstart.fit(texts, several, groups=groups, folds=2, offline=True)
    assert done.report.counts["test"] == 40
    assert done.results.scores.shape == (40, 3)
    note = next(note for note in done.report.notes if "2 folds" in note)
    assert "5 other items were never tested" in note
    assert "nothing is measured of 'rare' (5 items)" in note
    assert not [each for each in done.report.warnings if "Too few items to test" in each]


def test_the_same_seed_gives_the_same_figures(images, place) -> None:
    items, labels = images
    one, other = (
        headstart.fit(items, labels, folds=3, seed=1, offline=True).results for _ in range(2)
    )
    assert one.scores.tobytes() == other.scores.tobytes()
    assert one.folds == other.folds
    data = from_memory(items, labels)
    digests = [bytes(each) for each in one.digests]
    fold = fold_of(data, np.arange(40), digests, folds=3, seed=1)
    assert fold.tolist() == one.folds


def test_a_command_line_with_groups_and_one_with_times(place) -> None:
    rows = [
        f"{texts[at % 4]} number {at},{name},s{at // 3},2024-01-{at % 28 + 1:02}"
        for name, texts in SENTENCES.items()
        for at in range(24)
    ]
    place.table("t.csv", "text,label,author,day", *rows)
    told = place.run("fit", "t.csv", "--out", "g", "--group", "author", "--folds", "3", "--offline")
    assert told.code == 0, told.err
    assert "48 tested once each, in 3 folds" in " ".join(told.out.split())
    assert "8 groups" in told.out
    told = place.run("fit", "t.csv", "--out", "d", "--time", "day", "--offline", "--json")
    assert told.code == 0, told.err
    assert any("test from 2024-01-" in note for note in told.json["notes"])
    table = pq.read_table(place.folder / "d" / FILE)
    day = {f"t.csv:{at + 2}": row.rsplit(",", 1)[1] for at, row in enumerate(rows)}
    days = {
        split: [day[n] for n, s in zip(table["name"].to_pylist(), table["split"].to_pylist(),
                                       strict=True) if s == split]
        for split in ("train", "validation", "test")
    }  # fmt: skip
    assert max(days["train"]) < min(days["validation"])
    assert max(days["validation"]) < min(days["test"])


@pytest.mark.slow
def test_a_deeper_strategy_is_trained_in_every_fold(images, place) -> None:
    items, labels = images
    out = place.folder / "deep"
    done = headstart.fit(
        items, labels, folds=2, strategy="fine-tuning", epochs=1, out=out, offline=True
    )
    assert done.report.counts["test"] == 40
    assert np.isfinite(done.results.scores).all()
    assert not list(place.folder.glob(".*unfinished*"))
