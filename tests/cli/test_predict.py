import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.cli.answer import console
from headstart.cli.answer_table import show_answers
from headstart.cli.write import write, write_csv
from headstart.data.dataset import Ids, Skipped
from headstart.errors import InputError
from headstart.predictors import Predictions

CLASSES = ("error", "item", 'p(item), "x"\n')
SHARES = np.array([[0.2, 0.7, 0.1], [0.5, 0.25, 0.25]], np.float32)
ANSWERS = Predictions(
    names=["a.jpg", "b,\\n.jpg"],
    task="classification",
    classes=CLASSES,
    probabilities=SHARES,
    values=None,
    skipped=(Skipped("c.jpg", "the file is truncated"),),
    warnings=("animated",),
)
TAGS = Predictions(
    names=["a", "b"],
    task="multilabel",
    classes=("x", "y", "z"),
    probabilities=np.array([[0.75, 0.25, 0.5], [0.125, 0.25, 0.375]], np.float32),
    values=None,
)
NUMBERS = Predictions(
    names=["a", "b"],
    task="regression",
    classes=(),
    probabilities=None,
    values=np.array([1.5, np.nan], np.float32),
)


def as_csv(answers, top=None):
    stream = io.StringIO()
    write_csv(answers, top, stream)
    return list(csv.reader(io.StringIO(stream.getvalue())))


def test_csv_has_a_column_per_class_and_says_why_a_row_is_empty():
    assert as_csv(ANSWERS) == [
        ["item", "label", "probability", *(f"p({name})" for name in CLASSES), "error"],
        ["a.jpg", "item", "0.7", "0.2", "0.7", "0.1", ""],
        ["b,\\n.jpg", "error", "0.5", "0.5", "0.25", "0.25", ""],
        ["c.jpg", "", "", "", "", "", "the file is truncated"],
    ]


def test_top_keeps_the_most_probable():
    rows = as_csv(ANSWERS, 2)
    assert rows[0] == ["item", "label", "probability", "label_2", "probability_2", "error"]
    assert rows[2] == ["b,\\n.jpg", "error", "0.5", "item", "0.25", ""]
    assert rows[3] == ["c.jpg", "", "", "", "", "the file is truncated"]
    assert as_csv(ANSWERS, 99)[0][-2] == "probability_3"
    assert as_csv(ANSWERS, 1)[0] == ["item", "label", "probability", "error"]
    assert as_csv(TAGS, 1)[1] == ["a", "x|z", "x", "0.75", ""]


def test_several_classes_and_numbers():
    assert as_csv(TAGS)[1:] == [
        ["a", "x|z", "0.75", "0.25", "0.5", ""],
        ["b", "", "0.125", "0.25", "0.375", ""],
    ]
    assert as_csv(NUMBERS) == [["item", "value", "error"], ["a", "1.5", ""], ["b", "nan", ""]]
    with pytest.raises(InputError, match="--top needs classes"):
        as_csv(NUMBERS, 1)


@pytest.mark.parametrize("answers", [ANSWERS, TAGS, NUMBERS])
@pytest.mark.parametrize("top", [None, 2])
def test_the_three_formats_say_the_same(tmp_path, answers, top):
    if answers is NUMBERS and top:
        return
    paths = [tmp_path / f"out{suffix}" for suffix in (".csv", ".parquet", ".jsonl")]
    for path in paths:
        write(answers, top, path)
    with paths[0].open(newline="", encoding="utf-8") as file:
        header, *from_csv = csv.reader(file)
    table = pyarrow.parquet.read_table(paths[1])
    columns = [column.to_pylist() for column in table.columns]
    from_parquet = [
        ["" if c is None else str(c) for c in row] for row in zip(*columns, strict=True)
    ]
    assert table.column_names == header
    assert from_parquet == from_csv
    lines = [json.loads(line) for line in paths[2].read_text().splitlines()]
    assert [line["item"] for line in lines] == [row[0] for row in from_csv]
    assert [line.get("error", "") for line in lines] == [row[-1] for row in from_csv]
    for line, row in zip(lines, from_csv, strict=True):
        if "label" in line:
            label = line["label"]
            assert (label if isinstance(label, str) else "|".join(label)) == row[1]


