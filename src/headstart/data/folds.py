"""Folds in which every item is tested once: stratified, seeded, what belongs together in one."""

from collections.abc import Sequence

import numpy as np

from headstart.data.blocks import blocks_of, dealt
from headstart.data.dataset import Dataset
from headstart.data.divide import together_in
from headstart.data.split import in_groups
from headstart.data.strata import classes_of, memberships
from headstart.data.together import joined, numbered
from headstart.errors import DataError
from headstart.types import Indices, Label
from headstart.wording import items


def fold_of(
    data: Dataset, readable: Indices, digests: Sequence[bytes], *, folds: int, seed: int
) -> Indices:
    """The fold, from 0, in which each item of the data is held out, (n,); -1 for never.

    Identical items and groups are in one fold. A class is never held out as a whole: one that is
    all in one group (or one item) is learnt in every fold, and tested in none.

    Args:
        data: every item, with labels.
        readable: positions of those that can be read; the others are in no fold.
        digests: of the content of each of these.
        folds: how many.
        seed: of the shuffle.

    Raises:
        DataError: there are too few groups or items.
    """
    assert data.task is not None
    assert data.labels is not None
    contents = numbered(digests)
    together = together_in(data, readable, digests)
    groups = contents if together is None else joined(contents, together[readable])
    labels = [data.labels[at] for at in readable.tolist()]
    _, first = np.unique(contents, return_index=True)
    distinct, group = [labels[at] for at in first.tolist()], groups[first]
    number = int(groups.max(initial=-1)) + 1
    if number < folds:
        what = f"There are only {items(number, 'distinct item')}"
        if number < len(first):
            what = in_groups(group)
        raise DataError(f"{what}, too few for --folds {folds}; ask for fewer.")
    of_class = {} if data.task == "regression" else _groups_of_classes(groups, labels)
    free = np.ones(number, bool)
    free[[own[0] for own in of_class.values() if len(own) == 1]] = False
    side = np.full(number, -1, np.int64)
    if free.any():
        inside = np.flatnonzero(free[group])
        strata = memberships([distinct[at] for at in inside.tolist()], data.task)
        place = (np.cumsum(free) - 1)[group[inside]]
        unfixed = np.zeros(np.count_nonzero(free), bool)
        blocks = blocks_of(place, strata, np.arange(len(inside)), unfixed)
        side[free] = dealt(blocks, folds, np.random.default_rng(seed))
        _keep_classes(side, np.bincount(group, minlength=number), of_class, folds)
    found = np.full(len(data), -1, np.int64)
    found[readable] = side[groups]
    empty = folds - len(np.unique(found[found >= 0]))
    if empty:
        raise DataError(
            f"{items(empty, 'fold')} of {folds} would have nothing to test, for a class must stay "
            "with what is learnt from; ask for fewer --folds."
        )
    return found


def _groups_of_classes(groups: Indices, labels: Sequence[Label]) -> dict[str, Indices]:
    found: dict[str, set[int]] = {}
    for group, label in zip(groups.tolist(), labels, strict=True):
        for name in classes_of(label):
            found.setdefault(name, set()).add(group)
    return {name: np.array(sorted(own), np.int64) for name, own in sorted(found.items())}


def _keep_classes(side: Indices, sizes: Indices, of_class: dict[str, Indices], folds: int) -> None:
    """Hold out no class as a whole: a group of it goes to another fold, or all of it is kept."""
    for own in of_class.values():
        if len(own) > 1 and len(np.unique(side[own])) == 1 and side[own[0]] >= 0:
            totals = np.bincount(side[side >= 0], sizes[side >= 0], folds)
            totals[side[own[0]]] = np.inf
            side[own[np.argmin(sizes[own])]] = int(np.argmin(totals))
    for own in of_class.values():
        if len(np.unique(side[own])) == 1:
            side[own] = -1
