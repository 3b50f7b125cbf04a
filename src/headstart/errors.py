"""What can go wrong, in words for people."""


class HeadstartError(Exception):
    """Base of every error headstart raises on purpose: one sentence, meant to be read."""


class InputError(HeadstartError, ValueError):
    """The input is wrong: says what, where, and what to do. The command line exits with 2."""


class Unreadable(HeadstartError):
    """One item cannot be read; its message is the reason shown in the `skipped` list."""


def first_line(error: Exception) -> str:
    """What another library's error says first, at most 200 characters; its type where nothing."""
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__
