"""Standard output: a command's answer and nothing else."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from typing import TYPE_CHECKING, TextIO

from headstart.cli.quiet import quiet_libraries

if TYPE_CHECKING:
    from rich.console import Console

WAITING_SINCE: ContextVar[float | None] = ContextVar("WAITING_SINCE", default=None)


def waiting_since() -> float | None:
    """When the person began to wait for what comes first, by `time.monotonic`; then None."""
    began = WAITING_SINCE.get()
    WAITING_SINCE.set(None)
    return began


@contextmanager
def answering() -> Iterator[TextIO]:
    """Open standard output for the answer; whatever a library prints goes to standard error.

    That holds for libraries written in C too: the file descriptor itself is pointed elsewhere.
    What libraries warn of and log is put in our words, see `headstart.cli.quiet`.
    """
    with quiet_libraries(), _apart() as stream:
        yield stream


@contextmanager
def _apart() -> Iterator[TextIO]:
    sys.stdout.flush()
    try:
        shared, elsewhere = sys.stdout.fileno(), sys.stderr.fileno()
    except (OSError, ValueError):
        # Not a file: a test's or a notebook's stream.
        stream = sys.stdout
        with redirect_stdout(sys.stderr):
            yield stream
        return
    kept = os.dup(shared)
    with os.fdopen(kept, "w", encoding=sys.stdout.encoding, errors="backslashreplace") as answer:
        os.dup2(elsewhere, shared)
        try:
            with redirect_stdout(sys.stderr):
                yield answer
            answer.flush()
        finally:
            os.dup2(kept, shared)


def give_json(value: object, stream: TextIO) -> None:
    """Print one JSON value; every character outside ASCII is an escape, so no terminal chokes."""
    json.dump(value, stream, indent=2, allow_nan=False)
    stream.write("\n")


def console(stream: TextIO) -> "Console":
    """A Rich console that prints on `stream` what it is given and guesses nothing from it."""
    from rich.console import Console

    return Console(file=stream, markup=False, highlight=False, emoji=False)
