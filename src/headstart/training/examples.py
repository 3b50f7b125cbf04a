"""Stored features and labels become training, validation and test examples."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from headstart.data import labels, split
from headstart.data.dataset import SPLITS, Dataset, Label, Skipped, Split, Task
from headstart.data.forms import ordered
from headstart.errors import InputError
from headstart.features.extract import Features
from headstart.spec import FitSpec
from headstart.wording import some

VALIDATION_SIZE = 0.15
IN_ANOTHER_SPLIT = "the same item is in the split that this one is judged by"


@dataclass(frozen=True)
class Part:
    """One split.

    Attributes:
        features: (items, size).
        targets: (items,) classes or values, or (items, classes) of 0 and 1.
        positions: where the items are in the data set.
        weights: (items,) how much each counts in training; None: all alike.
    """

    features: NDArray[np.float32]
    targets: NDArray[np.generic]
    positions: NDArray[np.int64]
    weights: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.features)

    def spread(self, most: int) -> "Part":
        """At most so many of the items, at even distances."""
        step = max(1, -(-len(self) // most))
        return Part(
            self.features[::step],
            self.targets[::step],
            self.positions[::step],
            None if self.weights is None else self.weights[::step],
        )

    def columns(self, which: NDArray[np.int64] | slice) -> "Part":
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
        )


@dataclass(frozen=True)
class Examples:
    """What is learnt from and measured on.

    Attributes:
        classes: in the order of the targets, sorted once from the training labels.
        parts: by split; validation may be empty.
        skipped: items whose label training never saw.
        warnings: what a person should know.
    """

    task: Task
    classes: tuple[str, ...]
    parts: Mapping[Split, Part]
    skipped: tuple[Skipped, ...]
    warnings: tuple[str, ...]

    def narrowed(self, features: int) -> "Examples":
        """The same with the first so many features of each item."""
        parts = {name: part.columns(slice(features)) for name, part in self.parts.items()}
        return replace(self, parts=parts)


def arrange(data: Dataset, features: Features, spec: FitSpec) -> Examples:
    """Split the items that have features, and put numbers on their labels.

    Raises:
        InputError: too little is left to train and test on.
    """
    if data.task is None or data.labels is None:
        raise InputError("The data has no labels to learn from; name their column with --label.")
    kept = features.kept
    known = [data.labels[at] for at in kept.tolist()]
    given = [data.splits[at] for at in kept.tolist()] if data.splits else []
    digests = features.digests.tolist()
    names = [data.names[at] for at in kept.tolist()]
    duplicates = split.check_duplicates(digests, known, names, given)
    sides = split.split(
        known,
        digests,
        given,
        task=data.task,
        test_size=spec.test_size,
        validation_size=VALIDATION_SIZE,
        seed=spec.seed,
    )
    classes = labels.classes_of([known[at] for at in sides.train.tolist()], data.task)
    if data.task == "classification" and len(classes) < 2:
        raise InputError(
            f"Only {classes[0]!r} is left to train on: every item of another class is also in the "
            "test or validation split; give those splits other items."
        )
    parts: dict[Split, Part] = {}
    warnings = [*duplicates, *sides.warnings]
    skipped = [Skipped(names[at], IN_ANOTHER_SPLIT) for at in sides.dropped.tolist()]
    for name in SPLITS:
        index = getattr(sides, name)
        targets, good, unmatched, unknown = match(data, kept[index], classes)
        skipped += unmatched
        warnings += unknown
        parts[name] = part_of(data, features, index[good], targets)
    if not len(parts["test"]):
        tested = labels.counts_of([known[at] for at in sides.test.tolist()], data.task)
        raise InputError(
            "No item of the test split has a label that the training items have: it has "
            f"{some(ordered(tested), 3)}, they have {some(classes, 3)}; check the labels of both."
        )
    return Examples(data.task, classes, parts, tuple(skipped), tuple(warnings))


def without_test(data: Dataset, features: Features, spec: FitSpec) -> Examples:
    """Every item to train on; some of them, where there are enough, to calibrate on."""
    assert data.task is not None
    assert data.labels is not None
    known = [data.labels[at] for at in features.kept.tolist()]
    train, validation = _train_and_validation(data.task, known, features, spec)
    classes = labels.classes_of(known, data.task)

    def part(index: NDArray[np.int64]) -> Part:
        targets, *_ = match(data, features.kept[index], classes)
        return part_of(data, features, index, targets)

    nothing = part(np.empty(0, np.int64))
    parts: dict[Split, Part] = {
        "train": part(train),
        "validation": part(validation),
        "test": nothing,
    }
    return Examples(data.task, classes, parts, (), ())


def _train_and_validation(
    task: Task, known: list[Label], features: Features, spec: FitSpec
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    every = np.arange(len(known))
    try:
        sides = split.split(
            known,
            features.digests.tolist(),
            (),
            task=task,
            test_size=0,
            validation_size=VALIDATION_SIZE,
            seed=spec.seed,
        )
    except InputError:  # too few distinct items: nothing is calibrated
        return every, every[:0]
    seen = set(labels.classes_of([known[at] for at in sides.train.tolist()], task))
    # Identical items stay together, whatever their labels: a class may be all in validation.
    strange = [
        at for at in sides.validation.tolist() if set(labels.classes_of([known[at]], task)) - seen
    ]
    train = np.union1d(sides.train, strange).astype(np.int64)
    return train, np.setdiff1d(sides.validation, strange)


def part_of(
    data: Dataset, features: Features, index: NDArray[np.int64], targets: NDArray[np.generic]
) -> Part:
    """The kept items at `index` as a part, with their targets."""
    positions = features.kept[index]
    own = np.asarray(data.weights, np.float64)[positions] if len(data.weights) else None
    return Part(features.vectors(index), targets, positions, own)


def match(
    data: Dataset, positions: NDArray[np.int64], classes: tuple[str, ...]
) -> tuple[NDArray[np.generic], NDArray[np.bool_], list[Skipped], list[str]]:
    """Targets of the items at `positions`, which of them have one, the others as skipped, warnings.

    An item has none when its label is not among `classes`. Of an item with several labels those
    that are not are left out, with a warning.
    """
    assert data.task is not None
    assert data.labels is not None
    known = [data.labels[at] for at in positions.tolist()]
    targets = labels.encode(known, classes, data.task)
    good = targets >= 0 if data.task == "classification" else np.ones(len(targets), bool)
    unknown = [(at, str(data.labels[at])) for at in positions[~good].tolist()]
    alike = labels.lookalikes({label for _, label in unknown}, classes)
    unmatched = [
        Skipped(data.names[at], _unknown_class(label, alike.get(label))) for at, label in unknown
    ]
    return targets[good], good, unmatched, _unknown(known, classes, data.task)


def _unknown_class(label: str, alike: str | None) -> str:
    known = f" (they have {some([alike])})" if alike else ""
    return f"its label {label!r} is not among the model's classes{known}"


def _unknown(known: list[Label], classes: tuple[str, ...], task: Task) -> list[str]:
    if task != "multilabel":
        return []
    counts = labels.counts_of(known, task)
    found = ordered(name for name in counts if name not in set(classes))
    if not found:
        return []
    return [
        f"Labels that the model does not know are left out, {sum(counts[f] for f in found):,} "
        f"in all: {some(found)}."
    ]
