"""Tables in memory are read as the same table in a file."""

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from headstart.data import read, read_any
from headstart.data.dataset import Dataset
from headstart.errors import InputError
from headstart.spec import ReadSpec

ROWS = [("what a film", "good"), ("a bore", "bad"), (None, "bad"), ("fine", None), ("so so", "bad")]
FRAME = pd.DataFrame(ROWS, columns=["text", "label"], index=range(10, 15))


def summary(found: Dataset):
    return list(found.items), list(found.labels), found.task, len(found.skipped)


FORMS = {
    "pandas": lambda frame: frame,
    "datasets": lambda frame: datasets.Dataset.from_pandas(frame, preserve_index=False),
    "pyarrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "rows": lambda frame: frame.to_dict("records"),
    "columns": lambda frame: frame.to_dict("list"),
    "series": lambda frame: {name: frame[name] for name in frame},
}


@pytest.mark.parametrize("form", FORMS)
def test_forms(form, tmp_path):
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    expected = read(tmp_path / "t.csv", ReadSpec())
    found = read_any(FORMS[form](FRAME), ReadSpec())
    assert summary(found) == summary(expected)
    assert len(found) + len(found.skipped) == len(FRAME)


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=8)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None
)
@given(st.lists(st.tuples(st.none() | WORDS, st.sampled_from(["x", "y", None])), min_size=1))
def test_rows_in_are_items_and_skipped(rows):
    """Property: no row is lost, and every form gives the same items and labels."""
    rows = [("a text", "x"), *rows]
    frame = pd.DataFrame(rows, columns=["text", "label"], dtype=object)
    spec = ReadSpec(input="text", label="label", task="classification")
    found = [read_any(make(frame), spec) for make in FORMS.values()]
    assert len(found[0]) + len(found[0].skipped) == len(rows)
    for other in found[1:]:
        assert summary(other) == summary(found[0])


def test_class_names_and_splits_of_a_hub_data_set():
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])}
    )
    part = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features)
    found = read_any(datasets.DatasetDict(train=part, test=part), ReadSpec())
    assert found.labels == ["yes", "no"] * 2
    assert list(found.splits) == ["train", "train", "test", "test"]
    assert read_any(part.with_format("torch"), ReadSpec()).labels == ["yes", "no"]


def test_images_in_a_column(tmp_path):
    image = Image.new("RGB", (4, 4), "red")
    image.save(tmp_path / "a.png")
    raw = (tmp_path / "a.png").read_bytes()
    cells = [image, np.asarray(image), raw, {"bytes": raw, "path": None}, tmp_path / "a.png"]
    frame = pd.DataFrame({"image": [*cells, None], "label": list("ababab")})
    found = read_any(frame, ReadSpec())
    assert found.modality == "image"
    assert len(found) == 6
    assert found.items[3] == raw


def test_polars_by_its_methods():
    """Polars is not installed here; what is asked of it is this."""

    class Column(list):
        def to_list(self):
            return list(self)

    class DataFrame:
        columns = ("text", "label")

        def __getitem__(self, name):
            return Column(FRAME[name])

    DataFrame.__module__ = "polars.dataframe.frame"
    assert summary(read_any(DataFrame(), ReadSpec())) == summary(read_any(FRAME, ReadSpec()))


def test_items_and_labels(tmp_path):
    texts, labels = ["a", "b"], ["x", "y"]
    for found in (
        read_any(texts, ReadSpec(), labels),
        read_any(list(zip(texts, labels, strict=True)), ReadSpec()),
        read_any(pd.Series(texts), ReadSpec(), pd.Series(labels)),
    ):
        assert (list(found.items), found.labels) == (texts, labels)
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    assert len(read_any(tmp_path / "a.png", ReadSpec(), labelled=False)) == 1


@pytest.mark.parametrize(
    ("data", "options", "said"),
    [
        (["a", "b"], {}, "no labels"),
        (pd.DataFrame({"text": []}), {}, "no rows"),
        (pd.DataFrame([["a", "b"]], columns=["x", "x"]), {}, "there twice"),
        ({"text": ["a"], "label": ["x", "y"]}, {}, "several lengths"),
        ({"text": ["a"], "label": "x"}, {}, "No (row|column)"),
        ({}, {}, "empty"),
        (FRAME, {"input": "words"}, "no column 'words'"),
        (7, {}, "no sequence of items"),
        (None, {}, "no sequence of items"),
        ([("a", "x"), ("b", "y")], {"input": "text"}, "no columns"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_wrong_is_said(data, options, said):
    with pytest.raises(InputError, match=said):
        read_any(data, ReadSpec(**options))


def test_weights_go_with_the_items_that_have_a_label():
    found = read_any(["a", "b", "c"], ReadSpec(), ["x", None, "y"], weights=[1, 2, 3])
    assert (list(found.items), list(found.weights)) == (["a", "c"], [1, 3])


def test_weights_go_with_the_rows_that_are_kept():
    found = read_any(FRAME, ReadSpec(), weights=[1, 2, 3, 4, 5])
    assert list(found.weights) == [1, 2, 5]
    assert found.select(np.array([2])).weights == [5]
    for wrong in ([1, 2], [1, 2, 3, 4, -5], [0] * 5, ["a"] * 5, [[1]] * 5, [float("nan")] * 5):
        with pytest.raises(InputError, match="weight"):
            read_any(FRAME, ReadSpec(), weights=wrong)
