"""What the cache folder holds, and how to make it smaller."""

import json
import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from headstart.features.store import StoreDamagedError, open_data

_FOLDERS = ("features", "thumbnails/features")
"""Those that hold stores, in the cache folder."""


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What `headstart cache show` tells of one store.

    Attributes:
        view: how images are looked at: `whole`, or a part of them, flipped or turned.
        size: height and width that images are resized to; empty for texts.
        pool: how the last stage becomes one vector; empty for an earlier one.
        precision: what the network computed in.
        weights: the first letters of their fingerprint.
        made_by: versions of what decoded and computed.
        bytes: of its features and of the network that makes them.
    """

    name: str
    backbone: str
    cut: str
    rows: int
    bytes: int
    last_used: datetime
    view: str = ""
    size: str = ""
    pool: str = ""
    precision: str = ""
    weights: str = ""
    made_by: str = ""


def show(root: Path) -> list[StoreInfo]:
    """Every store under a cache folder, the last used first."""
    found = []
    for path in sorted(path for folder in _FOLDERS for path in (root / folder).glob("*.lance")):
        try:
            data = open_data(path)
        except StoreDamagedError:
            data = None
        key = json.loads((data.schema.metadata or {}).get(b"headstart", b"{}")) if data else {}
        found.append(
            StoreInfo(
                name=path.name,
                backbone=key.get("backbone", "(damaged)"),
                cut=key.get("cut", ""),
                rows=data.count_rows() if data else 0,
                bytes=_bytes(path) + _bytes(_graph_of(root, path.name)),
                last_used=datetime.fromtimestamp(path.stat().st_mtime, UTC),
                view=key.get("view", ""),
                size=_size(key.get("preprocessing", "")),
                pool=_pool(key.get("pool", "")),
                precision=key.get("dtype", ""),
                weights=key.get("fingerprint", "")[:8],
                made_by=key.get("made_by", ""),
            )
        )
    return sorted(found, key=lambda info: info.last_used, reverse=True)


def prune(
    root: Path,
    *,
    older_than_days: float | None = None,
    max_bytes: int | None = None,
    backbone: str | None = None,
) -> list[StoreInfo]:
    """Remove stores, the least recently used first, and tell which.

    Args:
        root: the cache folder.
        older_than_days: remove those not used for so long.
        max_bytes: remove the least recently used until the rest is no larger.
        backbone: consider only the stores of this backbone.
    """
    stores = [info for info in show(root) if backbone in (None, info.backbone)]
    now, left, gone = datetime.now(UTC), sum(info.bytes for info in stores), []
    everything = older_than_days is None and max_bytes is None
    for info in reversed(stores):  # the least recently used first
        days = (now - info.last_used).total_seconds() / 86400
        old = older_than_days is not None and days > older_than_days
        large = max_bytes is not None and left > max_bytes
        if everything or old or large:
            left -= info.bytes
            for folder in _FOLDERS:  # a name is in one of them alone
                if (root / folder / info.name).exists():
                    shutil.rmtree(root / folder / info.name)
            shutil.rmtree(_graph_of(root, info.name), ignore_errors=True)
            gone.append(info)
    for folder in _FOLDERS:
        for damaged in (root / folder).glob(".*.lance.damaged-*"):
            shutil.rmtree(damaged, ignore_errors=True)
    if everything and backbone is None:
        # What a killed run had begun, and what there is of networks without a store.
        networks = (
            root / name
            for name in (
                *("graphs", "compiled", "backbones"),
                *("heads", "thumbnails", "near-duplicates"),
            )
        )
        for leftovers in (*networks, *(root / "features").glob(".*.lance.*")):
            shutil.rmtree(leftovers, ignore_errors=True)
    return gone


def _graph_of(root: Path, name: str) -> Path:
    """Where the network lies that makes the features of a store."""
    return root / "graphs" / name.removesuffix(".lance")


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _pool(pool: str) -> str:
    """`auto and 16 more` out of a store's key, which names every stage that is pooled."""
    first, *more = pool.split(", ")
    return f"{first} and {len(more)} more" if more else first


def _size(preprocessing: str) -> str:
    """`224 x 224` out of a store's key."""
    found = re.search(r"height=(\d+), width=(\d+)", preprocessing)
    return f"{found[1]} x {found[2]}" if found else ""
