"""Folds for cross-validation inside the training data."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.random import Generator

from headstart.types import Indices, Targets

MANY = 2_000
"""Groups from which they are dealt by the class of their first item, as items are."""


def stratified_folds(
    targets: Targets, folds: int, rng: Generator, together: Indices | None = None
) -> Indices:
    """The fold (0 to folds - 1) in which each item is held out: scikit-learn's `StratifiedKFold`.

    The only item of a class is never held out (-1), so whatever is held out, every class stays.
    Items that belong together are in one fold, by `StratifiedGroupKFold`, or never held out; a
    group of over half the items is not, where there are several others.

    Args:
        targets: int (n,); or any other array of n rows, whose items are dealt as one class.
        folds: how many; fewer where no class has so many items.
        rng: where the randomness comes from.
        together: int (n,): items of the same number belong together; each is alone where None.
    """
    from sklearn.model_selection import StratifiedKFold

    classes = np.zeros(len(targets), np.int64)
    if targets.ndim == 1 and targets.dtype.kind in "iu":
        classes = targets.astype(np.int64)
    if together is not None and len(np.unique(together)) < len(together):
        return _folds_of_groups(classes, together, folds, rng)
    _, inverse, counts = np.unique(classes, return_inverse=True, return_counts=True)
    several = np.flatnonzero(counts[inverse] > 1)
    fold = np.full(len(targets), -1, np.int64)
    if not len(several):
        return fold
    splitter = StratifiedKFold(
        min(folds, int(counts.max())), shuffle=True, random_state=int(rng.integers(1 << 31))
    )
    with _quiet():
        for number, (_, held_out) in enumerate(splitter.split(several, classes[several])):
            fold[several[held_out]] = number
    return fold


def _folds_of_groups(classes: Indices, groups: Indices, folds: int, rng: Generator) -> Indices:
    from sklearn.model_selection import StratifiedGroupKFold

    fold = np.full(len(classes), -1, np.int64)
    dealt = _but_the_largest(groups)
    own, inside = classes[dealt], groups[dealt]
    most = min(folds, len(np.unique(inside)), int(np.unique(own, return_counts=True)[1].max()))
    if most < 2:
        return fold
    _, first, number = np.unique(inside, return_index=True, return_inverse=True)
    if len(first) > MANY:  # sizes and classes even out, and the other way takes long
        fold[dealt] = stratified_folds(own[first], folds, rng)[number]
    else:
        seed = int(rng.integers(1 << 31))
        splitter = StratifiedGroupKFold(most, shuffle=True, random_state=seed)
        with _quiet():
            for each, (_, held_out) in enumerate(splitter.split(own, own, inside)):
                fold[dealt[held_out]] = each
    for name in np.unique(classes):
        of_it = classes == name
        if len(np.unique(fold[of_it])) == 1:  # the class would be gone, and so all of it stays
            fold[np.isin(groups, groups[of_it])] = -1
    return fold


def _but_the_largest(groups: Indices) -> Indices:
    """The items to deal: not those of a group of over half, without which little is learnt.

    Where there is but one other group, all of them.
    """
    _, number, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < 3:
        return np.arange(len(groups))
    return np.flatnonzero(2 * sizes[number] <= len(groups))


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        # Of a class with fewer items than folds, some folds have none: that is as it should be.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        # Many classes of few items each: what the labels are was settled when they were read.
        warnings.filterwarnings("ignore", "The number of unique classes is greater", UserWarning)
        yield
