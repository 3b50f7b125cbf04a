"""The same data in every format is the same data set; and rows in are items and skipped."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headstart.data import from_memory, read
from headstart.data.texts import digest
from headstart.errors import InputError
from headstart.spec import ReadSpec
from tests.data.tables import write

FORMATS = ("csv", "tsv", "jsonl", "json", "parquet", "xlsx")
QUICK = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

words = st.text(
    st.one_of(
        st.sampled_from("\"',;|#\\/ ab1"), st.characters(codec="utf-8", categories=("L", "N"))
    ),
    min_size=1,
    max_size=15,
).filter(lambda text: text.strip() and any(c.isprintable() and not c.isspace() for c in text))
rows = st.lists(
    st.tuples(st.one_of(words, st.just("")), st.sampled_from(["cat", "dog", "1", "a b", ""])),
    min_size=4,
    max_size=12,
)


def spoken(data):
    labels = [str(label) for label in data.labels]
    return list(map(digest, data.items)), labels, data.modality, data.task


@QUICK
@given(rows=rows)
def test_every_format_gives_the_same_data_set(tmp_path, rows):
    rows = [*rows, ("a first text", "cat"), ("a second text", "dog")]
    spec = ReadSpec(input="text", label="label", task="classification")
    said = {}
    for suffix in FORMATS:
        path = write(tmp_path / f"t.{suffix}", ["text", "label"], rows)
        data = read(path, spec)
        assert len(data) + len(data.skipped) == len(rows)
        said[suffix] = spoken(data)
    kept = [row for row in rows if all(cell.strip() for cell in row)]
    texts, labels = zip(*kept, strict=True)
    said["memory"] = spoken(
        from_memory(list(texts), list(labels), "classification", modality="text")
    )
    assert all(each == said["memory"] for each in said.values()), said


SEPARATORS = st.sampled_from([",", ";", "\t", "|"])
lines = st.lists(
    st.text(st.sampled_from("ab \t,;|\"'\\é1\r"), max_size=14), min_size=1, max_size=12
)


@QUICK
@given(lines=lines, separator=SEPARATORS, encoding=st.sampled_from(["utf-8", "utf-16", "cp1252"]))
def test_rows_in_are_items_and_skipped(tmp_path, lines, separator, encoding):
    """However the lines look: each is a row or a part of one that is said, or all are refused."""
    content = f"text{separator}label\n" + "".join(f"{line}\n" for line in lines)
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode(encoding))
    try:
        data = read(path, ReadSpec(input="text", label="label", task="classification"))
    except InputError as error:
        assert "t.csv" in str(error)  # noqa: PT017 - or it is read
        return
    ends = [n for n, line in enumerate(lines, 1) if line.strip()]
    merged = any("between quotation marks" in note for note in data.notes)
    assert len(data) + len(data.skipped) == max(ends) or merged


@pytest.mark.parametrize("suffix", FORMATS)
def test_numbers_are_the_same_numbers(tmp_path, suffix):
    values = np.random.default_rng(0).normal(size=30).round(3)
    rows = [(f"text {n}", repr(float(value))) for n, value in enumerate(values)]
    data = read(write(tmp_path / f"t.{suffix}", ["text", "y"], rows), ReadSpec())
    assert data.task == "regression"
    assert data.labels == values.tolist()
