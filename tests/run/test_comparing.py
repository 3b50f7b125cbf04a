"""Models compared from the command line, from Python, and from files of other tools."""

import csv
import json
import shutil

import pyarrow
import pyarrow.parquet
import pytest

import headstart
from headstart.errors import InputError
from tests.runs import Place

WORDS = {"animal": ("cat", "dog", "horse", "bird"), "car": ("engine", "brakes", "tyre", "gearbox")}


def lines(number, start=0):
    return [
        (f"the {words[n % 4]} of {n}", label, "even" if n % 2 else "odd")
        for n in range(start, start + number)
        for label, words in WORDS.items()
    ]


def table(place, name, rows):
    with (place.folder / name).open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label", "side"), *rows])


@pytest.fixture(scope="module")
def place(tmp_path_factory, warm):
    """Two models of the same texts and splits, and one of other splits; new texts."""
    place = Place(tmp_path_factory.mktemp("compared"), warm)
    table(place, "texts.csv", lines(60))
    table(place, "new.csv", lines(25, start=1000))
    options = ("--input", "text", "--label", "label", "--offline")
    for name, more in (("a", ()), ("b", ("--head", "knn")), ("c", ("--seed", "5"))):
        done = place.run("fit", "texts.csv", "--out", name, *options, *more)
        assert done.code == 0, done.err
    return place


def asked(place, *arguments):
    done = place.run("compare", *arguments, "--json")
    assert done.code == 0, done.err
    return done.json


def rows_of(place, model="a", split="test"):
    path = place.folder / model / "predictions.parquet"
    return [row for row in pyarrow.parquet.read_table(path).to_pylist() if row["split"] == split]


def test_on_new_data(place):
    found = asked(place, "a", "b", "c", "new.csv", "--by", "side")
    assert found["models"] == {"A": "a", "B": "b", "C": "c"}
    assert found["counts"] == {"compared": 50, "trained_on": 0, "skipped": 0}
    assert [(pair["new"], pair["old"]) for pair in found["pairs"]] == [
        ("B", "A"),
        ("C", "A"),
        ("C", "B"),
    ]
    test = found["pairs"][0]["tests"][0]
    a, b = (found["metrics"][each]["accuracy"]["value"] for each in "AB")
    assert (test["metric"], test["old"], test["new"]) == ("accuracy", a, b)
    assert test["difference"] == pytest.approx(b - a)
    assert [(each["name"], each["items"]) for each in found["slices"]] == [
        ("even", 24),
        ("odd", 26),
    ]
    assert {each["name"]: each["items"] for each in found["per_class"]} == {"animal": 25, "car": 25}
    evaluated = place.run("evaluate", "a", "new.csv", "--json").json
    assert found["metrics"]["A"] == evaluated["metrics"]


def test_items_that_a_model_learnt_from_are_left_out_and_counted(place):
    found = asked(place, "a", "b", "texts.csv")
    tested = rows_of(place)
    assert found["counts"]["compared"] == len(tested)
    assert found["counts"]["trained_on"] == 120 - len(tested)


def test_saved_answers_count_where_there_is_no_data(place):
    saved, asked_again = asked(place, "a", "b"), asked(place, "a", "b", "texts.csv")
    assert saved["counts"] == {**asked_again["counts"], "trained_on": 0}
    assert saved["dataset"] is None
    for name, each in saved["metrics"]["B"].items():
        assert each["value"] == pytest.approx(asked_again["metrics"]["B"][name]["value"], abs=1e-5)


def test_other_splits_leave_what_neither_learnt_from(place):
    found = asked(place, "a", "c")
    both = {r["name"] for r in rows_of(place)} & {r["name"] for r in rows_of(place, "c")}
    assert found["counts"]["compared"] == len(both) > 0
    assert found["counts"]["trained_on"] > 0


