"""A saved model as a file for other libraries."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from headstart.errors import InputError
from headstart.model import Model
from headstart.paths import check_written
from headstart.registry import EXPORTERS

__all__ = ["write"]


def write(model: Model, out: Path, *, format: str, offline: bool = False) -> dict[str, Any]:
    """Write a model to a file, in one step, after checking that it answers like the model.

    Args:
        model: a saved model.
        out: the file; what is there is replaced.
        format: a key of `headstart.registry.EXPORTERS`.
        offline: open no socket.

    Returns:
        What was written: `path`, `format`, `classes`, and what else the format says of it.

    Raises:
        InputError: there is no such format, or the model cannot be written so.
        HeadstartError: the file does not answer like the model.
    """
    if format not in EXPORTERS:
        raise InputError(f"--format is {format!r}, but it must be one of {', '.join(EXPORTERS)}.")
    check_written(out, "--out")
    if not out.parent.is_dir():
        raise InputError(f"--out is {str(out)!r}, but the folder {str(out.parent)!r} is not there.")
    if out.is_dir():
        raise InputError(f"--out is {str(out)!r}, but that is a folder; name a file.")
    writer: Callable[..., dict[str, Any]] = EXPORTERS.resolve(format)
    said = writer(model, out, offline=offline)
    return {"path": str(out), "format": format, "classes": list(model.classes), **said}
