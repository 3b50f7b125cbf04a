"""Rows of a batch at once: half as many where a device's memory does not hold them."""

from collections.abc import Callable
from typing import TypeVar

import torch

from headstart.errors import HeadstartError

Part = TypeVar("Part")


class Rows:
    """How many rows of a batch a device takes at once: all, until its memory is too small for them.

    It is never asked how much memory is free: what a network needs is known when it has run.

    Attributes:
        most: how many, once it was too small; None before.
    """

    def __init__(self) -> None:
        self.most: int | None = None

    def each(
        self, rows: int, compute: Callable[[slice], Part], again: Callable[[], None] | None = None
    ) -> list[Part]:
        """What `compute` gives for all rows, part by part.

        Args:
            rows: of the batch.
            compute: does some of them; a part that fails is done again, and all before it.
            again: undoes what was computed so far.

        Raises:
            HeadstartError: the device does not hold one row.
        """
        while True:
            most = min(rows, self.most or rows)
            try:
                return [compute(slice(at, at + most)) for at in range(0, rows, most)]
            except torch.OutOfMemoryError as error:
                if most == 1:
                    raise HeadstartError(
                        "The device has too little memory for one item; name another --device, a "
                        "smaller --size, or another --backbone."
                    ) from error
            # Not above: there the failed computation is still held by its traceback.
            self.most = most // 2
            torch.cuda.empty_cache()
            if again is not None:
                again()