def elsewhere(place, name, keep=lambda row: row, probable=True):
    """Answers of another tool to the test items: no digests, and no more columns than needed."""
    rows = []
    for row in map(keep, rows_of(place)):
        if row is None:
            continue
        answer = {"p(car)": row["p(car)"], "p(animal)": row["p(animal)"]}
        rows.append(
            {"name": row["name"], "label": row["label"], "where": row["name"][-1]}
            | (answer if probable else {"prediction": row["prediction"]})
        )
    path = place.folder / name
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        with path.open("w", newline="") as file:
            written = csv.DictWriter(file, list(rows[0]))
            written.writeheader()
            written.writerows(rows)
    return name


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_answers_from_elsewhere(place, suffix):
    """The model's own answers, in another order of classes, by name: no difference at all."""
    found = asked(place, "a", elsewhere(place, f"other{suffix}"), "--by", "where")
    assert found["counts"]["compared"] == len(rows_of(place))
    tests = found["pairs"][0]["tests"]
    assert [each["metric"] for each in tests] == [
        "accuracy",
        "macro_f1",
        "roc_auc",
        "log_loss",
        "ece",
    ]
    assert all(abs(each["difference"]) < 1e-6 for each in tests)
    assert not any(each["significant"] for each in tests)
    assert sum(each["items"] for each in found["slices"]) == found["counts"]["compared"]


def test_predictions_alone(place):
    found = asked(place, "a", elsewhere(place, "bare.csv", probable=False), "texts.csv")
    assert [each["metric"] for each in found["pairs"][0]["tests"]] == ["accuracy", "macro_f1"]
    assert any("Without probabilities of 'B'" in each for each in found["warnings"])


def test_other_items_are_refused_with_the_counts(place):
    kept = rows_of(place)[3:]
    names = {row["name"] for row in kept}
    name = elsewhere(place, "fewer.csv", lambda row: row if row["name"] in names else None)
    done = place.run("compare", "a", name)
    assert done.code == 2
    number = len(kept)
    assert f"a answers for {number + 3}; fewer.csv answers for {number}" in done.err


def test_other_labels_are_refused_with_the_counts(place):
    first = rows_of(place)[0]["name"]

    def changed(row):
        if row["name"] != first:
            return row
        return {**row, "label": "car" if row["label"] == "animal" else "animal"}

    done = place.run("compare", "a", elsewhere(place, "changed.csv", changed))
    assert done.code == 2
    assert f"1 of {len(rows_of(place))} items have another label" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a", "new.csv"), "two models to name at least"),
        (("a", "a", "new.csv"), "a is given twice"),
        (("a", "b", "--label", "label"), "--label says how DATA is read"),
        (("a", "b", "--by", "colour"), "No answers have a column 'colour'"),
        (("a", "b", "new.csv", "--by", "colour"), "has no column 'colour' (--by)"),
        (("a", "missing", "new.csv"), "no model and no table of answers 'missing'"),
        (("missing", "a"), "no model and no table of answers 'missing'"),
        (("a", "missing"), "no model and no table of answers 'missing'"),
    ],
)
def test_what_makes_no_sense_is_refused(place, arguments, said):
    done = place.run("compare", *arguments)
    assert done.code == 2
    assert said in done.err


def test_probabilities_that_are_none_are_refused(place):
    def doubled(row):
        return {**row, "p(car)": 0.9, "p(animal)": 0.9}

    done = place.run("compare", "a", elsewhere(place, "wrong.csv", doubled))
    assert done.code == 2
    assert "add up to 1" in done.err


def test_at_a_terminal_and_from_python(place, monkeypatch):
    done = place.run("compare", "a", "b", "new.csv", "--by", "side")
    assert done.code == 0, done.err
    for said in ("B less A", "Classes", "By side", "Where B and A disagree", "50 compared on"):
        assert said in done.out
    monkeypatch.setenv("HEADSTART_CACHE", str(place.cache))
    a, b = (headstart.load(place.folder / each) for each in "ab")
    items, labels, _ = zip(*lines(25, start=1000), strict=True)
    report = headstart.compare(a, b, data=list(items), labels=list(labels))
    said = json.loads(place.run("compare", "a", "b", "new.csv", "--json").out)
    assert report.to_json()["metrics"] == said["metrics"]
    assert "Comparison of 2 models on 50 items" in repr(report)
    assert "<pre" in report._repr_html_()
    third = headstart.compare(a, b, place.folder / "c", data=list(items), labels=list(labels))
    assert third.models == ("(in memory)", "(in memory)", str(place.folder / "c"))
    with pytest.raises(InputError, match="no saved answers"):
        headstart.compare(a, b)


