import csv
import json
import os
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.evaluation import Results
from headstart.evaluation.predictions import schema_of, table_of, write

CLASSES = ("cat", "dog")
DIGESTS = np.array([b"\0" * 15 + b"\1", b"\1" + b"\0" * 15], "S16")
ONE = Results(
    task="classification",
    classes=CLASSES,
    positions=np.arange(2),
    names=("a.jpg", "b.jpg"),
    digests=DIGESTS,
    splits=("train", None),
    labels=("dog", "cat"),
    targets=np.array([1, 0]),
    scores=np.log(np.array([[1, 3], [2 / 3, 1 / 3]], np.float32)),
)
SEVERAL = replace(ONE, task="multilabel", labels=((), ("cat", "dog")))
NUMBERS = replace(ONE, task="regression", classes=(), labels=(1.5, 1e300), scores=np.array([1, 2]))
FIRST = [
    ("name", pa.string()),
    ("digest", pa.string()),
    ("split", pa.string()),
    ("fold", pa.int64()),
    ("group", pa.string()),
]
SHARES = [("p(cat)", pa.float32()), ("p(dog)", pa.float32())]
SCHEMAS = {
    "classification": [("label", pa.string()), ("prediction", pa.string()), *SHARES],
    "multilabel": [
        ("label", pa.list_(pa.string())),
        ("prediction", pa.list_(pa.string())),
        *SHARES,
    ],
    "regression": [("label", pa.float64()), ("value", pa.float64())],
}


@pytest.mark.parametrize("results", [ONE, SEVERAL, NUMBERS], ids=lambda each: each.task)
def test_the_schema_of_a_task(results, tmp_path):
    """What other programs read: a column that is renamed or of another type breaks them."""
    expected = pa.schema([*FIRST, *SCHEMAS[results.task]])
    write(table_of(results), tmp_path / "x.parquet")
    read = pyarrow.parquet.read_schema(tmp_path / "x.parquet")
    for schema in (schema_of(results.task, results.classes), read):
        assert schema.equals(expected)
        about = json.loads(schema.metadata[b"headstart"])
        assert about == {"schema": 1, "task": results.task, "classes": list(results.classes)}


def test_one_class_an_item():
    first, second = table_of(ONE).to_pylist()
    assert first == {
        "name": "a.jpg",
        "digest": "00" * 15 + "01",
        "split": "train",
        "fold": None,
        "group": None,
        "label": "dog",
        "prediction": "dog",
        "p(cat)": 0.25,
        "p(dog)": 0.75,
    }
    assert second["digest"] == "01" + "00" * 15
    assert (second["split"], second["label"], second["prediction"]) == (None, "cat", "cat")


def test_several_classes_an_item():
    scores = np.array([[-1, -1], [0, 5]], np.float32)
    first, second = table_of(replace(SEVERAL, scores=scores)).to_pylist()
    assert (first["label"], first["prediction"]) == ([], [])
    assert (second["label"], second["prediction"]) == (["cat", "dog"], ["cat", "dog"])
    assert second["p(cat)"] == 0.5


def test_numbers_keep_every_digit(tmp_path):
    scores = np.array([1_700_000_000.25, 1e300])
    results = replace(NUMBERS, scores=scores, folds=(0, 4), groups=("x", None))
    write(table_of(results), tmp_path / "x.parquet")
    read = pyarrow.parquet.read_table(tmp_path / "x.parquet").to_pydict()
    assert (read["label"], read["value"]) == ([1.5, 1e300], scores.tolist())
    assert (read["fold"], read["group"]) == ([0, 4], ["x", None])


@pytest.mark.parametrize("results", [ONE, SEVERAL, NUMBERS], ids=lambda each: each.task)
def test_the_three_formats_say_the_same(results, tmp_path):
    table = table_of(results)
    for suffix in (".csv", ".jsonl", ".parquet"):
        write(table, tmp_path / f"x{suffix}")
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    kept = pyarrow.parquet.read_table(tmp_path / "x.parquet").to_pylist()
    assert header == list(lines[0]) == list(kept[0])
    for row, line, whole in zip(rows, lines, kept, strict=True):
        for cell, name in zip(row, header, strict=True):
            said = "|".join(line[name]) if isinstance(line[name], list) else line[name]
            assert cell == ("" if said is None else str(said))
            exact = whole[name]
            rounded = name.startswith("p(")
            assert line[name] == (pytest.approx(exact, rel=1e-3) if rounded else exact)


texts = st.text(max_size=5)


@given(
    classes=st.lists(texts, min_size=2, max_size=4, unique=True),
    names=st.lists(texts, max_size=6),
    seed=st.integers(0, 9),
)
def test_any_name_and_class_has_its_row(classes, names, seed):
    random = np.random.default_rng(seed)
    labels = [classes[at] for at in random.integers(0, len(classes), len(names))]
    table = table_of(
        Results(
            task="classification",
            classes=tuple(classes),
            positions=np.arange(len(names)),
            names=names,
            digests=np.array([b"x"] * len(names), "S16"),
            splits=["test"] * len(names),
            labels=labels,
            targets=np.array([classes.index(each) for each in labels]),
            scores=random.normal(size=(len(names), len(classes))),
        )
    )
    escaped = [each.encode("utf-8", "backslashreplace").decode() for each in (*names, *labels)]
    assert table["name"].to_pylist() + table["label"].to_pylist() == escaped
    shares = np.array([c.to_numpy() for c in table.columns[7:]]).reshape(len(classes), -1)
    np.testing.assert_allclose(shares.sum(axis=0), 1, rtol=1e-6)
    asked = [classes[at].encode("utf-8", "backslashreplace").decode() for at in shares.argmax(0)]
    assert table["prediction"].to_pylist() == asked


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_only_whole_files_are_seen(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"x{suffix}"
    path.write_text("older")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(table_of(ONE), path)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]
