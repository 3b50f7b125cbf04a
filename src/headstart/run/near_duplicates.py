"""Near-duplicates of a data set are found, reported, and kept on one side of the split."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from headstart import kept
from headstart.data import near, texts
from headstart.data.dataset import SPLITS, Dataset, Split
from headstart.data.divide import given_sides
from headstart.data.near.thumbnails import COARSE, FINE, Thumbnails
from headstart.data.together import numbered
from headstart.features.extract import Features
from headstart.features.store import Digests
from headstart.features.thumbnails import thumbnails
from headstart.installed import version_of
from headstart.paths import cache_folder
from headstart.progress import Progress
from headstart.spec import FitSpec
from headstart.types import Indices, Json, JsonObject
from headstart.wording import items as counted

EXAMPLES = 10

FOLDER = "near-duplicates"
"""Where pairs are kept, in the cache folder."""

EDITION = 1
"""Raised when the same items give other pairs."""

LIBRARIES = ("headstart", "numpy", "scipy", "scikit-learn", "pillow")


@dataclass(frozen=True)
class Found:
    """Near-duplicates of a data set; identical items count once.

    Attributes:
        pairs: positions (n, 2) of items that are near-duplicates, the most similar first.
        similarity: of each pair, (n,).
        clusters: int (items of the data,): those of the same number are in one cluster, those of
            -1 are alone.
        refused: pairs that would have made a cluster too large.
    """

    pairs: Indices
    similarity: Sequence[float]
    clusters: Indices
    refused: int

    @property
    def sizes(self) -> Indices:
        """Items in each cluster."""
        return np.bincount(self.clusters[self.clusters >= 0])

    def to_json(self, names: Sequence[str], handled: str) -> JsonObject:
        """What a report says of them: how many, what was done, and the most similar pairs."""
        examples: list[Json] = [
            {"items": [names[one], names[other]], "similarity": round(similarity, 4)}
            for (one, other), similarity in zip(
                self.pairs[:EXAMPLES].tolist(), self.similarity[:EXAMPLES], strict=True
            )
        ]
        return {
            "handled": handled,
            "items": int(self.sizes.sum()),
            "groups": len(self.sizes),
            "largest": int(self.sizes.max(initial=0)),
            "pairs": len(self.pairs),
            "refused": self.refused,
            "examples": examples,
        }


def find(
    dataset: Dataset, readable: Indices, digests: Sequence[bytes], progress: Progress
) -> Found:
    """Near-duplicates among some items: their content alone says.

    Args:
        dataset: every item.
        readable: positions of those that are looked at, which can be read.
        digests: of the content of each of these.
        progress: shows items done.
    """
    distinct, first = np.unique(np.array(digests, "S16"), return_index=True)
    order = np.argsort(first)
    positions = readable[first[order]]
    pairs = _pairs(dataset, positions, distinct[order], progress)
    found = near.clustered(pairs, len(positions))
    clusters = np.full(len(dataset), -1, np.int64)
    clusters[positions] = found.clusters
    best = np.lexsort((pairs.items[:, 1], pairs.items[:, 0], -pairs.similarity))
    return Found(
        positions[pairs.items[best]], pairs.similarity[best].tolist(), clusters, found.refused
    )


def _pairs(
    dataset: Dataset, positions: Indices, digests: Digests, progress: Progress
) -> near.Pairs:
    """Those among distinct items; what was found of the same content before is read."""
    versions = [version_of(each) for each in LIBRARIES]
    name = kept.name_of([EDITION, dataset.modality, versions], [digests])
    file = cache_folder() / FOLDER / name
    before = kept.read(file)
    if before is not None:
        _, arrays = before
        return near.Pairs(arrays["items"], arrays["similarity"])
    seen = True
    if dataset.modality == "image":
        coarse = _thumbnails(dataset, positions, digests, COARSE, progress)(
            np.arange(len(positions))
        )
        # A black one may be of an image that could not be read this once.
        seen = bool(coarse.any(axis=tuple(range(1, coarse.ndim))).all())
        found = near.image_pairs(
            coarse,
            lambda which: _thumbnails(dataset, positions[which], digests[which], FINE, progress),
        )
    else:
        with progress.stage("Near-duplicates", 2 * len(positions)) as advance:
            cleaned = [texts.clean(dataset.items[at]) for at in positions.tolist()]
            found = near.text_pairs(cleaned, advance)
    if seen:
        kept.write(file, {}, {"items": found.items, "similarity": found.similarity})
    return found


def _thumbnails(
    dataset: Dataset, positions: Indices, digests: Digests, side: int, progress: Progress
) -> Callable[[Indices], Thumbnails]:
    with progress.stage("Near-duplicates", len(positions)) as advance:
        return thumbnails(dataset, positions, digests, side, cache_folder(), advance)


def marked(dataset: Dataset, features: Features, found: Found, spec: FitSpec) -> Dataset:
    """The data set with its near-duplicates, where they stay together, and a sentence on them."""
    if not len(found.pairs):
        return dataset
    one, other = found.pairs[0].tolist()
    sentence = (
        f"{counted(int(found.sizes.sum()), 'item')} are near-duplicates of others, in "
        f"{counted(len(found.sizes), 'group')}, such as {dataset.names[one]} and "
        f"{dataset.names[other]}"
    )
    sides = _sides(dataset, features, spec.test_size)
    parted = [(at, to) for at, to in found.pairs.tolist() if sides and sides[at] != sides[to]]
    if parted:
        one, other = parted[0]
        splits = "splits by time" if dataset.times else "given splits"
        warning = (
            f"{sentence}; {counted(len(parted), 'pair')} of them are in different {splits}, "
            f"such as {dataset.names[one]} ({sides[one]}) and "
            f"{dataset.names[other]} ({sides[other]}); the figures may be too "
            "good, for what is tested is not new to the model."
        )
        dataset = replace(dataset, warnings=(*dataset.warnings, warning))
    elif dataset.times:
        note = f"{sentence}; none of them are in different splits by time."
        dataset = replace(dataset, notes=(*dataset.notes, note))
    elif spec.near_duplicates == "report":
        warning = (
            f"{sentence}; where they are in different splits the figures are too good; "
            "--near-duplicates group keeps them together."
        )
        dataset = replace(dataset, warnings=(*dataset.warnings, warning))
    else:
        note = f"{sentence}; each group is on one side of the split (--near-duplicates)."
        dataset = replace(dataset, notes=(*dataset.notes, note))
    together = spec.near_duplicates == "group"
    return replace(dataset, near=found.clusters.tolist()) if together else dataset


def _sides(dataset: Dataset, features: Features, test_size: float) -> list[Split]:
    """The split that each item's content is in, where the data or its times say; else none.

    Of identical items in several splits the last counts: the others are dropped.
    """
    readable, digests = features.readable
    given = given_sides(dataset, readable, test_size)
    if not any(given):
        return []
    ranks = np.array([SPLITS.index(side or "train") for side in given])
    contents = numbered(digests)
    last = np.zeros(len(contents), np.int64)
    np.maximum.at(last, contents, ranks)
    sides: list[Split] = ["train"] * len(dataset)
    for at, content in zip(readable.tolist(), contents.tolist(), strict=True):
        sides[at] = SPLITS[last[content]]
    return sides
