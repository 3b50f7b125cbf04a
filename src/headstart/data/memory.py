"""Items and labels that are already in memory."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from headstart.data.columns import modality_of
from headstart.data.dataset import Dataset, Modality
from headstart.data.labelled import labelled
from headstart.data.names import shown
from headstart.errors import InputError


def from_memory(
    items: Any,
    labels: Any = None,
    task: str = "auto",
    *,
    modality: Modality | None = None,
    na_values: str | None = None,
) -> Dataset:
    """A data set of paths, `PIL` images, arrays, encoded images or texts.

    Args:
        items: a sequence (list, array, column) of one kind.
        labels: as many labels, of any library; lists of classes, or a 0/1 array or frame
            (n, classes), for multilabel. An item whose label is missing is skipped.
        task: what is predicted; `auto` decides from the labels.
        modality: what strings are: paths of images, or texts. None: paths where they look like
            it and exist, else texts. Other kinds of items are images whatever this says.
        na_values: words that mean that a label is missing; see `headstart.spec`.

    Raises:
        InputError: kinds are mixed, lengths differ, or something is no label.
    """
    if isinstance(items, (str, bytes, os.PathLike)) or not hasattr(items, "__len__"):
        raise InputError(f"items must be a sequence of items, not a {type(items).__name__}.")
    listed = list(items)
    found = _modality(listed, modality)
    names = [_name(item, number, found) for number, item in enumerate(listed)]
    data = Dataset(found, listed, names)
    return data if labels is None else labelled(data, labels, task, na_values)


def _modality(items: Sequence[Any], strings: Modality | None) -> Modality:
    if not items:
        raise InputError("There are no items; at least one is needed.")
    kinds = {_kind(item, number) for number, item in enumerate(items)}
    if len(kinds) > 1:
        raise InputError(f"Items are of mixed kinds ({', '.join(sorted(kinds))}); give one kind.")
    if kinds == {"string"}:
        return strings or modality_of(items, Path())
    return "image"


def _kind(item: Any, number: int) -> str:
    if isinstance(item, str):
        return "string"
    if isinstance(item, (os.PathLike, bytes, Image.Image, np.ndarray)):
        return "image"
    raise InputError(
        f"Item {number} is a {type(item).__name__}; an item is a path, an image, an array "
        "or a text."
    )


def _name(item: Any, number: int, modality: Modality) -> str:
    if isinstance(item, os.PathLike):
        return shown(str(item))
    path = modality == "image" and isinstance(item, str) and len(item) < 4096
    if path or (isinstance(item, str) and len(item) < 200 and "\n" not in item):
        return shown(item)
    return f"item {number}"
