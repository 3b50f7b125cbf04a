"""Answers: what a head scores, and what is said of each item."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart import html
from headstart.data.dataset import Ids, Skipped, Task
from headstart.evaluation.answers import labels_of
from headstart.evaluation.conformal import Conformal, Margin, Sets
from headstart.evaluation.decisions import Decision
from headstart.types import Array, Floats
from headstart.wording import shown

SHOWN = 20
"""Rows of an answer that a notebook shows."""


@dataclass(frozen=True, repr=False)
class Predictions:
    """Answers, one row for each item that was given, in its order.

    Attributes:
        names: what the items are called.
        classes: in the order of the columns of `probabilities`; empty for regression.
        probabilities: (items, classes), or None for regression; NaN where there is no answer.
        values: (items,) float64, or None but for regression; NaN where there is no answer.
        skipped: the items that could not be read, and why; also what a folder holds besides.
        ids: the column of the user's that was asked for, by the names of the items.
        errors: (items,) why an item has no answer, None where it has one; empty: all have.
        decision: how probabilities become labels; None: the most probable, or one half.
        abstain: makes `sets` or `intervals`; None where the model has none.
        notes: what was odd about an item, by its row.
    """

    names: list[str]
    task: Task
    classes: tuple[str, ...]
    probabilities: NDArray[np.floating] | None
    values: NDArray[np.floating] | None
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    ids: Ids | None = None
    errors: tuple[str | None, ...] = ()
    decision: Decision | None = None
    abstain: Conformal | None = None
    notes: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def labels(self) -> list[Any]:
        """The answer for each item: a class, a tuple of classes, or a number; None for none."""
        answers = self._labels()
        if not self.errors:
            return answers
        return [None if e else a for a, e in zip(answers, self.errors, strict=True)]

    def _labels(self) -> list[Any]:
        if self.values is not None:
            return [float(value) for value in self.values]
        assert self.probabilities is not None
        return list(labels_of(self.task, self.classes, self.probabilities, self.decision))

    def part(self, rows: range) -> "Predictions":
        """The answers in some rows alone, with what was skipped of them; without `warnings`."""
        errors = self.errors[rows.start : rows.stop]
        names = self.names[rows.start : rows.stop]
        return replace(
            self,
            names=names,
            probabilities=_rows(self.probabilities, rows),
            values=_rows(self.values, rows),
            skipped=tuple(Skipped(n, e) for n, e in zip(names, errors, strict=False) if e),
            warnings=(),
            errors=errors,
            notes={at - rows.start: note for at, note in self.notes.items() if at in rows},
        )

    @property
    def sets(self) -> list[tuple[str, ...]] | None:
        """The classes that an item may be of, for a model with `--abstain`, else None.

        One: the model is sure. Several: it is not. None where there is no answer.
        """
        if not isinstance(self.abstain, Sets) or self.probabilities is None:
            return None
        return self.abstain.names(self.classes, self.probabilities)

    @property
    def intervals(self) -> Floats | None:
        """Low and high ends (items, 2), for a model of numbers with `--abstain`, else None."""
        if not isinstance(self.abstain, Margin) or self.values is None:
            return None
        return self.abstain.of(self.values)

    def __repr__(self) -> str:
        lost = sum(error is not None for error in self.errors)
        return f"<Predictions of {len(self):,} items{f', {lost:,} without an answer' * bool(lost)}>"

    def _repr_html_(self) -> str:
        """The first rows as a table, for a notebook."""
        errors = self.errors or (None,) * len(self)
        rows: list[list[str]] = []
        sets, ends = self.sets, self.intervals
        for name, label, error in islice(zip(self.names, self.labels, errors, strict=True), SHOWN):
            answer = " | ".join(label) if isinstance(label, tuple) else str(label)
            if sets is not None and len(sets[len(rows)]) > 1:
                answer = f"not sure: {', '.join(sets[len(rows)])}"
            if ends is not None:
                answer += " ({:.4g} to {:.4g})".format(*ends[len(rows)])
            rows.append([name, shown(error or answer)])
        left = f"<p>and {len(self) - SHOWN:,} more</p>" if len(self) > SHOWN else ""
        return html.table(["item", "answer"], rows) + left


def _rows(table: NDArray[np.floating] | None, rows: range) -> NDArray[np.floating] | None:
    return None if table is None else table[rows.start : rows.stop]


@dataclass(frozen=True)
class Scored:
    """A head's scores for the items that could be read.

    Attributes:
        kept: their positions; `scores` is (kept, classes) logits, or (kept,) float64 values.
        digests: (kept,) content digests.
        unread: the other items by position, and why.
    """

    kept: NDArray[np.int64]
    digests: NDArray[np.bytes_]
    scores: Array
    unread: Mapping[int, Skipped]
    notes: dict[int, str]
    warnings: tuple[str, ...] = ()

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The items that could not be read, in order."""
        return tuple(self.unread[at] for at in sorted(self.unread))
