"""Items and labels that are already in memory."""

import os
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from pathlib import Path

from PIL import Image

from headstart.data.arrays import (
    as_numpy,
    channels_first,
    images_of,
    is_array,
    is_image,
    of_two_scales,
)
from headstart.data.columns import modality_of
from headstart.data.dataset import Dataset, Modality, Unusable
from headstart.data.folder import text_of
from headstart.data.frames import is_missing
from headstart.data.groups import given_groups
from headstart.data.image_cells import image_of, is_cell
from headstart.data.labelled import labelled
from headstart.data.weights import weights_of
from headstart.errors import DataError, Unreadable
from headstart.types import Array
from headstart.wording import shown


def from_memory(
    items: object,
    labels: object = None,
    task: str = "auto",
    *,
    modality: Modality | None = None,
    na_values: str | None = None,
    separator: str | None = None,
    weights: object = None,
    groups: object = None,
) -> Dataset:
    """A data set of paths, `PIL` images, arrays, tensors, encoded images or texts.

    Args:
        items: a sequence (list, array, column) of them, images of several kinds mixed as you
            like; or one alone, which is a sequence of one. An item that can be none stays in its
            place and is skipped where items are read.
        labels: as many labels, of any library; lists of classes, or a 0/1 array or frame
            (n, classes), for multilabel. An item whose label is missing is skipped.
        task: what is predicted; `auto` decides from the labels.
        modality: what strings are: paths of images, or texts. None: paths where they look like
            it and exist, else texts. Other kinds of items are images whatever this says.
        na_values: words that mean that a label is missing; see `headstart.spec`.
        separator: between the classes of one text, for multilabel; guessed where None.
        weights: how much each item counts in training, from 0; None: all alike.
        groups: what each item belongs to; None: to nothing.

    Raises:
        DataError: there are no items, texts and images are mixed, lengths differ, or something is
            no label.
    """
    listed = items_of(items)
    kind = _modality(listed, modality)
    read = [_read_text(item) if kind == "text" else item for item in listed]
    names = [_name(item, number, kind) for number, item in enumerate(listed)]
    own = () if weights is None else weights_of(weights, len(listed))
    belongs = given_groups(groups, len(listed))
    data = Dataset(kind, read, names, weights=own, groups=belongs)
    return data if labels is None else labelled(data, labels, task, na_values, separator)


def items_of(given: object) -> list[object]:
    """What was given as a list of items, one item alone as a list of one.

    Arrays and tensors become numpy's, open files their content, and what can be no item an
    `Unusable`, so that each item keeps its place.

    Raises:
        DataError: it is neither an item nor a sequence of items.
    """
    if _is_single(given):
        return [_item(given)]
    if is_array(given):
        return [_item(each) for each in _listed(given)]
    if isinstance(given, (Set, Mapping)) or not isinstance(given, Iterable):
        raise DataError(
            f"a {type(given).__name__} is no sequence of items; give a list of paths, images, "
            "arrays or texts."
        )
    listed = [_item(each) for each in given]
    _load_repeated(listed)
    for at in of_two_scales(listed):
        listed[at] = Unusable(
            "its floats go up to 1, and those of others to 255, so it may be on either scale; "
            "convert it to uint8"
        )
    return listed


def _load_repeated(items: Sequence[object]) -> None:
    """Load an opened image that is there twice: of two threads that do so one gets half of it."""
    seen: set[int] = set()
    for item in items:
        if isinstance(item, Image.Image):
            if id(item) in seen:
                with suppress(Exception):  # reported where it is read
                    item.load()
            seen.add(id(item))


def _is_single(given: object) -> bool:
    kinds = (str, bytes, bytearray, memoryview, os.PathLike, Image.Image, Unusable)
    return isinstance(given, kinds) or hasattr(given, "read") or is_cell(given)


def _listed(given: object) -> list[object]:
    """The items of an array, tensor or column: (items, height, width[, channels]) is a stack."""
    torch_like = hasattr(given, "detach")
    try:
        array = as_numpy(given)
    except Unreadable as error:
        raise DataError(f"{error}; give a list of items.") from error
    shape = array.shape
    if array.dtype.kind in "OUST":
        return _cells_of(array)
    if torch_like and channels_first(shape):
        return [array]
    if len(shape) == 3 and shape[0] == 3 and channels_first(shape):
        raise DataError(
            f"an array of the shape {shape} is one image with its channels first, or three grey "
            "images; give array.transpose(1, 2, 0), or list(array)."
        )
    if is_image(shape):
        return [array]
    if len(shape) in (3, 4) and shape[2:] != (2,):  # grey with transparency, or nothing known
        return [*images_of(array)]
    raise DataError(
        f"an array of the shape {shape} holds no images; an image is (height, width[, 3 or 4]), "
        "and a stack of them has the items first."
    )


def _cells_of(array: Array) -> list[object]:
    """The cells of one column of texts, paths or objects."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim > 1:
        raise DataError(
            f"an array of {array.dtype} of the shape {array.shape} is a table; give one column of "
            "it."
        )
    return list(array.tolist()) if array.ndim else [array.item()]


def _item(item: object) -> object:
    if is_cell(item):
        item = image_of(item)
    try:
        if hasattr(item, "read"):
            item = item.read()
        elif is_array(item) and not isinstance(item, Image.Image):
            return as_numpy(item)
    except (Unreadable, OSError, ValueError) as error:
        return Unusable(str(error))
    if is_missing(item):
        return Unusable("it is missing")
    if _is_single(item):
        return item
    return Unusable(f"a {type(item).__name__} is not a path, an image, an array or a text")


def _modality(items: Sequence[object], strings: Modality | None) -> Modality:
    if not items:
        raise DataError("There are no items; at least one is needed.")
    texts = [item for item in items if isinstance(item, str)]
    usable = [item for item in items if not isinstance(item, Unusable)]
    if not usable:
        first = next(item.reason for item in items if isinstance(item, Unusable))
        raise DataError(f"No item can be used; of the first {first}.")
    paths = [item for item in usable if isinstance(item, os.PathLike)]
    if strings == "text" and len(texts) + len(paths) < len(usable):
        return "text" if texts else "image"
    if strings is not None:
        return strings
    if not texts:
        return "image"
    kind = modality_of(texts, Path())
    if kind == "text" and len(texts) < len(usable):
        raise DataError(
            "Items are of mixed kinds, texts and images; give texts, or images and their paths."
        )
    return kind


def _read_text(item: object) -> object:
    """A text stays one, and a path is that of a file with one; else it can be none."""
    if isinstance(item, (str, Unusable)):
        return item
    if not isinstance(item, os.PathLike):
        return Unusable(f"a {type(item).__name__} is not a text")
    try:
        return text_of(os.fspath(item))
    except Unreadable as error:
        return Unusable(str(error))


def _name(item: object, number: int, modality: Modality) -> str:
    if isinstance(item, os.PathLike):
        return shown(os.fsdecode(item))
    if isinstance(item, str):
        path = modality == "image" and len(item) < 4096
        if path or (0 < len(item) < 200 and "\n" not in item):
            return shown(item)
    return f"item {number}"
