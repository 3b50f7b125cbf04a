"""Answers brought to the same items."""

import csv

import numpy as np
import pytest

from headstart.errors import InputError
from headstart.progress import Silent
from headstart.run.answered import of_file
from headstart.run.comparing import Given, run
from headstart.run.matched import matched
from headstart.run.sides import sides
from headstart.run.slicing import MOST_SLICES

COLUMNS = ("name", "split", "group", "digest", "label", "p(cat)", "p(dog)")


@pytest.fixture
def answers(tmp_path):
    def written(name, rows, without=()):
        left = [at for at, column in enumerate(COLUMNS) if column not in without]
        with (tmp_path / name).open("w", newline="") as file:
            csv.writer(file).writerows([row[at] for at in left] for row in (COLUMNS, *rows))
        return of_file(tmp_path / name, name)

    return written


def row(at, split="test", group="", label="cat", name=None):
    return (name or f"item {at}", split, group, f"{at:032x}", label, 0.75, 0.25)


@pytest.mark.parametrize("word", ["train", "Training", "val", "dev", "VALID", "validation"])
def test_whatever_the_split_is_called_that_was_learnt_from(answers, word):
    rows = [row(at, word if at < 4 else "test") for at in range(10)]
    found = matched([answers("a.csv", rows), answers("b.csv", [row(at) for at in range(10)])])
    assert (len(found.names), found.trained_on) == (6, 4)


def test_a_split_that_is_none_is_refused(answers):
    with pytest.raises(InputError, match="row 2: 'seen' in the column split"):
        answers("a.csv", [row(0), row(1, "seen")])


def test_a_class_that_is_never_answered_is_left_out_and_counted(answers):
    rows = [row(at, label="owl" if at < 3 else "dog") for at in range(8)]
    found = matched([answers("a.csv", rows), answers("b.csv", rows[::-1])])
    assert dict(found.unknown) == {"owl": 3}
    assert found.targets.tolist() == [1] * 5
    assert found.names == [f"item {at}" for at in range(3, 8)]
    assert [len(each.scores) for each in found.answers] == [5, 5]
    owls = answers("c.csv", rows[:3])
    with pytest.raises(InputError, match="No item is of a class"):
        matched([owls, owls])


def test_groups_of_either_side_are_joined(answers):
    a = [row(at, group="x" if at < 2 else "") for at in range(6)]
    b = [row(at, group="y" if at in (1, 2) else "") for at in range(6)]
    together = matched([answers("a.csv", a), answers("b.csv", b)]).together
    assert together is not None
    assert len(np.unique(together)) == 4
    assert len(set(together[:3].tolist())) == 1


def test_names_may_repeat_where_the_content_is_known(answers):
    rows = [row(at, name="same") for at in range(5)]
    a = answers("a.csv", rows)
    assert len(matched([a, answers("b.csv", rows)]).names) == 5
    with pytest.raises(InputError, match="twice"):
        answers("c.csv", rows, without=("digest",))
    bare = answers(
        "d.csv", [row(at, name="same" if not at else None) for at in range(5)], ("digest",)
    )
    with pytest.raises(InputError, match=r"5 items of a\.csv share their name"):
        matched([a, bare])


def test_a_column_of_too_many_values_is_none_to_compare_within(answers, tmp_path):
    rows = [row(at, group=str(at)) for at in range(MOST_SLICES + 1)]
    for name in ("a.csv", "b.csv"):
        answers(name, rows)
    given = [Given(name, file=tmp_path / name) for name in ("a.csv", "b.csv")]
    said = {"dataset": None, "cells": None, "began": 0.0, "options": {}}
    with pytest.raises(InputError, match=f"has {MOST_SLICES + 1} values"):
        run(given, Silent(), by="group", page=None, private=False, **said)


def test_a_table_of_features_behind_two_models_is_data(tmp_path):
    """`value` is a column of such a table as well as of answers."""
    for name, columns in (
        ("data.csv", "name,label,value,text"),
        ("answers.csv", "name,label,value"),
    ):
        cells = ",".join("1" for _ in columns.split(","))
        (tmp_path / name).write_text(f"{columns}\n{cells}\n")
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
        (folder / "model.json").write_text("{}")
    given, dataset, _ = sides([*folders, tmp_path / "answers.csv"], None, None, None, {})
    assert (len(given), dataset) == (3, None)
    given, dataset, _ = sides([folders[0], tmp_path / "data.csv"], None, None, None, {})
    assert (len(given), dataset) == (2, None)
    with pytest.raises(InputError) as said:  # these are no models: both are asked for the data
        sides([*folders, tmp_path / "data.csv"], None, None, None, {})
    assert "model.json" in str(said.value)
