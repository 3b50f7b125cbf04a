"""Several classes for an item, as people write them."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.data.cells import interpret
from headstart.data.multilabel import indicators
from headstart.errors import InputError


def row_name(row):
    return f"t:{row}"


def labels(cells, task="multilabel", **options):
    return interpret(cells, task, row_name, **options).labels


SEVERAL = [("red", "round"), ("blue",), ("blue", "red", "soft"), (), ("round",)]


@pytest.mark.parametrize(
    "write",
    [
        "|".join, ";".join, "; ".join, ",".join, ", ".join, " ".join, str, json.dumps,
        lambda names: str(set(names)) if names else "{}",
        lambda names: str(list(names)),
        lambda names: str(np.array(names, object)),
        lambda names: "{" + ",".join(names) + "}",
    ],
)  # fmt: skip
def test_however_they_are_separated(write):
    assert labels([write(names) for names in SEVERAL]) == SEVERAL


def test_the_separator_is_said_and_can_be_given():
    found = interpret(["red, light", "blue"], "multilabel", row_name)
    assert any("','" in note and "--separator" in note for note in found.notes)
    assert labels(["New York/Paris", "Paris"], separator="/") == [("New York", "Paris"), ("Paris",)]
    assert labels(["a, b|c"]) == [("a, b", "c")]


def test_what_looks_like_several_is_hinted_at():
    for sign in (", ", "|", ";"):
        cells = [sign.join(names) for names in SEVERAL if names] * 3
        warnings = " ".join(interpret(cells, "auto", row_name).warnings)
        assert "--task multilabel splits them" in warnings
    for plain in (["very good", "good", "very bad", "bad"], ["Paris, France", "Rome, Italy"]):
        assert "splits" not in " ".join(interpret(plain, "auto", row_name).warnings)


def test_empty_is_none_of_them_and_na_is_missing():
    assert labels(["a|b", "", None, "NA", "a"]) == [("a", "b"), (), (), None, ("a",)]
    assert labels(["['a']", "", "[]", "NA"]) == [("a",), (), (), None]
    assert labels([["a"], [], None, ["b", None]]) == [("a",), (), None, ("b",)]
    notes = interpret(["a|b", "", "a"], "multilabel", row_name).notes
    assert any("1 empty label" in note and "t:1" in note for note in notes)


HOT = [[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    "cells",
    [
        HOT,
        [[float(x) for x in row] for row in HOT],
        [[bool(x) for x in row] for row in HOT],
        list(np.array(HOT)),
        [tuple(row) for row in HOT],
        [[2 * x - 1 for x in row] for row in HOT],
        [str(row) for row in HOT],
        [str(np.array(row, float)) for row in HOT],
        [json.dumps(row) for row in HOT],
    ],
)
def test_lists_of_0_and_1_have_a_class_for_each_place(cells):
    for task in ("auto", "multilabel"):
        found = interpret(cells, task, row_name)
        assert found.task == "multilabel"
        assert found.labels == [("0", "2"), ("1",), ("0", "1"), ()]
        assert any("0 and 1" in note for note in found.notes)


def test_one_hot_is_one_class_for_each():
    hot = np.eye(60)[[3, 59, 0, 3]]
    assert labels(list(hot), "auto") == ["3", "59", "0", "3"]
    assert labels(list(hot), "classification") == ["3", "59", "0", "3"]
    assert labels(list(hot)) == [("3",), ("59",), ("0",), ("3",)]
    with pytest.raises(InputError, match="multilabel"):
        labels(list(hot), "regression")


def test_lists_of_one_are_columns():
    assert labels([["a"], ["b"], None], "auto") == ["a", "b", None]
    assert labels([[1.5], [2.5]], "regression") == [1.5, 2.5]
    assert labels([["a"], ["b"]]) == [("a",), ("b",)]


def test_lists_of_amounts_are_refused():
    for cells in ([[0.2, 0.8], [1, 0]], [[1, -1, 0, 0], [0, 1, 1, 0]], [[3, 3], [4, 5]]):
        with pytest.raises(InputError, match="t:0"):
            labels(cells, "auto")
    with pytest.raises(InputError, match="t:1.*dict"):
        labels([["a"], [{"b": 1}, "c"]], "auto")


def test_class_numbers_have_names():
    names = ("cat", "dog", "emu")
    assert interpret([[0, 2], [], None], "auto", row_name, names).labels == [
        ("cat", "emu"), (), None,
    ]  # fmt: skip
    found = interpret([np.int64(1), 2.0, None, "cat"], "auto", row_name, names)
    assert found.labels == ["dog", "emu", None, "cat"]
    assert found.notes[0].startswith("The task is classification")


def test_a_column_for_each_class():
    columns = {"cat": [1, 0, "1", ""], "dog": ["true", "no", 0.0, 1]}
    found = indicators(columns, row_name, "auto")
    assert found.task == "multilabel"
    assert found.labels == [("cat", "dog"), (), ("cat",), None]
    only_yes = indicators({"cat": ["x", "", "X"], "dog": ["", None, "x"]}, row_name, "multilabel")
    assert only_yes.labels == [("cat",), (), ("cat", "dog")]
    assert "no" in only_yes.notes[0]
    signs = indicators({"2": [1, -1], "10": [1, 1]}, row_name, "multilabel")
    assert signs.labels == [("2", "10"), ("10",)]
    for cells in ([1, -1], [0, 2], [0, "maybe"]):
        with pytest.raises(InputError, match="t:1.*'cat'"):
            indicators({"cat": cells, "dog": [0, 1]}, row_name, "auto")


def test_columns_that_exclude_each_other():
    columns = {"cat": [1, 0, 0], "dog": [0, 1, 1]}
    found = indicators(columns, row_name, "auto")
    assert (found.task, found.labels) == ("classification", ["cat", "dog", "dog"])
    assert found.notes[0].startswith("The task is classification")
    assert indicators(columns, row_name, "multilabel").labels == [("cat",), ("dog",), ("dog",)]
    with pytest.raises(InputError, match="t:0"):
        indicators({"cat": [1, 0], "dog": [1, 1]}, row_name, "classification")
    with pytest.raises(InputError, match="regression"):
        indicators(columns, row_name, "regression")


NAMES = st.lists(st.sampled_from(["a", "b b", "10", "2", "é"]), unique=True, max_size=4)


@settings(max_examples=50, deadline=None)
@given(st.lists(NAMES, min_size=1))
def test_lists_and_texts_that_hold_them_say_the_same(rows):
    lists = interpret(rows, "multilabel", row_name).labels
    assert [set(each) for each in lists] == [set(row) for row in rows]
    for write, separator in ((str, None), (json.dumps, None), ("|".join, "|"), (";".join, ";")):
        texts = [write(row) for row in rows]
        assert interpret(texts, "multilabel", row_name, separator=separator).labels == lists


def test_lists_among_plain_texts():
    choices = ["cat", '{"choices": ["cat", "New York"]}', "New York"]
    expected = [("cat",), ("New York", "cat"), ("New York",)]
    for task in ("auto", "multilabel"):
        assert labels(choices, task) == expected
        assert labels(["cat", {"choices": ["cat", "New York"]}, "New York"], task) == expected
        assert labels(["cat", "['cat', 'New York']", "New York"], task) == expected
        assert labels(["{'cat', 'dog'}", "{'cat'}", "set()"], task) == [
            ("cat", "dog"),
            ("cat",),
            (),
        ]
    assert labels(["cat", "[]"]) == [("cat",), ()]
    assert labels(["(cat)", "[1]", "dog"], "auto") == ["(cat)", "[1]", "dog"]
    assert labels(["{}", "{a,b}"]) == [(), ("a", "b")]


def test_signs_between_blanks_separate():
    assert labels(["sci fi / drama", "drama", "a/b"]) == [("drama", "sci fi"), ("drama",), ("a/b",)]
    assert labels(["猫、犬", "猫"]) == [("犬", "猫"), ("猫",)]
