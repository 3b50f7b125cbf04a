"""Labels in memory, of any library."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from headstart.data import from_memory
from headstart.errors import InputError

TEXTS = ["x", "y", "z"]


def labels(given, task="auto"):
    found = from_memory(TEXTS, given, task)
    return found.task, list(found.labels)


@pytest.mark.parametrize(
    "given",
    [
        [1, 0, 1], (1, 0, 1), np.array([1, 0, 1]), np.array([[1], [0], [1]]),
        torch.tensor([1, 0, 1]),
        torch.tensor([[1.0], [0.0], [1.0]]), pd.Series([1, 0, 1], index=[5, 6, 7]),
        pa.array([1, 0, 1]),
        pa.chunked_array([[1], [0, 1]]), pd.DataFrame({"y": [1, 0, 1]}), pa.table({"y": [1, 0, 1]}),
        pd.Categorical([1, 0, 1]), [np.int64(1), torch.tensor(0), 1.0], [[1], [0], [1]],
        pd.Series([1, 0, 1], dtype="Int64"), {"a": 1, "b": 0, "c": 1}.values(),
    ],
)  # fmt: skip
def test_a_column_of_any_library_is_one_label_for_each(given):
    assert labels(given) == ("classification", ["1", "0", "1"])
    assert labels(given, "regression") == ("regression", [1.0, 0.0, 1.0])


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (np.array([[1, 0], [0, 0], [1, 1]]), ("0", "1")),
        (np.array([[True, False], [False, False], [True, True]]), ("0", "1")),
        (torch.tensor([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]]), ("0", "1")),
        (pd.DataFrame({"cat": [1, 0, 1], "dog": [0, 0, 1]}), ("cat", "dog")),
        (pd.DataFrame({7: [True, False, True], 12: [False, False, True]}), ("7", "12")),
    ],
)
def test_0_and_1_for_each_class(given, names):
    cat, dog = names
    assert labels(given) == ("multilabel", [(cat,), (), (cat, dog)])


def test_one_hot():
    assert labels(np.eye(3)[[2, 0, 2]]) == ("classification", ["2", "0", "2"])
    assert labels(np.eye(3)[[2, 0, 2]], "multilabel") == ("multilabel", [("2",), ("0",), ("2",)])
    assert labels(pd.get_dummies(["b", "a", "b"])) == ("classification", ["b", "a", "b"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"x": "a", "y": "b", "z": "a"}, "dict"),
        ((each for each in "aba"), "generator"),
        ({"a", "b", "c"}, "set"),
        ("aba", "str"),
        (7, "int"),
        (["a", "b"], "3 items but 2 labels"),
        (np.array("a"), "shape"),
        (np.zeros((3, 2, 2)), "shape"),
        (np.random.default_rng(0).normal(size=(3, 2)), "0 and 1"),
        (np.array([["a", "b"], ["c", "d"], ["e", "f"]]), "0 and 1"),
        (pd.DataFrame({"a": [0.5, 1, 2], "b": [1, 2, 3]}), "label 0"),
        ([{"a": 1}, {"a": 2}, {"a": 3}], "label 0.*dict"),
        ([None, None, float("nan")], "No item has a label"),
    ],
)
def test_what_is_no_column_of_labels_is_refused(given, said):
    with pytest.raises(InputError, match=said):
        labels(given)


def test_missing_labels_are_skipped_and_named():
    for given in (
        ["a", None, "b"], ["a", "NA", "b"], pd.Series(["a", pd.NA, "b"]),
        pa.array(["a", None, "b"]),
        np.array(["a", None, "b"], object), pd.DataFrame({"y": ["a", None, "b"]}),
    ):  # fmt: skip
        found = from_memory(TEXTS, given)
        assert list(zip(found.items, found.names, found.labels, strict=True)) == [
            ("x", "x", "a"), ("z", "z", "b"),
        ]  # fmt: skip
        assert [(each.item, each.reason) for each in found.skipped] == [("y", "it has no label")]
    assert from_memory(TEXTS, ["a", "NA", "b"], na_values="").labels == ["a", "NA", "b"]
