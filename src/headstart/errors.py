"""What can go wrong, in words for people."""


class HeadstartError(Exception):
    """Base of every error headstart raises on purpose: one sentence, meant to be read."""


class InputError(HeadstartError, ValueError):
    """The input is wrong: says what, where, and what to do. The command line exits with 2."""


class DataError(InputError):
    """The data, or an option that says how to read it, is wrong."""


class BackboneError(InputError):
    """There is no such backbone, or its files or the way it is asked for are wrong."""


class ModelError(InputError):
    """A saved model is damaged, is none, or cannot be saved there."""


class Unreadable(HeadstartError):
    """One item cannot be read; its message is the reason shown in the `skipped` list."""


def first_line(error: BaseException) -> str:
    """What another library's error says first, at most 200 characters; its type where nothing."""
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__
