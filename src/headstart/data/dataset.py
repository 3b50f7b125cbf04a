"""What a reader hands on: items with names, and labels and splits where they are known."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

Modality = Literal["image", "text"]
Task = Literal["classification", "multilabel", "regression"]
Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
Label = str | tuple[str, ...] | float


@dataclass(frozen=True, slots=True)
class Skipped:
    """An item that was left out, and why."""

    item: str
    reason: str


@dataclass(frozen=True)
class Dataset:
    """Items in a fixed order, none decoded yet.

    Attributes:
        modality: what an item is.
        items: an image is a path (`str`), encoded `bytes`, a `PIL.Image.Image` or an array of
            uint8 (height, width[, 3 or 4]); a text is a `str`. May be lazy: index it once.
        names: what to call each item in messages, escaped for a terminal, the same length.
        task: what the labels say; None without labels.
        labels: one per item, or None (predict, embed). A class is a `str`, several classes a
            sorted tuple of `str`, a number a `float`.
        splits: the split each item was given by the data, or None where headstart is to choose.
        skipped: what was left out while reading.
        warnings: what a person should know; notes: what was guessed, and how to say otherwise.
    """

    modality: Modality
    items: Sequence[Any]
    names: Sequence[str]
    task: Task | None = None
    labels: Sequence[Label] | None = None
    splits: Sequence[Split | None] = ()
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.items)

    def select(self, index: np.ndarray[Any, np.dtype[np.int64]]) -> "Dataset":
        """The same data set with the items at `index` alone, in that order (reads each once)."""
        return replace(
            self,
            items=[self.items[i] for i in index],
            names=[self.names[i] for i in index],
            labels=None if self.labels is None else [self.labels[i] for i in index],
            splits=[self.splits[i] for i in index] if self.splits else (),
        )
