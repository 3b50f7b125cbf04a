"""How probabilities become answers, where that is not one half or the most probable class.

A decision is chosen by `headstart.evaluation.thresholds` and saved with the model. Probabilities
and thresholds are compared in 32 bits, in which `predictions.parquet` keeps the former.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from headstart.types import Indices, JsonObject, Mask, Scores, Unchecked

HALF = 0.5

NEVER = float(np.nextafter(np.float32(1), np.float32(2)))
"""A threshold that no probability reaches."""


@dataclass(frozen=True)
class LabelThresholds:
    """For several classes an item: it has those of at least this probability, one for each."""

    values: tuple[float, ...]

    def has_class(self, probabilities: Scores) -> Mask:
        """Which classes each item has, (n, classes), from probabilities of that shape."""
        return probabilities.astype(np.float32) >= np.array(self.values, np.float32)

    def to_json(self) -> JsonObject:
        """See `from_json`."""
        return {"kind": "labels", "thresholds": list(self.values)}


@dataclass(frozen=True)
class ClassThreshold:
    """One class is the answer from this probability on; below it, the most probable other class.

    Attributes:
        positive: its index.
        threshold: from 0 to 1, or `NEVER`.
        target: what it was chosen for: recall, precision or specificity.
        wanted: how much of that, from 0 to 1.
    """

    positive: int
    threshold: float
    target: str
    wanted: float

    def best_class(self, probabilities: Scores) -> Indices:
        """The answer to each item, (n,), from probabilities (n, classes)."""
        shares = probabilities.astype(np.float32)
        others = shares.copy()
        others[:, self.positive] = -1
        positive = shares[:, self.positive] >= np.float32(self.threshold)
        return np.where(positive, self.positive, others.argmax(axis=1)).astype(np.int64)

    def to_json(self) -> JsonObject:
        """See `from_json`."""
        return {"kind": "class", **asdict(self)}


@dataclass(frozen=True)
class Costs:
    """The answer is the class of least expected cost (Elkan 2001).

    Attributes:
        table: what it costs that an item of class i (row) is answered as j (column).
        threshold: of two classes, the second is the answer from this probability on; None: where
            it costs less, believing the probabilities.
    """

    table: tuple[tuple[float, ...], ...]
    threshold: float | None = None

    def best_class(self, probabilities: Scores) -> Indices:
        """The answer to each item, (n,), from probabilities (n, classes)."""
        shares = probabilities.astype(np.float32)
        if self.threshold is not None:
            return (shares[:, 1] >= np.float32(self.threshold)).astype(np.int64)
        shares = shares.astype(np.float64)
        return np.asarray((shares @ np.array(self.table)).argmin(axis=1), np.int64)

    def to_json(self) -> JsonObject:
        """See `from_json`."""
        table = [list(row) for row in self.table]
        return {"kind": "costs", "costs": table, "threshold": self.threshold}


Decision = LabelThresholds | ClassThreshold | Costs

_READERS: Mapping[str, Callable[[Unchecked], Decision]] = {
    "labels": lambda said: LabelThresholds(tuple(said["thresholds"])),
    "class": lambda said: ClassThreshold(
        said["positive"], said["threshold"], str(said["target"]), said["wanted"]
    ),
    "costs": lambda said: Costs(tuple(map(tuple, said["costs"])), said["threshold"]),
}


def from_json(said: Unchecked, task: str, classes: int) -> Decision:
    """The decision that model.json holds.

    Args:
        said: what `to_json` of a decision gave.
        task: of the model.
        classes: how many it has.

    Raises:
        ValueError: it is none, or not for such a model.
    """
    try:
        found = _READERS[said["kind"]](said)
    except (LookupError, TypeError) as error:
        raise ValueError(f"'decision' is {str(said)[:60]!r}, which is no decision") from error
    if task != ("multilabel" if isinstance(found, LabelThresholds) else "classification"):
        raise ValueError(f"'decision' is not for the task {task}")
    if not _fits(found, classes):
        raise ValueError("'decision' does not fit the classes")
    return found


def _fits(found: Decision, classes: int) -> bool:
    if isinstance(found, LabelThresholds):
        return len(found.values) == classes and _numbers(found.values, most=NEVER)
    if isinstance(found, ClassThreshold):
        known = type(found.positive) is int and 0 <= found.positive < classes
        return known and _numbers([found.threshold, found.wanted], most=NEVER)
    if found.threshold is not None and not (
        classes == 2 and _numbers([found.threshold], most=NEVER)
    ):
        return False
    square = len(found.table) == classes and {len(row) for row in found.table} == {classes}
    return square and all(_numbers(row) for row in found.table)


def _numbers(values: Sequence[object], most: float = 1e300) -> bool:
    return all(type(each) in (int, float) and 0 <= each <= most for each in values)  # type: ignore[operator]
