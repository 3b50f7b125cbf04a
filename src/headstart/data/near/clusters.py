"""Clusters of near-duplicates: pairs joined, the most similar first, into no more than so many."""

from dataclasses import dataclass

import numpy as np

from headstart.data.near.pairs import Pairs
from headstart.types import Indices

LARGEST_SHARE, LEAST = 0.01, 8
"""No cluster is larger than this share of the items, and any may be as large as `LEAST`.

A chain of pairs can lead from an item to one that is nothing like it.
"""


@dataclass(frozen=True)
class NearDuplicates:
    """What was found in a data set.

    Attributes:
        pairs: near-duplicates, by the numbers of the items.
        clusters: int (n,), items of the same number are in one cluster, those of -1 are alone.
        refused: pairs that would have made a cluster too large, and join nothing.
    """

    pairs: Pairs
    clusters: Indices
    refused: int = 0

    @property
    def sizes(self) -> Indices:
        """Items in each cluster."""
        return np.bincount(self.clusters[self.clusters >= 0])


def clustered(pairs: Pairs, items: int) -> NearDuplicates:
    """Join pairs into clusters, the most similar first.

    Args:
        pairs: near-duplicates.
        items: how many items there are.
    """
    largest = max(LEAST, int(items * LARGEST_SHARE))
    parent = np.arange(items)
    size = np.ones(items, np.int64)

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = int(parent[at])
        return at

    refused = 0
    order = np.lexsort((pairs.items[:, 1], pairs.items[:, 0], -pairs.similarity))
    for one, other in pairs.items[order].tolist():
        first, second = sorted((root(one), root(other)))
        if first == second:
            continue
        if size[first] + size[second] > largest:
            refused += 1
            continue
        parent[second] = first
        size[first] += size[second]
    roots = np.array([root(at) for at in range(items)], np.int64)
    clusters = np.full(items, -1, np.int64)
    several = size[roots] > 1
    clusters[several] = np.unique(roots[several], return_inverse=True)[1]
    return NearDuplicates(pairs, clusters, refused)
