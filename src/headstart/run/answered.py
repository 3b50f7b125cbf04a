"""What a model answered to items, from its folder, or from a file that any tool can write."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np

from headstart.data.dataset import Skipped, Split, Task
from headstart.data.forms import form, ordered
from headstart.data.labels import encode
from headstart.data.split_names import split_word
from headstart.data.table import is_table, read_table
from headstart.errors import InputError
from headstart.evaluation import Results
from headstart.evaluation.answers import predicted
from headstart.evaluation.predictions import FILE, SEPARATOR
from headstart.types import Floats, Indices, Label, Mask, Scores
from headstart.wording import hexadecimal, shown, some

LEAST = 1e-30
"""A probability of nought counts as this, so that its logarithm is a number."""
NEAR_ONE = 0.02
"""How far from 1 the probabilities of an item may add up to: files round them."""

_VALUES = ("value", "low", "high")


@dataclass(frozen=True)
class Answered:
    """One model's answers to items whose labels are known.

    Attributes:
        name: of the model.
        task: None where a file does not say.
        classes: in the order of the columns of `scores`; empty for regression.
        names: of the items.
        digests: of their content, 32 hexadecimal digits; empty where a file has none.
        learnt: which items the model was trained on or chosen by.
        labels: what is true of each.
        scores: calibrated logits (n, classes), or values (n,).
        probable: whether these hold probabilities; else they only mark what is answered.
        predicted: what is answered, int (n,) or bool (n, classes), where a file says it beside
            probabilities: thresholds may have been chosen.
        columns: what else a file holds, by name.
        tells: whether it is known what the model was trained on.
        skipped: items of the data that have no answer, and why.
        groups: what each item belongs to, or None; empty where nothing is known of any.
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    names: Sequence[str]
    digests: Sequence[str]
    learnt: Sequence[bool]
    labels: Sequence[Label]
    scores: Scores
    probable: bool = True
    predicted: Indices | Mask | None = None
    columns: Mapping[str, Sequence[object]] = field(default_factory=dict)
    tells: bool = True
    skipped: tuple[Skipped, ...] = ()
    groups: Sequence[str | None] = ()


def is_answers(path: Path) -> bool:
    """Whether a file is a table of answers: names, labels, and predictions or probabilities."""
    try:
        if not (is_table(path) and path.is_file()):
            return False
    except (OSError, ValueError):
        return False
    return _holds_answers(read_table(path).columns)


def features(path: Path) -> bool:
    """Whether a table that holds answers holds features as likely: `value` is one of several."""
    columns = read_table(path).columns.keys()
    if "prediction" in columns or any(map(_is_share, columns)):
        return False
    return bool(columns - {"name", "digest", "split", "fold", "group", "label", *_VALUES})


def of_results(
    name: str,
    results: Results,
    learnt: Sequence[bool],
    skipped: tuple[Skipped, ...],
    *,
    tells: bool = True,
) -> Answered:
    """The answers of a model that was asked."""
    return Answered(
        name=name,
        task=cast("Task", results.task),
        classes=results.classes,
        names=results.names,
        digests=[hexadecimal(bytes(each)) for each in results.digests],
        learnt=learnt,
        labels=results.labels,
        scores=results.scores,
        predicted=predicted(results.task, results.scores, results.decision),
        tells=tells,
        skipped=skipped,
        groups=results.groups or (),
    )


def of_folder(folder: Path, name: str) -> Answered:
    """The answers that were saved with a model, which is called `name`.

    Raises:
        InputError: there are none.
    """
    path = folder / FILE
    if not path.is_file():
        raise InputError(
            f"{shown(name)} holds no {FILE}; name the DATA to compare on behind the models."
        )
    return of_file(path, name)


