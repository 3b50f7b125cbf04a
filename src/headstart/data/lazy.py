"""A sequence whose items are fetched when they are asked for.

It can be pickled where what fetches can: no function here is defined in another.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial
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
            return selected(self, self._index[index])
        return self._fetch(self._index[index])


def selected(items: Sequence[object], index: Indices | range) -> Lazy:
    """Some items of a sequence, in any order."""
    return Lazy(len(index), partial(_selected, items, index))


def _selected(items: Sequence[object], index: Indices | range, at: int) -> object:
    return items[int(index[at])]


def chained(parts: Sequence[Sequence[object]]) -> Lazy:
    """Sequences one after another."""
    ends = list(accumulate(len(part) for part in parts))
    return Lazy(ends[-1] if ends else 0, partial(_chained, parts, ends))


def _chained(parts: Sequence[Sequence[object]], ends: Sequence[int], at: int) -> object:
    part = bisect_right(ends, at)
    return parts[part][at - (ends[part - 1] if part else 0)]


def mapped(function: Callable[[object], object], items: Sequence[object]) -> Lazy:
    """What a function makes of each item of a sequence."""
    return Lazy(len(items), partial(_mapped, function, items))


def _mapped(function: Callable[[object], object], items: Sequence[object], at: int) -> object:
    return function(items[at])
