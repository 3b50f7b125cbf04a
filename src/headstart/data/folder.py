"""A folder to a data set: class folders, splits above them, or what the hub's folders hold."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from headstart.data import files, texts
from headstart.data.cells import interpret
from headstart.data.columns import split_named
from headstart.data.dataset import Dataset, Modality, Skipped, Split
from headstart.data.flat import by_names
from headstart.data.images import EXTENSIONS
from headstart.data.names import natural_key, shown, some
from headstart.data.rows import dataset_of, refuse_first
from headstart.data.table import SUFFIXES, read_table
from headstart.errors import InputError, Unreadable
from headstart.spec import ReadSpec

_IGNORED = frozenset(("__macosx", "thumbs.db", "desktop.ini", "@eadir", "__pycache__"))
_METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    parts: tuple[str, ...]
    """Path below the folder, by part."""

    @property
    def suffix(self) -> str:
        return os.path.splitext(self.parts[-1])[1].lower()  # noqa: PTH122 - may not be UTF-8


def read_folder(folder: Path, spec: ReadSpec, *, labelled: bool = True) -> Dataset:
    """The data set in a folder.

    `CLASS/**/file`, or `SPLIT/CLASS/**/file`, of images or of `.txt` files (a text each); or
    Parquet files named by split, or a `metadata.csv` that names images, as on the hub.

    Raises:
        InputError: the folder has no such form, or holds nothing that can be used.
    """
    for name in _METADATA:
        if (folder / name).is_file():
            return dataset_of(read_table(folder / name), spec, labelled=labelled)
    found = list(_walk(folder))
    modality = _modality(found)
    if modality is None:
        return _without_items(folder, found, spec, labelled)
    if not labelled and spec.input is not None:
        raise InputError(f"{shown(str(folder))} has no columns; leave out --input.")
    if not labelled:
        return unlabelled(folder, spec, modality, found)
    usable = [file for file in found if file.suffix in _suffixes(modality)]
    named = by_names(shown(str(folder)), usable, modality, spec, text_of)
    if named is not None:
        return named
    if spec.input is not None or spec.label is not None:
        raise InputError(
            f"{shown(str(folder))} has no columns, its labels are the names of its folders; "
            "leave out --input and --label."
        )
    depth = _depth_of_classes(folder, [f for f in found if f.suffix in _suffixes(modality)])
    usable, skipped = _sorted_out(found, modality, depth)
    items, kept = _contents(usable, modality, skipped)
    refuse_first(skipped, spec)
    if not kept:
        raise InputError(_no_classes(folder, found))
    labels = interpret(
        [_class_name(file.parts[depth]) for file in kept],
        "classification" if spec.task == "auto" else spec.task,
        lambda row: _name(kept[row]),
        na_values=spec.na_values or "",
        separator=spec.separator,
    )
    guess = (
        "The task is classification: each folder is a class (a guess; --task says otherwise).",
    )
    splits = (f"The splits are those of the folders in {shown(folder.name)}.",) * bool(depth)
    return Dataset(
        modality=modality,
        items=items,
        names=[_name(file) for file in kept],
        task=labels.task,
        labels=[label for label in labels.labels if label is not None],
        splits=[split_named(file.parts[0]) for file in kept] if depth else (),
        skipped=tuple(skipped),
        warnings=(*labels.warnings, *_empty_classes(folder, found, depth)),
        notes=(*splits, *labels.notes, *(guess if spec.task == "auto" else ())),
    )


def unlabelled(
    folder: Path, spec: ReadSpec, modality: Modality, found: Sequence[_File] | None = None
) -> Dataset:
    """Every image (or `.txt` file) in a folder and the folders in it, without labels.

    Raises:
        InputError: there is none.
    """
    usable, skipped = _sorted_out(found or list(_walk(folder)), modality, None)
    items, kept = _contents(usable, modality, skipped)
    refuse_first(skipped, spec)
    if not kept:
        what = "images" if modality == "image" else ".txt files"
        raise InputError(f"There are no {what} in {shown(str(folder))} that can be read.")
    return Dataset(modality, items, [_name(file) for file in kept], skipped=tuple(skipped))


def _walk(folder: Path) -> Iterator[_File]:
    """Every file below, in natural order; what is hidden or an operating system's is passed by."""

    def inside(path: str, parts: tuple[str, ...], above: frozenset[str]) -> Iterator[_File]:
        real = os.path.realpath(path)
        if real in above:
            return
        for entry in sorted(os.scandir(path), key=lambda entry: natural_key(entry.name)):
            if entry.name.startswith(".") or entry.name.lower() in _IGNORED:
                continue
            below = (*parts, entry.name)
            if entry.is_dir() and os.path.splitext(entry.name)[1].lower() not in EXTENSIONS:  # noqa: PTH122
                yield from inside(entry.path, below, above | {real})
            else:
                yield _File(entry.path, below)

    try:
        yield from inside(str(folder), (), frozenset())
    except OSError as error:
        raise InputError(
            f"{shown(str(error.filename or folder))} cannot be read ({error.strerror}); "
            "check its permissions."
        ) from error


