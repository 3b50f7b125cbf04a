"""How many threads a training computes on.

Sums in several parts have other last digits than sums in one, so the number is the machine's, like
that of everything else here, and not that of `OMP_NUM_THREADS`: the same seed gives the same model.
"""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def threads() -> int:
    """Physical cores that this process may use: its affinity and its container's limit count."""
    from joblib import cpu_count

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where they cannot be distinguished from logical ones
        return max(1, int(cpu_count(only_physical_cores=True)))


class _Shared:
    """How many trainings compute now, and on how many threads the process did before."""

    lock = threading.Lock()
    trainings = 0
    before = 1


@contextmanager
def every_core() -> Iterator[None]:
    """Compute on `threads()` for a while; the last to end leaves the number as it was found."""
    import torch

    with _Shared.lock:
        if not _Shared.trainings:
            _Shared.before = torch.get_num_threads()
        _Shared.trainings += 1
    torch.set_num_threads(threads())
    try:
        yield
    finally:
        with _Shared.lock:
            _Shared.trainings -= 1
            torch.set_num_threads(threads() if _Shared.trainings else _Shared.before)
