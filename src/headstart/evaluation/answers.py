"""From probabilities to what is answered: the class, or the classes, that an item has.

Probabilities count as `predictions.parquet` keeps them, in 32 bits: whoever reads that file finds
the answers that the figures are computed from.
"""

from collections.abc import Sequence
from itertools import compress

import numpy as np

from headstart.types import Indices, Label, Mask, Scores

HALF = 0.5


def has_class(probabilities: Scores) -> Mask:
    """Which classes an item has that may have several: those of one half or more; one shape."""
    return probabilities.astype(np.float32) >= HALF


def best_class(probabilities: Scores) -> Indices:
    """The most probable class of each row, (n,), from probabilities (n, classes)."""
    return np.asarray(probabilities.astype(np.float32).argmax(axis=1), np.int64)


def labels_of(task: str, classes: Sequence[str], probabilities: Scores) -> list[Label]:
    """What each row says: a class, or for multilabel a tuple of classes.

    Args:
        task: "classification" or "multilabel".
        classes: in the order of the columns.
        probabilities: (n, classes).
    """
    if task == "multilabel":
        several = has_class(probabilities)
        return [tuple(compress(classes, row)) for row in several]
    return [classes[best] for best in best_class(probabilities).tolist()]
