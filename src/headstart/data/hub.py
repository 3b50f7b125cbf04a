"""A data set from the Hugging Face hub, as a table."""

import re
from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from headstart.data.columns import split_named
from headstart.data.dataset import Joined, Selection
from headstart.data.names import shown
from headstart.data.table import Table
from headstart.errors import InputError, first_line

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)


class _Images(Sequence[Any]):
    """The encoded images of one memory-mapped part, each read when it is asked for."""

    def __init__(self, part: Any, column: str) -> None:
        import datasets

        raw = datasets.Image(decode=False)
        self._cells = part.select_columns([column]).cast_column(column, raw)
        self._column = column

    def __len__(self) -> int:
        return len(self._cells)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Selection: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return Selection(self, np.arange(len(self))[index])
        cell = self._cells[index][self._column]
        return (cell["bytes"] or cell["path"]) if cell else None


def is_name(source: str) -> bool:
    """Whether this can be the name of a hub data set, `name` or `owner/name`."""
    return _NAME.fullmatch(source) is not None


def read_hub(name: str, *, offline: bool) -> Table:
    """Fetch a data set by name; images stay on disk until they are asked for.

    Raises:
        InputError: offline, no such data set, or one without rows.
    """
    if offline:
        raise InputError(
            f"There is no file or folder {shown(name)!r}, and --offline forbids looking for a "
            "data set of that name on the hub."
        )
    import datasets

    # The libraries below raise what they like for a missing, private or broken data set.
    try:
        loaded = datasets.load_dataset(name)
    except Exception as error:
        said = shown(first_line(error))
        raise InputError(
            f"There is no file or folder {shown(name)!r}, and no data set of that name could be "
            f"had from the hub ({said[:200]})."
        ) from error
    return table_of(loaded, name)


def table_of(loaded: Any, name: str) -> Table:
    """The table in a `datasets.DatasetDict`; parts that are no split of ours are left out.

    Raises:
        InputError: there are no rows in a train, validation or test part.
    """
    import datasets

    named = {part: split_named(part) for part in loaded if len(loaded[part])}
    used = [part for part in named if named[part]] or list(named)
    if not used:
        raise InputError(f"The hub data set {shown(name)} has no rows.")
    features = loaded[used[0]].features
    images = [c for c, kind in features.items() if isinstance(kind, datasets.Image)]
    columns: dict[str, Sequence[Any]] = {
        column: Joined([_Images(loaded[part], column) for part in used])
        if column in images
        else [cell for part in used for cell in loaded[part].select_columns([column])[:][column]]
        for column in features
    }
    rows = [(part, row) for part in used for row in range(len(loaded[part]))]
    return Table(
        name=shown(name),
        folder=None,
        columns=columns,
        row_name=lambda row: f"{shown(name)}/{rows[row][0]}:{rows[row][1] + 1}",
        splits=[named[part] for part, _ in rows] if any(named[part] for part in used) else (),
        class_names={c: names for c, kind in features.items() if (names := _names_in(kind))},
        encoded_images=frozenset(images),
    )


def _names_in(feature: Any) -> tuple[str, ...]:
    """The names of the classes of a `ClassLabel`, or of a list of them."""
    inner = getattr(feature, "feature", feature)
    return tuple(getattr(inner, "names", None) or ())
