"""Per-class figures and the confusion matrix."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClassRow:
    """How well one class is found.

    Attributes:
        name: the class.
        precision: share of the items predicted as this class that are of it; 0 where none is.
        recall: share of the items of this class that are found; 0 where there is none.
        f1: harmonic mean of the two.
        support: test items of this class.
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self)


def confusion_matrix(targets: Array, predicted: Array, classes: int) -> Counts:
    """Items of class i predicted as class j, (classes, classes)."""
    cells = np.bincount(targets * classes + predicted, minlength=classes * classes)
    return cells.reshape(classes, classes).astype(np.int64)


def f1_scores(hits: Array, predicted: Array, support: Array) -> Floats:
    """F1 from counts of any one shape; NaN where a class neither occurs nor is predicted."""
    total = predicted + support
    return np.where(total > 0, 2 * hits / np.maximum(total, 1), np.nan)


def class_rows(
    classes: Sequence[str], hits: Array, predicted: Array, support: Array
) -> tuple[ClassRow, ...]:
    """One row per class, from counts (classes,)."""
    precision = hits / np.maximum(predicted, 1)
    recall = hits / np.maximum(support, 1)
    f1 = np.nan_to_num(f1_scores(hits, predicted, support))
    return tuple(
        ClassRow(name, float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
        for i, name in enumerate(classes)
    )
