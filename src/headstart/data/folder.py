"""A folder to a data set: class folders, splits above them, or what the hub's folders hold."""

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from headstart.data import files, groups, metadata, texts
from headstart.data.cells import Labels, interpret
from headstart.data.dataset import Dataset, Modality, Skipped, Split
from headstart.data.flat import by_names
from headstart.data.images import EXTENSIONS
from headstart.data.layout import Layout, Placed, arrange
from headstart.data.rows import dataset_of, refuse_first
from headstart.data.split_names import split_name, split_word
from headstart.data.table import Table
from headstart.data.walk import File, walk
from headstart.errors import DataError, Unreadable
from headstart.registry import READERS
from headstart.spec import ReadSpec
from headstart.wording import shown, some

_GUESS = ("The task is classification: each folder is a class (a guess; --task says otherwise).",)


def read_folder(folder: Path, spec: ReadSpec, *, labelled: bool = True) -> Dataset:
    """The data set in a folder.

    `CLASS/**/file`, or `SPLIT/CLASS/**/file`, of images or of `.txt` files (a text each); or
    Parquet files named by split, or a `metadata.csv` that names images, as on the hub.

    Raises:
        DataError: the folder has no such form, or holds nothing that can be used.
    """
    found, folders = walk(folder)
    table = metadata.read_metadata(folder, found)
    if table is not None and (_modality(found) is None or metadata.names_images(table, spec)):
        return _of_metadata(folder, table, found, spec, labelled)
    modality = _modality(found)
    if modality is None:
        return _without_items(folder, found, spec, labelled)
    if spec.input is not None or spec.label is not None:
        why = ", its labels are the names of its folders" if labelled else ""
        raise DataError(f"{shown(str(folder))} has no columns{why}; leave out --input and --label.")
    groups.refuse_columns(spec, shown(str(folder)))
    if not labelled:
        return unlabelled(folder, spec, modality, found)
    usable, skipped = _sorted_out(found, modality)
    named = by_names(shown(str(folder)), usable, modality, spec, text_of)
    if named is not None:
        refuse_first(skipped, spec)
        return replace(named, skipped=(*named.skipped, *skipped))
    layout = arrange(folder, usable)
    items, kept, unread = _contents([each.file for each in layout.placed], modality)
    skipped += [*layout.skipped, *unread]
    refuse_first(skipped, spec)
    if not kept:
        raise DataError(_no_classes(folder, found))
    placed = [layout.placed[at] for at in kept]
    labels = _labels(placed, spec)
    return Dataset(
        modality=modality,
        items=items,
        names=[each.file.name for each in placed],
        task=labels.task,
        labels=[label for label in labels.labels if label is not None],
        splits=[each.split for each in placed] if any(each.split for each in placed) else (),
        groups=groups.of_files(
            ["/".join(each.file.parts) for each in placed], [each.below for each in placed], spec
        ),
        skipped=tuple(skipped),
        warnings=(*labels.warnings, *_empty_classes(layout, found, folders), *layout.warnings),
        notes=(*layout.notes, *labels.notes),
    )


def unlabelled(
    folder: Path, spec: ReadSpec, modality: Modality, found: Sequence[File] | None = None
) -> Dataset:
    """Every image (or `.txt` file) in a folder and the folders in it, without labels.

    Raises:
        DataError: there is none.
    """
    usable, skipped = _sorted_out(walk(folder)[0] if found is None else found, modality)
    items, kept, unread = _contents(usable, modality)
    skipped += unread
    refuse_first(skipped, spec)
    if not kept:
        what = "images" if modality == "image" else ".txt files"
        raise DataError(f"There are no {what} in {shown(str(folder))} that can be read.")
    return Dataset(modality, items, [usable[at].name for at in kept], skipped=tuple(skipped))


def _of_metadata(
    folder: Path, table: Table, found: Sequence[File], spec: ReadSpec, labelled: bool
) -> Dataset:
    """The rows of the folder's metadata; an image that none of them names is skipped."""
    named = spec.input is None and metadata.FILE_NAME in table.columns
    if named:
        spec = replace(spec, input=metadata.FILE_NAME)
    data = dataset_of(table, spec, labelled=labelled, modality="image" if named else None)
    images, _ = _sorted_out(found, "image")
    if labelled:
        metadata.refuse_classes(data, folder, spec)
    skipped = (*data.skipped, *metadata.unnamed(table, data, folder, images))
    refuse_first(skipped, spec)
    said = f"The splits are those of the folders in {shown(str(folder))}."
    return replace(data, skipped=skipped, notes=(*data.notes, said) if table.splits else data.notes)


