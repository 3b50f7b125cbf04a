"""A sequence whose items are fetched when they are asked for."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import overload

from headstart.types import Indices


class Lazy(Sequence[object]):
    """Fetches one item at a time; a slice fetches none.

    Args:
        length: how many items there are.
        fetch: gives the item at an index from 0 to the length.
    """

    def __init__(self, length: int, fetch: Callable[[int], object]) -> None:
        self._index = range(length)
        self._fetch = fetch

    def __len__(self) -> int:
        return len(self._index)

    @overload
    def __getitem__(self, index: int) -> object: ...
    @overload
    def __getitem__(self, index: slice) -> "Lazy": ...
    def __getitem__(self, index: int | slice) -> object:
        if isinstance(index, slice):
            chosen = self._index[index]
            return Lazy(len(chosen), lambda at: self._fetch(chosen[at]))
        return self._fetch(self._index[index])


def selected(items: Sequence[object], index: Indices) -> Lazy:
    """Some items of a sequence, in any order."""
    return Lazy(len(index), lambda at: items[int(index[at])])


def chained(parts: Sequence[Sequence[object]]) -> Lazy:
    """Sequences one after another."""
    ends = list(accumulate(len(part) for part in parts))

    def fetch(at: int) -> object:
        part = bisect_right(ends, at)
        return parts[part][at - (ends[part - 1] if part else 0)]

    return Lazy(ends[-1] if ends else 0, fetch)


def mapped(function: Callable[[object], object], items: Sequence[object]) -> Lazy:
    """What a function makes of each item of a sequence."""
    return Lazy(len(items), lambda at: function(items[at]))
