"""A data set from the Hugging Face hub, as a table."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.data.image_cells import image_of
from headstart.data.lazy import Lazy, chained
from headstart.data.split_names import split_word
from headstart.data.table import Table
from headstart.errors import DataError, first_line
from headstart.wording import shown

if TYPE_CHECKING:
    import datasets

PREFIX = "hf:"
_PATIENCE = 10.0
"""Seconds that the hub has to say whether it has a data set."""
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)


def _images(part: "datasets.Dataset", column: str) -> Lazy:
    """The encoded images of one memory-mapped part, each read when it is asked for."""
    import datasets

    cells = part.select_columns([column]).cast_column(column, datasets.Image(decode=False))

    def image(row: int) -> object:
        cell = cells[row][column]
        return image_of(cell) if cell else None

    return Lazy(len(cells), image)


def name_of(source: str) -> str | None:
    """The hub data set that is asked for: `hf:OWNER/NAME`, or a bare name of one fetched before.

    A bare name that was never fetched is far more often a folder with a letter wrong, so no
    socket is opened for it.
    """
    if source.startswith(PREFIX):
        return source.removeprefix(PREFIX)
    if not is_name(source) or ("/" in source and Path(source).parent.is_dir()):
        return None
    return source if _is_cached(source) else None


def is_name(source: str) -> bool:
    """Whether this can be the name of a hub data set, `name` or `owner/name`."""
    return _NAME.fullmatch(source) is not None


def _is_cached(name: str) -> bool:
    from huggingface_hub import constants

    prepared = os.environ.get("HF_DATASETS_CACHE") or Path(constants.HF_HOME) / "datasets"
    return any(
        os.path.isdir(folder)  # noqa: PTH112
        for folder in (
            Path(prepared) / name.replace("/", "___"),
            Path(constants.HF_HUB_CACHE) / f"datasets--{name.replace('/', '--')}",
        )
    )


def read_hub(name: str, *, offline: bool) -> Table:
    """Fetch a data set by name; images stay on disk until they are asked for.

    Raises:
        DataError: offline, no such data set, or one without rows.
    """
    if not is_name(name):
        raise DataError(
            f"{shown(name)[:200]!r} is no name of a hub data set; write {PREFIX}OWNER/NAME."
        )
    if offline:
        raise DataError(
            f"--offline forbids reading the data set {shown(name)!r} of the hub; leave it out."
        )
    if not _is_cached(name):
        _refuse_unknown(name)
    import datasets

    # The libraries below raise what they like for a missing, private or broken data set.
    try:
        loaded = datasets.load_dataset(name)
    except Exception as error:
        raise _not_had(name, error) from error
    return table_of(loaded, name)


def _refuse_unknown(name: str) -> None:
    """Ask the hub once: the loader would try for half a minute before it says that it cannot."""
    from huggingface_hub import HfApi

    try:
        HfApi().dataset_info(name, timeout=_PATIENCE)
    except Exception as error:
        raise _not_had(name, error) from error


def _not_had(name: str, error: Exception) -> DataError:
    return DataError(
        f"The data set {shown(name)!r} could not be had from the hub "
        f"({shown(first_line(error))[:200].rstrip('.')}); check its name and the network."
    )


def table_of(loaded: "datasets.DatasetDict", name: str) -> Table:
    """The table in a `datasets.DatasetDict`; parts that are no split of ours are left out.

    Raises:
        DataError: there are no rows in a train, validation or test part.
    """
    import datasets

    named = {part: split_word(part) for part in loaded if len(loaded[part])}
    used = [part for part in named if named[part]] or list(named)
    if not used:
        raise DataError(f"The hub data set {shown(name)} has no rows.")
    features = loaded[used[0]].features
    images = [c for c, kind in features.items() if isinstance(kind, datasets.Image)]
    columns: dict[str, Sequence[object]] = {
        column: chained([_images(loaded[part], column) for part in used])
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


def _names_in(feature: object) -> tuple[str, ...]:
    """The names of the classes of a `ClassLabel`, or of a list of them."""
    inner = getattr(feature, "feature", feature)
    return tuple(getattr(inner, "names", None) or ())
