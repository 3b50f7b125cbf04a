"""The items that an export is asked about: the model's own, or those that somebody names."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.data import given, images, texts
from headstart.data.dataset import Dataset
from headstart.data.labels import encode
from headstart.data.reads import TrainedSpec
from headstart.errors import DataError, InputError, Unreadable
from headstart.evaluation.predictions import FILE
from headstart.predictors import Model
from headstart.types import Array, Label
from headstart.wording import hexadecimal, shown

MOST = 1000
"""Items that an export is asked about."""


@dataclass(frozen=True)
class Items:
    """Items, and what is true of them.

    Attributes:
        data: at most `MOST`.
        source: what they are, for a sentence; it names no place.
        targets: (n,) indices of classes, -1 for none that the model knows, or 0/1 (n, classes);
            None where no labels are known, and for regression.
        tested: whether an item is one of those that the model was tested on, (n,).
    """

    data: Dataset
    source: str
    targets: Array | None
    tested: Array


def wanted(model: Model, folder: Path | None, data: object) -> Items:
    """The items that DATA names, or else the model's own.

    Raises:
        InputError: there are none.
    """
    if data is not None:
        return named(model, data)
    if folder is None:
        raise InputError(
            "An export is checked on real items before it is written, but a model in memory or of "
            "the hub has none of its own here; name some with --data."
        )
    return own(model, folder)


def named(model: Model, data: object) -> Items:
    """Items of DATA, labelled or not.

    Raises:
        InputError: it cannot be read, or holds nothing that the model answers for.
    """
    spec = TrainedSpec(task=model.task, trained=model.reads)
    try:
        dataset = given.read_as_trained(data, spec, classes=model.classes)
    except DataError:
        dataset = given.read_given(data, model.modality, TrainedSpec(trained=model.reads))
    if dataset.modality != model.modality or not len(dataset):
        raise InputError(
            f"--data holds {len(dataset):,} {dataset.modality}s, but the model answers for "
            f"{model.modality}s; name some."
        )
    return _some(model, dataset, "those that were named")


def own(model: Model, folder: Path) -> Items:
    """The validation and test items of a saved model, where they are still what they were.

    Raises:
        InputError: none is.
    """
    name = ""
    try:
        rows = _measured(folder)
        name = str(json.loads((folder / "report.json").read_text("utf-8"))["dataset"])
        spec = TrainedSpec(task=model.task, offline=True, trained=model.reads)
        dataset = given.read_as_trained(name, spec, classes=model.classes)
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise _gone(folder, name) from error
    places = {each: at for at, each in enumerate(dataset.names)}
    index = [places[each] for each in rows if each in places]
    found = _some(model, dataset.select(np.array(sorted(index), np.int64)), "")
    same = [
        at
        for at, (item, each) in enumerate(zip(found.data.items, found.data.names, strict=True))
        if _digest(model, item) == rows[each].digest
    ]
    if not same:
        raise _gone(folder, name)
    targets = None if found.targets is None else found.targets[same]
    tested = np.array([rows[found.data.names[at]].tested for at in same])
    source = "the model's own validation and test items"
    gone = len(rows) - len(index) + len(found.data) - len(same)
    if gone:
        verb, were = ("is", "it was") if gone == 1 else ("are", "they were")
        source += f"; {gone:,} more {verb} not what {were}"
    return Items(found.data.select(np.array(same, np.int64)), source, targets, tested)


def _gone(folder: Path, data: str) -> InputError:
    looked = f" ({shown(data)})" if data else ""
    return InputError(
        "An export is checked on real items before it is written, but the validation and test "
        f"items of {shown(str(folder))!r} are not where they were{looked}; name others with --data."
    )


@dataclass(frozen=True)
class _Measured:
    """An item that no head learnt from.

    Attributes:
        digest: in hexadecimal.
        tested: whether it is a test item.
    """

    digest: str
    tested: bool


def _measured(folder: Path) -> Mapping[str, _Measured]:
    """Items by name."""
    from pyarrow import parquet

    table = parquet.read_table(folder / FILE, columns=["name", "digest", "split", "fold"])
    return {
        row["name"]: _Measured(row["digest"], row["split"] == "test")
        for row in table.to_pylist()
        if row["split"] in ("validation", "test") or row["fold"] is not None
    }


def _digest(model: Model, item: object) -> str:
    try:
        if model.modality == "image":
            found = images.digest(images.load(item))
        else:
            found = texts.digest(texts.clean(item))
    except Unreadable:
        return ""
    return hexadecimal(found)


def _some(model: Model, data: Dataset, source: str) -> Items:
    """At most `MOST` of them, by chance."""
    if len(data) > MOST:
        chosen = np.random.default_rng(0).choice(len(data), MOST, replace=False)
        data = data.select(np.sort(chosen))
    labels: list[Label] | None = None if data.labels is None else list(data.labels)
    known = labels is not None and model.task != "regression"
    targets = encode(labels, model.classes, model.task) if known and labels is not None else None
    return Items(data, source, targets, np.zeros(len(data), bool))
