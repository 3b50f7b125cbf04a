"""Answers to items whose labels are known: what every figure of a report is computed from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.conformal import Conformal
from headstart.evaluation.decisions import Decision
from headstart.types import Indices, Label, Mask, Scores, Targets


@dataclass(frozen=True)
class Results:
    """An entry for each item, in the order of the data.

    Attributes:
        task: classification, multilabel or regression.
        classes: in the order of the columns of `scores`; empty for regression.
        positions: where the items are in the data, (n,).
        names: what the items are called.
        digests: 16 bytes that name each item's content, (n,).
        splits: the split of each, or None where it is in none.
        labels: what is true of each: a class, a tuple of classes, or a number.
        targets: the same as numbers, as `evaluate` takes them.
        scores: calibrated logits (n, classes), or values (n,); NaN where the model was not asked.
        folds: the fold that each was held out in, or None; groups: what it belongs to, or None.
        joined: the number of what each stayed with when the data was divided (groups,
            near-duplicates, identical items), (n,); None where nothing did, or nobody knows.
        decision: how scores become answers; abstain: when an answer is several; see `Model`.
    """

    task: str
    classes: tuple[str, ...]
    positions: Indices
    names: Sequence[str]
    digests: NDArray[np.bytes_]
    splits: Sequence[str | None]
    labels: Sequence[Label]
    targets: Targets
    scores: Scores
    folds: Sequence[int | None] | None = None
    groups: Sequence[str | None] | None = None
    joined: Indices | None = None
    decision: Decision | None = None
    abstain: Conformal | None = None

    @property
    def together(self) -> Indices | None:
        """A number for what each item belongs to, (n,), its own where to nothing; None without."""
        if self.joined is not None and len(np.unique(self.joined)) < len(self.joined):
            return self.joined
        if self.groups is None or not any(each is not None for each in self.groups):
            return None
        keys = [("", at) if each is None else (each, -1) for at, each in enumerate(self.groups)]
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        return np.array([numbers[key] for key in keys], np.int64)

    def within(self, *splits: str) -> Mask:
        """Which of the items are in one of some splits, (n,)."""
        return np.array([each in splits for each in self.splits], bool)

    def select(self, which: Mask) -> "Results":
        """The same with the items alone that `which`, (n,), marks."""
        return replace(
            self,
            positions=self.positions[which],
            names=list(compress(self.names, which)),
            digests=self.digests[which],
            splits=list(compress(self.splits, which)),
            labels=list(compress(self.labels, which)),
            targets=self.targets[which],
            scores=self.scores[which],
            folds=None if self.folds is None else list(compress(self.folds, which)),
            groups=None if self.groups is None else list(compress(self.groups, which)),
            joined=None if self.joined is None else self.joined[which],
        )
