"""How data is read."""

import re
from dataclasses import dataclass

from headstart.errors import InputError
from headstart.patterns import may_run_away
from headstart.spec.option import check, option

TASKS = ("auto", "classification", "multilabel", "regression", "generation")
DECIMALS = ("auto", "point", "comma")
FOLDER = "folder"
"""What `--group-by` says where the folders within those of the classes are the groups."""


@dataclass(frozen=True, kw_only=True)
class ItemSpec:
    """How items are read."""

    input: str | None = option(
        None,
        "Column with the text or the path of the image; several columns of texts, separated by "
        "commas, are joined.",
    )
    root: str | None = option(
        None,
        "Folder that the paths or ids in a table start from; by default the table's own folder.",
    )
    allow_root: str | None = option(None, "The same as --root, which is its name now.")
    offline: bool = option(False, "Open no socket; use what is on this machine.")
    strict: bool = option(False, "An item that cannot be read is an error, not skipped.")

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, kw_only=True)
class LabelledSpec(ItemSpec):
    """How items are read whose labels have a known meaning."""

    label: str | None = option(
        None, "Column with the label; several with 0 and 1, separated by commas, are a class each."
    )
    label_from: str | None = option(
        None,
        "Regular expression that finds the class in the name of each file, as its first group, "
        r"such as '([^/]+)_\d+\.jpg$'.",
    )
    decimal: str = option(
        "auto", "Decimal sign in labels that are numbers, such as 1,234.", choices=DECIMALS
    )
    na_values: str | None = option(
        None,
        "Words that mean that a label is missing, separated by commas; by default NA, N/A, NaN, "
        "null, None and the like. An empty text keeps such words as classes.",
    )
    separator: str | None = option(
        None, "multilabel: what is between the classes of one cell; by default it is guessed."
    )

    group: str | None = option(
        None,
        "Column that says what an item belongs to, such as a patient, a video or an author: the "
        "items of a group stay on one side of every split. It is no input.",
    )
    group_by: str | None = option(
        None,
        "The same by the names of files: `folder` (the folders right below that of a class), or a "
        r"regular expression with one group in parentheses, such as '([^/]+)_\d+\.jpg$', which is "
        "looked for in the path from DATA.",
    )

    def __post_init__(self) -> None:
        given: object = self.na_values
        if isinstance(given, (list, tuple, set, frozenset)):  # from Python
            object.__setattr__(self, "na_values", ",".join(map(str, given)))
        elif isinstance(given, (int, float)) and not isinstance(given, bool):
            object.__setattr__(self, "na_values", str(given))
        super().__post_init__()
        if self.separator == "":
            raise InputError("--separator is empty; name what is between two classes, such as ','.")
        if self.group is not None and self.group_by is not None:
            raise InputError("--group and --group-by both say what belongs together; give one.")
        if self.group_by is not None and self.group_by != FOLDER:
            _check_expression(self.group_by)


@dataclass(frozen=True, kw_only=True)
class ReadSpec(LabelledSpec):
    """How data is read."""

    task: str = option(
        "auto",
        "What is predicted; generation: a language model learns to write such texts.",
        choices=TASKS,
    )


def _check_expression(given: str) -> None:
    """Refuse what is no regular expression with one group, or one that may run for ever.

    Raises:
        InputError: says which.
    """
    try:
        groups = re.compile(given).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise InputError(
            f"--group-by is {given!r}, neither {FOLDER!r} nor a regular expression ({error})."
        ) from error
    if groups != 1:
        raise InputError(
            f"--group-by is {given!r}, which has {groups} groups in parentheses, but it must have "
            r"one, such as '^(.+)_\d+'; (?:...) is none."
        )
    if may_run_away(given):
        raise InputError(
            f"--group-by is {given!r}, which may take for ever on a long name; write it without a "
            "repetition within another."
        )
