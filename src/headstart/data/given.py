"""What a program gives: names of data, tables of any library, items, or one item alone."""

import os
from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from headstart.data import images
from headstart.data import labels as labelling
from headstart.data.dataset import Dataset, Modality, joined
from headstart.data.frames import table_of
from headstart.data.ids import folder_of, ids_of, joined_ids, placed
from headstart.data.memory import from_memory, items_of
from headstart.data.reads import TrainedSpec
from headstart.data.rows import dataset_of
from headstart.data.sources import input_of, one_after_another, read, refuse_mistyped, rows_of
from headstart.data.table import is_table
from headstart.data.times import time_column
from headstart.data.weights import weights_of
from headstart.errors import DataError
from headstart.spec import FitSpec, ReadSpec


def read_any(
    data: object,
    spec: ReadSpec,
    labels: object = None,
    *,
    weights: object = None,
    groups: object = None,
    labelled: bool = True,
) -> Dataset:
    """Read DATA by its name, or what a program holds: a table of any library, or items.

    Args:
        data: a path or name; a `Dataset`; a table (see `headstart.data.frames`); or items, which
            with labels wanted need `labels`, or come as pairs (item, label).
        spec: how to read it.
        labels: of the items, where `data` are items.
        weights: how much each item or row counts in training; None: all alike.
        groups: what each item belongs to, where `data` are items.
        labelled: whether labels are wanted.

    Raises:
        DataError: what is wrong, where, and what to do.
    """
    if isinstance(data, (str, Path)) and labels is None:
        if weights is not None:
            raise DataError("sample_weight is for data in memory; give a frame, or items.")
        if groups is not None:
            raise DataError("groups are for items in memory; name a column with group=.")
        if not labelled and _is_image(data):
            return from_memory(data, modality="image")
        return read(data, spec, labelled=labelled)
    if isinstance(data, Dataset):
        if labels is not None:
            raise DataError("A Dataset has its own labels; leave the others out.")
        if groups is not None or spec.group is not None or spec.group_by is not None:
            raise DataError("A Dataset has its own groups; leave the others out.")
        if time_column(spec) is not None:
            raise DataError("A Dataset has its own times; leave time out.")
        return data if weights is None else replace(data, weights=weights_of(weights, len(data)))
    table = table_of(data)
    if table is None:
        return _items_of(data, spec, labels, weights, groups, labelled)
    if labels is not None:
        raise DataError("A table has its labels in a column; name it with label=.")
    if groups is not None:
        raise DataError("A table has its groups in a column; name it with group=.")
    if weights is not None:
        table = replace(table, weights=weights_of(weights, len(table)))
    return dataset_of(table, spec, labelled=labelled)


def _items_of(
    data: object,
    spec: ReadSpec,
    labels: object,
    weights: object,
    groups: object,
    labelled: bool,
) -> Dataset:
    if spec.input is not None or spec.label is not None:
        raise DataError("Items have no columns; leave out input and label, or give a table.")
    if spec.group is not None or spec.group_by is not None:
        raise DataError("Items have no columns; give their groups with groups=.")
    if time_column(spec) is not None:
        raise DataError("Items have no columns; give a frame with one of dates for time.")
    if spec.label_from is not None and labels is not None:
        raise DataError("The items have labels, so label_from does nothing; leave one out.")
    if labels is None and labelled and isinstance(data, (list, tuple)):
        pairs = [isinstance(each, (list, tuple)) and len(each) == 2 for each in data]
        if data and all(pairs):
            data, labels = [each[0] for each in data], [each[1] for each in data]
    if labels is None and labelled:
        # What is no sequence of items at all is reported first.
        from_memory(data)
        raise DataError(
            "The items have no labels to learn from; give them too: fit(items, labels), or a "
            "frame with a column of them."
        )
    return from_memory(
        data,
        labels,
        spec.task,
        na_values=spec.na_values,
        separator=spec.separator,
        weights=weights,
        groups=groups,
    )


def _is_image(path: str | Path) -> bool:
    return Path(path).suffix.lower() in images.EXTENSIONS and Path(path).is_file()


def items_for(given: object, modality: Modality, spec: ReadSpec) -> Dataset:
    """Items to be answered, each in its place: an item, a sequence of them, or a table's rows.

    Args:
        given: the items.
        modality: what they are.
        spec: how to read a table.

    Raises:
        DataError: it is nothing that can be answered.
    """
    rows = _rows_of(given, modality, spec)
    return from_memory(given, modality=modality) if rows is None else rows


