"""Which column is the input, which the label: as asked for, or guessed and said."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.data.dataset import Modality, Split
from headstart.data.images import EXTENSIONS
from headstart.data.names import some
from headstart.data.table import Table
from headstart.errors import InputError
from headstart.spec import ReadSpec

SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
}

_IMAGE_NAMES = (
    "image", "img", "image_path", "img_path", "image_file", "file_name", "filename", "filepath",
    "file_path", "file", "path", "picture", "photo", "images",
)  # fmt: skip
_TEXT_NAMES = (
    "text", "sentence", "review", "content", "comment", "body", "message", "tweet", "question",
    "utterance", "document", "description", "headline", "title", "texts",
)  # fmt: skip
_LABEL_NAMES = (
    "label", "labels", "class", "category", "target", "y", "class_name", "label_name",
    "class_label", "label_text", "sentiment", "topic", "intent", "emotion", "genre", "species",
    "tag", "tags", "categories", "classes", "rating", "score", "value",
)  # fmt: skip
_SAMPLE = 200


@dataclass(frozen=True)
class Columns:
    """The columns a data set is made from.

    Attributes:
        input: the input column, and `modality` what it holds.
        labels: one label column; several for indicator columns; none when not labelled.
        splits: per row its split, or empty.
        notes: what was guessed, and how to say otherwise.
    """

    input: str
    modality: Modality
    labels: tuple[str, ...]
    splits: Sequence[Split | None]
    notes: tuple[str, ...]


def choose(table: Table, spec: ReadSpec, labelled: bool, modality: Modality | None) -> Columns:
    """Find the input, label and split columns of a table.

    Raises:
        InputError: a column that was asked for is not there, or none can be guessed.
    """
    notes: list[str] = []
    labels = _asked_labels(table, spec.label) if labelled and spec.label is not None else ()
    splits, note = _splits(table, {spec.input, *labels})
    free = [n for n in table.columns if n not in labels and (not note or n.lower() != "split")]
    if spec.input is not None:
        _must_have(table, spec.input, "--input")
        found = spec.input
    else:
        found = _guess_input(
            table, [n for n in free if labels or _plain(n) not in _LABEL_NAMES] or free, modality
        )
        notes.append(f"The input is column {found!r} of {table.name} (a guess; --input says).")
    if found in labels:
        raise InputError(f"Column {found!r} cannot be both --input and --label; name two columns.")
    if labelled and not labels:
        labels = (_guess_label(table, [name for name in free if name != found]),)
        _refuse_missing_header(table, found, labels[0], spec)
        notes.append(f"The label is column {labels[0]!r} of {table.name} (a guess; --label says).")
    kind = modality or _modality(table, found)
    if modality is None:
        held = {"image": "images", "text": "texts"}[kind]
        notes.append(f"Column {found!r} of {table.name} is taken to hold {held}.")
    return Columns(found, kind, labels, splits, (*notes, *note))


def split_named(name: object) -> Split | None:
    """The split a folder, file or cell names, whatever its case; None for no split."""
    return SPLIT_NAMES.get(str(name).strip().lower())


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def _must_have(table: Table, column: str, flag: str) -> None:
    if column not in table.columns:
        raise InputError(
            f"{table.name} has no column {column!r} ({flag}); it has {some(table.columns, 20)}."
        )


def _asked_labels(table: Table, asked: str) -> tuple[str, ...]:
    # A column whose own name holds a comma is that column.
    names = (asked,) if asked in table.columns else tuple(asked.split(","))
    for name in names:
        _must_have(table, name, "--label")
    if len(set(names)) < len(names):
        raise InputError(f"--label names a column twice ({asked!r}); name each once.")
    return names


def _splits(table: Table, taken: set[str | None]) -> tuple[Sequence[Split | None], tuple[str, ...]]:
    column = next((n for n in table.columns if n.lower() == "split" and n not in taken), None)
    if column is None:
        return table.splits, ()
    cells = table.columns[column]
    unknown = {str(cell) for cell in cells if cell is not None and split_named(cell) is None}
    if unknown:
        return table.splits, (
            f"Column {column!r} of {table.name} is not used as splits: it holds "
            f"{some(sorted(unknown), 3)}, not train, validation or test.",
        )
    return [None if cell is None else split_named(cell) for cell in cells], (
        f"Column {column!r} of {table.name} gives the splits.",
    )


def _guess_input(table: Table, names: Sequence[str], modality: Modality | None) -> str:
    wanted = {"image": _IMAGE_NAMES, "text": _TEXT_NAMES}
    encoded = [name for name in names if name in table.encoded_images]
    if encoded and modality != "text":
        return min(encoded, key=lambda name: _rank(name, _IMAGE_NAMES))
    known = wanted[modality] if modality else (*_IMAGE_NAMES, *_TEXT_NAMES)
    named = [name for name in names if _plain(name) in known and _is_text(table, name)]
    if named:
        return min(named, key=lambda name: _rank(name, known))
    texts = [name for name in names if _is_text(table, name)]
    if not texts:
        raise InputError(
            f"No column of {table.name} looks like the input; name one of "
            f"{some(table.columns, 20)} with --input."
        )
    if modality != "text":
        images = [name for name in texts if _modality(table, name) == "image"]
        if images:
            return images[0]
    return max(texts, key=lambda name: _mean_length(table, name))


def _guess_label(table: Table, names: Sequence[str]) -> str:
    names = [name for name in names if name not in table.encoded_images]
    named = [name for name in names if _plain(name) in _LABEL_NAMES]
    if named:
        return min(named, key=lambda name: _rank(name, _LABEL_NAMES))
    if len(names) > 1:
        repeating = [name for name in names if _repeats(table.columns[name])]
        names = repeating or names
    if len(names) == 1:
        return names[0]
    raise InputError(
        f"{table.name} has no column that is surely the label; name it with --label "
        f"(the columns are {some(table.columns, 20)})."
    )


def _refuse_missing_header(table: Table, found: str, label: str, spec: ReadSpec) -> None:
    """A first line of data taken for column names would lose a row and name the rest wrongly."""
    known = (*_LABEL_NAMES, *_IMAGE_NAMES, *_TEXT_NAMES)
    if spec.input is not None or _plain(label) in known or _plain(found) in known:
        return
    image_name = Path(found).suffix.lower() in EXTENSIONS
    if image_name or label in {str(cell) for cell in table.columns[label]}:
        raise InputError(
            f"{table.name}, line 1: {found[:60]!r}, {label[:60]!r} looks like data; "
            "the first line must name the columns (or name them with --input and --label)."
        )


def _modality(table: Table, name: str) -> Modality:
    """Whether a column holds images: encoded, or paths by extension or because they exist."""
    if name in table.encoded_images:
        return "image"
    return modality_of(_sample(table.columns[name]), table.folder)


def modality_of(cells: Sequence[Any], folder: Path | None) -> Modality:
    """Whether strings are paths of images (beside `folder`) or texts.

    Raises:
        InputError: they are the paths of text files, which would be read as the texts.
    """
    strings = [cell for cell in cells if isinstance(cell, str)]
    existing = [cell for cell in strings if folder is not None and _exists(folder, cell)]
    if existing and 2 * len(existing) > len(strings):
        if all(Path(cell).suffix.lower() == ".txt" for cell in existing):
            raise InputError(
                f"The input column holds names of text files such as {some(existing[:1])}; "
                "put the texts themselves in the table, or one folder per class."
            )
        return "image"
    looks = [cell for cell in strings if _looks_like_image(cell) or cell in existing]
    return "image" if strings and 10 * len(looks) >= 9 * len(strings) else "text"


def _looks_like_image(cell: str) -> bool:
    stem, dot, extension = cell.strip().rpartition(".")
    return len(cell) < 1024 and bool(stem) and dot + extension.lower() in EXTENSIONS


def _exists(folder: Path, cell: str) -> bool:
    try:
        return len(cell) < 4096 and (folder / cell).is_file()
    except (OSError, ValueError):
        return False


def _sample(cells: Sequence[Any]) -> list[Any]:
    step = max(1, len(cells) // _SAMPLE)
    return [cell for cell in cells[::step] if cell is not None]


def _is_text(table: Table, name: str) -> bool:
    if name in table.encoded_images:
        return False
    cells = _sample(table.columns[name])
    return any(isinstance(cell, str) for cell in cells)


def _mean_length(table: Table, name: str) -> float:
    lengths = [len(cell) for cell in _sample(table.columns[name]) if isinstance(cell, str)]
    return sum(lengths) / max(1, len(lengths))


def _repeats(cells: Sequence[Any]) -> bool:
    kept = [str(cell) for cell in cells if cell is not None]
    return 2 <= len(set(kept)) <= len(kept) / 2


def _rank(name: str, known: Sequence[str]) -> int:
    plain = _plain(name)
    return known.index(plain) if plain in known else len(known)
