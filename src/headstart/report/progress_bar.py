"""Progress on standard error: a bar for a terminal, now and then a line for anything else."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

from headstart.progress import Advance
from headstart.wording import count, duration, rate, shown

LINE_EVERY = 10.0
"""Seconds between two lines where there is no terminal; a shorter stage prints nothing."""


class ProgressBar:
    """A `headstart.progress.Progress` that shows items/s and the time left.

    Args:
        stream: where to show it; standard error by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[Advance]:
        """See `headstart.progress.Progress.stage`."""
        console = Console(file=self._stream)
        if not console.is_terminal:
            yield _Lines(self._stream, title, total)
            return
        looks = (
            SpinnerColumn("line"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            _Standing(),
        )
        with Progress(*looks, console=console, transient=True) as bar:
            task = bar.add_task(shown(title), total=total)
            yield lambda done: bar.advance(task, done)

    def say(self, sentence: str) -> None:
        """See `headstart.progress.Progress.say`."""
        print(shown(sentence), file=self._stream, flush=True)


class _Standing(ProgressColumn):
    """Where a stage stands, in words; the speed is that of the last half minute."""

    def render(self, task: Task) -> Text:
        words = standing(int(task.completed), task.total, task.speed or 0.0)
        return Text(words or duration(float(int(task.elapsed or 0))))


class _Lines:
    """Prints where a stage stands every `LINE_EVERY` seconds."""

    def __init__(self, stream: TextIO, title: str, total: int | None) -> None:
        self._stream, self._title, self._total = stream, shown(title), total
        self._done = 0
        self._began = self._printed = time.monotonic()

    def __call__(self, done: int) -> None:
        self._done += done
        now = time.monotonic()
        if now - self._printed < LINE_EVERY:
            return
        self._printed = now
        words = standing(self._done, self._total, self._done / (now - self._began))
        print(f"{self._title}: {words}", file=self._stream, flush=True)


def standing(done: int, total: float | None, speed: float) -> str:
    """`1,000 of 2,000, 100/s, 10 s left`; empty before anything is done."""
    if not done:
        return ""
    words = [count(done) if total is None else f"{count(done)} of {count(int(total))}"]
    if speed > 0:
        words.append(f"{rate(speed)}/s")
        if total is not None and done < total:
            words.append(f"{duration((total - done) / speed)} left")
    return ", ".join(words)
