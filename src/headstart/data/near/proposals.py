"""Which pairs of images are worth a closer look: neighbours in tables of hashes.

A hash is the signs of random projections (Charikar 2002, "Similarity Estimation Techniques from
Rounding Algorithms") of an image's coarse structure, in units of how much the images of this set
differ there: so the buckets of a set of look-alikes are as small as those of any other. Every
image is looked up as it is, mirrored, and with its edges cut off, so that its crops are found.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headstart.data.near.alignment import Stack, inner, seen, standardised, window
from headstart.types import Floats, Indices, Mask

_CUTS = (0.0, 0.025, 0.05)
_WINDOWS = (window(1, 0, 0), *(window(0.95, x, y) for x in _CUTS for y in _CUTS))
VARIANTS = (*((each, False) for each in _WINDOWS), (_WINDOWS[0], True))
"""What is looked up of an image: a window, and whether it is mirrored."""

TABLES, BUCKET, AROUND, KEPT = 8, 8, 4, 4
"""Tables of hashes; items that share one, on average; those looked at on either side of an item's
own place among them; and how many candidates are kept for each item."""

_FREQUENCIES = 8
_ROWS = 2048
_FLOOR = 0.05
"""Of the mean variance, what a direction has at least in which the images do not differ."""


@dataclass(frozen=True)
class Proposals:
    """Pairs that may be near-duplicates: a `part` may be a `variant` of a `whole`, (n,) each."""

    whole: Indices
    part: Indices
    variant: Indices


def proposals(thumbnails: NDArray[np.float16]) -> Proposals:
    """The likeliest near-duplicates of each image, (n, SIDE, SIDE).

    Time and memory grow with n alone: an item meets a fixed number of others in each table.
    """
    items = len(thumbnails)
    structure = _structure(thumbnails, *VARIANTS[0])
    centre, whitener = _whitener(structure)
    index = (structure - centre) @ whitener
    planes = _planes(items, index.shape[1])
    sorted_keys = [_sorted(_keys(index, each)) for each in planes]
    kept = np.zeros((0, 3), np.int64), np.zeros(0, np.float32)
    for number, (part, mirrored) in enumerate(VARIANTS):
        queries = index
        if number:
            queries = (_structure(thumbnails, part, mirrored) - centre) @ whitener
        kept = _best(*kept, *_nearest(queries, index, planes, sorted_keys, number))
    rows, _ = kept
    return Proposals(rows[:, 0], rows[:, 1], rows[:, 2])


def varied(stack: Stack, variant: Indices) -> tuple[Stack, Floats]:
    """Thumbnails as their variants are to be looked at: mirrored where they are, and windows."""
    windows = np.stack([VARIANTS[at][0] for at in range(len(VARIANTS))])[variant]
    mirrored = np.array([flip for _, flip in VARIANTS])[variant]
    return np.where(mirrored[:, None, None], stack[:, :, ::-1], stack), windows


def _structure(thumbnails: NDArray[np.float16], part: Floats, mirrored: bool) -> Stack:
    """The lowest frequencies of each image, (n, _FREQUENCIES ** 2 - 1), whatever its contrast."""
    rows = []
    for at in range(0, len(thumbnails), _ROWS):
        stack = thumbnails[at : at + _ROWS].astype(np.float32)
        if mirrored:
            stack = stack[:, :, ::-1]
        cut = inner(standardised(seen(stack, np.tile(part, (len(stack), 1)))))
        waves = _waves(cut.shape[-1])
        rows.append((waves @ cut @ waves.T).reshape(len(stack), -1)[:, 1:])
    return np.concatenate(rows) if rows else np.zeros((0, _FREQUENCIES**2 - 1), np.float32)


def _waves(side: int) -> Stack:
    """The first rows of the discrete cosine transform."""
    phase = np.outer(np.arange(_FREQUENCIES), np.arange(side) + 0.5) * np.pi / side
    return np.cos(phase).astype(np.float32)


def _whitener(structure: Stack) -> tuple[Stack, Stack]:
    centre = structure.mean(axis=0)
    values, directions = np.linalg.eigh(np.cov(structure.T, bias=True).astype(np.float64))
    floor = max(_FLOOR * float(values.mean()), 1e-6)
    return centre, (directions / np.sqrt(np.maximum(values, 0) + floor)).astype(np.float32)


def _planes(items: int, size: int) -> list[Stack]:
    """Per table the planes of its bits, and one more by which items are ordered in a bucket."""
    bits = max(0, int(np.ceil(np.log2(max(1, items / BUCKET)))))
    rng = np.random.default_rng(0)  # of no importance: every seed hashes as well
    return [rng.standard_normal((size, bits + 1)).astype(np.float32) for _ in range(TABLES)]


def _keys(vectors: Stack, planes: Stack) -> Floats:
    """The bucket, and after the point where in it."""
    values = (vectors @ planes).astype(np.float64)
    bits = values[:, :-1] > 0
    bucket = bits @ (2.0 ** np.arange(bits.shape[1]))
    within = 0.5 + np.arctan(values[:, -1]) / np.pi
    return bucket + np.clip(within, 1e-6, 1 - 1e-6)


def _sorted(keys: Floats) -> tuple[Floats, Indices]:
    order = np.argsort(keys, kind="stable")
    return keys[order], order


def _nearest(
    queries: Stack,
    index: Stack,
    planes: list[Stack],
    tables: list[tuple[Floats, Indices]],
    variant: int,
) -> tuple[Indices, Stack]:
    """Per query and table the nearest other item in its bucket: (n, 3), and the distances."""
    found, distances = [], []
    for table, (keys, order) in zip(planes, tables, strict=True):
        for at in range(0, len(queries), _ROWS):
            vectors = queries[at : at + _ROWS]
            own = np.arange(at, at + len(vectors))
            wanted = _keys(vectors, table)
            places = np.searchsorted(keys, wanted)[:, None] + np.arange(-AROUND, AROUND + 1)
            inside = (places >= 0) & (places < len(keys))
            places = np.clip(places, 0, len(keys) - 1)
            others = order[places]
            inside &= (keys[places] // 1 == wanted[:, None] // 1) & (others != own[:, None])
            distance = ((index[others] - vectors[:, None]) ** 2).sum(axis=2)
            distance[~inside] = np.inf
            best = distance.argmin(axis=1)
            rows = np.flatnonzero(np.isfinite(distance[own - at, best]))
            found.append(
                np.stack([own, others[own - at, best], np.full(len(own), variant)], 1)[rows]
            )
            distances.append(distance[own - at, best][rows])
    return np.concatenate(found), np.concatenate(distances)


def _best(
    kept: Indices,
    kept_distances: Stack,
    found: Indices,
    found_distances: Stack,
) -> tuple[Indices, Stack]:
    """The nearest `KEPT` of each item's candidates, each in its nearest variant."""
    rows = np.concatenate([kept, found])
    distances = np.concatenate([kept_distances, found_distances])
    order = np.lexsort((distances, rows[:, 1], rows[:, 0]))
    rows, distances = rows[order], distances[order]
    new: Mask = np.ones(len(rows), bool)
    new[1:] = (rows[1:, :2] != rows[:-1, :2]).any(axis=1)
    rows, distances = rows[new], distances[new]
    order = np.lexsort((distances, rows[:, 0]))
    rows, distances = rows[order], distances[order]
    starts = np.searchsorted(rows[:, 0], rows[:, 0])
    few = np.arange(len(rows)) - starts < KEPT
    return rows[few], distances[few]
