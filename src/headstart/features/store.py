"""Stored features: one Lance data set per trunk, one row per item, found by content.

A store is named by everything that its numbers depend on, so there is no stale name to read; a
row is named by the digest of the item's bytes and carries a checksum of its values. Rows are only
ever appended, each append is atomic, and any number of processes may append at once: the last row
of a digest is the one that counts.
"""

import hashlib
import json
import os
import shutil
import threading
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headstart.errors import HeadstartError

os.environ.setdefault("LANCE_LOG", "error")
import lance

DIGEST = 16
FORMAT = 1
MANY_FRAGMENTS = 64

Digests = NDArray[np.bytes_]
Rows = NDArray[np.int64]
Vectors = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class StoreKey:
    """Everything that the values of a feature depend on, but for the item itself."""

    backbone: str
    fingerprint: str
    cut: str
    preprocessing: str
    view: str
    dtype: str
    made_by: str

    @property
    def name(self) -> str:
        """Folder name: readable first, exact last."""
        exact = hashlib.sha256(json.dumps([FORMAT, asdict(self)]).encode()).hexdigest()[:24]
        readable = "".join(c if c.isalnum() else "-" for c in f"{self.backbone}-{self.cut}")
        return f"{readable[:60]}-{exact}.lance"


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What `headstart cache show` tells of one store."""

    name: str
    backbone: str
    cut: str
    rows: int
    bytes: int
    last_used: datetime


class StoreDamagedError(HeadstartError):
    """The store's files cannot be read."""


