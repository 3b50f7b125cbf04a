"""Sequences whose items are fetched when they are asked for."""

from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, overload

import numpy as np


class Lazy(Sequence[Any]):
    """A sequence that fetches one item at a time; a slice fetches none."""

    @abstractmethod
    def fetch(self, index: int) -> Any:
        """The item at `index`, which is from 0 to the length."""

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> "Selection": ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return Selection(self, np.arange(len(self))[index])
        return self.fetch(range(len(self))[index])


class Selection(Lazy):
    """Some items of a sequence, in any order."""

    def __init__(self, items: Sequence[Any], index: np.ndarray[Any, np.dtype[np.int64]]) -> None:
        self._items = items
        self._index = index

    def __len__(self) -> int:
        return len(self._index)

    def fetch(self, index: int) -> Any:
        """See `Lazy.fetch`."""
        return self._items[int(self._index[index])]


class Joined(Lazy):
    """Sequences one after another."""

    def __init__(self, parts: Sequence[Sequence[Any]]) -> None:
        self._parts = parts
        self._ends = list(accumulate(len(part) for part in parts))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def fetch(self, index: int) -> Any:
        """See `Lazy.fetch`."""
        part = bisect_right(self._ends, index)
        return self._parts[part][index - (self._ends[part - 1] if part else 0)]


class Mapped(Lazy):
    """What a function makes of each item of a sequence."""

    def __init__(self, function: Callable[[Any], Any], items: Sequence[Any]) -> None:
        self._function = function
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def fetch(self, index: int) -> Any:
        """See `Lazy.fetch`."""
        return self._function(self._items[index])
