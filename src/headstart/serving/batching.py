"""Micro-batches: what waits is computed together, and only so much may wait."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Generic, TypeVar

Answer = TypeVar("Answer")

USUAL_SECONDS = 0.05
"""Of one item, before one has been measured."""


class Full(Exception):
    """There is no room in the queue.

    Attributes:
        seconds: after which there is likely to be, a whole number from 1.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"the queue is full for about {seconds} s")
        self.seconds = seconds


class Late(Exception):
    """A job waited past its deadline, and was not computed."""


@dataclass(frozen=True)
class Job(Generic[Answer]):
    """Items that are answered together.

    Attributes:
        deadline: by `time.monotonic`; after it nobody waits for the answer.
    """

    items: Sequence[object]
    names: Sequence[str]
    deadline: float
    answer: "Future[Answer]" = field(default_factory=Future)


class Batching(Generic[Answer]):
    """A bounded queue, and threads that each take what waits in it, up to a batch.

    No job waits for others to come: under little load it is computed alone and at once, and under
    much load batches grow by themselves.

    Args:
        compute: answers for each of some jobs; called from many threads.
        batch: items that are taken together, at most; a job of more is taken alone.
        queue: items that may wait.
        threads: how many take.
        name: of the threads.
    """

    def __init__(
        self,
        compute: Callable[[Sequence[Job[Answer]]], Sequence[Answer]],
        *,
        batch: int,
        queue: int,
        threads: int,
        name: str,
    ) -> None:
        self._compute, self._batch, self._queue = compute, batch, queue
        self._jobs: deque[Job[Answer]] = deque()
        self._waiting = 0
        self._seconds = USUAL_SECONDS
        self._closed = False
        self._changed = Condition()
        self._threads = [
            Thread(target=self._work, name=f"{name}-{at}", daemon=True) for at in range(threads)
        ]
        for each in self._threads:
            each.start()

    @property
    def waiting(self) -> int:
        """Items in the queue."""
        return self._waiting

    def submit(self, job: Job[Answer]) -> "Future[Answer]":
        """Queue a job.

        Raises:
            Full: its items do not fit in the queue now.
        """
        with self._changed:
            if self._closed or self._waiting + len(job.items) > self._queue:
                raise Full(max(1, round(self._waiting * self._seconds / len(self._threads))))
            self._jobs.append(job)
            self._waiting += len(job.items)
            self._changed.notify()
        return job.answer

    def close(self) -> None:
        """Take no more jobs, and return when those that wait are answered."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for each in self._threads:
            each.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (self._jobs or self._closed):
                    self._changed.wait()
                if not self._jobs:
                    return
                taken = self._take()
            wanted = [job for job in taken if _is_wanted(job)]
            if wanted:
                began = time.monotonic()
                self._answer(wanted)
                items = sum(len(job.items) for job in wanted)
                self._seconds += ((time.monotonic() - began) / items - self._seconds) / 8

    def _take(self) -> list[Job[Answer]]:
        taken = [self._jobs.popleft()]
        items = len(taken[0].items)
        while self._jobs and items + len(self._jobs[0].items) <= self._batch:
            taken.append(self._jobs.popleft())
            items += len(taken[-1].items)
        self._waiting -= items
        return taken

    def _answer(self, jobs: Sequence[Job[Answer]]) -> None:
        try:
            answers = self._compute(jobs)
        except Exception as error:
            if len(jobs) == 1:
                jobs[0].answer.set_exception(error)
                return
            # Whatever went wrong, it is the fault of one of them at most.
            for job in jobs:
                self._answer([job])
        else:
            for job, answer in zip(jobs, answers, strict=True):
                job.answer.set_result(answer)


def _is_wanted(job: Job[Answer]) -> bool:
    """Whether anybody still waits for the answer."""
    if not job.answer.set_running_or_notify_cancel():
        return False
    if job.deadline < time.monotonic():
        with suppress(InvalidStateError):
            job.answer.set_exception(Late())
        return False
    return True
