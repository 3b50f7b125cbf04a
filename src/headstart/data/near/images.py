"""Near-duplicates among images: hashes propose pairs, aligned thumbnails confirm them.

How different two may be depends on the set: photographs of one kind of thing may be as alike as the
copies of others. What every image's last candidate differs by, which is rarely a copy, says how
alike these images are without being near-duplicates.
"""

from collections.abc import Callable

import numpy as np

from headstart.data.near.alignment import aligned, correlation, seen, standardised
from headstart.data.near.pairs import Pairs, pairs_of
from headstart.data.near.proposals import KEPT, Proposals, proposals, varied
from headstart.data.near.thumbnails import Thumbnails, grey
from headstart.types import Floats, Indices

STRICTEST, LOOSEST = 0.0015, 0.03
"""How far the correlation of near-duplicates may be from 1, in sets of look-alikes and in others:
copies in JPEG and at half the size are at 0.0005, crops at 0.0015."""
MOST_DETAIL = 0.1
_OF_OTHERS = 0.08
"""What copies may differ by, as a share of what the most similar others do."""
_COARSELY = 4.0
"""How much more coarse thumbnails may differ, whose pixels are fewer."""
_MOST_COLOUR = 0.04
"""Difference of the mean shares of red, green and blue."""
_WORTH_ALIGNING = 0.8
_COARSE_STEPS, _FINE_STEPS = 8, 3
_ROWS = 256


Reader = Callable[[Indices], Thumbnails]
"""Gives thumbnails (m, 3, FINE, FINE), in colour, at some places among those that are ready."""


def image_pairs(coarse: Thumbnails, fine: Callable[[Indices], Reader]) -> Pairs:
    """Near-duplicates among images, none of which is there twice.

    Args:
        coarse: (n, COARSE, COARSE), in grey.
        fine: makes those of the images at some indices ready; called once, with all that are
            needed.
    """
    if len(coarse) < 2:
        return pairs_of(np.zeros((0, 2), np.int64), np.zeros(0))
    found = proposals(coarse)
    different, windows = _coarsely(coarse, found)
    most = _threshold(found, different)
    likely = np.flatnonzero(different <= _COARSELY * most)
    if not len(likely):
        return pairs_of(np.zeros((0, 2), np.int64), np.zeros(0))
    ends = np.stack([found.whole, found.part], axis=1)[likely]
    needed, places = np.unique(ends, return_inverse=True)
    places = places.reshape(ends.shape)
    read = fine(needed)
    similar = np.concatenate(
        [
            np.zeros(0),
            *(
                _finely(
                    places[rows], found.variant[likely[rows]], windows[likely[rows]], read, most
                )
                for rows in _blocks(len(likely))
            ),
        ]
    )
    return pairs_of(ends[similar > 0], similar[similar > 0])


def _blocks(rows: int) -> list[slice]:
    return [slice(at, at + _ROWS) for at in range(0, rows, _ROWS)]


def _coarsely(coarse: Thumbnails, found: Proposals) -> tuple[Floats, Floats]:
    """Per proposal what it differs by (1: no more was looked at), and its window."""
    different = np.ones(len(found.whole))
    windows = np.zeros((len(found.whole), 4))
    for rows in _blocks(len(different)):
        whole, begin = varied(coarse[found.whole[rows]].astype(np.float32), found.variant[rows])
        part = coarse[found.part[rows]].astype(np.float32)
        roughly = correlation(standardised(seen(whole, begin)), standardised(part))
        worth = np.flatnonzero(roughly > _WORTH_ALIGNING)
        score = aligned(whole[worth], part[worth], begin[worth], _COARSE_STEPS)
        different[rows.start + worth] = 1 - score.all
        windows[rows.start + worth] = score.windows
    return different, windows


def _threshold(found: Proposals, different: Floats) -> float:
    """What near-duplicates of this set may differ by."""
    items, counts = np.unique(found.whole, return_counts=True)
    farthest = np.zeros(len(items))
    np.maximum.at(farthest, np.searchsorted(items, found.whole), different)
    others = farthest[counts == KEPT]
    if not len(others):
        return LOOSEST
    return float(np.clip(_OF_OTHERS * np.quantile(others, 0.01), STRICTEST, LOOSEST))


def _finely(
    ends: Indices,
    variant: Indices,
    windows: Floats,
    read: Reader,
    most: float,
) -> Floats:
    """The similarity of each pair, 0 where it is none of near-duplicates."""
    needed, places = np.unique(ends, return_inverse=True)
    colour = read(needed)
    first, second = places.reshape(ends.shape).T
    stack = grey(colour)
    whole, _ = varied(stack[first], variant)
    score = aligned(whole, stack[second], windows, _FINE_STEPS)
    mean = colour.astype(np.float32).mean(axis=(2, 3))
    shares = mean / np.maximum(mean.sum(axis=1, keepdims=True), 1)
    near = np.abs(shares[first] - shares[second]).max(axis=1) <= _MOST_COLOUR
    near &= (1 - score.all <= most) & (1 - score.detail <= MOST_DETAIL)
    return np.where(near, score.all, 0.0)
