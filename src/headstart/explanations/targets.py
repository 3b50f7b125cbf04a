"""What is explained of a model's scores: the log-odds of a class, or the value.

A probability hardly moves where the model is sure; its log-odds do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.types import Array, Floats


@dataclass(frozen=True)
class Target:
    """One number that follows from the scores of an item.

    Attributes:
        task: of the model.
        column: of the class; 0 for regression.
        temperature: of the model.
    """

    task: str
    column: int
    temperature: float

    def of(self, scores: Array) -> Floats:
        """The number for each row of scores: log-odds of the class, or the value; (n,)."""
        if self.task == "regression":
            return scores.astype(np.float64)
        logits = scores.astype(np.float64) / self.temperature
        own = logits[:, self.column]
        if self.task == "multilabel":
            return own
        return np.asarray(own - _log_sum(np.delete(logits, self.column, axis=1)))

    def slope(self, scores: Array) -> Floats:
        """How the number changes with each score of one item; (classes,), or (1,)."""
        if self.task == "regression":
            return np.ones(1)
        direction = np.zeros(len(scores))
        if self.task == "classification":
            others = np.delete(scores.astype(np.float64) / self.temperature, self.column)
            share = np.exp(others - _log_sum(others[None]))
            direction[np.arange(len(scores)) != self.column] = -share
        direction[self.column] = 1
        return direction / self.temperature


def values(targets: Sequence[Target], scores: Array) -> Floats:
    """The number of each target for each row of scores; (n, targets)."""
    return np.stack([target.of(scores) for target in targets], axis=1)


def _log_sum(logits: Floats) -> Floats:
    if not logits.shape[1]:  # One class alone is certain.
        return np.zeros(len(logits))
    return np.asarray(np.logaddexp.reduce(logits, axis=1))
