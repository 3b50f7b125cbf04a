"""Pairs of items that are near-duplicates of each other."""

from dataclasses import dataclass

import numpy as np

from headstart.types import Floats, Indices


@dataclass(frozen=True)
class Pairs:
    """Near-duplicates, two by two.

    Attributes:
        items: (pairs, 2), the smaller index first, ascending, none twice.
        similarity: (pairs,), at most 1.
    """

    items: Indices
    similarity: Floats

    def __len__(self) -> int:
        return len(self.items)


def pairs_of(items: Indices, similarity: Floats) -> Pairs:
    """The pairs in order; of one that is there twice, the more similar.

    Args:
        items: (n, 2), in any order.
        similarity: (n,).
    """
    ends = np.sort(items.reshape(-1, 2), axis=1)
    order = np.lexsort((-similarity, ends[:, 1], ends[:, 0]))
    ends, similarity = ends[order], similarity[order]
    new = np.ones(len(ends), bool)
    new[1:] = (ends[1:] != ends[:-1]).any(axis=1)
    return Pairs(ends[new], similarity[new])
