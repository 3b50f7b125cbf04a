"""The table of suspects, and what becomes of it when it is filled in."""

import csv
from dataclasses import replace

import pytest

from headstart.data import from_memory
from headstart.data.corrections import corrected
from headstart.data.texts import clean, digest
from headstart.errors import DataError
from headstart.findings.finding import finding, suspect
from headstart.findings.suspects import CHARACTERS, COLUMNS, texts_of, write
from tests.findings.evidences import evidence

TEXTS = ["one", "two", "three", "four"]


def data(labels=("a", "b", "a", "b"), task="auto"):
    return from_memory(TEXTS, list(labels), task)


def filled(path, rows, values):
    """A label, or `leave`, by the name of the item."""
    for row in rows:
        value = values.get(row["name"], "")
        row["leave_out" if value == "leave" else "corrected_label"] = (
            "yes" if value == "leave" else value
        )
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def table(path, **values):
    """What a check wrote, filled in: a label, or `leave`, by the name of the item."""
    found = [
        finding("outliers", "note", "far", [suspect(data(), 3, digest("four"), score=9.0)]),
        finding(
            "label-errors",
            "warning",
            "wrong",
            [suspect(data(), at, digest(TEXTS[at]), suggestion="b", score=0.9) for at in (0, 3, 1)],
        ),
    ]
    assert write(found, path, {}) == 3
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    filled(path, rows, values)
    return rows


def test_each_item_has_one_row(tmp_path):
    rows = table(tmp_path / "s.csv")
    assert [(row["name"], row["findings"]) for row in rows] == [
        ("four", "outliers label-errors"),
        ("one", "label-errors"),
        ("two", "label-errors"),
    ]
    assert {row["suggested_label"] for row in rows} == {"b"}
    assert {row["corrected_label"] + row["leave_out"] for row in rows} == {""}


def test_labels_are_corrected_and_items_left_out(tmp_path):
    table(tmp_path / "s.csv", one="b", four="leave")
    done = corrected(data(), str(tmp_path / "s.csv"))
    assert list(done.dataset.items) == ["one", "two", "three"]
    assert list(done.dataset.labels) == ["b", "b", "a"]
    assert done.to_json() == {"labels": 1, "left_out": 1}
    assert "1 label corrected and 1 item left out" in done.dataset.notes[-1]


def test_a_table_that_is_not_filled_in_changes_nothing(tmp_path):
    table(tmp_path / "s.csv")
    done = corrected(data(), str(tmp_path / "s.csv"))
    assert list(done.dataset.labels) == ["a", "b", "a", "b"]
    assert done.to_json() == {"labels": 0, "left_out": 0}


def refused(path, given):
    with pytest.raises(DataError) as error:
        corrected(given, str(path))
    return str(error.value)


def test_other_data_is_refused(tmp_path):
    table(tmp_path / "s.csv", one="b")
    other = from_memory(["uno", "two"], ["a", "b"])
    assert "1 item of" in refused(tmp_path / "s.csv", other)
    assert "is not in the data: 'one'" in refused(tmp_path / "s.csv", other)


def test_changed_content_is_refused(tmp_path):
    path = tmp_path / "s.csv"
    table(path, one="b")
    path.write_text(path.read_text("utf-8").replace(digest("one").hex(), "0" * 32), "utf-8")
    assert "another content" in refused(path, data())


@pytest.mark.parametrize(
    ("values", "said"),
    [({"one": "c"}, "the classes are 'a', 'b'"), ({"one": "B"}, "the classes are 'a', 'b'")],
)
def test_a_class_that_is_not_there_is_refused(tmp_path, values, said):
    table(tmp_path / "s.csv", **values)
    assert said in refused(tmp_path / "s.csv", data())


def test_numbers_and_several_classes(tmp_path):
    table(tmp_path / "s.csv", one="2.5")
    numbers = data((1.0, 2.0, 3.0, 4.5), "regression")
    assert list(corrected(numbers, str(tmp_path / "s.csv")).dataset.labels)[0] == 2.5
    table(tmp_path / "s.csv", one="b|a")
    several = data((("a",), ("b",), ("a", "b"), ("b",)), "multilabel")
    assert list(corrected(several, str(tmp_path / "s.csv")).dataset.labels)[0] == ("a", "b")
    table(tmp_path / "s.csv", one="many")
    assert "must be a number" in refused(tmp_path / "s.csv", numbers)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,label\none,a\n", "has no column"),
        ("name,digest,corrected_label,leave_out\none,00,,perhaps\n", "must be yes, or empty"),
        ("name,digest,corrected_label,leave_out\none,00,a,yes\n", "keep one"),
    ],
)
def test_another_table_is_refused(tmp_path, content, said):
    (tmp_path / "s.csv").write_text(content, "utf-8")
    assert said in refused(tmp_path / "s.csv", data())


