"""Which column of a table gives the splits, by the words in it."""

import re
from collections.abc import Sequence

from headstart.data.dataset import Split
from headstart.data.split_names import WORDS
from headstart.data.table import Table
from headstart.wording import some

_WORDS: dict[str, Split] = {
    **WORDS,
    **dict.fromkeys(("trainset", "train_set", "training_set"), "train"),
    **dict.fromkeys(("testset", "test_set", "privatetest", "hold_out"), "test"),
    **dict.fromkeys(("vld", "valset", "val_set", "validation_set", "publictest"), "validation"),
}
"""Words of cells, which are safer to read than names of folders."""

_NAMES = (
    "split", "splits", "set", "fold", "partition", "subset", "usage", "data_split", "dataset_split",
    "phase", "mode", "split_name", "data_set", "dataset", "part", "group", "type",
)  # fmt: skip
_FLAGS: dict[str, tuple[Split, Split | None]] = {
    "valid": ("validation", "train"),
    "val": ("validation", "train"),
    "validation": ("validation", "train"),
    "test": ("test", "train"),
    "train": ("train", "test"),
    "training": ("train", "test"),
}
_LONGEST = 40
_YES, _NO = ("1", "1.0", "true", "yes", "t", "y"), ("0", "0.0", "false", "no", "f", "n")


def splits_of(
    table: Table, taken: set[str]
) -> tuple[str | None, Sequence[Split | None], tuple[str, ...]]:
    """The column that gives the splits, the split of each row (or empty), and what to say of it.

    A column of such a name, or any whose words are train, test and the like; `is_valid` and
    `is_test` say yes or no. Columns in `taken` have another use. Where the table itself comes in
    several splits, from folders or files, those stand.
    """
    name, splits, notes = _in_columns(table, taken)
    if name is not None and len({each for each in table.splits if each}) > 1:
        said = f"Column {name!r} of {table.name} is not used: the data has splits of its own."
        return name, table.splits, (said,) if list(splits) != list(table.splits) else ()
    return name, splits, notes


def _in_columns(
    table: Table, taken: set[str]
) -> tuple[str | None, Sequence[Split | None], tuple[str, ...]]:
    """The same by the columns alone."""
    names = [name for name in table.columns if name not in taken | table.encoded_images]
    notes = []
    for name in sorted((n for n in names if _plain(n) in _NAMES), key=_rank):
        splits = _words(table.columns[name])
        if splits is not None:
            return name, splits, (f"Column {name!r} of {table.name} gives the splits.",)
        if _plain(name) == "split":
            cells = {str(cell) for cell in table.columns[name] if cell is not None}
            others = sorted(cell for cell in cells if _split_of(cell) is None)
            notes.append(
                f"Column {name!r} of {table.name} is not used as splits: it holds "
                f"{some(others, 3)}, not train, validation or test."
            )
    for name in names:
        splits = _flags(name, table.columns[name]) or _several_words(name, table)
        if splits:
            said = f"Column {name!r} of {table.name} gives the splits (a guess)."
            return name, splits, (*notes, said)
    return None, table.splits, tuple(notes)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def _rank(name: str) -> int:
    return _NAMES.index(_plain(name))


def _split_of(cell: object) -> Split | None:
    if not isinstance(cell, str) or len(cell) > _LONGEST:
        return None
    return _WORDS.get(re.sub(r"[^a-z]+", "_", cell.strip().lower()).strip("_"))


def _words(cells: Sequence[object]) -> list[Split | None] | None:
    """The split of each cell; None where a cell that is not empty names none."""
    splits: list[Split | None] = []
    for cell in cells:
        split = _split_of(cell)
        if split is None and cell is not None and not (isinstance(cell, str) and not cell.strip()):
            return None
        splits.append(split)
    return splits if any(splits) else None


def _several_words(name: str, table: Table) -> list[Split | None] | None:
    """The same of a column of any name, where it names two splits at least."""
    splits = _words(table.columns[name])
    return splits if splits and len({each for each in splits if each}) > 1 else None


def _flags(name: str, cells: Sequence[object]) -> list[Split | None] | None:
    """The splits of a column called `is_valid`, `is_test` or `is_training_image`."""
    words = _plain(name).split("_")
    meaning = _FLAGS.get(words[1]) if len(words) > 1 and words[0] == "is" else None
    if meaning is None:
        return None
    said = ["" if cell is None else str(cell).strip().lower() for cell in cells]
    if not {*said} <= {*_YES, *_NO, ""}:
        return None
    yes, no = meaning
    return [yes if word in _YES else no if word else None for word in said]