def test_only_whole_files_are_seen(tmp_path, monkeypatch):
    path = tmp_path / "out.csv"
    path.write_text("older")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(ANSWERS, None, path)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_left_where_top_is_refused(tmp_path):
    with pytest.raises(InputError):
        write(NUMBERS, 3, tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == []


names = st.text(min_size=1).filter(lambda text: "\0" not in text and "\r" not in text)


@given(st.lists(names, min_size=1, unique=True, max_size=4), st.lists(names, max_size=4))
def test_any_name_and_class_survives_csv(classes, items):
    answers = Predictions(
        names=items,
        task="classification",
        classes=tuple(classes),
        probabilities=np.full((len(items), len(classes)), 1 / len(classes), np.float32),
        values=None,
    )
    header, *rows = as_csv(answers)
    assert header[3:-1] == [f"p({name})" for name in classes]
    assert [row[0] for row in rows] == items
    assert all(row[1] == classes[0] for row in rows)


def test_away_from_a_terminal_the_answer_is_csv(api, headstart_in_here):
    api.predict = lambda *_, **__: ANSWERS
    code, out, err = headstart_in_here("predict", "m", "a.jpg", "b.jpg")
    assert code == 0
    assert list(csv.reader(io.StringIO(out))) == as_csv(ANSWERS)
    assert err == "headstart: animated\n"


def test_json_holds_the_answers_what_was_skipped_and_the_warnings(api, headstart_in_here):
    api.predict = lambda *_, **__: ANSWERS
    api.load = lambda *_, **__: ANSWERS  # it has a task
    said = json.loads(headstart_in_here("predict", "m", "x", "--json", "--top", "1")[1])
    assert said["classes"] == list(CLASSES)
    assert said["predictions"][1] == {
        "item": "b,\\n.jpg",
        "label": "error",
        "probability": 0.5,
        "top": [{"label": "error", "probability": 0.5}],
    }
    assert len(said["predictions"]) == 2
    assert said["skipped"] == [{"item": "c.jpg", "reason": "the file is truncated"}]
    assert said["warnings"] == ["animated"]
    api.predict = lambda *_, **__: NUMBERS
    said = json.loads(headstart_in_here("predict", "m", "x", "--json")[1])
    assert said["predictions"] == [{"item": "a", "value": 1.5}, {"item": "b", "value": None}]


@pytest.mark.parametrize("name", ["out.csv", "OUT.CSV", "out.jsonl", "out.parquet"])
def test_out_writes_a_file_and_says_so(api, headstart_in_here, tmp_path, name):
    api.predict = lambda *_, **__: ANSWERS
    path = tmp_path / name
    code, out, err = headstart_in_here("predict", "m", "x", "--out", str(path))
    assert (code, err) == (0, "")
    assert f"2 answers in {path}" in out
    assert "c.jpg: the file is truncated" in out
    assert path.stat().st_size > 0
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    said = json.loads(headstart_in_here("predict", "m", "x", "--out", str(path), "--json")[1])
    assert said["out"] == str(path)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_folder_is_no_file(api, headstart_in_here, tmp_path):
    (tmp_path / "a.csv").mkdir()
    code, _, err = headstart_in_here("predict", "m", "x", "--out", str(tmp_path / "a.csv"))
    assert code == 2
    assert "which is a folder" in err


@pytest.mark.parametrize(
    ("skipped", "said"),
    [
        ((Skipped("a.jpg", "truncated"),), "a.jpg cannot be read: truncated."),
        (
            (Skipped("a.jpg", "truncated"), Skipped("b.jpg", "gone")),
            "none of 2 items can be read; the first, a.jpg: truncated.",
        ),
    ],
)
def test_where_nothing_can_be_read_the_input_is_wrong(api, headstart_in_here, skipped, said):
    nothing = Predictions([], "classification", ("a", "b"), np.empty((0, 2), np.float32), None)
    object.__setattr__(nothing, "skipped", skipped)
    api.predict = lambda *_, **__: nothing
    code, out, err = headstart_in_here("predict", "m", "a.jpg")
    assert (code, out) == (2, "")
    assert err == f"headstart: {said}\n"


@pytest.mark.parametrize(
    ("answers", "top", "said"),
    [
        (ANSWERS, None, ("a.jpg", "70.0%", "c.jpg: the file is truncated", "! animated")),
        (ANSWERS, 2, ("item      most probable", "a.jpg     item 70.0%, error 20.0%")),
        (TAGS, None, ("x, z", "x 75.0%, z 50.0%, y 25.0%", "none")),
        (NUMBERS, None, ("value", "1.500", "-")),
    ],
)
def test_a_terminal_gets_a_table(answers, top, said):
    stream = io.StringIO()
    show_answers(answers, top, None, console(stream))
    assert all(words in stream.getvalue() for words in said)


def test_a_long_table_says_how_much_is_missing():
    many = Predictions(
        names=[f"{n}.jpg" for n in range(1234)],
        task="classification",
        classes=("a", "b"),
        probabilities=np.full((1234, 2), 0.5, np.float32),
        values=None,
        skipped=(Skipped("z.jpg", "gone"),),
    )
    stream = io.StringIO()
    show_answers(many, None, None, console(stream))
    assert "199.jpg" in stream.getvalue()
    assert "200.jpg" not in stream.getvalue()
    assert "and 1,034 more; --out FILE.csv writes them all" in stream.getvalue()
    assert "z.jpg: gone" in stream.getvalue()


def test_the_inputs_go_on_as_they_are(api, headstart_in_here):
    asked = []
    api.predict = lambda model, inputs, **_: asked.append((model, inputs)) or TAGS
    headstart_in_here("predict", "m", "a b.jpg", "-", "--", "--odd.jpg")
    assert asked == [("m", ["a b.jpg", "-", "--odd.jpg"])]
    assert not Path("m").exists()


NAMED = replace(ANSWERS, ids=Ids("key", {"a.jpg": 7, "b,\\n.jpg": 8, "c.jpg": 9}))


def test_a_column_of_the_users_comes_first_with_its_own_type(tmp_path):
    assert [row[:2] for row in as_csv(NAMED)] == [
        ["key", "item"],
        ["7", "a.jpg"],
        ["8", "b,\\n.jpg"],
        ["9", "c.jpg"],
    ]
    assert as_csv(NAMED, 1)[3] == ["9", "c.jpg", "", "", "the file is truncated"]
    write(NAMED, None, tmp_path / "x.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "x.parquet")
    assert table["key"].to_pylist() == [7, 8, 9]
    write(NAMED, None, tmp_path / "x.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert [line["key"] for line in lines] == [7, 8, 9]
    stream = io.StringIO()
    show_answers(NAMED, None, None, console(stream))
    assert "7    a.jpg" in stream.getvalue()


@pytest.mark.parametrize("column", ["item", "label", "error", "p(x)", "label_2", "probabilities"])
def test_a_column_of_the_users_is_never_taken_for_one_of_ours(tmp_path, column):
    named = replace(NAMED, ids=Ids(column, NAMED.ids.cells))
    assert as_csv(named)[0][:2] == [f"id({column})", "item"]
    write(named, None, tmp_path / "x.parquet")
    assert pyarrow.parquet.read_table(tmp_path / "x.parquet")[f"id({column})"].to_pylist()


@pytest.mark.parametrize("cells", [[1, "a", None], [None, None, None], ["\ud800", 2.5, "x"]])
def test_mixed_cells_are_written_as_text(tmp_path, cells):
    named = replace(NAMED, ids=Ids("key", dict(zip(NAMED.ids.cells, cells, strict=True))))
    write(named, None, tmp_path / "x.parquet")
    column = pyarrow.parquet.read_table(tmp_path / "x.parquet")["key"].to_pylist()
    assert [each is None for each in column] == [each is None for each in cells]


def test_probabilities_have_as_many_digits_as_mean_something():
    shares = np.array([[1 / 3, 2 / 3], [1e-7 / 3, 1 - 1e-7 / 3]], np.float32)
    answers = Predictions(["a", "b"], "classification", ("x", "y"), shares, None)
    assert as_csv(answers)[1][2:5] == ["0.6667", "0.3333", "0.6667"]
    assert as_csv(answers)[2][3] == "3.333e-08"
    numbers = np.array([0.1, 1_700_000_000.25])
    single = Predictions(["a"], "regression", (), None, numbers[:1].astype(np.float32))
    assert as_csv(single)[1][1] == "0.1"
    double = Predictions(["a", "b"], "regression", (), None, numbers)
    assert [row[1] for row in as_csv(double)[1:]] == ["0.1", "1700000000.25"]
