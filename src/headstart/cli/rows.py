"""Predictions as rows for people and files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.report.jsonable import jsonable

if TYPE_CHECKING:
    from headstart.model import Predictions

SEPARATOR = "|"
"""Between the classes of one item in a multilabel column."""


@dataclass(frozen=True, slots=True)
class Row:
    """One item and what the model says of it, or the reason why it says nothing.

    Attributes:
        item: its name.
        label: a class, a tuple of classes (multilabel), a number, or None.
        ranked: classes with their probabilities: all in the model's order, or the most probable.
        error: why there is no answer.
    """

    item: str
    label: str | tuple[str, ...] | float | None = None
    ranked: tuple[tuple[str, float], ...] = ()
    error: str | None = None


def rows(answers: "Predictions", top: int | None) -> Iterator[Row]:
    """Every item in its place, then what was skipped besides.

    Args:
        answers: what `predict` gave.
        top: keep so many classes, the most probable first; None: every class, in order.

    Raises:
        InputError: `top` for a model that predicts numbers.
    """
    shares = answers.probabilities
    if top is not None and shares is None:
        raise InputError("--top needs classes, but this model predicts a number; leave --top out.")
    errors = answers.errors or (None,) * len(answers)
    every = zip(answers.names, answers.labels, errors, strict=True)
    for number, (item, label, error) in enumerate(every):
        ranked = () if shares is None or error else _ranked(answers.classes, shares[number], top)
        yield Row(item, label, ranked, error)
    placed = sum(error is not None for error in errors)
    for each in answers.skipped[: len(answers.skipped) - placed]:
        yield Row(each.item, error=each.reason)


def _ranked(
    classes: Sequence[str], shares: NDArray[Any], top: int | None
) -> tuple[tuple[str, float], ...]:
    # Stable, so that of two equally probable classes the first one wins, as in argmax.
    kept = range(len(shares)) if top is None else np.argsort(-shares, kind="stable")[:top]
    return tuple((classes[i], float(shares[i])) for i in kept)


def as_json(row: Row, top: int | None) -> dict[str, Any]:
    """A JSON object: `item`, with `label`, `probability` and all or the `top` ones, or `error`."""
    if row.error is not None:
        return {"item": row.item, "error": row.error}
    if isinstance(row.label, float):
        return {"item": row.item, "value": jsonable(row.label)}
    said: dict[str, Any] = {"item": row.item, "label": row.label}
    if isinstance(row.label, str):
        said["probability"] = max(share for _, share in row.ranked)
    if top is None:
        said["probabilities"] = dict(row.ranked)
    else:
        said["top"] = [{"label": name, "probability": share} for name, share in row.ranked]
    return cast(dict[str, Any], jsonable(said))


def header(answers: "Predictions", top: int | None) -> list[str]:
    """Names of the columns that `cells` fills; a class cannot be mistaken for one of ours."""
    if answers.probabilities is None:
        return ["item", "value", "error"]
    names = ["item", "label"]
    if answers.task == "classification":
        names.append("probability")
    if top is None:
        return [*names, *(f"p({name})" for name in answers.classes), "error"]
    ranks = range(1, min(top, len(answers.classes)) + 1)
    return [*names, *(f"{what}_{n}" for n in ranks for what in ("label", "probability")), "error"]


def cells(row: Row, columns: int, top: int | None) -> list[str | float | None]:
    """The row as `columns` cells under `header`; None is an empty cell."""
    if row.error is not None:
        return [row.item, *[None] * (columns - 2), row.error]
    label = SEPARATOR.join(row.label) if isinstance(row.label, tuple) else row.label
    found: list[str | float | None] = [row.item, label]
    if isinstance(row.label, str):
        found.append(max(share for _, share in row.ranked))
    for name, share in row.ranked:
        found += [share] if top is None else [name, share]
    return [*found, None]
