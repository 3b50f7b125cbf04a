"""How much each item counts in training: weights of its own, and of its class."""

import csv
import io
import json
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from headstart.data import files
from headstart.data.dataset import Dataset
from headstart.data.labels import counts_of
from headstart.errors import DataError, Unreadable
from headstart.spec import FitSpec
from headstart.wording import shown, some

SUFFIXES = (".json", ".csv", ".tsv")


def weights_of(given: object, items: int) -> list[float]:
    """Weights of so many items as floats.

    Raises:
        DataError: not a sequence of so many finite numbers, none below 0 and some above.
    """
    try:
        weights = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        weights = np.empty((0, 0))
    if weights.ndim != 1 or not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise DataError("sample_weight must be a sequence of finite numbers, none below 0.")
    if len(weights) != items:
        raise DataError(f"There are {items:,} items but {len(weights):,} sample weights.")
    if not weights.any():
        raise DataError("Every sample weight is 0, so there is nothing to learn from.")
    return [float(weight) for weight in weights]


def weighted(data: Dataset, spec: FitSpec) -> Dataset:
    """The data with the weights that `--class-weights` gives its items, times their own.

    Raises:
        DataError: they are not numbers above 0, or name a class that the data has not.
    """
    if spec.class_weights is None:
        return data
    if data.task != "classification" or data.labels is None:
        raise DataError(
            f"--class-weights is for classification, but the task is {data.task}; leave it out."
        )
    by_class = class_weights(spec.class_weights)
    classes = counts_of(data.labels, data.task)
    unknown = [name for name in by_class if name not in classes]
    if unknown:
        raise DataError(
            f"--class-weights names {some(unknown)}, but the classes are {some(sorted(classes))}."
        )
    own = data.weights if len(data.weights) else [1.0] * len(data)
    pairs = zip(own, data.labels, strict=True)
    said = ", ".join(f"{shown(name)} {weight:g}" for name, weight in list(by_class.items())[:10])
    return replace(
        data,
        weights=[weight * by_class.get(str(label), 1.0) for weight, label in pairs],
        notes=(*data.notes, f"The classes are weighted in training: {said}."),
    )


def class_weights(given: str) -> dict[str, float]:
    """Weights by class, from `a=2,b=1`, a JSON object, or a file of `SUFFIXES`.

    Raises:
        DataError: says what cannot be read.
    """
    path = Path(given)
    if path.suffix.lower() in SUFFIXES:
        text = _content(path)
        pairs = _in_json(text) if path.suffix.lower() == ".json" else _in_table(path, text)
    elif given.lstrip().startswith("{"):
        pairs = _in_json(given)
    else:
        parts = (part.rpartition("=") for part in given.split(","))
        pairs = [(name, weight) for name, _, weight in parts]
    found: dict[str, float] = {}
    for name, weight in pairs:
        named = _named(str(name).strip(), found)
        found[named] = _number(name, weight)
    return found


def _content(path: Path) -> str:
    try:
        return files.content(str(path)).decode("utf-8-sig")
    except (Unreadable, UnicodeDecodeError) as error:
        raise DataError(
            f"--class-weights is {shown(str(path))!r}, which cannot be read ({error}); name a file "
            "in UTF-8, or give CLASS=WEIGHT,CLASS=WEIGHT."
        ) from error


def _in_json(text: str) -> Iterable[tuple[object, object]]:
    try:
        found = json.loads(text, object_pairs_hook=list)  # a name given twice is seen
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(each, tuple) for each in found or [0]):
        raise DataError(
            '--class-weights in JSON must be an object of numbers such as {"ham": 1, "spam": 5}.'
        )
    return found


def _in_table(path: Path, text: str) -> Iterable[tuple[object, object]]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    if any(len(row) != 2 for row in rows):
        raise DataError(
            f"--class-weights: a row of {shown(path.name)} has not two cells, class and weight."
        )
    if rows and not _is_number(rows[0][1]):  # names of columns
        rows = rows[1:]
    if not rows:
        raise DataError(f"--class-weights: {shown(path.name)} has no rows of class and weight.")
    return [(row[0], row[1]) for row in rows]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _named(name: str, before: dict[str, float]) -> str:
    if not name:
        raise DataError(
            "--class-weights must be CLASS=WEIGHT,CLASS=WEIGHT such as ham=1,spam=5, or a "
            f"{', '.join(SUFFIXES)} file."
        )
    if name in before:
        raise DataError(f"--class-weights names {shown(name)!r} twice; name each class once.")
    return name


def _may_be_one(weight: object) -> TypeGuard[int | float | str]:
    return isinstance(weight, (int, float, str)) and not isinstance(weight, bool)


def _number(name: object, weight: object) -> float:
    try:
        number = float(weight) if _may_be_one(weight) else math.nan
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise DataError(
            f"--class-weights: the weight of {shown(str(name))!r} is {shown(str(weight))!r}, but "
            "it must be a number above 0."
        )
    return number


def balanced_weights(targets: NDArray[np.generic], classes: int) -> NDArray[np.float64]:
    """Weights (items,) of mean one with which every class that occurs weighs the same.

    Args:
        targets: classes (items,), from 0 to classes - 1.
        classes: how many.
    """
    counts = np.bincount(targets, minlength=classes)
    return np.asarray(len(targets) / (np.count_nonzero(counts) * counts[targets]), np.float64)
