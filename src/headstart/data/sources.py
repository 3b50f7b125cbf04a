"""What the user names, to a data set: a folder, a table, a hub data set, or what predict gets."""

import os
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import chain
from pathlib import Path

from headstart.data import files, hub, texts
from headstart.data.dataset import Dataset, Modality, Skipped, Unusable
from headstart.data.folder import read_folder, text_of, unlabelled
from headstart.data.ids import folder_of, ids_of, joined_ids, placed
from headstart.data.lazy import chained
from headstart.data.rows import dataset_of, refuse_first
from headstart.data.table import Table, is_table, read_table
from headstart.errors import DataError, InputError, Unreadable
from headstart.registry import READERS
from headstart.spec import ReadSpec
from headstart.wording import shown


def read(source: str | Path, spec: ReadSpec, *, labelled: bool = True) -> Dataset:
    """Read DATA: a folder, a CSV, TSV, JSON, Parquet or Excel table, or a hub data set by name.

    Args:
        source: the path or name.
        spec: how to read it.
        labelled: whether labels are wanted.

    Raises:
        DataError: what is wrong, where, and what to do.
    """
    if not str(source):
        raise DataError("DATA is empty; name a folder, a table or a hub data set.")
    path = Path(source)
    try:
        if path.is_dir():
            return read_folder(path, spec, labelled=labelled)
        if path.exists():
            return dataset_of(_table(path), spec, labelled=labelled)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise DataError(f"{shown(str(source))[:200]!r} cannot be read ({error}).") from error
    name = hub.name_of(source) if isinstance(source, str) else None
    if name is None:
        raise DataError(_missing(str(source), path))
    return dataset_of(hub.read_hub(name, offline=spec.offline), spec, labelled=labelled)


def _missing(source: str, path: Path) -> str:
    """A sentence for a path that leads nowhere: what is there instead, and how to name the hub."""
    said = f"There is no file or folder {shown(source)[:200]!r}"
    try:
        above = next(each for each in path.parents if each.is_dir())
        wanted = path.relative_to(above).parts[0]
        close = get_close_matches(wanted, [each.name for each in above.iterdir()], 1)
    except (OSError, ValueError, StopIteration):
        close = []
    if close:
        return f"{said}; is it {shown(str(above / close[0]))!r}?"
    if hub.is_name(source) and not is_table(path):
        return f"{said}; a data set of the hub is named {hub.PREFIX}{source}."
    return f"{said}."


class Named(list[str]):
    """Words of a command line: names of files, folders and tables, texts, or `-`."""


def read_inputs(
    inputs: Sequence[str], modality: Modality, spec: ReadSpec, *, id: str | None = None
) -> Dataset:
    """Read what `predict` is given: files, folders, tables, texts, or `-` for standard input.

    Each input is a folder (every image or `.txt` file in it), a table, a file, `-` (a path or
    text a line), or else, where texts are wanted, a text. Without labels. Of several inputs the
    names of the items start with the folder.

    Args:
        inputs: what the user named.
        modality: what the items are.
        spec: how tables are read.
        id: column of the tables that names their rows.

    Raises:
        DataError: no input, or one that is wrong as a whole. A single missing or damaged file is
            skipped, here or where it is decoded.
    """
    if not inputs:
        raise DataError("There is nothing to predict; name files, a folder, a table or -.")
    parts = [input_of(each, modality, spec, id) for each in inputs]
    if len(parts) == 1:
        return parts[0]
    folders = map(folder_of, inputs)
    parts = [placed(part, each) for part, each in zip(parts, folders, strict=True)]
    return replace(one_after_another(parts), ids=None if id is None else joined_ids(id, parts))


def one_after_another(parts: Sequence[Dataset]) -> Dataset:
    """The items of several data sets of one modality."""
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[0],
        items=chained([part.items for part in parts]),
        names=list(chain.from_iterable(part.names for part in parts)),
        skipped=tuple(chain.from_iterable(part.skipped for part in parts)),
        warnings=tuple(dict.fromkeys(chain.from_iterable(part.warnings for part in parts))),
        notes=tuple(dict.fromkeys(chain.from_iterable(part.notes for part in parts))),
    )


def input_of(given: str, modality: Modality, spec: ReadSpec, id: str | None = None) -> Dataset:
    """What one word of a command line stands for; see `read_inputs`."""
    if given == "-":
        return _several(list(_standard_input()), modality, spec)
    path = Path(given)
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, ValueError):
        is_folder = is_file = False
    if is_folder and given:
        return unlabelled(path, spec, modality)
    if is_table(path) and (is_file or os.path.lexists(path)):
        table = read_table(path)
        ids = None if id is None else ids_of(table, id)
        return replace(rows_of(table, spec, modality), ids=ids)
    if modality == "image":
        return Dataset("image", [given], [shown(given)])
    # The name of a FIFO, a device or a broken link is no text; why it is not read is said.
    if not is_file and not os.path.lexists(given):
        refuse_mistyped(given, path)
        return _several([given], modality, spec)
    try:
        return Dataset("text", [text_of(given)], [shown(given)])
    except Unreadable as reason:
        refuse_first([Skipped(shown(given), str(reason))], spec)
        return Dataset("text", [Unusable(str(reason))], [shown(given)])


def refuse_mistyped(given: str, path: Path) -> None:
    """One word that ends like a file's name is a name written wrongly rather than a text."""
    if (is_table(path) or path.suffix.lower() == ".txt") and len(given.split()) == 1:
        raise DataError(f"There is no file {shown(given)[:200]!r}.")


def _standard_input() -> list[str]:
    lines = files.standard_input().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    decoded = []
    for number, line in enumerate(lines, 1):
        try:
            decoded.append(line.removesuffix(b"\r").decode("utf-8"))
        except UnicodeDecodeError as error:
            raise DataError(f"Standard input, line {number}, is not UTF-8.") from error
    return decoded[:-1] if decoded[-1] == "" else decoded


def _several(given: Sequence[str], modality: Modality, spec: ReadSpec) -> Dataset:
    """Paths or texts as they are; an empty one goes by its line number."""
    items: list[object] = []
    names = []
    for number, item in enumerate(given, 1):
        names.append(shown(item) if item.strip() and len(item) < 200 else f"line {number}")
        try:
            items.append(texts.clean(item) if modality == "text" else _path(item))
        except Unreadable as reason:
            refuse_first([Skipped(names[-1], str(reason))], spec)
            items.append(Unusable(str(reason)))
    return Dataset(modality, items, names)


def rows_of(table: Table, spec: ReadSpec, modality: Modality) -> Dataset:
    """Every row of a table in its place."""
    return dataset_of(table, spec, labelled=False, modality=modality, in_place=True)


def _path(line: str) -> str:
    if not line.strip():
        raise Unreadable("the line is empty")
    return line


def _table(path: Path) -> Table:
    if not path.is_file():
        raise DataError(
            f"{shown(str(path))} is not a folder or a table, nor any regular file; name one."
        )
    if not is_table(path):
        raise DataError(
            f"{shown(str(path))} is not a folder or a table; a table is named "
            f"{', '.join(f'*{suffix}' for suffix in READERS)}."
        )
    return read_table(path)
