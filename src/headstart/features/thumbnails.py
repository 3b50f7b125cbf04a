"""Thumbnails of images, found by content: in the cache where they are there, made where not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from headstart.data import images
from headstart.data.dataset import Dataset
from headstart.data.near import thumbnails as near
from headstart.data.near.thumbnails import Thumbnails
from headstart.errors import Unreadable
from headstart.features.store import Digests, Store, StoreDamagedError, StoreKey
from headstart.installed import version_of
from headstart.progress import Advance
from headstart.runtime.engine import cores
from headstart.types import Indices, Mask

FOLDER = "thumbnails"
"""In the cache folder."""
EDITION = "edition 1"
"""Raised when the same image gives another thumbnail than it did."""
_ROWS = 512


def thumbnails(
    data: Dataset, positions: Indices, digests: Digests, side: int, root: Path, advance: Advance
) -> Callable[[Indices], Thumbnails]:
    """Make sure that thumbnails of some images are in the cache; the result reads them from there.

    It takes places (m,) among `positions`, and gives (m, *shape); black where an image can no
    longer be read.

    Args:
        data: the images.
        positions: of those that are asked for.
        digests: of their content.
        side: of the thumbnails; see `headstart.data.near.thumbnails`.
        root: the cache folder.
        advance: receives the number of images that are done.
    """
    store = Store(root / FOLDER, _key(side), near.shape(side))
    store.touch()
    with ThreadPoolExecutor(cores(), "thumbnails") as pool:
        for at in range(0, len(positions), _ROWS):
            rows = slice(at, at + _ROWS)
            _, sound = _stored(store, digests[rows], side)
            missing = at + np.flatnonzero(~sound)
            sources = (data.items[position] for position in positions[missing].tolist())
            made = list(pool.map(partial(_made, side=side), sources))
            good = [
                (bytes(digests[place]).ljust(16, b"\0"), one)
                for place, one in zip(missing.tolist(), made, strict=True)
                if one is not None
            ]
            if good:
                names, values = zip(*good, strict=True)
                store.append(names, values, [None] * len(good))
            advance(len(sound))
    store.tidy()
    store.refresh()
    return lambda which: _stored(store, digests[which], side)[0]


def _stored(store: Store, digests: Digests, side: int) -> tuple[Thumbnails, Mask]:
    try:
        values, _, sound = store.read(digests)
    except StoreDamagedError as error:
        store.discard(error)
        values, sound = (
            np.zeros((len(digests), *near.shape(side)), np.float16),
            np.zeros(len(digests), bool),
        )
    return np.asarray(values), sound


def _made(source: object, side: int) -> Thumbnails | None:
    try:
        return near.thumbnail(images.load(source), side)
    except Unreadable:
        return None


def _key(side: int) -> StoreKey:
    """What the thumbnails depend on."""
    return StoreKey(
        backbone=FOLDER,
        pool="",
        fingerprint="",
        function="",
        cut=str(side),
        preprocessing=repr(near.PREPROCESSING),
        view="whole",
        dtype="float16",
        made_by=f"pillow {version_of('pillow')}, {EDITION}",
    )
