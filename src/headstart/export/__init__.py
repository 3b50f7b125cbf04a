"""A saved model as a file for other libraries."""

from collections.abc import Callable
from pathlib import Path

from headstart.errors import InputError
from headstart.export.written import Exported, Written
from headstart.paths import check_written
from headstart.predictors import Model
from headstart.registry import EXPORTERS

__all__ = ["Exported", "Written", "write"]


def write(model: Model, out: Path, *, format: str, offline: bool = False) -> Exported:
    """Write a model to a file, in one step, after checking that it answers like the model.

    Args:
        model: a saved model.
        out: the file; what is there is replaced.
        format: a key of `headstart.registry.EXPORTERS`.
        offline: open no socket.

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
    writer: Callable[..., Written] = EXPORTERS.resolve(format)
    written = writer(model, out, offline=offline)
    return Exported(str(out), format, model.classes, written.facts, written.notes)
