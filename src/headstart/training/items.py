"""What a network is trained on, a batch at a time: stored activations, images, or tokens."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from headstart.data import images, texts
from headstart.data.dataset import Dataset
from headstart.errors import InputError, Unreadable
from headstart.features.extract import Features
from headstart.preprocessing import (
    WHOLE,
    ImagePreprocessing,
    Preprocessing,
    TextPreprocessing,
    View,
    random_view,
)
from headstart.runtime.engine import cores

Inputs = tuple[torch.Tensor, ...]
Index = NDArray[np.int64]


class Items(Protocol):
    """Items in a fixed order, as inputs of a network."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    @property
    def lengths(self) -> Index | None:
        """Tokens of each, where batches are padded to their longest (texts); else None."""
        ...

    def batch(self, index: Index, random: np.random.Generator) -> Inputs:
        """The items at `index` to learn from; `random` chooses how each is looked at."""
        ...

    def plain(self, index: Index) -> Inputs:
        """The items at `index` to be judged on: as in evaluation."""
        ...


@dataclass(frozen=True)
class Activations:
    """What a trunk gave, each item in every view; the first is that of evaluation."""

    views: Sequence[Features]

    def __len__(self) -> int:
        return len(self.views[0].kept)

    @cached_property
    def lengths(self) -> Index | None:
        """See `Items.lengths`; reads what is stored once, for the store knows no lengths."""
        if not self.views[0].ragged:
            return None
        rows = (row for some in self.views[0].batches() for row in some)
        return np.fromiter((len(row) for row in rows), np.int64, len(self))

    def batch(self, index: Index, random: np.random.Generator) -> Inputs:
        """See `Items.batch`."""
        chosen = random.integers(len(self.views), size=len(index))
        rows = [np.empty(0, np.float16)] * len(index)
        for number in np.unique(chosen):
            mine = np.flatnonzero(chosen == number)
            found = self.views[number].activations(index[mine])
            for at, value in zip(mine, found, strict=True):
                rows[at] = value
        return self._inputs(rows)

    def plain(self, index: Index) -> Inputs:
        """See `Items.plain`."""
        return self._inputs(list(self.views[0].activations(index)))

    def _inputs(self, rows: Sequence[NDArray[np.float16]]) -> Inputs:
        if not self.views[0].ragged:
            whole = torch.from_numpy(np.stack(rows).astype(np.float32))
            if whole.ndim == 4:
                whole = whole.contiguous(memory_format=torch.channels_last)
            return (whole,)
        lengths = [len(row) for row in rows]
        hidden = np.zeros((len(rows), max(lengths), rows[0].shape[1]), np.float32)
        for at, row in enumerate(rows):
            hidden[at, : len(row)] = row
        return torch.from_numpy(hidden), _mask(lengths)


@dataclass(frozen=True)
class Pictures:
    """Images, decoded each time they are asked for, with another view each time."""

    data: Dataset
    preprocessing: ImagePreprocessing
    flips: str
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(cores()))

    def __len__(self) -> int:
        return len(self.data)

    @property
    def lengths(self) -> None:
        """See `Items.lengths`: all are of one size."""
        return

    def batch(self, index: Index, random: np.random.Generator) -> Inputs:
        """See `Items.batch`."""
        return self._inputs(index, [random_view(random, self.flips) for _ in index])

    def plain(self, index: Index) -> Inputs:
        """See `Items.plain`."""
        return self._inputs(index, [WHOLE] * len(index))

    def _inputs(self, index: Index, views: Sequence[View]) -> Inputs:
        pixels = self._pool.map(self._pixels, index.tolist(), views)
        return (torch.from_numpy(np.stack(list(pixels))),)

    def _pixels(self, at: int, view: View) -> NDArray[np.uint8]:
        try:
            content = images.load(self.data.items[at])
            return images.decode(content, self.preprocessing, view).pixels
        except Unreadable as error:
            raise InputError(
                f"{self.data.names[at]}: {error}, though it could be read before; "
                "run the same command again."
            ) from error


@dataclass(frozen=True)
class Tokens:
    """Texts, tokenised once; int64 ids and mask."""

    ids: Sequence[NDArray[np.int32]]
    pad_id: int

    @classmethod
    def of(cls, data: Dataset, preprocessing: TextPreprocessing) -> "Tokens":
        """The texts of a data set, all of which can be read."""
        cleaned = [texts.clean(each) for each in data.items]
        return cls(texts.tokeniser(preprocessing).encode(cleaned).ids, preprocessing.pad_id)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def lengths(self) -> Index:
        """See `Items.lengths`."""
        return np.array([len(row) for row in self.ids], np.int64)

    def batch(self, index: Index, random: np.random.Generator) -> Inputs:  # noqa: ARG002
        """See `Items.batch`: a text has one view."""
        return self.plain(index)

    def plain(self, index: Index) -> Inputs:
        """See `Items.plain`."""
        rows = [self.ids[at] for at in index.tolist()]
        lengths = [len(row) for row in rows]
        ids = np.full((len(rows), max(lengths)), self.pad_id, np.int64)
        for at, row in enumerate(rows):
            ids[at, : len(row)] = row
        return torch.from_numpy(ids), _mask(lengths)


def decoded(data: Dataset, preprocessing: Preprocessing, flips: str = "horizontal") -> Items:
    """Items for a network that is trained from its first stage on."""
    if isinstance(preprocessing, ImagePreprocessing):
        return Pictures(data, preprocessing, flips)
    return Tokens.of(data, preprocessing)


def _mask(lengths: Sequence[int]) -> torch.Tensor:
    longest = torch.arange(max(lengths))
    return (longest[None, :] < torch.tensor(lengths)[:, None]).long()
