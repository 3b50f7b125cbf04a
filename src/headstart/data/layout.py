"""Which class and which split each file of a folder is in: what its folders mean.

Folders are splits or classes, never both: what looks like splits and cannot be understood is
refused with what to do, for a model that tells `train` from `test` is worth nothing.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headstart.data.dataset import SPLITS, Skipped, Split
from headstart.data.split_names import SplitName, is_fold, is_unlabelled, split_name
from headstart.data.walk import File
from headstart.errors import DataError
from headstart.wording import shown, some

_NO_CLASS = "it is not in the folder of a class"
_CONTAINERS = frozenset(("images", "image", "imgs", "img", "data", "texts", "files"))
"""A lone folder of such a name in a split is no class."""
_ANNOTATIONS = re.compile(
    r"(segmentation|semantic|instance)s?[ _-]?(class|object|map|mask|label)?(e?s)?"
    r"|(mask|annotation|annot|label|bbox|ground[ _-]?truth|gt)s?([ _-]?(png|image)s?)?",
    re.IGNORECASE,
)
"""Folders beside that of the images in data sets for segmentation and detection."""
_IMAGES = re.compile(
    r"(jpe?g|png|input|original|rgb)?[ _-]?(image|img|photo|picture|input)s?", re.I
)
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Placed:
    """A file in a class.

    Attributes:
        file: the file.
        label: the name of the folder that is its class.
        split: the split that the folders say; None where they say none.
        below: the folders that it is in below that of its class, without the split.
    """

    file: File
    label: str
    split: Split | None
    below: tuple[str, ...] = ()


@dataclass
class Layout:
    """What the folders of a data set mean.

    Attributes:
        placed: the files that are in a class, in their order.
        skipped: the other ones, and why.
        classes: the folders whose folders are classes, by their parts.
        notes: what was understood; warnings: what a person should know.
    """

    placed: list[Placed] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    classes: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass
class _Folder:
    """Files at one level of the tree: those right in the folder, and those below, by folder."""

    parts: tuple[str, ...]
    loose: list[File] = field(default_factory=list)
    inside: dict[str, list[File]] = field(default_factory=dict)

    def child(self, name: str) -> "_Folder":
        return _folder((*self.parts, name), self.inside[name])


def arrange(top: Path, items: Sequence[File]) -> Layout:
    """The class and the split of every file that can be an item.

    Understands `CLASS/**`, `SPLIT/CLASS/**` and `CLASS/SPLIT/**`, also below folders that hold
    nothing but one folder. A file outside a class is skipped by name.

    Args:
        top: the folder, for messages.
        items: the files with an item's suffix.

    Raises:
        DataError: the folders look like splits, or like the folds of a cross-validation, and
            are not understood.
    """
    layout = Layout()
    _descend(top, _folder((), items), None, layout)
    order = {file.path: at for at, file in enumerate(items)}
    layout.placed.sort(key=lambda each: order[each.file.path])
    return layout


def _folder(parts: tuple[str, ...], files: Iterable[File]) -> _Folder:
    folder = _Folder(parts)
    depth = len(parts)
    for file in files:
        if len(file.parts) == depth + 1:
            folder.loose.append(file)
        else:
            folder.inside.setdefault(file.parts[depth], []).append(file)
    return folder


def _descend(top: Path, folder: _Folder, split: Split | None, layout: Layout) -> None:
    above = folder.parts
    folder, split = _unwrapped(top, folder, split)
    splits = _splits_among(top, folder, layout)
    if splits is None:
        if split is None and folder.parts != above:
            layout.notes.append(f"The classes are the folders in {_called(top, folder)}.")
        _place_classes(top, folder, split, layout)
        return
    _skip(folder.loose, layout, _NO_CLASS)
    layout.notes.append(f"The splits are those of the folders in {_called(top, folder)}.")
    for name, side in splits.items():
        if side is None:
            _skip(folder.inside[name], layout, f"{shown(name)!r} is taken to hold no labels")
        else:
            _descend_split(top, folder.child(name), _nested(top, folder, split, side), layout)


def _unwrapped(top: Path, folder: _Folder, split: Split | None) -> tuple[_Folder, Split | None]:
    """The first folder down with more than one folder in it: above, there is nothing to tell.

    Within a split a lone folder may be the one class that is there.
    """
    while len(folder.inside) == 1 and not folder.loose:
        (name,) = folder.inside
        below, look = folder.child(name), split_name(name)
        if look is not None and look.sure and look.split is not None:
            if split is None:
                break
            split = _nested(top, folder, split, look.split)
        else:
            one_class = split is not None and look is None and name.lower() not in _CONTAINERS
            if one_class or below.loose or not below.inside:
                break
        folder = below
    return folder, split


def _nested(top: Path, folder: _Folder, outer: Split | None, inner: Split) -> Split:
    """The split of a folder that is inside another: `training/val` is for validation."""
    if outer not in (None, "train", inner):
        raise DataError(
            f"In {_called(top, folder)}, a folder for {inner} is inside one for {outer}; "
            "keep one folder for each split."
        )
    return inner


def _descend_split(top: Path, folder: _Folder, split: Split, layout: Layout) -> None:
    if len(folder.parts) > _DEEPEST:
        raise DataError(
            f"In {shown(str(top))}, splits are in splits more than {_DEEPEST} folders down; "
            "keep one level of them above the classes."
        )
    placed, skipped = len(layout.placed), len(layout.skipped)
    _descend(top, folder, split, layout)
    placed = len(layout.placed) - placed
    loose = sum(each.reason == _NO_CLASS for each in layout.skipped[skipped:])
    if split == "train" and loose > placed:
        raise DataError(
            f"{_called(top, folder)} looks like the split to train on, but {loose:,} of its items "
            "are in no folder of a class; make a folder for each class in it, give a table that "
            "names each item and its label, or say with --label-from how names give labels."
        )
    if loose and not placed:
        layout.warnings.append(
            f"The items in {_called(top, folder)} ({loose:,}) are in no folders of classes, so "
            "they are left out."
        )


def _place_classes(top: Path, folder: _Folder, split: Split | None, layout: Layout) -> None:
    _skip(folder.loose, layout, _NO_CLASS)
    layout.classes.append(folder.parts)
    inner = _splits_in_classes(top, folder) if split is None else None
    _refuse_annotations(top, folder)
    if not inner:
        _check_inside(top, folder, layout)
    if inner:
        layout.notes.append(
            f"The splits are those of the folders in each class in {_called(top, folder)}."
        )
    unlabelled = {name for name in folder.inside if split and is_unlabelled(name)}
    if len(folder.inside) - len(unlabelled) < 2:
        unlabelled = set()
    depth = len(folder.parts)
    for name, files in folder.inside.items():
        if name in unlabelled:
            _skip(files, layout, f"{shown(name)!r} is taken to hold no labels")
            continue
        for file in files:
            side = inner[file.parts[depth + 1]] if inner else split
            below = file.parts[depth + (2 if inner else 1) : -1]
            layout.placed.append(Placed(file, name, side, below))


def _refuse_annotations(top: Path, folder: _Folder) -> None:
    """Refuse images beside their masks or boxes.

    Raises:
        DataError: names both folders.
    """
    images = [name for name in folder.inside if _IMAGES.fullmatch(name)]
    others = [name for name in folder.inside if _ANNOTATIONS.fullmatch(name)]
    if images and others and len(folder.inside) <= len(images) + len(others) + 1:
        raise DataError(
            f"{_called(top, folder)} holds {some((images[0], others[0]))}, which look like images "
            "and their annotations, not like classes; headstart sorts whole images into classes, "
            "so make a folder for each class, or give a table that names each image and its label."
        )


def _check_inside(top: Path, folder: _Folder, layout: Layout) -> None:
    """Refuse a copy of the classes among them, and warn where each holds the same folders.

    Raises:
        DataError: a folder holds folders that are called like those beside it.
    """
    inside = {name: set(folder.child(name).inside) for name in folder.inside}
    for name, below in inside.items():
        if len(same := below & (inside.keys() - {name})) > 1:
            raise DataError(
                f"In {_called(top, folder)}, {shown(name)!r} holds the folders {some(sorted(same))}"
                ", like those beside it; move it elsewhere if it is a copy, or rename them."
            )
    (first, *others) = inside.values() or [set()]
    if len(first) > 1 and others and all(below == first for below in others):
        layout.warnings.append(
            f"The classes are taken to be {some(sorted(inside))}, and each holds the folders "
            f"{some(sorted(first))}; if those are the classes, put them above the others."
        )


def _splits_in_classes(top: Path, folder: _Folder) -> dict[str, Split]:
    """`CLASS/SPLIT/file`: the splits, by folder; none where folders in classes are no splits."""
    found: dict[str, Split] = {}
    with_splits, without = [], []
    for name in folder.inside:
        child = folder.child(name)
        looks = {inner: split_name(inner) for inner in child.inside}
        sides = {i: s.split for i, s in looks.items() if s is not None and s.sure and s.split}
        if child.loose or len(sides) < len(looks) or len(set(sides.values())) < 2:
            without.append(name)
        else:
            with_splits.append(name)
            found |= {inner: side for inner, side in sides.items() if side is not None}
    if with_splits and without:
        raise DataError(
            f"In {_called(top, folder)}, {some(with_splits)} holds splits, but {some(without)} "
            "does not; keep the same splits in every class, or put the splits above the classes."
        )
    return found


def _splits_among(top: Path, folder: _Folder, layout: Layout) -> dict[str, Split | None] | None:
    """The split of each folder in one, None for what has no labels; None where they are classes."""
    names = list(folder.inside)
    looks = {name: look for name in names if (look := split_name(name)) is not None}
    if not looks:
        _refuse_folds(top, folder, names)
        return None
    others = [name for name in names if name not in looks]
    if _are_splits(looks.values()) and all(is_unlabelled(name) for name in others):
        return {name: looks[name].split if name in looks else None for name in names}
    sure = [name for name, look in looks.items() if look.sure]
    if not sure and not _are_parted(looks.values()):
        if not others and any(look.leads for look in looks.values()):
            raise _question(top, folder, looks, ())
        return None
    if not others or not sure:
        raise _question(top, folder, looks, others)
    _allow_class(top, folder, sure, [name for name in names if name not in sure], layout)
    return None


def _are_splits(looks: Collection[SplitName]) -> bool:
    """Whether names are those of splits: `train` alone, `seg_train` beside `seg_test`.

    Not `test` and `train station`: the second may be a class.
    """
    sides = {look.split for look in looks}
    rests = {look.rest for look in looks if not look.sure}
    mixed = any(look.sure for look in looks) and any(look.leads and look.rest for look in looks)
    return None not in sides and not mixed and (not rests or (len(rests) == 1 and len(sides) > 1))


def _are_parted(looks: Collection[SplitName]) -> bool:
    """Whether two names differ in the split alone: `cats_train`, `cats_test`."""
    return len({(look.rest, look.split) for look in looks}) > len({look.rest for look in looks})


def _allow_class(
    top: Path, folder: _Folder, sure: Sequence[str], others: Sequence[str], layout: Layout
) -> None:
    """Let a class be called like a split, where all that is beside it says that it is a class."""
    (name, *more) = sure
    vehicle = name.lower() == "train" and not folder.child(name).inside
    opposite = name.lower() == "valid" and any("invalid" in other.lower() for other in others)
    if more or not (vehicle or opposite):
        raise _question(top, folder, sure, others)
    layout.notes.append(
        f"{shown(name)!r} is taken for a class like {some(others, 2)}, not for a split."
    )


def _question(
    top: Path, folder: _Folder, looks: Collection[str], others: Sequence[str]
) -> DataError:
    like = "looks like a split" if len(looks) == 1 else "look like splits"
    said = f"In {_called(top, folder)}, {some(sorted(looks))} {like}"
    if not others:
        return DataError(
            f"{said}, but it is not clear which; name them {', '.join(SPLITS[:-1])} and "
            f"{SPLITS[-1]}, or name each folder after its class."
        )
    return DataError(
        f"{said} but {some(sorted(others))} {'does' if len(others) == 1 else 'do'} not; keep "
        "splits alone, or classes alone (rename a class that is called like a split)."
    )


def _refuse_folds(top: Path, folder: _Folder, names: Sequence[str]) -> None:
    if len(names) > 1 and all(is_fold(name) for name in names):
        raise DataError(
            f"In {_called(top, folder)}, {some(names, 3)} look like the parts of a "
            "cross-validation, not like classes; make one folder for each class, with the files "
            "of all parts in it, or folders train and test above the classes."
        )


def _skip(files: Iterable[File], layout: Layout, reason: str) -> None:
    layout.skipped += [Skipped(file.name, reason) for file in files]


def _called(top: Path, folder: _Folder) -> str:
    return shown(str(top.joinpath(*folder.parts)))
