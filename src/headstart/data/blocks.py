"""A split of items in blocks that stay whole, stratified as well as the blocks allow.

Greedy, after Sechidis et al. 2011 ("On the Stratification of Multi-Label Data") and scikit-learn's
`StratifiedGroupKFold`: the block that matters most to any stratum is placed first, on the side on
which the shares of the strata then differ least from those that are wanted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headstart.types import Indices, Mask

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class Blocks:
    """What each block holds.

    Attributes:
        counts: (blocks, strata + 1), items of each stratum; in the last column all of the block.
        fixed: (blocks,) those that must stay where they are.
    """

    counts: "csr_array"
    fixed: Mask

    @property
    def sizes(self) -> Indices:
        """Items of each block, (blocks,)."""
        return np.asarray(self.counts[:, [-1]].toarray()[:, 0], np.int64)


def blocks_of(block: Indices, strata: "csr_array", inside: Indices, fixed: Mask) -> Blocks:
    """The blocks of some items.

    Args:
        block: (items,) the block of each item, from 0.
        strata: (items, strata) 1 where an item is of a stratum, else 0.
        inside: the items that count.
        fixed: see `Blocks`.
    """
    from scipy.sparse import csr_array, hstack

    all_of_them = csr_array(np.ones((strata.shape[0], 1), np.int64))
    shape = (len(fixed), strata.shape[0])
    member = csr_array((np.ones(len(inside), np.int64), (block[inside], inside)), shape=shape)
    return Blocks(csr_array(member @ hstack([strata, all_of_them])), fixed)


def taken(blocks: Blocks, share: float, rng: np.random.Generator, *, all_learnt: bool) -> Mask:
    """The blocks, (blocks,), that hold about `share` of the items of each stratum.

    A stratum of two blocks or more has one that is taken and one that is not, where the others
    allow that.

    Args:
        blocks: what each holds.
        share: between 0 and 1.
        rng: which of like blocks are taken.
        all_learnt: whether no block is taken that is the only one of a stratum.
    """
    counts = blocks.counts
    held = np.diff(counts.indptr) > 0
    times = np.bincount(counts.indices, minlength=counts.shape[1])
    alone = np.zeros(len(held), bool)
    if all_learnt:
        alone[np.unique(_rows(counts)[times[counts.indices] == 1])] = True
    free = held & ~blocks.fixed & ~alone
    order = _order(counts, held, free, rng)
    found: Mask = _placed(counts, (1 - share, share), order, free) == 1
    _mend(counts, found, free, times)
    if not found.any() and free.any() and np.count_nonzero(held) > 1:
        wanted = share * blocks.sizes.sum()
        candidates = np.flatnonzero(free)
        found[candidates[np.argmin(np.abs(blocks.sizes[candidates] - wanted))]] = True
    return found


def _rows(counts: "csr_array") -> Indices:
    return np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))


def _order(counts: "csr_array", held: Mask, free: Mask, rng: np.random.Generator) -> Indices:
    """What stays first, then those that hold most of any stratum, like ones by chance."""
    totals = np.maximum(counts.sum(axis=0), 1)
    weight = np.zeros(len(held))
    np.maximum.at(weight, _rows(counts), counts.data / totals[counts.indices])
    order = np.lexsort((rng.random(len(held)), -weight, free))
    return np.asarray(order[held[order]], np.int64)


def dealt(blocks: Blocks, sides: int, rng: np.random.Generator) -> Indices:
    """The side of each block, (blocks,): all sides have as much of each stratum as blocks allow.

    Args:
        blocks: what each holds; every block holds something.
        sides: how many.
        rng: where like blocks go.
    """
    every = np.ones(blocks.counts.shape[0], bool)
    order = _order(blocks.counts, every, every, rng)
    return _placed(blocks.counts, (1 / sides,) * sides, order, every)


def _placed(counts: "csr_array", shares: Sequence[float], order: Indices, free: Mask) -> Indices:
    """The side of each block, (blocks,): where the sum of (is - should be)² / should is least.

    That is over strata and sides. With `excess` what a side has of a stratum less its share of
    what is placed by now, it grows by `(m² + 2 m excess) / share` where a block with m items of
    that stratum is placed there, less what is the same for every side. What is not free is on the
    first side.
    """
    totals = counts.sum(axis=0).tolist()
    sides = range(len(shares))
    excess = [[0.0] * len(totals) for _ in sides]
    starts, columns, numbers = (x.tolist() for x in (counts.indptr, counts.indices, counts.data))
    found, may = np.zeros(counts.shape[0], np.int64), free.tolist()
    for block in order.tolist():
        own = [(columns[at], numbers[at]) for at in range(starts[block], starts[block + 1])]
        side = 0
        if may[block]:
            costs = [
                sum(m * (m + 2 * excess[each][column]) / totals[column] for column, m in own)
                / shares[each]
                for each in sides
            ]
            side = costs.index(min(costs))
        found[block] = side
        for each in sides:
            taken_of = (each == side) - shares[each]
            for column, m in own:
                excess[each][column] += m * taken_of
    return found


def _mend(counts: "csr_array", found: Mask, free: Mask, times: Indices) -> None:
    """Let every stratum of two blocks or more be on both sides, the rarest first."""
    of_column = counts.tocsc()
    sizes = np.asarray(counts[:, [-1]].toarray()[:, 0])
    there = np.bincount(counts.indices[found[_rows(counts)]], minlength=len(times))
    for wants_taken in (False, True):
        for column in np.argsort(times, kind="stable").tolist():
            here = there[column] if wants_taken else times[column] - there[column]
            if times[column] < 2 or here:
                continue
            own = of_column.indices[of_column.indptr[column] : of_column.indptr[column + 1]]
            for block in own[np.argsort(sizes[own], kind="stable")].tolist():
                strata = counts.indices[counts.indptr[block] : counts.indptr[block + 1]]
                # What is moved to be tested leaves something to learn from.
                enough = not wants_taken or ((times - there)[strata] > 1).all()
                if free[block] and found[block] != wants_taken and enough:
                    found[block] = wants_taken
                    there[strata] += 1 if wants_taken else -1
                    break


def confined(blocks: Blocks) -> dict[int, int]:
    """Strata of several items that are all in one block, each with how many there are."""
    counts = blocks.counts
    times = np.bincount(counts.indices, minlength=counts.shape[1])[:-1]
    totals = np.asarray(counts.sum(axis=0))[:-1]
    return {at: int(totals[at]) for at in np.flatnonzero((times == 1) & (totals > 1)).tolist()}
