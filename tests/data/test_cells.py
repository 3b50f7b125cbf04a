"""What cells of a label column mean, whatever wrote them."""

import csv
import json
from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.data import from_memory, read
from headstart.data.cells import interpret
from headstart.data.forms import MISSING, form, ordered, same
from headstart.errors import InputError
from headstart.spec import ReadSpec


def row_name(row):
    return f"t:{row}"


def labels(cells, task="classification", **options):
    return interpret(cells, task, row_name, **options).labels


def test_one_form_for_numbers_and_truth_values():
    for cells in ([1, 0], ["1", "0"], [1.0, 0.0], ["1.0", "0.0"], [np.int8(1), np.float32(0)]):
        assert labels(cells) == ["1", "0"]
    for cells in ([True, False], ["True", "False"], ["TRUE", "false"], [np.True_, "False"]):
        assert labels(cells) == ["true", "false"]
    assert labels([1, True, "0", "false", None]) == ["1", "1", "0", "0", None]
    assert labels([0.1, np.float32(0.1), "0.1"]) == ["0.1"] * 3
    assert labels(["01", "1", "1.10", "1.1"]) == ["01", "1", "1.10", "1.1"]
    assert labels(["TRUE", "FALSE", "half-true"]) == ["TRUE", "FALSE", "half-true"]


def test_what_may_be_one_class_or_two_is_refused_with_both_forms():
    with pytest.raises(InputError, match="'1'.*'true'"):
        labels([1, 2, True])


def test_forms_that_are_merged_are_shown():
    (warning,) = interpret(["1", 1.0, "2"], "auto", row_name).warnings
    assert "'1'" in warning
    assert "1.0" in warning
    assert any("'1.0'" in note for note in interpret(["1.0", "2"], "auto", row_name).notes)
    assert any("'a '" in note for note in interpret(["a ", "a"], "auto", row_name).notes)
    assert interpret(["cafe\u0301", "caf\xe9"], "auto", row_name).labels == ["caf\xe9"] * 2


def test_missing_labels_are_counted_and_can_be_kept():
    cells = ["NA", "DE", "FR", "NA", None, "", float("nan"), pd.NA, "null", "none"]
    found = interpret(cells, "auto", row_name)
    assert found.labels == [None, "DE", "FR", None, None, None, None, None, None, "none"]
    (warning,) = found.warnings
    assert "3 labels" in warning
    assert "NA (2), null (1)" in warning
    assert "--na-values" in warning
    kept = interpret(cells, "auto", row_name, na_values="")
    assert kept.labels[0] == "NA"
    assert kept.warnings == ()
    assert labels(["?", "a", "NA"], na_values="?") == [None, "a", "NA"]
    assert labels([-999, "-999", 3.5], "regression", na_values="-999,x") == [None, None, 3.5]
    assert labels(["NA", "1.5", "N/A", "-"], "regression", na_values="NA,N/A,-") == [
        None, 1.5, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize("word", sorted(MISSING))
def test_every_word_for_missing(word):
    assert labels([word, "a", f" {word} "]) == [None, "a", None]
    assert labels([word, "1.5"], "regression") == [None, 1.5]


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (["a", "b"] * 9, "classification"),
        ([True, False] * 9, "classification"),
        ([1, 2, 3, 4, 5] * 9, "classification"),
        (range(20), "classification"),
        ([17, 18, 21, 22, 24, 30, 31, 35, 47, 52, 60, 61, 70], "regression"),
        ([0.5, 1.5, 2.25, 7.5], "regression"),
        (range(1, 60), "regression"),
        ([18 + n % 59 for n in range(300)], "regression"),
        ([n * n for n in range(30)] * 9, "regression"),
        ([2000.5, "NA", 1.5, 3.25], "regression"),
        ([["a"], ["b"]], "classification"),
        ([["a"], ["b"], []], "multilabel"),
        ([[1, 0, 0], [0, 0, 1]], "classification"),
        ([[1, 0, 0], [1, 0, 1]], "multilabel"),
        (["['a', 'b']", "['c']"], "multilabel"),
    ],
)
def test_the_guessed_task_and_why_is_said(cells, task):
    found = interpret(list(cells), "auto", row_name)
    assert found.task == task
    assert found.notes[0].startswith(f"The task is {task}: ")
    assert "a guess; --task " in found.notes[0]
    said = interpret(list(cells), task, row_name)
    assert said.labels == found.labels
    assert not any("guess; --task" in note for note in said.notes)


def test_numbers_with_a_few_words_among_them_are_a_question():
    cells = [0.5 * n for n in range(100)]
    with pytest.raises(InputError, match=r"t:100.*'\?'.*--na-values='\?,unknown'"):
        interpret([*cells, "?", "unknown"], "auto", row_name)
    found = interpret([*cells, "?", "unknown"], "auto", row_name, na_values="?,unknown")
    assert found.task == "regression"
    assert interpret([*cells, "?"], "classification", row_name).labels[-1] == "?"


