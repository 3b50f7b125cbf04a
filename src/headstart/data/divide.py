"""Which items are learnt from and measured on: content, labels and seed say, no network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headstart.data import labels, split, times
from headstart.data.dataset import SPLITS, Dataset, Skipped, Split, Task
from headstart.data.forms import ordered
from headstart.data.together import joined, numbered
from headstart.errors import InputError
from headstart.types import Indices, Label, Mask, Targets
from headstart.wording import shown, some

VALIDATION_SIZE = 0.15
IN_ANOTHER_SPLIT = "the same item is in the split that this one is judged by"


@dataclass(frozen=True)
class Side:
    """The items of one split: where they are in the data set, and their labels as numbers."""

    positions: Indices
    targets: Targets


@dataclass(frozen=True)
class Divided:
    """A data set in its splits.

    Attributes:
        task: what the labels say.
        classes: in the order of the targets, sorted once from the training labels.
        sides: by split; validation may be empty.
        skipped: items whose label training never saw, or that are in another split too.
        warnings: what a person should know.
        together: int (items of the data set,), by position: items of the same number stay
            together, and those of -1 are alone; None where all are alone.
        notes: how it was divided.
    """

    task: Task
    classes: tuple[str, ...]
    sides: Mapping[Split, Side]
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    together: Indices | None = None
    notes: tuple[str, ...] = ()


def divide(
    data: Dataset, readable: Indices, digests: Sequence[bytes], *, test_size: float, seed: int
) -> Divided:
    """Split the items that can be read, and put numbers on their labels.

    Args:
        data: every item, with labels.
        readable: positions of those that can be read.
        digests: of the content of each of these.
        test_size: see `split.split`.
        seed: of the shuffle.

    Raises:
        InputError: too little is left to train and test on.
    """
    if data.task is None or data.labels is None:
        raise InputError("The data has no labels to learn from; name their column with --label.")
    known = [data.labels[at] for at in readable.tolist()]
    given = given_sides(data, readable, test_size)
    notes = []
    if data.times:
        notes.append(times.said([data.times[at] for at in readable.tolist()], given))
    names = [data.names[at] for at in readable.tolist()]
    duplicates = split.check_duplicates(digests, known, names, given)
    together = together_in(data, readable, digests)
    found = split.split(
        known,
        digests,
        given,
        task=data.task,
        test_size=test_size,
        validation_size=VALIDATION_SIZE,
        seed=seed,
        together=None if together is None else together[readable],
    )
    classes = labels.classes_of([known[at] for at in found.train.tolist()], data.task)
    if data.task == "classification" and len(classes) < 2:
        raise InputError(
            f"Only {classes[0]!r} is left to train on: every item of another class is also in the "
            "test or validation split; give those splits other items."
        )
    sides: dict[Split, Side] = {}
    warnings = [*duplicates, *_parted(data, readable), *found.warnings]
    skipped = [Skipped(names[at], IN_ANOTHER_SPLIT) for at in found.dropped.tolist()]
    for name in SPLITS:
        positions = readable[getattr(found, name)]
        targets, good, unmatched, unknown = match(data, positions, classes)
        skipped += unmatched
        warnings += unknown
        sides[name] = Side(positions[good], targets)
    if not len(sides["test"].positions):
        tested = labels.counts_of([known[at] for at in found.test.tolist()], data.task)
        raise InputError(
            "No item of the test split has a label that the training items have: it has "
            f"{some(ordered(tested), 3)}, they have {some(classes, 3)}; check the labels of both."
        )
    return Divided(
        data.task, classes, sides, tuple(skipped), tuple(warnings), together, tuple(notes)
    )


def given_sides(data: Dataset, readable: Indices, test_size: float) -> Sequence[Split | None]:
    """The splits that the data or its times give the items at `readable`; empty where neither does.

    Raises:
        DataError: there are fewer than three times.
    """
    if data.times:
        when = [data.times[at] for at in readable.tolist()]
        return times.sides_of(when, test_size, VALIDATION_SIZE)
    return [data.splits[at] for at in readable.tolist() if data.splits]


def together_in(data: Dataset, readable: Indices, digests: Sequence[bytes]) -> Indices | None:
    """What stays together, by position in the data; see `Divided.together`.

    Identical items do in any case: where nothing else does, this is None.
    """
    partitions = []
    if any(group is not None for group in data.groups):
        partitions.append(numbered(data.groups[at] for at in readable.tolist()))
    if any(cluster >= 0 for cluster in data.near):
        partitions.append(np.asarray(data.near, np.int64)[readable])
    if not partitions:
        return None
    found = np.full(len(data), -1, np.int64)
    found[readable] = joined(numbered(digests), *partitions)
    return found


def _parted(data: Dataset, readable: Indices) -> list[str]:
    """Warn of groups that the data's own splits have parted."""
    if not (data.groups and any(data.splits)):
        return []
    sides: dict[str, dict[Split, str]] = {}
    for at in readable.tolist():
        group = data.groups[at]
        if group is not None:
            sides.setdefault(group, {}).setdefault(data.splits[at] or "train", data.names[at])
    parted = {group: where for group, where in sides.items() if len(where) > 1}
    if not parted:
        return []
    group, where = next(iter(parted.items()))
    examples = " and ".join(f"{name} ({side})" for side, name in where.items())
    return [
        f"{len(parted):,} of {len(sides):,} groups are in more than one given split, such as "
        f"{shown(group)!r} with {examples}; the figures may be too good, for what is tested is "
        "not new to the model."
    ]


