"""The answers to test items, as `predictions.parquet` keeps them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headstart.evaluation.predictions import column_of
from headstart.types import Label, Numbers, Scores

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Rows:
    """An entry for each test item, in the order of the data.

    Attributes:
        task: classification, multilabel or regression.
        classes: in the order of the columns of `scores`; empty for regression.
        names: what the items are called; digests: 32 hexadecimal digits that name their content.
        labels: what is true, and `answers` what the model says, as people write it.
        targets: classes as their places in `classes`, (n,), or 0/1 (n, classes), or numbers (n,).
        predicted: the same of what the model says.
        scores: probabilities (n, classes), or numbers (n,).
    """

    task: str
    classes: tuple[str, ...]
    names: Sequence[str]
    digests: Sequence[str]
    labels: Sequence[Label]
    answers: Sequence[Label]
    targets: Numbers
    predicted: Numbers
    scores: Scores

    def __len__(self) -> int:
        return len(self.names)


def read(path: Path) -> Rows:
    """The test items of a file that `headstart.evaluation.predictions` wrote.

    Raises:
        OSError, ValueError, KeyError: it is no such file.
    """
    from pyarrow import parquet

    table = parquet.read_table(path, filters=[("split", "=", "test")], partitioning=None)
    about = json.loads((table.schema.metadata or {})[b"headstart"])
    task, classes = str(about["task"]), tuple(map(str, about["classes"]))
    labels = table["label"].to_pylist()
    names, digests = (table[name].to_pylist() for name in ("name", "digest"))
    if task == "regression":
        true, values = (_numbers(table, name) for name in ("label", "value"))
        return Rows(task, (), names, digests, labels, values.tolist(), true, values, values)
    answers = table["prediction"].to_pylist()
    columns = [_numbers(table, column_of(name)) for name in classes]
    scores = np.stack(columns, axis=1) if columns else np.zeros((len(names), 0))
    coded = _several if task == "multilabel" else _places
    targets, predicted = (coded(each, classes) for each in (labels, answers))
    return Rows(task, classes, names, digests, labels, answers, targets, predicted, scores)


def _numbers(table: "pa.Table", name: str) -> Scores:
    return np.asarray(table[name].to_numpy(), np.float64)


def _places(labels: Sequence[str | None], classes: Sequence[str]) -> Numbers:
    """-1 for a class that the model does not know, or where it gives no answer."""
    place = {name: at for at, name in enumerate(classes)}
    return np.array([-1 if each is None else place.get(each, -1) for each in labels], np.int64)


def _several(labels: Sequence[Sequence[str] | None], classes: Sequence[str]) -> Numbers:
    marks = np.zeros((len(labels), len(classes)), np.int64)
    place = {name: at for at, name in enumerate(classes)}
    for row, several in enumerate(labels):
        marks[row, [place[each] for each in several or () if each in place]] = 1
    return marks