def _name(file: _File) -> str:
    return shown("/".join(file.parts))


def _class_name(folder: str) -> str:
    """The name of a folder with what is not UTF-8 escaped, so that it can be written down."""
    return folder.encode("utf-8", "backslashreplace").decode()


def _suffixes(modality: Modality) -> frozenset[str]:
    return frozenset(EXTENSIONS if modality == "image" else (".txt",))


def _modality(found: Sequence[_File]) -> Modality | None:
    if any(file.suffix in EXTENSIONS for file in found):
        return "image"
    return "text" if any(file.suffix == ".txt" for file in found) else None


def _depth_of_classes(folder: Path, items: Sequence[_File]) -> int:
    """Which part of an item's path is the class: 0, or 1 where the folders above are splits.

    Beside classes, one folder `train` that holds items itself is a class of that name.
    """
    direct: set[str] = {file.parts[0] for file in items if len(file.parts) == 2}
    nested: set[str] = {file.parts[0] for file in items if len(file.parts) > 2}
    splits = {top for top in nested if split_named(top)}
    others = {top for top in nested | direct if not split_named(top)}
    if not splits:
        return 0
    if others:
        if len(splits) == 1 and splits <= direct:
            return 0
        raise InputError(
            f"In {shown(str(folder))}, {some(sorted(splits))} look like splits but "
            f"{some(sorted(others))} do not; keep splits alone, or classes alone."
        )
    return 1


def _empty_classes(folder: Path, found: Sequence[_File], depth: int) -> tuple[str, ...]:
    """Warn of the folders of classes that hold no file at all."""
    used = {file.parts[: depth + 1] for file in found}
    tops = [folder / top for top in sorted({f.parts[0] for f in found if len(f.parts) > 2})]
    empty = [
        "/".join(parts)
        for top in (tops if depth else [folder])
        for each in sorted(top.iterdir())
        if _is_class(each) and (parts := each.relative_to(folder).parts) not in used
    ]
    return (f"There is nothing in {some(empty)}; no class is made of it.",) if empty else ()


def _is_class(path: Path) -> bool:
    name = path.name.lower()
    return path.is_dir() and not name.startswith(".") and name not in _IGNORED


def _sorted_out(
    found: Sequence[_File], modality: Modality, depth: int | None
) -> tuple[list[_File], list[Skipped]]:
    what = "it has no image's extension" if modality == "image" else "it is not a .txt file"
    usable, skipped = [], []
    for file in found:
        if file.suffix not in _suffixes(modality):
            skipped.append(Skipped(_name(file), what))
        elif depth is not None and len(file.parts) < depth + 2:
            skipped.append(Skipped(_name(file), "it is not in the folder of a class"))
        else:
            usable.append(file)
    return usable, skipped


def _contents(
    usable: Sequence[_File], modality: Modality, skipped: list[Skipped]
) -> tuple[list[str], list[_File]]:
    if modality == "image":
        return [file.path for file in usable], list(usable)
    items, kept = [], []
    for file in usable:
        try:
            items.append(text_of(file.path))
            kept.append(file)
        except Unreadable as reason:
            skipped.append(Skipped(_name(file), str(reason)))
    return items, kept


def text_of(path: str) -> str:
    """The text in a UTF-8 file.

    Raises:
        Unreadable: not a regular file, not UTF-8, or blank.
    """
    try:
        return texts.clean(files.content(path).decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise Unreadable(f"line {line} is not UTF-8") from error


def _without_items(folder: Path, found: Sequence[_File], spec: ReadSpec, labelled: bool) -> Dataset:
    from headstart.data.parquet import read_parquet

    parts = [(Path(file.path), _split_of_file(file)) for file in found if file.suffix == ".parquet"]
    if not parts:
        raise InputError(_no_classes(folder, found))
    return dataset_of(read_parquet(parts, folder.name, folder), spec, labelled=labelled)


def _split_of_file(file: _File) -> Split | None:
    """`data/train-00000-of-00001.parquet`, `train.parquet` and `train/0000.parquet` name one."""
    stem = file.parts[-1].removesuffix(".parquet").replace("_", "-").partition("-")[0]
    folders = (split_named(part) for part in file.parts[-2::-1])
    return split_named(stem) or next(filter(None, folders), None)


def _no_classes(folder: Path, found: Sequence[_File]) -> str:
    tables = [file for file in found if file.suffix in SUFFIXES]
    if tables:
        return (
            f"{shown(str(folder))} has no folder per class, but it has "
            f"{some(_name(file) for file in tables)}; give the table itself."
        )
    return (
        f"{shown(str(folder))} has no folder per class with images or .txt files in it; "
        "make one folder for each class, or give a table."
    )
