"""How data is read."""

from dataclasses import dataclass

from headstart.errors import InputError
from headstart.spec.option import check, option

TASKS = ("auto", "classification", "multilabel", "regression", "generation")
DECIMALS = ("auto", "point", "comma")


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

    def __post_init__(self) -> None:
        given: object = self.na_values
        if isinstance(given, (list, tuple, set, frozenset)):  # from Python
            object.__setattr__(self, "na_values", ",".join(map(str, given)))
        elif isinstance(given, (int, float)) and not isinstance(given, bool):
            object.__setattr__(self, "na_values", str(given))
        super().__post_init__()
        if self.separator == "":
            raise InputError("--separator is empty; name what is between two classes, such as ','.")


@dataclass(frozen=True, kw_only=True)
class ReadSpec(LabelledSpec):
    """How data is read."""

    task: str = option(
        "auto",
        "What is predicted; generation: a language model learns to write such texts.",
        choices=TASKS,
    )
