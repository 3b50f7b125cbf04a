"""Items that belong together: on one side of every split and in one fold."""

import numpy as np

from headstart.types import Indices


def joined(*partitions: Indices) -> Indices:
    """The number of what each item belongs to, (n,), counted from 0.

    Args:
        partitions: int (n,) each; items of the same number belong together, and so do those that
            a chain of such links connects. Items of -1 are linked with nothing.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    items = len(partitions[0])
    every = np.arange(items)
    ends = [np.zeros((2, 0), np.int64)]
    for partition in partitions:
        linked = np.flatnonzero(partition >= 0)
        _, first, number = np.unique(partition[linked], return_index=True, return_inverse=True)
        ends.append(np.stack([linked, linked[first][number]]))
    one, other = np.concatenate(ends, axis=1)
    graph = coo_array((np.ones(len(one), bool), (one, other)), shape=(items, items))
    _, found = connected_components(graph, directed=False)
    return np.unique(found, return_inverse=True)[1] if items else every
