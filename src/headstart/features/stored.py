"""Features under the name of the precision that they were computed in, whatever was hoped for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from headstart.data.dataset import Dataset
from headstart.features.extract import Features, extract
from headstart.features.store import Shape, Store, StoreKey
from headstart.preprocessing import WHOLE, Preprocessing, View
from headstart.progress import Progress
from headstart.runtime.engine import Engine


class _OtherPrecisionError(Exception):
    """The engine computes in another precision than the store is for."""


def stored(
    data: Dataset,
    preprocessing: Preprocessing,
    engine: Callable[[], Engine],
    key: Callable[[str], StoreKey],
    precision: str,
    *,
    root: Path,
    shape: Shape,
    progress: Progress,
    view: View = WHOLE,
) -> Features:
    """Features of every readable item, from the store or computed; see `extract`.

    Args:
        data: the items.
        preprocessing: how they become the engine's input.
        engine: opens the compiled network; not called when nothing is missing.
        key: names the store of a precision.
        precision: what the engine is to compute in; it may find that it must take another.
        root: the cache folder.
        shape: of an item's features.
        progress: shows items done.
        view: how images are looked at; the key must be this view's.
    """
    opened: list[Engine] = []

    def asked() -> Engine:
        opened.append(engine())
        if opened[0].precision != precision:
            raise _OtherPrecisionError
        return opened[0]

    def found(precision: str, engine: Callable[[], Engine]) -> Features:
        store = Store(root, key(precision), shape)
        return extract(data, preprocessing, engine, store, progress, view)

    try:
        features = found(precision, asked)
    except _OtherPrecisionError:
        features = found(opened[0].precision, lambda: opened[0])
    notes = tuple(each.note for each in opened if each.note)
    return replace(features, warnings=(*features.warnings, *notes))
