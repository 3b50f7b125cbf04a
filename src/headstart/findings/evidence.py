"""What findings are made from: content digests, stored features, and out-of-fold scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from headstart.data.dataset import Dataset, Skipped, Task
from headstart.data.together import joined, numbered
from headstart.evaluation.calibration import calibrate, probabilities, scaled
from headstart.evaluation.folds import stratified_folds
from headstart.findings.finding import Suspect, suspect
from headstart.findings.looks import Looks
from headstart.types import Floats, Indices, Label, Mask, Scores, Targets

FOLDS = 5


@dataclass(frozen=True)
class Evidence:
    """What is known of a data set once its features are stored.

    Attributes:
        data: every item.
        contents: content digest of every item, (items,); empty of what cannot be read.
        together: int (items,); items of the same number are copies or near-copies of each other,
            those of -1 are alone.
        classes: in the order of the targets; empty for regression.
        positions: the items that have features and a target, ascending, (n,).
        features: of these, float32 (n, d).
        targets: of these, as numbers.
        scores: of these, by heads that did not learn from them: logits (n, classes) or values
            (n,), NaN where there are none; None: there are none at all.
        looks: what the images look like, where that was seen.
        notes: what was odd about an item, by position.
        skipped: what could not be read.
        seed: every random choice follows from it.
    """

    data: Dataset
    contents: NDArray[np.bytes_]
    together: Indices
    classes: tuple[str, ...]
    positions: Indices
    features: NDArray[np.float32]
    targets: Targets
    scores: Scores | None = None
    looks: Looks | None = None
    notes: Mapping[int, str] = field(default_factory=dict)
    skipped: Sequence[Skipped] = ()
    seed: int = 0

    @property
    def task(self) -> Task:
        """What the labels say."""
        assert self.data.task is not None
        return self.data.task

    @property
    def scored(self) -> Mask:
        """Which of the items at `positions` have scores, (n,)."""
        if self.scores is None:
            return np.zeros(len(self.positions), bool)
        finite = np.isfinite(self.scores.reshape(len(self.positions), -1))
        return np.asarray(finite.all(axis=1), bool)

    def probabilities(self) -> Floats:
        """Calibrated probabilities (scored items, classes)."""
        assert self.scores is not None
        scores, targets = self.scores[self.scored], self.targets[self.scored]
        return probabilities(self.task, scaled(scores, calibrate(self.task, scores, targets)[0]))

    def folds(self) -> Indices:
        """A fold for each of the items at `positions`, (n,); one for copies, and for a group.

        See `stratified_folds`, which never holds some out (-1).
        """
        together = self.together
        if any(self.data.groups):
            together = joined(together, numbered(self.data.groups))
        rng = np.random.default_rng(self.seed)
        return stratified_folds(self.targets, FOLDS, rng, joined(together)[self.positions])

    def suspect(
        self,
        at: int,
        *,
        suggestion: Label | None = None,
        beside: int | None = None,
        score: float | None = None,
    ) -> Suspect:
        """The item at a position of the data."""
        return suspect(
            self.data,
            at,
            bytes(self.contents[at]),
            suggestion=suggestion,
            beside=beside,
            beside_digest=b"" if beside is None else bytes(self.contents[beside]),
            score=score,
        )
