"""How long work says where it stands, without knowing who listens."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """Shows stages of work, one after another."""

    def stage(self, title: str, total: int | None) -> AbstractContextManager[Advance]:
        """Open a stage of `total` items (None: unknown); call the result with items just done."""
        ...

    def say(self, sentence: str) -> None:
        """Show a sentence between two stages."""
        ...


class Silent:
    """Shows nothing."""

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[Advance]:  # noqa: ARG002
        """See `Progress.stage`."""
        yield lambda _: None

    def say(self, sentence: str) -> None:
        """See `Progress.say`."""


class Clock:
    """Seconds that each part of the work took, and all of it.

    Args:
        began: when the person began to wait, by `time.monotonic`; now where None.
    """

    def __init__(self, began: float | None = None) -> None:
        self._parts: dict[str, float] = {}
        self._last = time.monotonic()
        self.began = self._last
        if began is not None:
            self.began = self._last = began
            self.lap("start")

    def lap(self, part: str) -> None:
        """What was done since the last lap is of this part; a part may have several."""
        now = time.monotonic()
        self._parts[part] = self._parts.get(part, 0.0) + now - self._last
        self._last = now

    def seconds(self) -> dict[str, float]:
        """By part, and the `total`."""
        parts = {part: round(seconds, 3) for part, seconds in self._parts.items()}
        return {**parts, "total": round(time.monotonic() - self.began, 3)}


def process_began() -> float:
    """When this process began, by `time.monotonic`; a little later where the system does not say.

    Where it does not (it is not Linux), what was computed so far stands for what was waited.
    """
    try:
        ticks = int(Path("/proc/self/stat").read_text("utf-8").rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        age = time.process_time()
    return time.monotonic() - age
