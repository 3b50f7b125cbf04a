"""How long work says where it stands, without knowing who listens."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
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
    """Seconds that each part of the work took, and all of it."""

    def __init__(self) -> None:
        self._parts: dict[str, float] = {}
        self.began = self._last = time.monotonic()

    def lap(self, part: str) -> None:
        """What was done since the last lap is of this part; a part may have several."""
        now = time.monotonic()
        self._parts[part] = self._parts.get(part, 0.0) + now - self._last
        self._last = now

    def seconds(self) -> dict[str, float]:
        """By part, and the `total`."""
        parts = {part: round(seconds, 3) for part, seconds in self._parts.items()}
        return {**parts, "total": round(time.monotonic() - self.began, 3)}
