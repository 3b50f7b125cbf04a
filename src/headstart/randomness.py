"""PyTorch's random numbers: one generator for the whole process, lent to one thread at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LENT = threading.RLock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from a seed for a while, and leave the CPU's generator as it was found.

    Another thread that wants to do so waits: what each of two trainings draws does not depend on
    the other.
    """
    import torch

    with _LENT, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