def _rows_of(
    given: object, modality: Modality, spec: ReadSpec, id: str | None = None
) -> Dataset | None:
    """The rows of a table, or a `Dataset` as it is; None for anything else."""
    if isinstance(given, Dataset):
        return _without_ids(given, id)
    table = table_of(given)
    if table is None:
        return None
    return replace(rows_of(table, spec, modality), ids=None if id is None else ids_of(table, id))


def _without_ids(data: Dataset, id: str | None) -> Dataset:
    if id is not None:
        raise DataError(f"id is {id!r}, a column, but the items are no table; leave it out.")
    return data


def read_as_trained(
    data: object, spec: TrainedSpec, labels: object = None, *, classes: Sequence[str]
) -> Dataset:
    """Read labelled data for a model that is trained.

    Args:
        data: see `read_any`.
        spec: how to read it.
        labels: of the items, where `data` are items.
        classes: what the model knows: none of them is taken for a missing value, and other forms
            of them are brought to theirs.

    Raises:
        DataError: what is wrong, where, and what to do.
    """
    words = spec.trained.na_values if spec.na_values is None else spec.na_values
    kept = replace(spec, na_values=labelling.kept_words(classes, words))
    return labelling.aligned(read_any(data, kept, labels), classes)


def with_test(dataset: Dataset, spec: FitSpec) -> Dataset:
    """The data with `--test` behind it, as its test split.

    Raises:
        DataError: the test data cannot be read, or is of another kind.
    """
    if spec.test is None:
        return dataset
    task = dataset.task or "classification"
    classes = labelling.classes_of(dataset.labels or (), task)
    same = {each.name: getattr(spec, each.name) for each in fields(ReadSpec)}
    same["task"] = dataset.task or "auto"
    same["na_values"] = labelling.kept_words(classes, spec.na_values)
    test = read(spec.test, TrainedSpec(**same, trained=dataset.reads))
    if test.modality != dataset.modality:
        raise DataError(
            f"The data holds {dataset.modality}s, but --test holds {test.modality}s; "
            "name test data of the same kind."
        )
    return joined(dataset, test)


def read_given(given: object, modality: Modality, spec: ReadSpec, id: str | None = None) -> Dataset:
    """Read what a program gives to be answered: an item, a sequence of them, or a table.

    A path of a folder or table stands for what is in it, as on a command line; where texts are
    wanted a string does so only by the name of a table or `.txt` file that is there, and is
    otherwise a text. Whatever else is given has one row, in its place.

    Raises:
        DataError: it is nothing that can be answered, or one of its tables is wrong.
    """
    rows = _rows_of(given, modality, spec, id)
    if rows is not None:
        return rows
    if isinstance(given, str) and modality == "text" and not _is_place(given, modality):
        refuse_mistyped(given, Path(given))
    listed = items_of(given)
    whole = from_memory(listed, modality=modality)
    places = [_is_place(item, modality) for item in listed]
    if not any(places):
        return _without_ids(whole, id)
    parts = []
    for is_place, run in groupby(range(len(listed)), lambda at: places[at]):
        if is_place:
            parts += [_part(_path(listed[at]), modality, spec, id, len(listed)) for at in run]
        else:
            parts.append(whole.select(np.array(list(run), np.int64)))
    return replace(one_after_another(parts), ids=None if id is None else joined_ids(id, parts))


def _part(given: str, modality: Modality, spec: ReadSpec, id: str | None, of: int) -> Dataset:
    part = input_of(given, modality, spec, id)
    return part if of == 1 else placed(part, folder_of(given))


def _path(item: object) -> str:
    assert isinstance(item, (str, os.PathLike))
    return os.fsdecode(item)


def _is_place(item: object, modality: Modality) -> bool:
    """Whether an item stands for a folder, a table or a text file."""
    if not isinstance(item, (str, os.PathLike)) or not os.fspath(item):
        return False
    path = Path(os.fsdecode(item))
    text = modality == "text"
    try:
        if path.is_file():
            return is_table(path) or (text and path.suffix.lower() == ".txt")
        return path.is_dir() and not (text and isinstance(item, str))
    except (OSError, ValueError):
        return False
