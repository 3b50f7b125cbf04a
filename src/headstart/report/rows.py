"""Predictions as rows for people and files."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from headstart.errors import InputError
from headstart.evaluation.predictions import SEPARATOR, column_of
from headstart.report.jsonable import jsonable
from headstart.types import Array
from headstart.wording import meaningful

if TYPE_CHECKING:
    from headstart.predictors import Predictions

Cell = str | float | None

OURS = ("item", "label", "probability", "probabilities", "top", "value", "error")
"""Names that mean something in answers."""


@dataclass(frozen=True, slots=True)
class Row:
    """One item and what the model says of it, or the reason why it says nothing.

    Attributes:
        item: its name.
        label: a class, a tuple of classes (multilabel), a number, or None.
        probability: of the label, where that is one class.
        set: the classes that it may be of; None for a model that never abstains.
        interval: the low and the high end of a number; None likewise.
        ranked: classes with their probabilities: all in the model's order, or the most probable.
        error: why there is no answer.
        id: its cell in the column that was asked for.
    """

    item: str
    label: str | tuple[str, ...] | float | None = None
    probability: float | None = None
    set: tuple[str, ...] | None = None
    interval: tuple[float, float] | None = None
    ranked: tuple[tuple[str, float], ...] = ()
    error: str | None = None
    id: object = None


def rows(answers: "Predictions", top: int | None) -> Iterator[Row]:
    """Every item in its place, then what was skipped besides.

    Args:
        answers: what `predict` gave.
        top: keep so many classes, the most probable first; None: every class, in order.

    Raises:
        InputError: `top` for a model that predicts numbers.
    """
    shares = answers.probabilities
    if top is not None:
        refuse_top(answers.task)
    ids = {} if answers.ids is None else answers.ids.cells
    labels = answers.labels if answers.values is None else map(_value, answers.values)
    errors = answers.errors or (None,) * len(answers)
    sets, ends = answers.sets, answers.intervals
    every = zip(answers.names, labels, errors, strict=True)
    for number, (item, label, error) in enumerate(every):
        if error:
            yield Row(item, error=error, id=ids.get(item))
            continue
        ranked: tuple[tuple[str, float], ...] = ()
        probability = None
        if shares is not None:
            ranked = _ranked(answers.classes, shares[number], top)
        if shares is not None and isinstance(label, str):
            probability = meaningful(shares[number][answers.classes.index(label)])
        yield Row(
            item,
            label,
            probability,
            None if sets is None else sets[number],
            None if ends is None else (_value(ends[number, 0]), _value(ends[number, 1])),
            ranked,
            id=ids.get(item),
        )
    placed = sum(error is not None for error in errors)
    for each in answers.skipped[: len(answers.skipped) - placed]:
        yield Row(each.item, error=each.reason, id=ids.get(each.item))


def refuse_top(task: str) -> None:
    """Refuse the most probable classes of a model that predicts numbers.

    Raises:
        InputError: it does.
    """
    if task == "regression":
        raise InputError("--top needs classes, but this model predicts a number; leave --top out.")


def _ranked(
    classes: Sequence[str], shares: Array, top: int | None
) -> tuple[tuple[str, float], ...]:
    # Stable, so that of two equally probable classes the first one wins, as in argmax.
    kept = range(len(shares)) if top is None else np.argsort(-shares, kind="stable")[:top]
    return tuple((classes[i], meaningful(shares[i])) for i in kept)


def _value(value: np.floating) -> float:
    """The number with the digits that it has: those of 32 bits are not spelt in 64."""
    return float(str(value)) if value.dtype == np.float32 else float(f"{value:.12g}")


def as_json(row: Row, top: int | None, id: str | None = None) -> dict[str, object]:
    """A JSON object: `item`, with `label`, `probability` and all or the `top` ones, or `error`.

    `id` is the key of the cell in the column that was asked for.
    """
    said: dict[str, object] = {} if id is None else {id: row.id}
    said["item"] = row.item
    if row.error is not None:
        said["error"] = row.error
    elif isinstance(row.label, float):
        said["value"] = row.label
        if row.interval is not None:
            said["low"], said["high"] = row.interval
    else:
        said["label"] = row.label
        if isinstance(row.label, str):
            said["probability"] = row.probability
        if row.set is not None:
            said["set"], said["sure"] = row.set, len(row.set) == 1
        if top is None:
            said["probabilities"] = dict(row.ranked)
        else:
            said["top"] = [{"label": name, "probability": share} for name, share in row.ranked]
    return cast(dict[str, object], jsonable(said))


def header(answers: "Predictions", top: int | None) -> list[str]:
    """Names of the columns that `cells` fills; a class cannot be mistaken for one of ours."""
    id = id_key(answers)
    return [*([] if id is None else [id]), *_header(answers, top)]


def id_key(answers: "Predictions") -> str | None:
    """What the column that was asked for is called beside ours; None where none was."""
    if answers.ids is None:
        return None
    column = answers.ids.column
    more = ("set",) * (answers.sets is not None)
    more += ("low", "high") * (answers.intervals is not None)
    ours = column in (*OURS, *more) or re.fullmatch(
        r"p\(.*\)|(label|probability)_\d+", column, re.S
    )
    return f"id({column})" if ours else column


def _header(answers: "Predictions", top: int | None) -> list[str]:
    if answers.probabilities is None:
        ends = [] if answers.intervals is None else ["low", "high"]
        return ["item", "value", *ends, "error"]
    names = ["item", "label"]
    single = answers.task == "classification"
    if single:
        names.append("probability")
    if answers.sets is not None:
        names.append("set")
    if top is None:
        return [*names, *map(column_of, answers.classes), "error"]
    # The most probable class of an item that has one is its label.
    ranks = range(2 if single else 1, min(top, len(answers.classes)) + 1)
    return [*names, *(f"{what}_{n}" for n in ranks for what in ("label", "probability")), "error"]


def cells(row: Row, names: Sequence[str], top: int | None) -> list[object]:
    """The row as cells under the header `names`; None is an empty cell."""
    first = [] if names[0] == "item" else [row.id]
    if row.error is not None:
        return [*first, row.item, *[None] * (len(names) - len(first) - 2), row.error]
    label = SEPARATOR.join(row.label) if isinstance(row.label, tuple) else row.label
    found: list[Cell] = [row.item, label]
    ranked: Sequence[tuple[str, float]] = row.ranked
    if isinstance(row.label, str):
        found.append(row.probability)
        # A decision may say another class than the most probable one.
        ranked = ranked if top is None else [each for each in ranked if each[0] != row.label]
        ranked = ranked if top is None else ranked[: top - 1]
    if row.set is not None:
        found.append(SEPARATOR.join(row.set))
    if row.interval is not None:
        found += row.interval
    for name, share in ranked:
        found += [share] if top is None else [name, share]
    return [*first, *found, None]