class Store:
    """Features of one trunk, on disk and, where the disk refuses, in memory.

    Rows are numbered: those on disk first, then those in memory. `find` sees the rows there were
    at `open` or the last `refresh`.

    Attributes:
        warnings: what went wrong with the disk, once each.
    """

    def __init__(self, root: Path, key: StoreKey, size: int) -> None:
        self.path = root / "features" / key.name
        self.size = size
        self.warnings: list[str] = []
        self._key = key
        self._disk: Any = None
        self._memory: list[tuple[list[bytes], Vectors, list[str | None]]] = []
        self._on_disk = 0
        self._in_memory_only = False
        self._lock = threading.Lock()
        self._sorted: Digests = np.empty(0, f"S{DIGEST}")
        self._rows: Rows = np.empty(0, np.int64)
        self.refresh()

    def refresh(self) -> None:
        """Take in the rows that were appended since, by this process or another.

        A store that cannot be read is set aside, with a warning, and starts empty.
        """
        try:
            self._disk = _open(self.path)
            digests = self._digests_on_disk()
        except StoreDamagedError as error:
            self._set_aside(str(error))
            digests = np.empty(0, f"S{DIGEST}")
        self._on_disk = len(digests)
        memory = [d for batch, _, _ in self._memory for d in batch]
        if memory:
            digests = np.concatenate([digests, np.array(memory, f"S{DIGEST}")])
        self._rows = np.argsort(digests, kind="stable").astype(np.int64)
        self._sorted = digests[self._rows]

    def find(self, digests: Digests) -> Rows:
        """Row of each digest, -1 where there is none."""
        if not len(self._sorted):
            return np.full(len(digests), -1, np.int64)
        last = np.searchsorted(self._sorted, digests, side="right") - 1
        found = (last >= 0) & (self._sorted[last] == digests)
        return np.where(found, self._rows[last], -1)

    def append(
        self, digests: Sequence[bytes], values: Vectors, notes: Sequence[str | None]
    ) -> None:
        """Add rows in one atomic step; in memory when the disk refuses.

        Args:
            digests: 16 bytes each.
            values: (rows, size).
            notes: what was odd about each item, or None.
        """
        if not self._in_memory_only:
            try:
                self._write(digests, values, notes)
                return
            except Exception as error:
                self._in_memory_only = True
                self.warnings.append(
                    f"Features cannot be stored in {str(self.path.parent)!r} "
                    f"({_first_line(error)}); this run keeps them in memory, "
                    "and the next one computes them again."
                )
        with self._lock:
            self._memory.append((list(digests), values, list(notes)))

    def read(self, rows: Rows) -> tuple[Vectors, list[str | None], NDArray[np.bool_]]:
        """Values (rows, size), notes, and whether each row's checksum holds.

        Raises:
            StoreDamagedError: the files cannot be read.
        """
        values = np.empty((len(rows), self.size), np.float16)
        notes: list[str | None] = [None] * len(rows)
        sound = np.ones(len(rows), bool)
        disk = np.flatnonzero(rows < self._on_disk)
        if len(disk):
            table = _guarded(self._take, rows[disk])
            values[disk] = _matrix(table.column("feature"), self.size)
            sums = table.column("checksum").to_numpy()
            for at, note, checksum in zip(
                disk, table.column("note").to_pylist(), sums, strict=True
            ):
                notes[at] = note
                sound[at] = zlib.crc32(values[at].tobytes()) == checksum
        if len(disk) < len(rows):
            kept = np.concatenate([batch for _, batch, _ in self._memory])
            kept_notes = [note for _, _, batch in self._memory for note in batch]
            for at in np.flatnonzero(rows >= self._on_disk):
                values[at] = kept[rows[at] - self._on_disk]
                notes[at] = kept_notes[rows[at] - self._on_disk]
        return values, notes, sound

    def tidy(self) -> None:
        """Join small fragments when there are many; a later run does it where this one cannot."""
        if self._in_memory_only or self._disk is None:
            return
        try:
            if len(self._disk.get_fragments()) > MANY_FRAGMENTS:
                self._disk.optimize.compact_files()
                self._disk.cleanup_old_versions(older_than=timedelta(days=1))
        except Exception as error:
            self.warnings.append(f"The store was not tidied: {_first_line(error)}.")

    def touch(self) -> None:
        """Mark the store as used now, for `prune` by age."""
        try:
            os.utime(self.path)
        except OSError:
            return

    def _write(
        self, digests: Sequence[bytes], values: Vectors, notes: Sequence[str | None]
    ) -> None:
        values = np.ascontiguousarray(values, np.float16)
        table = pa.table(
            [
                pa.array(digests, pa.binary(DIGEST)),
                pa.array([zlib.crc32(row.tobytes()) for row in values], pa.uint32()),
                pa.array(notes, pa.string()),
                pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), self.size),
            ],
            schema=self._schema(),
        )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lance.write_dataset(table, str(self.path), mode="append")

    def _schema(self) -> pa.Schema:
        return pa.schema(
            [
                pa.field("digest", pa.binary(DIGEST)),
                pa.field("checksum", pa.uint32()),
                pa.field("note", pa.string()),
                pa.field("feature", pa.list_(pa.float16(), self.size)),
            ],
            metadata={"headstart": json.dumps(asdict(self._key))},
        )

    def _digests_on_disk(self) -> Digests:
        if self._disk is None:
            return np.empty(0, f"S{DIGEST}")
        column = _guarded(self._disk.to_table, columns=["digest"]).column("digest")
        joined = b"".join(chunk.buffers()[1][_span(chunk)] for chunk in column.chunks)
        return np.frombuffer(joined, f"S{DIGEST}")

    def _take(self, rows: Rows) -> pa.Table:
        columns = ["feature", "checksum", "note"]
        if len(rows) == self._on_disk and np.array_equal(rows, np.arange(self._on_disk)):
            return self._disk.to_table(columns=columns)
        return self._disk.take(rows, columns=columns)

    def _set_aside(self, reason: str) -> None:
        self.warnings.append(
            f"The stored features {self.path.name!r} are damaged ({reason}); "
            "they were removed and are computed again."
        )
        self._disk = None
        try:
            aside = self.path.with_suffix(f".damaged-{os.getpid()}")
            self.path.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
        except OSError:
            self._in_memory_only = True

    def discard(self, error: StoreDamagedError) -> None:
        """Remove a store whose rows cannot be read, with a warning, and start empty."""
        self._set_aside(str(error))
        self.refresh()


def show(root: Path) -> list[StoreInfo]:
    """Every store under a cache folder, the last used first."""
    found = []
    for path in sorted((root / "features").glob("*.lance")):
        try:
            data = _open(path)
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
    return gone


def _open(path: Path) -> Any:
    if not path.is_dir() or not (path / "_versions").is_dir():
        return None
    return _guarded(lance.dataset, str(path))


def _guarded(call: Any, *args: Any, **named: Any) -> Any:
    """Lance reports damage in many ways, a Rust panic (a BaseException) among them."""
    try:
        return call(*args, **named)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:
        raise StoreDamagedError(_first_line(error)) from error


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:200]


def _span(chunk: pa.Array) -> slice:
    return slice(chunk.offset * DIGEST, (chunk.offset + len(chunk)) * DIGEST)


def _matrix(column: pa.ChunkedArray, size: int) -> Vectors:
    parts = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    joined: Vectors = np.concatenate(parts).reshape(-1, size)
    return joined