def divide_without_test(
    data: Dataset, readable: Indices, digests: Sequence[bytes], *, seed: int
) -> Divided:
    """Every item to train on; some of them, where there are enough, to calibrate on."""
    assert data.task is not None
    assert data.labels is not None
    known = [data.labels[at] for at in readable.tolist()]
    together = together_in(data, readable, digests)
    inside = None if together is None else together[readable]
    train, validation = _train_and_validation(data.task, known, digests, inside, seed)
    classes = labels.classes_of(known, data.task)
    sides: dict[Split, Side] = {
        "train": _side(data, readable[train], classes),
        "validation": _side(data, readable[validation], classes),
        "test": _side(data, readable[:0], classes),
    }
    return Divided(data.task, classes, sides, together=together)


def divide_fold(
    data: Dataset, readable: Indices, digests: Sequence[bytes], tested: Mask, *, seed: int
) -> Divided:
    """Some items to test on; of all others, where there are enough, some to calibrate on.

    The classes are those of all items, so that they are the same whatever is tested.

    Args:
        data: every item, with labels.
        readable: positions of those that can be read.
        digests: of the content of each of these.
        tested: bool, one per item of the data; see `folds.fold_of`.
        seed: of the shuffle.
    """
    assert data.task is not None
    assert data.labels is not None
    known = [data.labels[at] for at in readable.tolist()]
    together = together_in(data, readable, digests)
    same = numbered(digests) if together is None else together[readable]
    rest = np.flatnonzero(~tested[readable])
    train, validation = _train_and_validation(
        data.task,
        [known[at] for at in rest.tolist()],
        [digests[at] for at in rest.tolist()],
        same[rest],
        seed,
    )
    classes = labels.classes_of(known, data.task)
    sides: dict[Split, Side] = {
        "train": _side(data, readable[rest[train]], classes),
        "validation": _side(data, readable[rest[validation]], classes),
        "test": _side(data, readable[tested[readable]], classes),
    }
    names = [data.names[at] for at in readable.tolist()]
    duplicates = split.check_duplicates(digests, known, names, ())
    return Divided(data.task, classes, sides, warnings=duplicates, together=together)


def _side(data: Dataset, positions: Indices, classes: tuple[str, ...]) -> Side:
    targets, *_ = match(data, positions, classes)
    return Side(positions, targets)


def _train_and_validation(
    task: Task,
    known: list[Label],
    digests: Sequence[bytes],
    together: Indices | None,
    seed: int,
) -> tuple[Indices, Indices]:
    every = np.arange(len(known))
    try:
        found = split.split(
            known,
            digests,
            (),
            task=task,
            test_size=0,
            validation_size=VALIDATION_SIZE,
            seed=seed,
            together=together,
        )
    except InputError:  # too few distinct items: nothing is calibrated
        return every, every[:0]
    seen = set(labels.classes_of([known[at] for at in found.train.tolist()], task))
    # What belongs together stays so, whatever its labels: a class may be all in validation.
    unseen = [
        at for at in found.validation.tolist() if set(labels.classes_of([known[at]], task)) - seen
    ]
    if together is not None and unseen:
        unseen = np.flatnonzero(np.isin(together, together[unseen])).tolist()
    train = np.union1d(found.train, unseen).astype(np.int64)
    return train, np.setdiff1d(found.validation, unseen)


def match(
    data: Dataset, positions: Indices, classes: tuple[str, ...]
) -> tuple[Targets, Mask, list[Skipped], list[str]]:
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
