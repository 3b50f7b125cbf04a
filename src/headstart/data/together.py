"""Items that belong together: on one side of every split and in one fold."""

from collections.abc import Hashable, Iterable

import numpy as np

from headstart.types import Indices


def numbered(keys: Iterable[Hashable | None]) -> Indices:
    """The number of each key (n,), in order of first appearance; -1 for None."""
    numbers: dict[Hashable, int] = {}
    found = (-1 if key is None else numbers.setdefault(key, len(numbers)) for key in keys)
    return np.fromiter(found, np.int64)


def joined(*partitions: Indices) -> Indices:
    """Items that are together in any of some partitions are together, and so on along chains.

    Args:
        partitions: int (n,), one or more; items of the same number are together, and those of -1
            alone.

    Returns:
        The number of each item's connected component, (n,), in order of first appearance.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    items = len(partitions[0])
    ends = [np.zeros((2, 0), np.int64)]
    for partition in partitions:
        linked = np.flatnonzero(partition >= 0)
        _, first, number = np.unique(partition[linked], return_index=True, return_inverse=True)
        ends.append(np.stack([linked, linked[first][number]]))
    one, other = np.concatenate(ends, axis=1)
    graph = coo_array((np.ones(len(one), bool), (one, other)), shape=(items, items))
    found = connected_components(graph, directed=False)[1] if items else np.zeros(0, np.int64)
    _, first, number = np.unique(found, return_index=True, return_inverse=True)
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    return place[number]
