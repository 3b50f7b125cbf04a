"""What a reader hands on: items with names, and labels and splits where they are known."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from headstart.data.lazy import chained, selected
from headstart.data.reads import UNKNOWN, Reads
from headstart.types import Indices, Label

Modality = Literal["image", "text"]
Task = Literal["classification", "multilabel", "regression"]
Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Skipped:
    """An item that was left out, and why."""

    item: str
    reason: str


@dataclass(frozen=True)
class Labels:
    """What a label column says.

    Attributes:
        task: as asked for, or as guessed.
        labels: one per row; None where it is missing.
        warnings: what a person should know; notes: what was guessed, and how to say otherwise.
        separator: what the cells were split at, where that is one sign.
    """

    task: Task
    labels: list[Label | None]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    separator: str | None = None


@dataclass(frozen=True)
class Ids:
    """A column of the user's, by which answers are joined to their rows.

    Attributes:
        column: its name.
        cells: its cells, by the names of the items.
    """

    column: str
    cells: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Unusable:
    """Stands in its place for an item that can be none; where items are read it is skipped."""

    reason: str


@dataclass(frozen=True)
class Dataset:
    """Items in a fixed order, none decoded yet.

    Attributes:
        modality: what an item is.
        items: an image is a path (`str`), encoded `bytes`, a `PIL.Image.Image` or an array
            (height, width[, 3 or 4]); a text is a `str`, or an array of its tokens, int32
            (tokens,), where it has been cut into blocks; an `Unusable` is neither. May be lazy:
            index it once.
        names: what to call each item in messages, escaped for a terminal, the same length.
        task: what the labels say; None without labels.
        labels: one per item, or None (predict, embed). A class is a `str`, several classes a
            sorted tuple of `str`, a number a `float`.
        splits: the split each item was given by the data, or None where headstart is to choose.
        weights: how much each item counts in training; empty where all count alike.
        groups: what each item belongs to (a patient, a video); the items of a group stay on one
            side of every split. None for one that is alone; empty where there are no groups.
        times: when each item was, dates or numbers, where the splits are by time; else empty.
        near: the cluster of near-duplicates that each item is in, -1 where it is in none; they
            stay on one side of every split. Empty where there are none.
        skipped: what was left out while reading.
        warnings: what a person should know; notes: what was guessed, and how to say otherwise.
        reads: the columns and files it was read from, which a model remembers.
        ids: the column that was asked for, of what was read and of what was left out.
    """

    modality: Modality
    items: Sequence[Any]
    names: Sequence[str]
    task: Task | None = None
    labels: Sequence[Label] | None = None
    splits: Sequence[Split | None] = ()
    weights: Sequence[float] = ()
    groups: Sequence[str | None] = ()
    times: Sequence[float] | Sequence[datetime] = ()
    near: Sequence[int] = ()
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    reads: Reads = UNKNOWN
    ids: Ids | None = None

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        task = "" if self.task is None else f" for {self.task}"
        skipped = f", {len(self.skipped):,} skipped" if self.skipped else ""
        return f"<Dataset of {len(self):,} {self.modality}s{task}{skipped}>"

    def select(self, index: Indices) -> "Dataset":
        """The same data set with the items at `index` alone, in that order; lazy items stay so."""
        return replace(
            self,
            items=selected(self.items, index),
            names=[self.names[i] for i in index],
            labels=None if self.labels is None else [self.labels[i] for i in index],
            splits=[self.splits[i] for i in index] if self.splits else (),
            weights=[self.weights[i] for i in index] if len(self.weights) else (),
            groups=[self.groups[i] for i in index] if len(self.groups) else (),
            times=[self.times[i] for i in index] if len(self.times) else (),
            near=[self.near[i] for i in index] if len(self.near) else (),
        )


def joined(first: Dataset, second: Dataset) -> Dataset:
    """The items of both, the second's as the test split, the first's as anything but that."""
    sides: list[Split | None] = [
        "train" if side in (None, "test") else side for side in first.splits
    ] or ["train"] * len(first)
    added: list[Split | None] = ["test"] * len(second)
    own = sum(side == "test" for side in first.splits)
    moved = f"The {own:,} items of the data's own test split are trained on: --test names others."
    said = [moved] if own else []
    return replace(
        first,
        items=chained([first.items, second.items]),
        names=[*first.names, *second.names],
        labels=None
        if first.labels is None or second.labels is None
        else [*first.labels, *second.labels],
        splits=[*sides, *added],
        weights=[*first.weights, *[1.0] * len(second)] if len(first.weights) else (),
        groups=_groups(first, second),
        skipped=(*first.skipped, *second.skipped),
        warnings=tuple(dict.fromkeys([*first.warnings, *second.warnings])),
        notes=tuple(dict.fromkeys([*first.notes, *second.notes, *said])),
    )


def _groups(first: Dataset, second: Dataset) -> Sequence[str | None]:
    if not (first.groups or second.groups):
        return ()
    return [each for data in (first, second) for each in (data.groups or [None] * len(data))]


def count_notes(notes: Mapping[int, str], modality: Modality) -> tuple[str, ...]:
    """A sentence for each kind of oddity, with how many items have it.

    Args:
        notes: what was odd about an item, by position.
        modality: what an item is.
    """
    return tuple(
        f"{count:,} {modality if count == 1 else modality + 's'}: {note}."
        for note, count in Counter(notes.values()).most_common()
    )
