"""Threads that prepare items, kept between runs."""

import os
from concurrent.futures import ThreadPoolExecutor

from headstart.errors import InputError
from headstart.runtime.engine import cores


class Workers:
    """A thread a core, for any number of runs at once; a forked process gets threads of its own."""

    def __init__(self) -> None:
        # Threads are not there after a fork, so it goes by the process; no lock that could be held.
        self._pools: dict[int, ThreadPoolExecutor] = {}
        self._closed = False

    @property
    def pool(self) -> ThreadPoolExecutor:
        """The threads of this process; each starts when there is work for it.

        A run takes them once: those that it has do its work to the end, whatever is closed.

        Raises:
            InputError: they are closed.
        """
        if self._closed:
            raise InputError("The session is closed; open another with model.session().")
        pool = self._pools.get(os.getpid())
        return pool or self._pools.setdefault(os.getpid(), ThreadPoolExecutor(cores(), "prepare"))

    def close(self) -> None:
        """Give out no more threads; those there are end when the last run that has them does."""
        self._closed = True
        self._pools.pop(os.getpid(), None)
