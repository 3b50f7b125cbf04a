"""How many threads a training computes on.

Sums in several parts have other last digits than sums in one, so the number is the machine's, like
that of everything else here, and not that of `OMP_NUM_THREADS`: the same seed gives the same model.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def threads() -> int:
    """Physical cores that this process may use: its affinity and its container's limit count."""
    from joblib import cpu_count

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where they cannot be distinguished from logical ones
        return max(1, int(cpu_count(only_physical_cores=True)))


@contextmanager
def every_core() -> Iterator[None]:
    """Compute on `threads()` for a while, and leave the number as it was found."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads())
    try:
        yield
    finally:
        torch.set_num_threads(before)