def test_no_table_is_refused(tmp_path):
    assert "which is no table" in refused(tmp_path / "missing.csv", data())


def test_leaving_out_everything_is_refused(tmp_path):
    rows = "".join(f"{text},{digest(text).hex()},,yes\n" for text in TEXTS)
    (tmp_path / "s.csv").write_text(f"name,digest,corrected_label,leave_out\n{rows}", "utf-8")
    assert "leaves every item out" in refused(tmp_path / "s.csv", data())


def test_a_digest_that_ends_in_zeros_is_whole(tmp_path):
    text = next(str(n) for n in range(10_000) if digest(str(n)).endswith(b"\0"))
    given = evidence(["a", "b"], items=[text, "two"], digests=[digest(text), digest("two")])
    path = tmp_path / "s.csv"
    write([finding("outliers", "note", "far", [given.suspect(0)])], path, {})
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    filled(path, rows, {"row 0": "b"})
    assert list(corrected(given.data, str(path)).dataset.labels) == ["b", "b"]


def test_a_row_is_about_one_of_several_copies_that_of_its_label(tmp_path):
    given = from_memory(["x", "x", "x", "y"], ["a", "b", "b", "a"])
    content = digest("x").hex()
    head = "name,label,digest,corrected_label,leave_out\n"
    (tmp_path / "s.csv").write_text(f"{head}x,b,{content},,yes\n", "utf-8")
    assert list(corrected(given, str(tmp_path / "s.csv")).dataset.labels) == ["a", "b", "a"]
    (tmp_path / "s.csv").write_text(f"{head}x,b,{content},,yes\nx,b,{content},a,\n", "utf-8")
    done = corrected(given, str(tmp_path / "s.csv"))
    assert list(done.dataset.labels) == ["a", "a", "a"]
    assert done.positions.tolist() == [1]


NAMES = ["=1+1", "'=1+1", "@a", "-b", "\tc ", " d\r", "-1.5", "'e", "+\rf"]


def test_no_name_is_a_formula_and_each_comes_back(tmp_path):
    given = replace(evidence(["a", "b", "a"] * 3, items=NAMES).data, names=NAMES)
    found = [suspect(given, at, digest(name)) for at, name in enumerate(NAMES)]
    path = tmp_path / "s.csv"
    write([finding("outliers", "note", "far", found)], path, {})
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert not [r["name"] for r in rows if r["name"][0] in "=+-@\t\r" and r["name"] != "-1.5"]
    for row in rows:
        row["corrected_label"] = "b"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
    assert set(corrected(given, str(path)).dataset.labels) == {"b"}


HOSTILE = [
    *(
        "=1+1",
        "@a",
        "-1.5",
        "a;b;c;\t'd\"\r\ne,f",
        "b\x00\x1b[31m",
        "a\ud800",
        "x " * 400,
        "é" * 900,
    ),
]


def test_the_table_holds_the_start_of_each_text_and_is_taken_back(tmp_path):
    given = evidence(["a", "b"] * 4, items=HOSTILE).data
    found = [finding("outliers", "note", "far", [suspect(given, n, digest(clean(t))) for n, t in
                                                 enumerate(HOSTILE)])]  # fmt: skip
    path = tmp_path / "s.csv"
    texts = texts_of(found, given)
    assert texts_of(found, replace(given, modality="image")) == {}
    write(found, path, texts)
    content = path.read_text("utf-8-sig")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    written = [row["text"] for row in rows]
    assert written[:3] == ["'=1+1", "'@a", "-1.5"]
    assert written[3:5] == ["a;b;c; 'd\" e,f", "b\\x00\\x1b[31m"]
    assert max(map(len, written)) == CHARACTERS
    assert len(content.splitlines()) == 1 + len(HOSTILE)
    path.write_text(content.replace('"","","', '"b","","'), "utf-8")
    assert set(corrected(given, str(path)).dataset.labels) == {"b"}
