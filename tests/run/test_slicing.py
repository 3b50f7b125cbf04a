"""Slices of measured items: by size in every fit, by a column where one is named."""

import csv

import numpy as np
import pytest
from PIL import Image

from headstart.data import from_memory
from headstart.errors import InputError
from headstart.evaluation import Results
from headstart.run.slicing import MOST_SLICES, by_column, by_size
from tests.runs import SENTENCES

N = 60


def measured():
    """A model that is right of the first half of the items, and wrong of the rest."""
    targets = np.arange(N) % 2
    right = np.arange(N) < N // 2
    scores = np.zeros((N, 2), np.float32)
    scores[np.arange(N), np.where(right, targets, 1 - targets)] = 3
    return Results(
        "classification",
        ("a", "b"),
        np.arange(N),
        [f"row {n}" for n in range(N)],
        np.array([n.to_bytes(16, "big") for n in range(1, N + 1)], "S16"),
        ["test"] * N,
        ["ab"[n] for n in targets],
        targets,
        scores,
    )


def test_texts_are_sliced_by_length():
    data = from_memory(["x" * (n + 1) for n in range(N)], ["a", "b"] * (N // 2))
    (found,) = by_size(data, measured(), 0)
    assert found.by == "length of the text"
    assert [each.name for each in found.slices] == [
        "1 to 15 characters", "16 to 30 characters", "31 to 45 characters", "46 to 60 characters",
    ]  # fmt: skip
    assert [each.found.value for each in found.slices] == [1, 1, 0, 0]
    assert found.slices[0].difference.value == pytest.approx(1 - 1 / 3)
    assert found.slices[0].difference.low > 0 > found.slices[3].difference.high


def test_images_are_sliced_by_their_own_size(tmp_path):
    files = []
    for n in range(N):
        files.append(str(tmp_path / f"{n}.png"))
        Image.new("L", (10 + n, 10 + n)).save(files[-1])
    (tmp_path / "3.png").write_bytes(b"gone")
    (found,) = by_size(from_memory(files, ["a", "b"] * (N // 2)), measured(), 0)
    assert found.by == "size of the image"
    assert found.slices[0].name.startswith("10 to ")
    assert sum(each.items for each in found.slices) == N - 1


def test_images_of_one_size_and_few_test_items_have_no_slices():
    data = from_memory([np.zeros((8, 8, 3), np.uint8)] * N, ["a", "b"] * (N // 2))
    assert by_size(data, measured(), 0) == ()
    texts = from_memory(["x" * (n + 1) for n in range(N)], ["a", "b"] * (N // 2))
    few = measured()
    assert by_size(texts, few.select(few.positions < 30), 0) == ()


def test_a_column_of_too_many_values_is_refused():
    cells = {f"row {n}": "left" if n < 20 else "right" for n in range(N)}
    found = by_column("side", cells, measured(), 0)
    assert [(each.name, each.items) for each in found.slices] == [("left", 20), ("right", 40)]
    many = Results(**{**measured().__dict__, "names": [f"row {n}" for n in range(N)]})
    wide = {name: str(at) for at, name in enumerate(many.names)}
    assert len(by_column("id", wide, many, 0).slices) == N <= MOST_SLICES
    names = [f"row {n}" for n in range(MOST_SLICES + 1)]
    more = Results(**{**measured().__dict__, "names": names})
    with pytest.raises(InputError, match="201 values"):
        by_column("id", {name: name for name in names}, more, 0)


@pytest.fixture(scope="module")
def model(place):
    place.texts("texts.csv", 12)
    done = place.run(
        *("fit", "texts.csv", "--out", "model", "--strategy", "feature-extraction"),
        *("--offline", "--json"),
    )
    assert done.code == 0, done.err
    return place


def table(place, name, copies):
    """New texts from two places, each there so many times with a small change."""
    rows = [
        (f"{texts[n % 4]} again and again in {n} towns{'!' * copy}", label, "here" if n < 9 else "")
        for n in range(12)
        for label, texts in SENTENCES.items()
        for copy in range(copies)
    ]
    with (place.folder / name).open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label", "place"), *rows])


def test_evaluate_measures_within_a_column(model):
    table(model, "new.csv", 1)
    done = model.run("evaluate", "model", "new.csv", "--by", "place", "--offline", "--json")
    assert done.code == 0, done.err
    (found,) = done.json["slices"]
    assert (found["by"], found["metric"]) == ("place", "accuracy")
    assert [(each["name"], each["items"]) for each in found["slices"]] == [("", 6), ("here", 18)]
    whole = done.json["metrics"]["accuracy"]["value"]
    parts = [each["items"] * each["found"]["value"] for each in found["slices"]]
    assert sum(parts) == pytest.approx(24 * whole)
    shown = model.run("evaluate", "model", "new.csv", "--by", "place", "--offline")
    assert "By place" in shown.out
    assert "(empty)" in shown.out
    assert "2 slices were looked at" in shown.out
    plain = model.run("evaluate", "model", "new.csv", "--offline", "--json")
    assert plain.json["slices"] == []
    for column, data, said in (
        ("plaice", "new.csv", "plaice"),
        ("place", "photos", "no table"),
    ):
        (model.folder / "photos" / "a").mkdir(parents=True, exist_ok=True)
        refused = model.run("evaluate", "model", data, "--by", column, "--offline")
        assert refused.code == 2
        assert said in refused.err


def test_evaluate_takes_copies_for_one(model):
    table(model, "once.csv", 1)
    table(model, "copies.csv", 5)
    once, copies = (
        model.run("evaluate", "model", name, "--offline", "--json").json
        for name in ("once.csv", "copies.csv")
    )
    assert once["counts"]["measured"] * 5 == copies["counts"]["measured"]
    assert any("copies or near-duplicates of others" in note for note in copies["notes"])
    width, expected = (
        each["metrics"]["log_loss"]["high"] - each["metrics"]["log_loss"]["low"]
        for each in (copies, once)
    )
    assert width > 0.6 * expected


def test_fit_measures_within_a_column_too(model):
    table(model, "both.csv", 3)
    options = ("--strategy", "feature-extraction", "--offline", "--json")
    common = ("--test-size", "0.6", *options)
    done = model.run("fit", "both.csv", "--out", "sliced", "--by", "place", *common)
    assert done.code == 0, done.err
    size, place = done.json["slices"]
    assert (size["by"], place["by"]) == ("length of the text", "place")
    tested = done.json["counts"]["test"]
    for each in (size, place):
        assert sum(part["items"] for part in each["slices"]) == tested
    plain = model.run("fit", "both.csv", "--out", "plain", *common)
    assert plain.json["slices"] == [size]
    assert plain.json["test"] == done.json["test"]
    table(model, "tested.csv", 1)
    other = ("fit", "texts.csv", "--test", "tested.csv", "--by", "place", "--out", "by-place")
    apart = model.run(*other, *options)
    assert apart.code == 0, apart.err
    (by,) = (each for each in apart.json["slices"] if each["by"] == "place")
    assert [each["name"] for each in by["slices"]] == ["", "here"]
    page = model.folder / "by-place"
    assert "By place" in (page / "report.html").read_text()
    assert model.run("report", "by-place", "--private").code == 0
    assert "By place" not in (page / "report-private.html").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--by", "plaice"), "plaice"),
        (("--by", "text"), "at most 200"),
        (("--by", "text", "--task", "generation"), "means nothing to --task generation"),
    ],
)
def test_a_column_that_is_none_to_slice_by_is_refused(model, options, said):
    rows = [f"{n} {'cat' if n % 2 else 'dog'},{'ab'[n % 2]}" for n in range(201)]
    model.table("wide.csv", "text,label", *rows)
    done = model.run("fit", "wide.csv", "--out", "never", *options, "--offline")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
