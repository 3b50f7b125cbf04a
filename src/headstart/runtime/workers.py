"""Threads that prepare items, kept between runs."""

import os
from concurrent.futures import ThreadPoolExecutor

from headstart.runtime.engine import cores


class Workers:
    """A thread a core, for any number of runs at once; a forked process gets threads of its own."""

    def __init__(self) -> None:
        # Threads are not there after a fork, so it goes by the process; no lock that could be held.
        self._pools: dict[int, ThreadPoolExecutor] = {}

    @property
    def pool(self) -> ThreadPoolExecutor:
        """The threads of this process; each starts when there is work for it."""
        pool = self._pools.get(os.getpid())
        return pool or self._pools.setdefault(os.getpid(), ThreadPoolExecutor(cores(), "prepare"))

    def close(self) -> None:
        """End this process's threads, once what they do is done."""
        pool = self._pools.pop(os.getpid(), None)
        if pool is not None:
            pool.shutdown()
