"""The nearest neighbours of each item by its features; items that are far from all others.

Distance to the k nearest neighbours is as good a measure of what is unlike the rest as any that
needs no training (Sun et al. 2022, "Out-of-Distribution Detection with Deep Nearest Neighbors").
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headstart.findings.evidence import Evidence
from headstart.findings.finding import Finding, finding
from headstart.findings.robust import deviations
from headstart.types import Floats, Indices
from headstart.wording import items

NEIGHBOURS = 10
MOST_REFERENCES = 20_000
"""Items among which neighbours are sought, chosen at random where there are more."""

FAR = 5.0
"""Robust standard deviations of the logarithm of the distance, from which an item is an outlier."""

_ROWS = 1024


@dataclass(frozen=True)
class Nearest:
    """Of each item the nearest others that are no copies of it.

    Attributes:
        places: int (n, k), which they are; -1 where there are no more.
        similarity: cosine, (n, k); NaN likewise.
    """

    places: Indices
    similarity: Floats

    def share(self, of: NDArray[np.bool_]) -> Floats:
        """The share of each item's neighbours that are among some, (n,); NaN without any."""
        there = self.places >= 0
        counts = there.sum(axis=1)
        hits = (of[self.places] & there).sum(axis=1)
        return np.where(counts, hits / np.maximum(counts, 1), np.nan)


def nearest(
    features: NDArray[np.float32], together: Indices, seed: int, references: int = MOST_REFERENCES
) -> Nearest:
    """The `NEIGHBOURS` nearest by cosine of standardised features.

    Args:
        features: (n, d).
        together: int (n,); an item's copies have its number and are no neighbours; -1: it has none.
        seed: of the choice among more than `references`.
        references: items among which neighbours are sought.
    """
    rows = _directions(features)
    number = np.where(together < 0, -1 - np.arange(len(rows)), together)
    rng = np.random.default_rng(seed)
    among = np.sort(rng.permutation(len(rows))[:references])
    others = rows[among].T
    k = min(NEIGHBOURS, len(among))
    places = np.full((len(rows), k), -1, np.int64)
    similarity = np.full((len(rows), k), np.nan)
    for at in range(0, len(rows), _ROWS):
        part = slice(at, at + _ROWS)
        unlike = rows[part] @ others
        np.negative(unlike, out=unlike)
        unlike[number[part, None] == number[among][None]] = np.inf
        best = np.argpartition(unlike, k - 1, axis=1)[:, :k] if k else places[part]
        found = -np.take_along_axis(unlike, best, axis=1)
        there = np.isfinite(found)
        places[part] = np.where(there, among[best], -1)
        similarity[part] = np.where(there, found, np.nan)
    return Nearest(places, similarity)


def outliers(evidence: Evidence, near: Nearest) -> Iterator[Finding]:
    """Items much farther from their neighbours than the others are."""
    counted = (near.places >= 0).all(axis=1)
    if counted.sum() <= 2 * NEIGHBOURS:
        return
    distance = np.maximum(1 - near.similarity[counted].mean(axis=1), 1e-6)
    far = deviations(np.log(distance))
    places = np.flatnonzero(counted)
    order = [at for at in np.argsort(-far, kind="stable").tolist() if far[at] > FAR]
    listed = [
        evidence.suspect(int(evidence.positions[places[at]]), score=float(far[at])) for at in order
    ]
    if listed:
        yield finding(
            "outliers",
            "note",
            f"{items(len(listed), 'item is', 'items are')} unlike all others: look "
            "whether they belong to the data.",
            listed,
        )


def _directions(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Standardised features at length one."""
    spread = features.std(axis=0)
    rows = (features - features.mean(axis=0)) / np.maximum(spread, np.median(spread) / 20 + 1e-12)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-12), np.float32)
