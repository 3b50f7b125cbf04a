"""Rows of a batch at once: half as many where a device's memory does not hold them."""

from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import torch

from headstart.errors import HeadstartError
from headstart.runtime.device import empty_cache, out_of_memory

Part = TypeVar("Part")


class RowLimit:
    """How many rows of a batch a device takes at once: all, until its memory is too small for them.

    It is never asked how much memory is free: what a network needs is known when it has run.

    Attributes:
        most: how many, once it was too small; None before.
    """

    def __init__(self, where: torch.device, least: int = 1) -> None:
        """No limit yet.

        Args:
            where: the device.
            least: rows of every part of a batch that has as many; BatchNorm needs two to learn.
        """
        self.most: int | None = None
        self._where, self._least = where, least

    def each(
        self, rows: int, compute: Callable[[slice], Part], again: Callable[[], None] | None = None
    ) -> list[Part]:
        """What `compute` gives for all rows, part by part; the parts are of about equal size.

        Args:
            rows: of the batch.
            compute: does some of them; a part that fails is done again, and all before it.
            again: undoes what was computed so far; `most` is already what follows.

        Raises:
            HeadstartError: the device does not hold the smallest part.
        """
        smallest = max(1, rows // self._least)
        while True:
            parts = min(smallest, -(-rows // (self.most or rows)))
            edges = [rows * at // parts for at in range(parts + 1)]
            try:
                return [compute(slice(*each)) for each in pairwise(edges)]
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                if parts == smallest:
                    raise HeadstartError(
                        "The device has too little memory for one item; name another --device, a "
                        "smaller --size, or another --backbone."
                    ) from error
            # Not above: there the failed computation is still held by its traceback.
            self.most = max(1, -(-rows // parts) // 2)
            empty_cache(self._where)
            if again is not None:
                again()
