"""Encoded images as cells: a mapping of bytes and path, as the hub's `datasets` writes them."""

from collections.abc import Mapping
from typing import TypeGuard

_CELL = {"bytes", "path"}


def is_cell(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether a value is one encoded image."""
    return isinstance(value, Mapping) and bool(value) and set(value) <= _CELL


def image_of(cell: Mapping[str, object]) -> object:
    """What such a cell holds: the bytes, or the path; None for neither."""
    return cell.get("bytes") or cell.get("path")
