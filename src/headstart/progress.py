"""How long work says where it stands, without knowing who listens."""

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
