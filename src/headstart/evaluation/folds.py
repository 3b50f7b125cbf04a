"""Folds for cross-validation inside the training data."""

import warnings

import numpy as np
from numpy.random import Generator

from headstart.types import Indices, Targets


def stratified_folds(targets: Targets, folds: int, rng: Generator) -> Indices:
    """The fold (0 to folds - 1) in which each item is held out: scikit-learn's `StratifiedKFold`.

    The only item of a class is never held out (-1), so whatever is held out, every class stays.

    Args:
        targets: int (n,); or any other array of n rows, whose items are dealt as one class.
        folds: how many; fewer where no class has so many items.
        rng: where the randomness comes from.
    """
    from sklearn.model_selection import StratifiedKFold

    classes = np.zeros(len(targets), np.int64)
    if targets.ndim == 1 and targets.dtype.kind in "iu":
        classes = targets.astype(np.int64)
    _, inverse, counts = np.unique(classes, return_inverse=True, return_counts=True)
    several = np.flatnonzero(counts[inverse] > 1)
    fold = np.full(len(targets), -1, np.int64)
    if not len(several):
        return fold
    splitter = StratifiedKFold(
        min(folds, int(counts.max())), shuffle=True, random_state=int(rng.integers(1 << 31))
    )
    with warnings.catch_warnings():
        # Of a class with fewer items than folds, some folds have none: that is as it should be.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        # Many classes of few items each: what the labels are was settled when they were read.
        warnings.filterwarnings("ignore", "The number of unique classes is greater", UserWarning)
        for number, (_, held_out) in enumerate(splitter.split(several, classes[several])):
            fold[several[held_out]] = number
    return fold