def of_file(path: Path, name: str, task: Task | None = None) -> Answered:
    """Answers in a table: `predictions.parquet`, or what another tool wrote in its form.

    Args:
        path: a .parquet, .csv, .jsonl or other table.
        name: what the model is called.
        task: what is predicted, where that is known and the file does not say.

    Raises:
        InputError: it is not in this form; what is wrong, and where.
    """
    table = read_table(path)
    columns, where = table.columns, shown(str(path))
    if not _holds_answers(columns):
        raise InputError(
            f"{where} holds no answers: it needs the columns name and label, and prediction, "
            "value (numbers) or p(CLASS) for each class."
        )
    said_task, said_classes = _metadata(path)
    task = said_task or task or _task_of(columns)
    names = [str(each) for each in columns["name"]]
    digests = columns.get("digest")
    whole = digests is not None and all(digests)
    twice = next((each for each, times in Counter(names).items() if times > 1), None)
    if twice is not None and not whole:
        raise InputError(f"{where} has the name {shown(twice)!r} twice; name each item once.")
    splits = _splits(columns, where)
    labels = [
        _label(cell, task, f"{where}, row {at}") for at, cell in enumerate(columns["label"], 1)
    ]
    classes: tuple[str, ...] = ()
    probable = True
    scores: Scores
    if task == "regression":
        scores = _values(columns, where)
    else:
        classes, scores, probable = _class_scores(columns, labels, task, said_classes, where)
    known = {"name", "digest", "split", "label", "prediction", "value"}
    return Answered(
        name=name,
        task=task,
        classes=classes,
        names=names,
        digests=[str(each) for each in digests] if digests is not None and whole else (),
        learnt=[each in ("train", "validation") for each in splits],
        labels=labels,
        scores=scores,
        probable=probable,
        predicted=_predicted(columns, classes, task, where) if probable and classes else None,
        tells=any(splits),
        columns={n: c for n, c in columns.items() if n not in known and not _is_share(n)},
        groups=[str(each) if each else None for each in columns.get("group", ())],
    )


def _holds_answers(columns: Mapping[str, Sequence[object]]) -> bool:
    said = {"prediction", "value"} & columns.keys() or any(map(_is_share, columns))
    return {"name", "label"} <= columns.keys() and bool(said)


def _is_share(column: str) -> bool:
    return column.startswith("p(") and column.endswith(")")


def _metadata(path: Path) -> tuple[Task | None, tuple[str, ...]]:
    """Task and classes that headstart wrote in the file; None and none in another's."""
    if path.suffix.lower() != ".parquet":
        return None, ()
    from pyarrow import parquet

    about = (parquet.read_schema(path).metadata or {}).get(b"headstart")
    try:
        said = json.loads(about) if about else {}
        task, classes = said.get("task"), tuple(map(str, said.get("classes", ())))
    except (ValueError, AttributeError, TypeError):
        return None, ()
    return (task if task in ("classification", "multilabel", "regression") else None), classes


def _splits(columns: Mapping[str, Sequence[object]], where: str) -> list[Split | None]:
    """The split of each item, by whatever word there is for it; None where none is said.

    Raises:
        InputError: a word is no split's: items that were learnt from would count.
    """
    cells = ["" if each is None else str(each) for each in columns.get("split", ())]
    for row, cell in enumerate(cells, 1):
        if cell.strip() and split_word(cell) is None:
            raise InputError(
                f"{where}, row {row}: {shown(cell)!r} in the column split is no split; write "
                "train, validation or test."
            )
    return [split_word(each) for each in cells] or [None] * len(columns["name"])


def _task_of(columns: Mapping[str, Sequence[object]]) -> Task:
    if "value" in columns:
        return "regression"
    cells = [*columns["label"], *columns.get("prediction", ())]
    several = any(
        isinstance(cell, (list, tuple)) or (isinstance(cell, str) and SEPARATOR in cell)
        for cell in cells
    )
    return "multilabel" if several else "classification"


