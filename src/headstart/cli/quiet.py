"""What other libraries say on their own reaches a person as one sentence, or not at all."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath

FOR_DEVELOPERS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, ResourceWarning)
"""Warnings that say nothing to whoever uses a program."""

LONGEST = 300


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Print a warning of a library as one line of ours, once; keep back what libraries log.

    With HEADSTART_TRACEBACK, or Python's own `-W`, everything is shown as it is. An error that
    matters is raised, and explained where it is caught.
    """
    if os.environ.get("HEADSTART_TRACEBACK") or sys.warnoptions:
        yield
        return
    import logging

    shown_before: set[str] = set()

    def show(
        message: object, category: type[Warning], filename: str, *_: object, **__: object
    ) -> None:
        said = _sentence(str(message), filename)
        if not issubclass(category, FOR_DEVELOPERS) and said not in shown_before:
            shown_before.add(said)
            print(said, file=sys.stderr)

    before, disabled = warnings.showwarning, logging.root.manager.disable
    warnings.showwarning = show
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        warnings.showwarning = before
        logging.disable(disabled)


def _sentence(message: str, filename: str) -> str:
    from headstart.wording import shown

    parts = PurePath(filename).parts
    at = max((n for n, part in enumerate(parts) if part.endswith("-packages")), default=-1)
    library = parts[at + 1].removesuffix(".py") if 0 <= at < len(parts) - 1 else "a library"
    return f"headstart: {library} warns: {shown(' '.join(message.split()))[:LONGEST]}"
