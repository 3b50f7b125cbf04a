from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.data.cells import interpret
from headstart.data.dataset import Dataset
from headstart.data.labels import aligned, check, classes_of, encode, kept_words, one_form
from headstart.errors import InputError


def dataset(labels, task="classification"):
    names = [str(n) for n in range(len(labels))]
    return Dataset("text", names, names, task, labels)


def row_name(row):
    return f"t:{row}"


@given(st.lists(st.text(min_size=1, max_size=3), min_size=1))
def test_codes_name_their_class(labels):
    classes = classes_of(labels, "classification")
    assert sorted(classes) == sorted(set(labels))
    codes = encode(labels, classes, "classification")
    assert codes.dtype == np.int64
    assert [classes[code] for code in codes] == labels


def test_unknown_labels():
    assert encode(["a", "?"], ("a", "b"), "classification").tolist() == [0, -1]
    codes = encode([("a", "?"), (), ("b", "a")], ("a", "b"), "multilabel")
    assert codes.tolist() == [[1, 0], [0, 0], [1, 1]]
    assert codes.dtype == np.uint8
    assert encode([1.5, 2.0], (), "regression").tolist() == [1.5, 2.0]
    assert classes_of([1.5], "regression") == ()


def test_lookalikes_are_kept_apart_and_named():
    found = interpret([1, "1", "1 ", "Cat", "cat"], "auto", row_name)
    assert found.labels == ["1", "1", "1", "Cat", "cat"]
    assert "'1'" in found.warnings[0]
    warnings = check(dataset(found.labels * 10))
    assert sum("differ only" in warning for warning in warnings) == 1
    assert any("'Cat', 'cat'" in warning for warning in warnings)


def test_one_class():
    for labels, task in ((["a"] * 5, "classification"), ([1.0] * 5, "regression"),
                         ([("a",)] * 5, "multilabel"), ([()] * 5, "multilabel")):  # fmt: skip
        with pytest.raises(InputError):
            check(dataset(labels, task))
    assert check(dataset([("a",)] * 20 + [()] * 20, "multilabel")) == ()


def test_small_classes():
    warnings = check(dataset(["a"] * 50 + ["b"] * 3 + ["c"]))
    assert any("'b', 'c'" in warning and "uncertain" in warning for warning in warnings)
    assert any("right" in warning for warning in check(dataset([str(n) for n in range(50)])))


def test_class_names():
    found = interpret([0, 1, -1, None], "auto", row_name, ("cat", "dog"))
    assert found.labels == ["cat", "dog", None, None]
    with pytest.raises(InputError, match="t:0"):
        interpret([5], "auto", row_name, ("cat", "dog"))
    found = interpret([[0, 1], []], "auto", row_name, ("cat", "dog"))
    assert found.labels == [("cat", "dog"), ()]


def test_what_is_no_label():
    for cell in ({"a": 1}, b"x"):
        with pytest.raises(InputError, match="t:1"):
            interpret(["a", cell], "auto", row_name)
    assert interpret([1.0, 2.5, None, float("nan")], "classification", row_name).labels == [
        "1", "2.5", None, None,
    ]  # fmt: skip


def test_classes_that_are_numbers_are_in_the_order_of_the_numbers():
    numbers = [str(n) for n in (10, -3, 2, 0.5, 1, 100)]
    assert classes_of(numbers, "classification") == ("-3", "0.5", "1", "2", "10", "100")
    assert classes_of(["b10", "b9", "10", "9", "01", "1"], "classification") == (
        "01", "1", "9", "10", "b10", "b9",
    )  # fmt: skip
    assert classes_of([("2", "10")], "multilabel") == ("2", "10")


@pytest.mark.parametrize(
    ("classes", "labels", "expected"),
    [
        (("0", "1"), ["true", "false"], ["1", "0"]),
        (("False", "True"), ["1", "0"], ["True", "False"]),
        (("False", "True"), ["true", "false"], ["True", "False"]),
        (("00", "01", "02"), ["2", "0"], ["02", "00"]),
        (("0", "1", "2"), ["002", "1"], ["2", "1"]),
        (("01", "1"), ["001"], ["001"]),  # either
        (("0", "1", "2"), ["true"], ["true"]),  # what true is among three is not known
        (("Cat",), ["cat"], ["cat"]),
        (("a", "b"), ["b", "c"], ["b", "c"]),
    ],
)
def test_labels_of_other_data_take_the_form_of_the_classes(classes, labels, expected):
    found = aligned(dataset(labels), classes)
    assert found.labels == expected
    assert (found.notes != ()) == (labels != expected)
    several = aligned(dataset([tuple(labels)], "multilabel"), classes)
    assert set(several.labels[0]) == set(expected)


def test_words_for_missing_that_are_classes_are_classes_in_other_data_too():
    assert kept_words(("DE", "NA"), None) == ""
    assert kept_words(("DE", "NL"), None) is None
    assert kept_words(("DE", "NA"), "?") == "?"


def test_a_number_that_may_stand_for_missing_is_named():
    values = [float(n % 31) for n in range(90)]
    assert check(dataset(values, "regression")) == ()
    (warning,) = check(dataset([*values, -9999.0, -9999.0], "regression"))
    assert "2 items labelled -9999" in warning
    assert "--na-values=-9999" in warning
    assert check(dataset([1.7e9 + x for x in values], "regression")) == ()
    (warning,) = check(dataset([*values, 1e9, 1.1e9, 0.9e9], "regression"))
    assert "logarithm" in warning


def test_other_splits_take_the_form_of_the_train_split():
    data = dataset(["1", "2", "01", "02", "03"])
    found = one_form(replace(data, splits=["train", "train", "test", "test", "test"]))
    assert found.labels == ["1", "2", "1", "2", "03"]
    assert one_form(data).labels == data.labels
