"""Folds for cross-validation inside the training data."""

from typing import Any

import numpy as np
import numpy.typing as npt


def stratified_folds(
    targets: npt.NDArray[Any], folds: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """The fold (0 to folds - 1) in which each item is held out, dealt class by class.

    The only item of a class is never held out (-1), so whatever is held out, every class stays.

    Args:
        targets: int (n,); or any other array of n rows, whose items are dealt as one class.
        folds: how many.
        rng: where the randomness comes from.
    """
    if targets.ndim > 1 or targets.dtype.kind not in "iu":
        targets = np.zeros(len(targets), np.int64)
    order = rng.permutation(len(targets))
    order = order[np.argsort(targets[order], kind="stable")]
    fold = np.empty(len(targets), np.int64)
    fold[order] = np.arange(len(targets)) % folds
    _, inverse, counts = np.unique(targets, return_inverse=True, return_counts=True)
    fold[counts[inverse] == 1] = -1
    return fold
