"""Notebooks: progress as it goes on, and reports as they are shown at a terminal."""

import io
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any

from headstart.progress import Advance, Progress, Silent

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 100
PATIENCE = 0.5
"""Seconds after which a stage is shown; a shorter one shows nothing."""

EVERY = 0.25
"""Seconds between two updates of what is shown."""

PAGE = (
    '<pre style="font-family: monospace; line-height: 1.3; background: none; color: inherit">'
    "<code>{code}</code></pre>"
)


def in_notebook() -> bool:
    """Whether this is a notebook, where what is displayed is HTML."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


def usual_progress() -> Progress:
    """What shows progress where nothing was said: a notebook, and nothing else."""
    return NotebookProgress() if in_notebook() else Silent()


class Showable(ABC):
    """What can be shown at a terminal and in a notebook."""

    @abstractmethod
    def show_on(self, console: "Console") -> None:
        """Print it on a console."""

    def show(self) -> None:
        """Print it on standard output, as at a terminal."""
        from rich.console import Console

        stream = sys.stdout
        self.show_on(Console(file=stream, force_jupyter=False, markup=False, highlight=False))

    def _repr_html_(self) -> str:
        """The same for a notebook; every character is escaped."""
        from rich.console import Console

        console = Console(
            file=io.StringIO(),
            record=True,
            width=WIDTH,
            force_terminal=True,
            force_jupyter=False,
            color_system="truecolor",
            markup=False,
            highlight=False,
        )
        self.show_on(console)
        return console.export_html(inline_styles=True, code_format=PAGE)


class NotebookProgress:
    """A `headstart.progress.Progress` that a notebook shows, with no widgets to install.

    Args:
        display: shows a value, and with `display_id=True` returns what can `update` it; by
            default IPython's.
    """

    def __init__(self, display: Callable[..., object] | None = None) -> None:
        if display is None:
            display = import_module("IPython.display").display
        self._display: Callable[..., object] = display

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[Advance]:
        """See `headstart.progress.Progress.stage`."""
        bar = _Bar(self._display, title, total)
        try:
            yield bar
        finally:
            bar.close()

    def say(self, sentence: str) -> None:
        """See `headstart.progress.Progress.say`."""
        self._display(_Html(f"<div>{escape(sentence)}</div>"))


class _Html:
    """HTML for IPython, which asks for it by this method."""

    def __init__(self, html: str) -> None:
        self._html = html

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return ""


class _Bar:
    def __init__(self, display: Callable[..., object], title: str, total: int | None) -> None:
        self._display, self._title, self._total = display, title, total
        self._done = 0
        self._began = time.monotonic()
        self._next = self._began + PATIENCE
        self._handle: Any = None

    def __call__(self, done: int) -> None:
        self._done += done
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY
        html = _Html(self._html(now))
        if self._handle is None:
            self._handle = self._display(html, display_id=True)
        else:
            self._handle.update(html)

    def close(self) -> None:
        """Clear the bar away."""
        if self._handle is not None:
            self._handle.update(_Html(""))

    def _html(self, now: float) -> str:
        from headstart.report.progress_bar import standing

        words = standing(self._done, self._total, self._done / max(now - self._began, 1e-6))
        value = "" if self._total is None else f' value="{self._done}" max="{self._total}"'
        return f"<div>{escape(self._title)} <progress{value}></progress> {escape(words)}</div>"
