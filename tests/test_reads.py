"""A model remembers which columns it was trained on, and never reads others in silence."""

import csv
import json
import shutil

import pytest

import headstart
from headstart import api
from headstart.data import read
from headstart.data.reads import UNKNOWN, Reads, TrainedSpec, reads_from_json
from headstart.errors import InputError
from headstart.sealed import seal_of
from headstart.spec import ReadSpec
from tests.runs import Place

KINDS = ("sport", "cooking")
SAID = {
    "sport": ("the match ended after a late goal", "the runner won the race", "the team lost"),
    "cooking": ("bake the cake for an hour", "fry the onions in butter", "season the soup"),
}
ROWS = [
    (f"Article {n}", f"{SAID[KINDS[n % 2]][n // 2 % 3]} ({n})", KINDS[n % 2]) for n in range(40)
]


def write(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)


@pytest.fixture(scope="module")
def place(tmp_path_factory, warm):
    made = Place(tmp_path_factory.mktemp("reads"), warm)
    write(made.folder / "all.csv", ["title", "abstract", "topic"], ROWS)
    write(made.folder / "new.csv", ["title", "abstract"], [row[:2] for row in ROWS[:10]])
    write(made.folder / "other.csv", ["title", "text", "kind"], ROWS)
    fitted = made.run("fit", "all.csv", "--input", "abstract", "--label", "topic", "--out", "model",
                      "--offline")  # fmt: skip
    assert fitted.code == 0, fitted.err
    return made


@pytest.fixture
def model(place):
    return headstart.load(place.folder / "model")


def test_the_model_says_what_it_was_trained_on(model):
    assert model.reads == Reads("texts", ("abstract",), ("topic",))


def test_predict_and_evaluate_read_the_trained_columns(place, model):
    answers = api.predict(model, [str(place.folder / "new.csv")])
    assert answers.labels == [row[2] for row in ROWS[:10]]
    assert not answers.warnings
    report = api.evaluate(model, str(place.folder / "all.csv"))
    assert report.metrics["accuracy"].value == 1
    assert not any("a guess" in note for note in report.notes)


def test_another_column_is_never_guessed(place, model):
    other = str(place.folder / "other.csv")
    for ask in (lambda: api.predict(model, [other]), lambda: api.evaluate(model, other)):
        with pytest.raises(InputError, match="no column 'abstract'.*trained.*'title', 'text'"):
            ask()
    with pytest.raises(InputError, match="no column 'topic', the label"):
        api.evaluate(model, other, input="text")
    assert api.predict(model, [other], input="text").labels == [row[2] for row in ROWS]
    report = api.evaluate(model, other, input="text", label="kind")
    assert report.metrics["accuracy"].value == 1


def test_test_data_is_read_as_the_data(place):
    test = write(place.folder / "test.csv", ["abstract", "topic", "title"],
                 [(b, c, a) for a, b, c in ROWS[:12]])  # fmt: skip
    asked = ("fit", "all.csv", "--input", "abstract", "--label", "topic", "--offline", "--json")
    done = place.run(*asked, "--test", test, "--out", "tested")
    assert done.code == 0, done.err
    assert done.json["counts"]["test"] == 12
    done = place.run(*asked, "--test", "other.csv", "--out", "tested")
    assert done.code == 2
    assert "'abstract'" in done.err


def changed(place, tmp_path, **changes):
    folder = shutil.copytree(place.folder / "model", tmp_path / "model")
    about = json.loads((folder / "model.json").read_text()) | changes
    about = {key: value for key, value in about.items() if value != "absent"}
    about["seal"] = seal_of(about)
    (folder / "model.json").write_text(json.dumps(about))
    return folder


def test_a_model_of_before_guesses_and_says_so(place, tmp_path):
    model = headstart.load(changed(place, tmp_path, reads="absent", schema=2))
    assert model.reads == UNKNOWN
    answers = api.predict(model, [str(place.folder / "new.csv")])
    assert any("a guess" in warning for warning in answers.warnings)


@pytest.mark.parametrize(
    "reads",
    [
        "abstract",
        {"kind": "pixels", "input": ["a"]},
        {"kind": "texts", "input": "abstract"},
        {"kind": "texts", "input": [1]},
        {"kind": "novels"},
        {"kind": "texts", "decimal": "both"},
        {"kind": "texts", "root": 7},
        {"kind": "texts", "separator": 7},
        {"kind": "texts", "scale": 1e9},
        {"kind": "texts", "more": None},
    ],
)
def test_absurd_columns_are_refused(place, tmp_path, reads):
    folder = changed(place, tmp_path, reads=reads)
    with pytest.raises(InputError, match="cannot be read"):
        headstart.load(folder)


def test_what_is_written_is_read():
    reads = Reads("pixels", ("a", "b"), ("c",), "photos", r"(\w+)", "comma", 255, "?", "/")
    assert reads_from_json(json.loads(json.dumps(reads.to_json()))) == reads


def test_labels_are_read_as_those_that_were_trained_on(tmp_path):
    rows = [("one", "New York, NY/Rome"), ("two", "Rome"), ("three", "?")]
    write(tmp_path / "t.csv", ["text", "tags"], rows)
    asked = {"input": "text", "label": "tags", "task": "multilabel"}
    first = read(tmp_path / "t.csv", ReadSpec(**asked, separator="/", na_values="?"))
    assert first.labels == [("New York, NY", "Rome"), ("Rome",)]
    assert (first.reads.separator, first.reads.na_values) == ("/", "?")
    again = read(tmp_path / "t.csv", TrainedSpec(**asked, na_values="?", trained=first.reads))
    assert again.labels == first.labels
