"""What a model says of every item beside what is true: `predictions.parquet`.

One row an item, in the order of the data; docs/saved-model.md lists the columns.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headstart.atomic import whole
from headstart.evaluation.answers import labels_of
from headstart.evaluation.calibration import probabilities
from headstart.evaluation.conformal import Margin, Sets
from headstart.evaluation.results import Results
from headstart.types import Json, Label, Scores
from headstart.wording import hexadecimal, meaningful

if TYPE_CHECKING:
    import pyarrow as pa

FILE = "predictions.parquet"
"""Its name in the folder of a model."""

SEPARATOR = "|"
"""Between the classes of one item in CSV."""

_ROWS = 10_000


def column_of(name: str) -> str:
    """The column with the probability of a class; it cannot be mistaken for one of ours."""
    return f"p({name})"


def schema_of(task: str, classes: Sequence[str], *, sets: bool = False) -> "pa.Schema":
    """The columns of a task, with their types; `task` and `classes` are in the metadata.

    `sets` says whether there are prediction sets, or intervals of values.
    """
    import pyarrow as pa

    text = pa.string()
    answer = {"classification": text, "multilabel": pa.list_(text), "regression": pa.float64()}
    columns: list[tuple[str, pa.DataType]] = [
        ("name", text),
        ("digest", text),
        ("split", text),
        ("fold", pa.int64()),
        ("group", text),
        ("label", answer[task]),
    ]
    if task == "regression":
        columns.append(("value", pa.float64()))
        columns += [("low", pa.float64()), ("high", pa.float64())] if sets else []
    else:
        columns.append(("prediction", answer[task]))
        columns += [("set", pa.list_(text))] if sets else []
        columns += [(column_of(_written(name)), pa.float32()) for name in classes]
    about = {"schema": 1, "task": task, "classes": [_written(name) for name in classes]}
    return pa.schema(columns, metadata={"headstart": json.dumps(about)})


def table_of(results: Results) -> "pa.Table":
    """One row for each item."""
    import pyarrow as pa

    schema = schema_of(results.task, results.classes, sets=results.abstain is not None)
    number = len(results.names)
    digests = np.asarray(results.digests, "S16")
    columns: list[Sequence[object] | NDArray[np.floating]] = [
        [_written(name) for name in results.names],
        [hexadecimal(bytes(each)) for each in digests],
        list(results.splits),
        [None] * number if results.folds is None else list(results.folds),
        [None] * number if results.groups is None else list(results.groups),
    ]
    if results.task == "regression":
        columns += [list(results.labels), np.asarray(results.scores, np.float64)]
        if isinstance(results.abstain, Margin):
            columns += list(results.abstain.of(results.scores).T)
    else:
        shares = probabilities(results.task, results.scores).astype(np.float32)
        columns += [
            [_written_label(each) for each in results.labels],
            [
                _written_label(each)
                for each in labels_of(results.task, results.classes, shares, results.decision)
            ],
            *_sets(results, shares),
            *(np.ascontiguousarray(share) for share in shares.T),
        ]
    arrays = [pa.array(c, field.type) for c, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _sets(results: Results, shares: Scores) -> list[Sequence[object]]:
    if not isinstance(results.abstain, Sets):
        return []
    return [[_written_label(each) for each in results.abstain.names(results.classes, shares)]]


def write(table: "pa.Table", path: Path) -> None:
    """Write such a table as .parquet, .csv or .jsonl, whole or not at all.

    Parquet keeps every digit; the others round probabilities to those that mean something.

    Raises:
        OSError: the disk refuses.
    """
    with whole(path) as unfinished:
        if path.suffix.lower() == ".parquet":
            from pyarrow import parquet

            parquet.write_table(table, unfinished)
            return
        with unfinished.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            if path.suffix.lower() == ".csv":
                out = csv.writer(file, lineterminator="\n")
                out.writerow(table.column_names)
                out.writerows([_cell(each) for each in row.values()] for row in _rounded(table))
            else:
                file.writelines(json.dumps(row) + "\n" for row in _rounded(table))


def _rounded(table: "pa.Table") -> Iterator[dict[str, Json]]:
    shares = {n for n in table.column_names if n.startswith("p(")}
    for batch in table.to_batches(max_chunksize=_ROWS):
        for row in batch.to_pylist():
            yield {n: meaningful(each) if n in shares else each for n, each in row.items()}


def _cell(value: Json) -> Json:
    return SEPARATOR.join(map(str, value)) if isinstance(value, list) else value


def _written(text: str) -> str:
    """The text as UTF-8 holds it: a lone surrogate is escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def _written_label(label: Label) -> str | list[str]:
    if isinstance(label, tuple):
        return [_written(each) for each in label]
    return _written(str(label))