def _labels(placed: Sequence[Placed], spec: ReadSpec) -> Labels:
    """The names of folders are classes, whatever they are: `NA` is one too, and so is `1.0`."""
    names = [_class_name(each.label) for each in placed]
    if spec.task in ("auto", "classification"):
        warnings, notes = _spelt(placed), _GUESS if spec.task == "auto" else ()
        return Labels("classification", list(names), warnings, notes)
    labels = interpret(
        names,
        spec.task,
        lambda row: placed[row].file.name,
        na_values=spec.na_values or "",
        separator=spec.separator,
    )
    if None in labels.labels:
        folder = names[labels.labels.index(None)]
        raise DataError(f"The folder {shown(folder)!r} is no label for --task {spec.task}.")
    return labels


def _class_name(folder: str) -> str:
    """The name of a folder as tables write it, with what is not UTF-8 escaped.

    Blanks around it are left out, and it is in Unicode's composed form, which a Mac's is not.
    """
    name = folder.encode("utf-8", "backslashreplace").decode()
    return unicodedata.normalize("NFC", name.strip() or name)


def _spelt(placed: Sequence[Placed]) -> tuple[str, ...]:
    """A warning of each class that has several folders, whose names look the same."""
    spelt: defaultdict[str, set[str]] = defaultdict(set)
    for label in {each.label for each in placed}:
        spelt[_class_name(label)].add(label)
    return tuple(
        f"The folders {', '.join(map(ascii, sorted(folders)))} are one class."
        for folders in spelt.values()
        if len(folders) > 1
    )


def _suffixes(modality: Modality) -> frozenset[str]:
    return frozenset(EXTENSIONS if modality == "image" else (".txt",))


def _modality(found: Sequence[File]) -> Modality | None:
    if any(file.suffix in EXTENSIONS for file in found):
        return "image"
    return "text" if any(file.suffix == ".txt" for file in found) else None


def _empty_classes(
    layout: Layout, found: Sequence[File], folders: Sequence[tuple[str, ...]]
) -> tuple[str, ...]:
    """Warn of the folders of classes that hold no file at all."""
    above = set(layout.classes)
    used = {file.parts[:depth] for depth in {len(a) + 1 for a in above} for file in found}
    empty = ["/".join(p) for p in folders if p and p[:-1] in above and p not in used]
    return (f"There is nothing in {some(empty)}; no class is made of it.",) if empty else ()


def _sorted_out(found: Sequence[File], modality: Modality) -> tuple[list[File], list[Skipped]]:
    what = "it has no image's extension" if modality == "image" else "it is not a .txt file"
    suffixes = _suffixes(modality)
    usable = [file for file in found if file.suffix in suffixes]
    return usable, [Skipped(f.name, what) for f in found if f.suffix not in suffixes]


def _contents(
    usable: Sequence[File], modality: Modality
) -> tuple[list[str], list[int], list[Skipped]]:
    """The items of files, the positions of those that have one, and the other files."""
    if modality == "image":
        return [file.path for file in usable], list(range(len(usable))), []
    items, kept, skipped = [], [], []
    for at, file in enumerate(usable):
        try:
            items.append(text_of(file.path))
            kept.append(at)
        except Unreadable as reason:
            skipped.append(Skipped(file.name, str(reason)))
    return items, kept, skipped


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


def _without_items(folder: Path, found: Sequence[File], spec: ReadSpec, labelled: bool) -> Dataset:
    from headstart.data.parquet import read_parquet

    tables = [file for file in found if file.suffix == ".parquet" and Path(file.path).is_file()]
    if not tables:
        raise DataError(_no_classes(folder, found))
    parts = [(Path(file.path), _split_of_file(file)) for file in tables]
    return dataset_of(read_parquet(parts, folder.name, folder), spec, labelled=labelled)


def _split_of_file(file: File) -> Split | None:
    """`data/train-00000-of-00001.parquet`, `train.parquet` and `train/0000.parquet` name one."""
    stem = file.parts[-1].removesuffix(".parquet").replace("_", "-").partition("-")[0]
    looks = [look for part in file.parts[-2::-1] if (look := split_name(part)) is not None]
    return split_word(stem) or next((look.split for look in looks if look.sure), None)


def _no_classes(folder: Path, found: Sequence[File]) -> str:
    tables = [file for file in found if file.suffix in READERS]
    if tables:
        return (
            f"{shown(str(folder))} has no folder per class, but it has "
            f"{some(file.name for file in tables)}; give the table itself."
        )
    said = f"{shown(str(folder))} has no folder per class with images or .txt files in it; "
    if _modality(found) is None:
        return f"{said}make one folder for each class, or give a table."
    return (
        f"{said}make one folder for each class, give a table, or say with --label-from how the "
        "names of its files give labels."
    )