def _label(cell: object, task: Task, where: str) -> Label:
    if task == "regression":
        return _number(cell, where)
    if task == "multilabel":
        parts = cell if isinstance(cell, (list, tuple)) else str(cell or "").split(SEPARATOR)
        return tuple(ordered({form(each) for each in parts} - {""}))
    if cell is None or cell == "":
        raise InputError(f"{where}: there is no label or prediction; every row needs both.")
    return form(cell)


def _number(cell: object, where: str) -> float:
    try:
        value = float(str(cell))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: {str(cell)[:40]!r} is no finite number.")
    return value


def _values(columns: Mapping[str, Sequence[object]], where: str) -> Floats:
    column = "value" if "value" in columns else "prediction"
    if column not in columns:
        raise InputError(f"{where} has no column value, but the task is regression.")
    cells = columns[column]
    return np.array([_number(c, f"{where}, row {n}") for n, c in enumerate(cells, 1)], np.float64)


def _class_scores(
    columns: Mapping[str, Sequence[object]],
    labels: Sequence[Label],
    task: Task,
    said: tuple[str, ...],
    where: str,
) -> tuple[tuple[str, ...], Scores, bool]:
    """Classes, logits, and whether these hold probabilities."""
    shares = [each for each in columns if _is_share(each)]
    if shares:
        classes = said or tuple(form(each[2:-1]) for each in shares)
        return classes, _logits(_shares(columns, shares, task, where), task), True
    cells = columns["prediction"]
    answers = [_label(c, task, f"{where}, row {n}") for n, c in enumerate(cells, 1)]
    sets = [each if isinstance(each, tuple) else (str(each),) for each in answers]
    true = [each if isinstance(each, tuple) else (str(each),) for each in labels]
    classes = tuple(ordered({name for each in (*sets, *true) for name in each}))
    places = {name: at for at, name in enumerate(classes)}
    marked = np.zeros((len(sets), len(classes)), np.float64)
    for row, each in enumerate(sets):
        marked[row, [places[name] for name in each]] = 1
    return classes, 2 * marked - 1, False


def _predicted(
    columns: Mapping[str, Sequence[object]], classes: Sequence[str], task: Task, where: str
) -> Indices | Mask | None:
    """What is answered; None where the file only holds probabilities."""
    if "prediction" not in columns:
        return None
    cells = columns["prediction"]
    answers = [_label(c, task, f"{where}, row {n}") for n, c in enumerate(cells, 1)]
    found = encode(answers, classes, task)
    if task == "multilabel":
        return np.asarray(found > 0, bool)
    if (found < 0).any():
        first = int(np.flatnonzero(found < 0)[0])
        raise InputError(
            f"{where}, row {first + 1}: the prediction {str(answers[first])!r} has no column "
            f"p({answers[first]}); give the probability of every class, or of none."
        )
    return np.asarray(found, np.int64)


def _shares(
    columns: Mapping[str, Sequence[object]], names: Sequence[str], task: Task, where: str
) -> Floats:
    """Probabilities (n, classes).

    Raises:
        InputError: they are none.
    """
    rows = np.empty((len(columns["name"]), len(names)))
    for at, name in enumerate(names):
        cells = columns[name]
        rows[:, at] = [_number(c, f"{where}, row {n}") for n, c in enumerate(cells, 1)]
    wrong = (rows < 0).any(axis=1) | (rows > 1).any(axis=1)
    if task == "classification":
        wrong |= np.abs(rows.sum(axis=1) - 1) > NEAR_ONE
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0]) + 1
        needed = "must be from 0 to 1" + " and add up to 1" * (task == "classification")
        raise InputError(
            f"{where}, row {first}: the probabilities {needed} ({some(names, 3)}); "
            f"{int(wrong.sum()):,} rows are wrong."
        )
    return rows


def _logits(shares: Floats, task: Task) -> Floats:
    logits = np.log(np.maximum(shares, LEAST))
    if task == "multilabel":
        logits -= np.log(np.maximum(1 - shares, LEAST))
    return logits
