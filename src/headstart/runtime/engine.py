"""What computes a network: batches in, features out, in its own time."""

import os
from collections.abc import Callable
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headstart.installed import installed
from headstart.runtime.openvino_core import core

CPU_BATCH = {"image": 1, "text": 4}
"""Rows of a call: an image fills a core, short texts do not."""

Inputs = tuple[NDArray[np.generic], ...]
Done = Callable[[NDArray[np.float32]], None]


class Engine(Protocol):
    """A network that takes the batches of one run and answers in its own time."""

    batch: int
    precision: str
    note: str | None

    def start(self, inputs: Inputs, done: Done) -> None:
        """Compute `inputs` (each `batch` rows); call `done` with the output, from any thread.

        Waits while the engine is full, so that what is held in memory stays small.
        """
        ...

    def compute(self, inputs: Inputs) -> NDArray[np.float32]:
        """The output of `inputs`, by the calling thread where the engine has nothing else to do."""
        ...

    def wait(self) -> None:
        """Return when every started batch is done.

        Raises:
            RuntimeError: a batch failed.
        """
        ...

    def beside(self) -> "Engine":
        """The same network for another run, at the same time."""
        ...


def cores() -> int:
    """Processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def native_precision() -> str:
    """`bfloat16` where OpenVINO says that the processor computes in it, `float32` otherwise."""
    if not installed("openvino"):
        return "float32"
    able = core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bfloat16" if "BF16" in able else "float32"


_first = Lock()


def first() -> Lock:
    """Held while a model's network is opened for the first time: one thread does it for all."""
    return _first


def _in_child() -> None:
    global _first
    _first = Lock()  # another thread of the parent may have held it
    # The tokenizers have threads too: they do without them after a fork, and say so unasked.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
