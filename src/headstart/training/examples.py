"""Stored features and labels become training, validation and test examples."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from headstart.data.dataset import Dataset, Skipped, Split, Task
from headstart.data.divide import Divided, Side, divide, divide_fold, divide_without_test
from headstart.errors import InputError
from headstart.features.extract import Features
from headstart.spec import FitSpec
from headstart.types import Floats, Indices, Mask, Targets


@dataclass(frozen=True)
class Part:
    """One split.

    Attributes:
        features: (items, size).
        targets: (items,) classes or values, or (items, classes) of 0 and 1.
        positions: where the items are in the data set.
        weights: (items,) how much each counts in training; None: all alike.
        together: int (items,): those of the same number belong together; None: each is alone.
    """

    features: NDArray[np.float32]
    targets: Targets
    positions: Indices
    weights: Floats | None = None
    together: Indices | None = None

    def __len__(self) -> int:
        return len(self.features)

    def spread(self, most: int) -> "Part":
        """At most so many of the items, at even distances."""
        return self.rows(slice(None, None, max(1, -(-len(self) // most))))

    def sample(self, most: int, seed: int) -> "Part":
        """At most so many of the items, with about as many of each class, or from every range.

        Items of several labels are drawn as they come.
        """
        order = np.random.default_rng(seed).permutation(len(self))
        if self.targets.ndim == 1:
            order = order[np.argsort(self.targets[order], kind="stable")]
        if len(order) > most:
            order = order[np.linspace(0, len(order) - 1, most).round().astype(np.int64)]
        return self.rows(np.sort(order))

    def rows(self, which: Indices | slice) -> "Part":
        """Some of the items."""
        return Part(
            self.features[which],
            self.targets[which],
            self.positions[which],
            None if self.weights is None else self.weights[which],
            None if self.together is None else self.together[which],
        )

    def columns(self, which: Indices | slice) -> "Part":
        """The same with some of the features."""
        return replace(self, features=self.features[:, which])

    def joined(self, other: "Part") -> "Part":
        """Both, one after the other."""
        return Part(
            np.concatenate([self.features, other.features]),
            np.concatenate([self.targets, other.targets]),
            np.concatenate([self.positions, other.positions]),
            None
            if self.weights is None or other.weights is None
            else np.concatenate([self.weights, other.weights]),
            None
            if self.together is None or other.together is None
            else np.concatenate([self.together, other.together]),
        )


@dataclass(frozen=True)
class Examples:
    """What is learnt from and measured on.

    Attributes:
        classes: in the order of the targets, sorted once from the training labels.
        parts: by split; validation may be empty.
        skipped: items whose label training never saw.
        warnings: what a person should know; notes: how the items were divided.
    """

    task: Task
    classes: tuple[str, ...]
    parts: Mapping[Split, Part]
    skipped: tuple[Skipped, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def narrowed(self, features: int) -> "Examples":
        """The same with the first so many features of each item."""
        parts = {name: part.columns(slice(features)) for name, part in self.parts.items()}
        return replace(self, parts=parts)


def arrange(data: Dataset, features: Features, spec: FitSpec) -> Examples:
    """Split the items, and put their features beside the numbers of their labels.

    Raises:
        InputError: too little is left to train and test on.
    """
    readable, digests = features.readable
    divided = divide(data, readable, digests, test_size=spec.test_size, seed=spec.seed)
    return _examples(data, features, divided)


def without_test(data: Dataset, features: Features, spec: FitSpec) -> Examples:
    """Every item to train on; some of them, where there are enough, to calibrate on."""
    readable, digests = features.readable
    return _examples(data, features, divide_without_test(data, readable, digests, seed=spec.seed))


def with_tested(data: Dataset, features: Features, tested: Mask, spec: FitSpec) -> Examples:
    """The items of a fold, (items of the data,), to test on, and all others to train on."""
    readable, digests = features.readable
    return _examples(data, features, divide_fold(data, readable, digests, tested, seed=spec.seed))


def _examples(data: Dataset, features: Features, divided: Divided) -> Examples:
    """Those of which the network made features, with them."""
    parts = {
        name: _part(data, features, side, divided.together) for name, side in divided.sides.items()
    }
    _refuse_lost(features, divided, parts)
    lost = {each.item for each in features.skipped}
    skipped = tuple(each for each in divided.skipped if each.item not in lost)
    return Examples(divided.task, divided.classes, parts, skipped, divided.warnings, divided.notes)


def _refuse_lost(features: Features, divided: Divided, parts: Mapping[Split, Part]) -> None:
    """Refuse a split of which no item has features, and a class that none is left to train on."""
    lost = [
        f"the {n} split" for n, s in divided.sides.items() if len(s.positions) > len(parts[n]) == 0
    ]
    if divided.task == "classification":
        left = np.unique(parts["train"].targets)
        trained = np.unique(divided.sides["train"].targets)
        lost += [
            f"the class {divided.classes[at]!r}" for at in np.setdiff1d(trained, left).tolist()
        ]
    if lost:
        first = features.skipped[0]
        raise InputError(
            f"No item of {lost[0]} is left to learn from or to measure on ({first.item}: "
            f"{first.reason}); leave such items out, or take another --backbone."
        )


def _part(data: Dataset, features: Features, side: Side, together: Indices | None) -> Part:
    """The items of a split that have features, with them."""
    there = np.isin(side.positions, features.kept)
    positions = side.positions[there]
    own = np.asarray(data.weights, np.float64)[positions] if len(data.weights) else None
    vectors = features.vectors(np.searchsorted(features.kept, positions))
    number = None if together is None else together[positions]
    return Part(vectors, side.targets[there], positions, own, number)
