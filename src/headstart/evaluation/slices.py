"""Slices of the items, such as short texts or the values of a column: where a model is worse.

The more slices are looked at, the more differ by chance: who shows them says how many there are.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from headstart.evaluation.answers import predicted
from headstart.evaluation.intervals import (
    RESAMPLES,
    UNDEFINED,
    Interval,
    Statistic,
    drawn_by,
    less,
    of_share,
    share,
)
from headstart.evaluation.results import Results
from headstart.evaluation.statistics import statistics
from headstart.types import Floats, Indices, JsonObject, Mask
from headstart.wording import count

METRIC = {"classification": "accuracy", "multilabel": "micro_f1", "regression": "mae"}
"""Of a slice: what does not change by its shares of the classes alone, as means over classes do."""

BY_SIZE = {"text": "length of the text", "image": "size of the image"}
"""What quarters are of, by modality."""

QUARTERS = 4
LEAST = 40
"""Items from which quarters are looked at."""

Groups = Sequence[tuple[str, Indices]]
"""Names of slices, and where their items are."""


@dataclass(frozen=True)
class Slice:
    """Some of the items.

    Attributes:
        name: what they have in common.
        items: how many there are.
        found: the metric on them, with its 95% interval.
        difference: that less the metric on all other items; undefined where there are none.
    """

    name: str
    items: int
    found: Interval
    difference: Interval


@dataclass(frozen=True)
class Sliced:
    """Slices by one thing.

    Attributes:
        by: what that is: a column, or `length of the text`.
        metric: of the slices.
        slices: in order.
        column: whether it is a column of the data, whose values may name somebody.
    """

    by: str
    metric: str
    slices: tuple[Slice, ...]
    column: bool

    def to_json(self) -> JsonObject:
        """A JSON object; null where undefined."""
        return {
            **asdict(self),
            "slices": [
                {
                    **asdict(each),
                    "found": {**each.found.to_json()},
                    "difference": {**each.difference.to_json()},
                }
                for each in self.slices
            ],
        }


def sliced(by: str, groups: Groups, results: Results, seed: int, *, column: bool) -> Sliced:
    """The metric of the task within each slice, and beside the rest.

    Args:
        by: what the slices are of.
        groups: the slices; no item is in two.
        results: of the items, of known classes.
        seed: of the intervals.
        column: whether they are of a column of the data.
    """
    task = results.task
    answers = predicted(task, results.scores, results.decision)
    metric = statistics(task, results.targets, results.scores, results.classes, answers).metrics[
        METRIC[task]
    ]
    together = results.together

    def on(which: Mask) -> Interval:
        of_them = None if together is None else drawn_by(together[which])
        return _interval(task, metric, which, of_them, seed)

    found = []
    for name, rows in groups:
        which = np.zeros(len(results.positions), bool)
        which[rows] = True
        one = on(which)
        found.append(Slice(name, len(rows), one, less(one, on(~which))))
    return Sliced(by, METRIC[task], tuple(found), column)


def _interval(
    task: str, metric: Statistic, which: Mask, together: Indices | None, seed: int
) -> Interval:
    """Of some rows of a metric over all items."""
    columns = metric.columns[which]
    if not len(columns):
        return UNDEFINED
    if task == "classification":
        return share(columns[:, 0] > 0, together, seed)
    value = float(metric.function(columns.mean(axis=0)[None])[0])
    if len(columns) < 2:
        # All resamples of one item are alike, which says nothing of others.
        return Interval(value, math.nan, math.nan)
    some = Statistic(value, columns, metric.function, metric.low, metric.high)
    found = some.interval(RESAMPLES, np.random.default_rng(seed), together)
    if task == "regression":
        return found
    return of_share(found, len(columns) if together is None else len(np.unique(together)))


def groups_of(values: Sequence[str]) -> Groups:
    """Each value in order, and where it is."""
    if not len(values):
        return []
    names, number, counts = np.unique(
        np.asarray(values, np.str_), return_inverse=True, return_counts=True
    )
    rows = np.split(np.argsort(number, kind="stable"), np.cumsum(counts)[:-1])
    return list(zip(names.tolist(), rows, strict=True))


def quarters(sizes: Floats, unit: str) -> Groups:
    """Quarters of the items by their size, the smallest first; equal sizes are in one.

    None at all where there are few items, or all are of about one size.

    Args:
        sizes: (n,); NaN where a size is not known.
        unit: of the sizes, in the plural.
    """
    known = np.flatnonzero(np.isfinite(sizes))
    if len(known) < LEAST:
        return []
    ends = np.unique(np.quantile(sizes[known], np.arange(1, QUARTERS) / QUARTERS, method="lower"))
    number = np.searchsorted(ends, sizes[known])
    groups = [known[number == at] for at in range(len(ends) + 1)]
    there = [rows for rows in groups if len(rows)]
    if len(there) < 2:
        return []
    return [(_between(sizes[rows], unit), rows) for rows in there]


def _between(sizes: Floats, unit: str) -> str:
    low, high = (count(round(end)) for end in (sizes.min(), sizes.max()))
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"