def test_on_a_page(place):
    """As people run it, with texts of the data, and with those that the models keep."""
    done = place.process("compare", "a", "b", "c", "new.csv", "--by", "side", "--page", "p.html")
    assert done.code == 0, done.err
    assert "p.html" in done.out
    found = asked(place, "a", "b", "c", "new.csv", "--by", "side")
    text = (place.folder / "p.html").read_text("utf-8")
    assert f"headstart compare a b c new.csv --by side --page {place.folder / 'p.html'}" in text
    for pair in found["pairs"]:
        assert pair["sentence"].removesuffix(".").replace("<", "&lt;") in text
        for each in pair["examples"]:
            row = int(each["item"].partition(":")[2])
            shown = [line[0] for line in lines(25, start=1000)][row - 2]
            assert f'<blockquote dir="auto" tabindex="0">{shown}</blockquote>' in text
    examples = [each for pair in asked(place, "a", "c")["pairs"] for each in pair["examples"]]
    done = place.run("compare", "a", "c", "--page", "saved.html")
    assert done.code == 0, done.err
    kept = {
        digest: about["text"]
        for model in "ac"
        for digest, about in json.loads(
            (place.folder / model / "gallery.json").read_text("utf-8")
        ).items()
    }
    text = (place.folder / "saved.html").read_text("utf-8")
    assert text.count("<blockquote") == sum(each["digest"] in kept for each in examples)
    done = place.run("compare", "a", "b", "new.csv", "--page", "other.html", "--private")
    assert done.code == 0, done.err
    text = (place.folder / "other.html").read_text("utf-8")
    assert "new.csv" not in text
    assert "<blockquote" not in text


def test_kept_texts_that_are_no_json_are_said(place):
    broken = place.folder / "broken"
    shutil.copytree(place.folder / "a", broken)
    (broken / "gallery.json").write_text("{")
    done = place.run("compare", "broken", "b", "--page", "p.html")
    assert done.code == 2
    assert "gallery.json" in done.err
    assert place.run("compare", "broken", "b").code == 0


def test_numbers(place):
    """Of regression, saved and from elsewhere."""
    rows = [(f"{'far ' * (n % 7)}away {n}", n % 7 + n / 1000, "") for n in range(120)]
    table(place, "numbers.csv", rows)
    for name, more in (("x", ()), ("y", ("--head", "knn"))):
        done = place.run(
            *("fit", "numbers.csv", "--out", name, "--input", "text", "--label", "label"),
            *("--task", "regression", "--offline", *more),
        )
        assert done.code == 0, done.err
    found = asked(place, "x", "y")
    assert {each["metric"] for each in found["pairs"][0]["tests"]} == {"pearson_r", "r2", "mae"}
    (place.folder / "z.csv").write_text(
        "name,label,value\n"
        + "".join(f"{r['name']},{r['label']},{r['value']}\n" for r in rows_of(place, "x"))
    )
    same = asked(place, "x", "z.csv")
    assert all(abs(each["difference"]) < 1e-9 for each in same["pairs"][0]["tests"])


def test_a_learning_curve_where_it_is_asked_for(place):
    report = json.loads((place.folder / "a" / "report.json").read_text())
    assert "learning_curve" in report
    done = place.run(
        *("fit", "texts.csv", "--out", "curve", "--input", "text", "--label", "label"),
        *("--offline", "--learning-curve", "--json"),
    )
    assert done.code == 0, done.err
    curve = done.json["learning_curve"]
    assert [each["items"] for each in curve["points"]][-1] == 96
    assert curve["points"][-1]["found"]["value"] == pytest.approx(
        done.json["test"]["accuracy"]["value"], abs=1e-6
    )
    assert curve["items"] == 192
    shown = place.run(
        "fit",
        "texts.csv",
        "--out",
        "curve",
        "--input",
        "text",
        "--label",
        "label",
        "--offline",
        "--learning-curve",
    )
    assert "More data?" in shown.out


def test_a_learning_curve_of_a_deeper_strategy_is_refused(place):
    done = place.run(
        *("fit", "texts.csv", "--out", "curve", "--strategy", "lora", "--learning-curve")
    )
    assert done.code == 2
    assert "--learning-curve is of heads" in done.err
