"""Per-class figures and the confusion matrix."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.types import Floats, Indices, Mask, Numbers


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


@dataclass(frozen=True, slots=True)
class Mistake:
    """Test items of one class that are predicted as another.

    Attributes:
        label, prediction: indices of the two classes.
        items: how many they are; of: test items of that label.
    """

    label: int
    prediction: int
    items: int
    of: int


def labels_of(classes: int) -> Indices:
    """What scikit-learn calls so many columns of 0 and 1; the only one is a class beside "not"."""
    return np.arange(classes) if classes > 1 else np.ones(1, np.int64)


def confusion_matrix(targets: Indices, predicted: Indices, classes: int) -> Indices:
    """Items of class i predicted as class j, (classes, classes)."""
    # scikit-learn's warns where there is a single class.
    cells = np.bincount(targets * classes + predicted, minlength=classes**2)
    return cells.reshape(classes, classes).astype(np.int64)


def mistakes(confusion: Sequence[Sequence[int]]) -> list[Mistake]:
    """What a confusion matrix holds beside its diagonal, the most frequent first."""
    found = [
        Mistake(label, prediction, number, sum(row))
        for label, row in enumerate(confusion)
        for prediction, number in enumerate(row)
        if label != prediction and number
    ]
    return sorted(found, key=lambda each: (-each.items, each.label, each.prediction))


def f1_scores(hits: Numbers, predicted: Numbers, support: Numbers) -> Floats:
    """F1 from counts of any one shape; NaN where a class neither occurs nor is predicted."""
    total = predicted + support
    return np.where(total > 0, 2 * hits / np.maximum(total, 1), np.nan)


def class_rows(
    classes: Sequence[str], targets: Indices | Mask, predicted: Indices | Mask
) -> tuple[ClassRow, ...]:
    """One row per class, from classes (n,) or from 0 and 1 (n, classes); n is not 0."""
    from sklearn.metrics import precision_recall_fscore_support

    labels = labels_of(len(classes)) if targets.ndim > 1 else np.arange(len(classes))
    columns = precision_recall_fscore_support(targets, predicted, labels=labels, zero_division=0)
    return tuple(
        ClassRow(name, float(precision), float(recall), float(f1), int(support))
        for name, precision, recall, f1, support in zip(classes, *columns, strict=True)
    )


def no_rows(classes: Sequence[str]) -> tuple[ClassRow, ...]:
    """One row per class, of no items."""
    return tuple(ClassRow(name, 0.0, 0.0, 0.0, 0) for name in classes)
