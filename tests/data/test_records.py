import gzip
import json

import pytest

from headstart.data.table import read_table
from headstart.errors import InputError
from tests.data.tables import records

ROWS = [("a", "x"), ("b", None), ("c", "x")]
RECORDS = records(["text", "label"], ROWS)
FORMS = {
    "array": json.dumps(RECORDS),
    "indented array": json.dumps(RECORDS, indent=2),
    "lines": "\n".join(map(json.dumps, RECORDS)),
    "columns": json.dumps({"text": list("abc"), "label": ["x", None, "x"]}),
    "columns by row": json.dumps({"text": dict(zip("012", "abc", strict=True)),
                                  "label": {"0": "x", "2": "x"}}),
    "rows by name": json.dumps({f"row {n}": each for n, each in enumerate(RECORDS)}),
    "split": json.dumps({"columns": ["text", "label"], "index": [0, 1, 2],
                         "data": list(map(list, ROWS))}),
    "rows under a key": json.dumps({"version": "1.1", "data": RECORDS}),
}  # fmt: skip


def table(folder, content, name="t.json"):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(folder / name)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_json_says_the_same(tmp_path, form):
    for found in (
        table(tmp_path, FORMS[form]),
        table(tmp_path, gzip.compress(FORMS[form].encode()), "t.json.gz"),
        table(tmp_path, FORMS[form].encode("utf-16")),
    ):
        assert dict(found.columns) == {"text": list("abc"), "label": ["x", None, "x"]}
        assert found.row_name(0) in ("t.json:1", "t.json.gz:1")


def test_an_array_in_a_file_called_jsonl(tmp_path):
    assert len(table(tmp_path, FORMS["indented array"], "t.jsonl")) == 3


def test_labels_by_item(tmp_path):
    found = table(tmp_path, '{"1.jpg": "cat", "2.jpg": "dog"}')
    assert dict(found.columns) == {"item": ["1.jpg", "2.jpg"], "label": ["cat", "dog"]}


def test_blank_lines_keep_their_place(tmp_path):
    found = table(tmp_path, '{"t": "a"}\n\n\n{"t": "b"}\n\n', "t.jsonl")
    assert found.columns["t"] == ["a", None, None, "b"]
    assert found.row_name(3) == "t.jsonl:4"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[{"a": 1},\n{"b": }]', "line 2.*JSON"),
        ("[1, 2]", "row 1.*object"),
        ("[]", "no rows"),
        ("{}", "no table"),
        ('"text"', "no rows"),
        ('{"a": [1, 2], "b": [1]}', "lengths"),
        ('{"images": [{"id": 1}], "annotations": [{"id": 1}]}', "'images', 'annotations'"),
        ('{"a": {"b": {"c": 1}}, "d": 1}', "no table"),
        ("", "line 1.*no rows"),
        ("[" * 100_000, "line 1"),
        ('{"columns": ["a", "a"], "data": [[1, 2]]}', "twice"),
        ('[{"a": 1, "a": 2}]', "twice"),
        ('[{"a": 1, " a": 2}]', "twice"),
        ("[{}]", "no columns"),
    ],
)
def test_broken_documents(tmp_path, content, said):
    with pytest.raises(InputError, match=rf"(?s)t\.json.*{said}"):
        table(tmp_path, content)
