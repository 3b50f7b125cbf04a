"""Which column is the input, which the label: as asked for, as trained, or guessed and said."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from headstart.data import guess, pixels
from headstart.data.dataset import Modality, Split
from headstart.data.paths import Finder
from headstart.data.reads import Reads, trained
from headstart.data.splits import splits_of
from headstart.data.table import Table
from headstart.data.times import time_column
from headstart.errors import DataError
from headstart.spec import ReadSpec
from headstart.wording import some

__all__ = ["Columns", "choose", "modality_of"]

_HELD = {
    "images": "images",
    "paths": "paths of images",
    "pixels": "the pixels of images",
    "texts": "texts",
}


@dataclass(frozen=True)
class Columns:
    """The columns a data set is made from.

    Attributes:
        input: the input column; several of texts that are joined, or of a pixel each.
        kind: what it holds; see `Reads`.
        labels: one label column; several for indicator columns; none when not labelled.
        splits: per row its split, or empty.
        finder: finds the files that cells name.
        notes: what was guessed, and how to say otherwise.
    """

    input: tuple[str, ...]
    kind: str
    labels: tuple[str, ...]
    splits: Sequence[Split | None]
    finder: Finder
    notes: tuple[str, ...]

    @property
    def modality(self) -> Modality:
        """What an item is."""
        return "text" if self.kind == "texts" else "image"


def choose(table: Table, spec: ReadSpec, labelled: bool, modality: Modality | None) -> Columns:
    """Find the input, label and split columns of a table.

    What a model was trained on stands where nothing is asked for, and nothing else is guessed.

    Raises:
        DataError: a column that was asked for or trained on is not there, or none can be guessed.
    """
    known = trained(spec)
    modality = modality or known.modality
    finder = Finder(table.folder, _root(spec, known), table.name)
    asked = spec.input is not None or bool(known.input)
    found = _inputs_wanted(table, spec, known)
    labels = _labels_wanted(table, spec, known) if labelled else ()
    aside = {name for name in (spec.group, time_column(spec)) if name is not None}
    taken = {*labels, *found, *_label_names(table), *aside}
    split, splits, split_notes = splits_of(table, taken)
    taken = {*labels, *aside, *({split} if split else ())}
    free = [name for name in table.columns if name not in taken]
    notes = []
    if not found:
        names = [name for name in free if labels or not guess.is_label_name(name)] or free
        found = guess.guess_input(table, names, modality, finder)
        notes.append(f"{_said('input', found)} of {table.name} (a guess; --input says).")
    if both := [name for name in found if name in labels]:
        raise DataError(f"Column {both[0]!r} cannot be both --input and --label; name two columns.")
    if labelled and not labels and spec.label_from is None and known.label_from is None:
        labels = guess.guess_labels(table, [name for name in free if name not in set(found)])
        if spec.input is None and len(labels) == len(found) == 1:
            guess.refuse_missing_header(table, found[0], labels[0])
        notes.append(f"{_said('label', labels)} of {table.name} (a guess; --label says).")
    kind = _kind(table, found, modality, finder, asked)
    if modality is None:
        notes.append(f"C{_called(found)[1:]} of {table.name} is taken to hold {_HELD[kind]}.")
    if kind == "paths":
        finder.study(table.columns[found[0]])
        notes.extend(finder.notes)
    return Columns(found, kind, labels, splits, finder, (*notes, *split_notes))


def modality_of(cells: Sequence[object], folder: Path | None) -> Modality:
    """Whether strings are paths of images (beside `folder`) or texts.

    Raises:
        DataError: they are the paths of text files, which would be read as the texts.
    """
    return _modality(cells, lambda cell: folder is not None and _exists(folder, cell))


def _modality(cells: Sequence[object], exists: Callable[[str], bool]) -> Modality:
    strings = [cell for cell in cells if isinstance(cell, str)]
    existing = [cell for cell in strings if exists(cell)]
    if existing and 2 * len(existing) > len(strings):
        if all(Path(cell).suffix.lower() == ".txt" for cell in existing):
            raise DataError(
                f"The input column holds names of text files such as {some(existing[:1])}; "
                "put the texts themselves in the table, or one folder per class."
            )
        return "image"
    looks = [cell for cell in strings if guess.looks_like_image(cell) or cell in existing]
    return "image" if strings and 10 * len(looks) >= 9 * len(strings) else "text"


def _exists(folder: Path, cell: str) -> bool:
    try:
        return len(cell) < 4096 and (folder / cell).is_file()
    except (OSError, ValueError):
        return False


def _root(spec: ReadSpec, known: Reads) -> str | None:
    """The folder that paths start in; the trained one where it is on this machine."""
    asked = spec.root if spec.root is not None else spec.allow_root
    if asked is None and known.root is not None and Path(known.root).is_dir():
        return known.root
    return asked


def _label_names(table: Table) -> list[str]:
    return [name for name in table.columns if guess.is_label_name(name)]


def _labels_wanted(table: Table, spec: ReadSpec, known: Reads) -> tuple[str, ...]:
    if spec.label_from is not None:
        if spec.label is not None:
            raise DataError("--label and --label-from both say where labels are; leave one out.")
        return ()
    if spec.label is not None:
        return _named(table, spec.label, "--label")
    return _trained_on(table, known.label, "label", "--label")


def _inputs_wanted(table: Table, spec: ReadSpec, known: Reads) -> tuple[str, ...]:
    if spec.input is not None:
        return _named(table, spec.input, "--input")
    return _trained_on(table, known.input, "input", "--input")


def must_have(table: Table, column: str, flag: str) -> None:
    """Check that a column is there.

    Raises:
        DataError: names the option, and the columns that are.
    """
    if column not in table.columns:
        near = get_close_matches(column, list(table.columns), n=1)
        hint = f"is it {near[0]!r}? It has" if near else "it has"
        raise DataError(
            f"{table.name} has no column {column!r} ({flag}); {hint} {some(table.columns, 20)}."
        )


def _named(table: Table, asked: str, flag: str) -> tuple[str, ...]:
    # A column whose own name holds a comma is that column.
    names = (asked,) if asked in table.columns else tuple(asked.split(","))
    for name in names:
        must_have(table, name, flag)
    if len(set(names)) < len(names):
        raise DataError(f"{flag} names a column twice ({asked!r}); name each once.")
    return names


def _trained_on(table: Table, names: tuple[str, ...], what: str, flag: str) -> tuple[str, ...]:
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise DataError(
            f"{table.name} has no column {some(missing, 3)}, the {what} that the model was trained "
            f"on; it has {some(table.columns, 20)}: name the one that holds the same with {flag}."
        )
    return names


def _called(names: tuple[str, ...]) -> str:
    return f"column {names[0]!r}" if len(names) == 1 else f"columns {some(names, 3)}"


def _said(what: str, names: tuple[str, ...]) -> str:
    return (
        f"The {what} is {_called(names)}"
        if len(names) == 1
        else f"The {what}s are {_called(names)}"
    )


def _kind(
    table: Table,
    names: tuple[str, ...],
    modality: Modality | None,
    finder: Finder,
    asked: bool,
) -> str:
    """What the input holds: encoded images, paths of images, pixels, or texts.

    Raises:
        DataError: several columns that are no texts, or ids that name no file and were guessed.
    """
    if modality != "text" and (pixels.columns_of(names) == names or pixels.side_of(len(names))):
        return "pixels"
    if len(names) > 1:
        if modality == "image" or any(name in table.encoded_images for name in names):
            raise DataError(
                f"--input names {len(names)} columns, but an image is in one; name that one."
            )
        return "texts"
    if modality == "text":
        return "texts"
    if names[0] in table.encoded_images:
        return "images"
    cells = guess.sample(table.columns[names[0]])
    if pixels.are_pixels(cells[:20]):
        return "pixels"
    if modality == "image":
        return "paths"
    if _modality(cells, finder.has) == "image" or finder.names_files(cells):
        return "paths"
    if not asked:
        guess.refuse_ids(table, names[0], cells)
    return "texts"