def test_numbers_that_cannot_be_learnt_are_refused_before_work():
    for wrong in (float("inf"), "inf", "-Infinity", 1e300, "1e101", 10**400, "many"):
        with pytest.raises(InputError, match="t:1"):
            labels([1.5, wrong], "regression")
    with pytest.raises(InputError, match="t:50"):
        interpret([0.1 * n for n in range(50)] + [float("-inf")], "auto", row_name)
    assert labels([1e99, -1e99], "regression") == [1e99, -1e99]
    assert "precision" in interpret([2**60 + 1, 5], "regression", row_name).warnings[0]
    assert interpret([2**60, 5], "regression", row_name).warnings == ()


def test_what_is_no_label_names_its_row():
    for wrong in ({"a": 1}, b"x"):
        with pytest.raises(InputError, match="t:1"):
            labels(["a", wrong])


WORDS = st.sampled_from(["a", "B", "été", "01", "1", "2", "10", "-1", "0.5", "x y", "none"])
CELLS = st.one_of(WORDS, st.none(), st.integers(-2, 12), st.booleans(), st.sampled_from(["NA", ""]))


@settings(max_examples=50, deadline=None)
@given(st.lists(CELLS, min_size=1))
def test_every_row_has_its_label_or_none(cells):
    """Rows in = items + skipped; and what is a label does not hang on the rows around it."""
    try:
        found = interpret(cells, "classification", row_name)
    except InputError:
        return
    assert len(found.labels) == len(cells)
    for cell, label in zip(cells, found.labels, strict=True):
        assert (label is None) == (cell is None or cell in ("", "NA"))
        if label is not None:
            assert same(label) == same(form(cell))
    assert interpret(found.labels, "classification", row_name).labels == found.labels


@settings(max_examples=50, deadline=None)
@given(st.lists(WORDS))
def test_the_order_of_classes_is_one_and_numeric(names):
    found = ordered(names)
    assert Counter(found) == Counter(names)
    numbers = [float(name) for name in found if isinstance(same(name), float)]
    assert numbers == sorted(numbers)
    assert found == ordered(reversed(found))


COLUMNS = st.one_of(
    st.lists(WORDS, min_size=4, max_size=12),
    st.lists(st.sampled_from(["yes", "no", "NA", None]), min_size=4, max_size=12),
    st.lists(st.integers(-3, 12), min_size=4, max_size=12),
    st.lists(st.one_of(st.integers(0, 3), st.none()), min_size=4, max_size=12),
    st.lists(st.booleans(), min_size=4, max_size=12),
    st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=4, max_size=12),
)


@settings(max_examples=60, deadline=None)
@given(COLUMNS)
def test_the_same_labels_from_every_format(tmp_path_factory, column):
    """CSV, TSV, JSONL, Parquet and memory; floats of pandas too, where a label is missing."""
    folder = tmp_path_factory.mktemp("formats")
    texts = [f"text {n}" for n in range(len(column))]
    rows = list(zip(texts, column, strict=True))
    for name, delimiter in (("t.csv", ","), ("t.tsv", "\t")):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=delimiter).writerows([("text", "label"), *rows])
    lines = (json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    (folder / "t.jsonl").write_text("".join(lines), "utf-8")
    table = pa.table({"text": texts, "label": column})
    pq.write_table(table, folder / "t.parquet")
    frame = pd.DataFrame({"text": texts, "label": column})
    frame.to_csv(folder / "pandas.csv", index=False)
    found = {}
    spec = ReadSpec(input="text", label="label")
    for name in ("t.csv", "t.tsv", "t.jsonl", "t.parquet", "pandas.csv"):
        found[name] = outcome(lambda name=name: read(folder / name, spec))
    for name, given_labels in {
        "list": column,
        "objects": np.array(column, object),
        "series": frame["label"],
        "frame": frame[["label"]],
        "arrow": table["label"],
    }.items():
        found[name] = outcome(lambda it=given_labels: from_memory(texts, it))
    assert len({json.dumps(each) for each in found.values()}) == 1, found


def outcome(reading):
    """Task, labels by item, and how many are left out; or that it is refused."""
    try:
        data = reading()
    except InputError:
        return "refused"
    assert len(data.items) == len(data.labels)
    return data.task, list(zip(data.items, data.labels, strict=True)), len(data.skipped)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.floats(), st.integers(), st.text(max_size=6), st.none()), max_size=30))
def test_any_column_is_read_or_refused(cells):
    for task in ("auto", "classification", "regression", "multilabel"):
        try:
            found = interpret(cells, task, row_name)
        except InputError:
            continue
        assert len(found.labels) == len(cells)


def test_leading_zeros_are_those_of_codes():
    codes = [f"{100 + 7 * n:05d}" for n in range(30)] * 4
    with pytest.raises(InputError, match="--task classification"):
        interpret(codes, "auto", row_name, column="zip")
    assert len(set(interpret(codes, "classification", row_name).labels)) == 30
    assert interpret(codes, "auto", row_name, column="price").task == "regression"
