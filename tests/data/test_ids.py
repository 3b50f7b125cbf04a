import json

import pandas as pd
import pytest

from headstart.data import read_inputs
from headstart.data.dataset import Skipped
from headstart.data.given import read_given
from headstart.data.ids import refuse_columns
from headstart.errors import InputError
from headstart.spec import ReadSpec

SPEC = ReadSpec()


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b/c"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "1.txt").write_text(f"the text of {folder}")
        (tmp_path / folder / "2.txt").write_text(" ")
        (tmp_path / folder / "t.csv").write_text("key,text\n007,one\n8,\n,three\n")
    (tmp_path / "t.csv").write_text("key,text\nk,four\n")
    return tmp_path


def test_of_one_input_the_names_are_as_short_as_can_be(here):
    assert read_inputs(["a"], "text", SPEC).names == ["1.txt"]
    assert read_inputs(["b"], "text", SPEC).names == ["c/1.txt"]
    assert read_inputs(["a/t.csv"], "text", SPEC).names == ["t.csv:2", "t.csv:3", "t.csv:4"]


def test_of_several_inputs_every_row_tells_its_folder(here):
    read = read_inputs(["a/", "b", "t.csv", "b/c/t.csv", "a/1.txt", "said", ""], "text", SPEC)
    names = ["a/1.txt", "b/c/1.txt", "t.csv:2"]
    names += [f"b/c/t.csv:{row}" for row in (2, 3, 4)] + ["a/1.txt", "said", "line 1"]
    assert read.names == names
    skipped = [each.item for each in read.skipped]
    assert skipped == ["a/t.csv", "a/2.txt", "b/c/t.csv", "b/c/2.txt"]
    for name in (*names[:2], *skipped[:4]):
        assert (here / name).is_file()


def test_the_cells_of_a_column_go_with_what_was_read_and_what_was_not(here):
    ids = read_inputs(["a/t.csv"], "text", SPEC, id="key").ids
    assert (ids.column, ids.cells) == ("key", {"t.csv:2": "007", "t.csv:3": "8", "t.csv:4": None})
    read = read_inputs(["t.csv", "a/t.csv", "a/1.txt"], "text", SPEC, id="key")
    assert read.ids.cells["t.csv:2"] == "k"
    assert read.ids.cells["a/t.csv:2"] == "007"
    assert {each.item for each in read.skipped} <= set(read.ids.cells)
    assert read_inputs(["t.csv"], "text", SPEC).ids is None


def test_cells_of_jsonl_keep_their_type(here):
    rows = [{"k": 7, "text": "x"}, {"k": {"a": 1}, "text": "y"}]
    (here / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    cells = read_inputs(["t.jsonl"], "text", SPEC, id="k").ids.cells
    assert list(cells.values()) == [7, "{'a': 1}"]


def test_a_column_that_is_not_there(here):
    with pytest.raises(InputError, match=r"has no column 'id' \(--id\); it has 'key', 'text'"):
        read_inputs(["t.csv"], "text", SPEC, id="id")
    refuse_columns(["a", "t.csv"], input="x", id="y")
    refuse_columns(["a"], input=None, id=None)
    for option in ("input", "id"):
        with pytest.raises(InputError, match=f"^--{option} names a column, but none of the inp"):
            refuse_columns(["a", "a/1.txt", "-", "no\0t.csv"], **{option: "key"})


def test_what_is_left_out_is_named_alike(here):
    read = read_inputs(["a", "b"], "text", SPEC)
    assert read.skipped[1] == Skipped("a/2.txt", "the text is empty or blank")


def test_rows_of_one_name_keep_their_own_cells(here):
    frame = pd.DataFrame({"text": ["one", "two"], "key": [7, 8]}, index=["a", "a"])
    ids = read_given(frame, "text", SPEC, id="key").ids
    assert list(ids.cells.values()) == [7, 8]
    read = read_given(["a/t.csv", "t.csv", "b/c/t.csv"], "text", SPEC, id="key")
    assert len(set(read.names)) == len(read.names) == 7
    assert [read.ids.cells[name] for name in read.names] == ["007", "8", None, "k"] + [
        "007", "8", None
    ]  # fmt: skip
