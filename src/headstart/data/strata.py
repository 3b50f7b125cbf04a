"""What a split is stratified by: classes, quantiles of numbers, the labels of each item."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from headstart.data.dataset import Task
from headstart.data.labels import counts_of
from headstart.types import Indices, Label

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_BIN = 20
"""Items per quantile that regression is stratified by, at least; and the most quantiles."""
_BINS = 10


def strata_of(labels: Sequence[Label], task: Task, counted: Sequence[Label]) -> Indices:
    """The one stratum of each label, (n,): its class, its quantile, or its rarest label.

    Args:
        labels: one per item.
        task: what the labels are.
        counted: the labels by whose counts one is rare.
    """
    if task == "regression":
        values = np.asarray(labels, np.float64)
        bins = int(np.clip(values.size // _BIN, 1, _BINS))
        ranks = np.empty(values.size, np.int64)
        ranks[np.argsort(values, kind="stable")] = np.arange(values.size)
        return ranks * bins // max(1, values.size)
    if task == "multilabel":
        # Ties go to the name that sorts first, so that the order of labels means nothing.
        rarity = {name: (n, name) for name, n in counts_of(counted, task).items()}
        keys = [
            min(x, key=rarity.__getitem__, default="") if isinstance(x, tuple) else ""
            for x in labels
        ]
    else:
        keys = [str(label) for label in labels]
    codes = {key: code for code, key in enumerate(sorted(set(keys)))}
    return np.fromiter((codes[key] for key in keys), np.int64, len(keys))


def memberships(labels: Sequence[Label], task: Task) -> "csr_array":
    """1 for each stratum that an item is of, else 0, (n, strata): several where it has several.

    Those of classes are in the order of `names`.
    """
    from scipy.sparse import csr_array

    if task == "regression":
        columns = strata_of(labels, task, ())
        several = np.ones(len(labels), np.int64)
    else:
        own = [classes_of(label) for label in labels]
        codes = {name: code for code, name in enumerate(names(labels))}
        several = np.fromiter(map(len, own), np.int64, len(own))
        columns = np.array([codes[name] for each in own for name in each], np.int64)
    starts = np.concatenate(([0], np.cumsum(several)))
    shape = (len(labels), int(columns.max(initial=-1)) + 1)
    return csr_array((np.ones(len(columns), np.int64), columns, starts), shape=shape)


def names(labels: Sequence[Label]) -> list[str]:
    """Every class in some labels, sorted."""
    return sorted({name for label in labels for name in classes_of(label)})


def classes_of(label: Label) -> tuple[str, ...]:
    """The classes of an item; an empty name where it has none."""
    return (label or ("",)) if isinstance(label, tuple) else (str(label),)
