import sys

import pytest

from headstart.data import read
from headstart.data.table import read_table
from headstart.errors import InputError
from headstart.spec import ReadSpec
from tests.data.tables import spreadsheet


def test_the_first_sheet_that_holds_anything(tmp_path):
    path = tmp_path / "t.xlsx"
    rows = [[None, "text", " label "], [0, "a good film", 1.0], [1, None, None], [2, "bad", 2.5]]
    spreadsheet(path, {"empty": [], "données": [[], *rows], "more": [["x"], ["y"]]})
    found = read_table(path)
    assert dict(found.columns) == {"text": ["a good film", None, "bad"], "label": [1, None, 2.5]}
    assert [found.row_name(row) for row in range(3)] == ["t.xlsx:3", "t.xlsx:4", "t.xlsx:5"]
    assert any("données" in note and "'more'" in note for note in found.notes)
    assert any("no name" in note for note in found.notes)
    assert found.name == "t.xlsx (sheet 'données')"
    data = read(path, ReadSpec(task="regression"))
    assert data.labels == [1.0, 2.5]
    assert [each.item for each in data.skipped] == ["t.xlsx:4"]


@pytest.mark.parametrize(
    ("sheets", "said"),
    [
        ({"a": [["text", "label"]]}, "no rows"),
        ({"a": []}, "no rows"),
        ({"a": [["text", "text"], ["x", "y"]]}, "twice"),
        ({"a": [["text", 2], ["x", "y"]]}, "no column name"),
        ({"a": [["text", None], ["x", "y"]]}, "row 1: column 2 has no name"),
    ],
)
def test_broken_sheets(tmp_path, sheets, said):
    spreadsheet(tmp_path / "t.xlsx", sheets)
    with pytest.raises(InputError, match=rf"t\.xlsx.*{said}"):
        read_table(tmp_path / "t.xlsx")


@pytest.mark.parametrize("name", ["t.xlsx", "t.xls", "t.ods"])
def test_what_is_no_spreadsheet(tmp_path, name):
    spreadsheet(tmp_path / "whole.xlsx", {"a": [["text"], ["x"]]})
    whole = (tmp_path / "whole.xlsx").read_bytes()
    for content in (b"", b"PK\x03\x04", b"text,label\nx,a\n", whole[:-100]):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=rf"t\.{name[2:]}.*CSV"):
            read_table(tmp_path / name)


def test_without_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"headstart\[excel\]"):
        read_table(tmp_path / "t.xlsx")
