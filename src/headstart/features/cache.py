"""What the cache folder holds, and how to make it smaller."""

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headstart.features.store import StoreDamagedError, open_data


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What `headstart cache show` tells of one store."""

    name: str
    backbone: str
    cut: str
    rows: int
    bytes: int
    last_used: datetime


def show(root: Path) -> list[StoreInfo]:
    """Every store under a cache folder, the last used first."""
    found = []
    for path in sorted((root / "features").glob("*.lance")):
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
                bytes=sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
                last_used=datetime.fromtimestamp(path.stat().st_mtime, UTC),
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
    """Remove stores, and tell which.

    Args:
        root: the cache folder.
        older_than_days: remove those not used for so long.
        max_bytes: remove the least recently used until the rest is no larger.
        backbone: consider only the stores of this backbone.
    """
    stores = [info for info in show(root) if backbone in (None, info.backbone)]
    now, kept, gone = datetime.now(UTC), 0, []
    everything = older_than_days is None and max_bytes is None
    for info in stores:
        kept += info.bytes
        old = older_than_days is not None and now - info.last_used > timedelta(older_than_days)
        large = max_bytes is not None and kept > max_bytes
        if everything or old or large:
            kept -= info.bytes
            shutil.rmtree(root / "features" / info.name)
            shutil.rmtree(root / "graphs" / info.name.removesuffix(".lance"), ignore_errors=True)
            gone.append(info)
    for damaged in (root / "features").glob(".*.lance.damaged-*"):
        shutil.rmtree(damaged, ignore_errors=True)
    if everything and backbone is None:
        # What a killed run had begun, and what there is of networks without a store.
        networks = (root / name for name in ("graphs", "compiled", "backbones"))
        for leftovers in (*networks, *(root / "features").glob(".*.lance.*")):
            shutil.rmtree(leftovers, ignore_errors=True)
    return gone
