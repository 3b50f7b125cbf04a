"""From an exception to a sentence and an exit code."""

import errno
import os
import tempfile
import traceback

import typer

from headstart.errors import HeadstartError, InputError

OUR_FAULT = 1
WRONG_INPUT = 2
STOPPED = 130
MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO),
    *(errno.ENOMEM, errno.EMFILE),
}
"""Troubles of the machine: a traceback would tell a person nothing."""
_NO_MEMORY = (
    "cannot allocate memory", "can't alloc", "failed to alloc", "failed to map segment",
    "can't start new thread", "bad_alloc", "bad allocation", "out of memory",
    "unable to allocate", "thread creation failed",
)  # fmt: skip
PLACE = {errno.EACCES, errno.EPERM, errno.ENAMETOOLONG}
"""Troubles of a place that the user chose."""


def explain(error: Exception) -> tuple[str, int]:
    """One sentence for a person, and the exit code.

    Where the fault is headstart's own, the traceback is shown if HEADSTART_TRACEBACK is set and
    written to a file otherwise.
    """
    if isinstance(error, HeadstartError):
        return str(error), WRONG_INPUT if isinstance(error, InputError) else OUR_FAULT
    if isinstance(error, typer.TyperException):
        return _usage(error), WRONG_INPUT
    if isinstance(error, OSError) and error.errno in MACHINE | PLACE:
        where = f": {error.filename}" if error.filename else ""
        if error.errno in PLACE:
            return f"{error.strerror}{where}; name another place.", WRONG_INPUT
        return f"{error.strerror}{where}; what was finished before is kept.", OUR_FAULT
    if isinstance(error, OSError) and "temporary directory" in str(error):
        said = "there is no folder for temporary files that can be written; set TMPDIR to one."
        return said, WRONG_INPUT
    if _is_out_of_memory(error):
        return (
            "there is not enough memory, or this process may not take more of it (ulimit -v); "
            "what was finished before is kept.",
            OUR_FAULT,
        )
    said = " ".join(f"{type(error).__name__}: {error}".split())
    if _is_limited():
        # What a library does where it gets no memory is anybody's guess.
        return (
            f"something failed that may need more memory than this process may take "
            f"({said[:300]}); allow it more (ulimit -v), or, if that is not it, "
            f"{_traceback(error)}",
            OUR_FAULT,
        )
    return f"a fault in headstart, not in your input ({said}); {_traceback(error)}", OUR_FAULT


def _is_out_of_memory(error: BaseException | None) -> bool:
    """Libraries say it in words of their own, and Python of a library that cannot be loaded."""
    while error is not None:
        said = str(error).lower()
        if isinstance(error, MemoryError) or any(words in said for words in _NO_MEMORY):
            return True
        error = error.__cause__ or error.__context__
    return False


def _is_limited() -> bool:
    """Whether the address space of this process has a limit."""
    try:
        import resource
    except ImportError:  # Windows
        return False
    return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY


def _usage(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    said = " ".join(error.format_message().split()).rstrip(".")
    hint = f"; see {context.command_path} --help" if context is not None else ""
    return f"{said[:1].lower()}{said[1:]}{hint}."


def _traceback(error: Exception) -> str:
    if os.environ.get("HEADSTART_TRACEBACK"):
        traceback.print_exception(error)
        return "the traceback is above."
    hint = "set HEADSTART_TRACEBACK=1 to see the traceback"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="headstart-", suffix=".log", delete=False, errors="backslashreplace"
        ) as log:
            traceback.print_exception(error, file=log)
    except OSError:
        return f"{hint}."
    return f"please report it with the traceback in {log.name} ({hint})."
