"""Stored features: one Lance data set per trunk, one row per item, found by content.

A store is named by everything that its numbers depend on, so there is no stale name to read; a
row is named by the digest of the item's bytes and carries a checksum of its values. Rows are only
ever appended, each append is atomic, and any number of processes may append at once: the last row
of a digest is the one that counts.
"""

import errno
import hashlib
import json
import math
import os
import re
import shutil
import threading
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from headstart.errors import HeadstartError, InputError
from headstart.installed import installed

if TYPE_CHECKING:
    import pyarrow as pa

DIGEST = 16
FORMAT = 2
MANY = 64
_OF_THE_MACHINE = {
    errno.EACCES,
    errno.EPERM,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.EIO,
    errno.ESTALE,
    errno.ETIMEDOUT,
}

Digests = NDArray[np.bytes_]
Rows = NDArray[np.int64]
Shape = tuple[int | None, ...]
Row = NDArray[np.float16]
Values = NDArray[np.float16] | list[Row]
"""Rows of one shape as one array; texts of many lengths as a list."""


@dataclass(frozen=True, slots=True)
class StoreKey:
    """Everything that the values of a feature depend on, but for the item itself."""

    backbone: str
    pool: str
    fingerprint: str
    function: str
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

    @property
    def graph(self) -> str:
        """What the graph is called in the cache whose features these are."""
        return self.name.removesuffix(".lance")


MISSING = "Lance, which stores features, is not installed: run `pip install pylance`."


class StoreDamagedError(HeadstartError):
    """The store's files cannot be read."""


class _Memory(list[tuple[bytes, Row, str | None]]):
    """Rows that are not on disk."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


_OPENING = threading.Lock()
_MEMORIES: "WeakValueDictionary[Path, _Memory]" = WeakValueDictionary()
"""Those of every store that is in use: others of the same name find them."""


class Store:
    """Features of one trunk, on disk; in memory where the disk refuses, or Lance is missing.

    Args:
        root: the cache folder.
        key: everything that the features depend on.
        shape: of one item's; None stands for a length that differs from item to item.

    Rows are numbered: those on disk first, then those in memory. `find` sees the rows there were
    at `open` or the last `refresh`.

    Attributes:
        warnings: what went wrong with the disk, once each.
    """

    def __init__(self, root: Path, key: StoreKey, shape: Shape) -> None:
        self.path = root / "features" / key.name
        self.shape = shape
        self.warnings: list[str] = []
        self._key = key
        self._disk: Any = None
        with _OPENING:
            self._memory = _MEMORIES.setdefault(self.path, _Memory())
        self._on_disk = 0
        self._in_memory_only = not installed("lance", "pyarrow")
        if self._in_memory_only:
            self.warnings.append(f"Features are kept in memory, for this run alone: {MISSING}")
        self._sorted: Digests = np.empty(0, f"S{DIGEST}")
        self._rows: Rows = np.empty(0, np.int64)
        self.refresh()

    def refresh(self) -> None:
        """Take in the rows that were appended since, by this process or another.

        A store that cannot be read is set aside, with a warning, and starts empty.
        """
        try:
            self._disk = None if self._in_memory_only else open_data(self.path)
            digests = self._digests_on_disk()
        except StoreDamagedError as error:
            self._give_up(str(error))
            digests = np.empty(0, f"S{DIGEST}")
        self._on_disk = len(digests)
        memory = [digest for digest, _, _ in self._memory]
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
        self, digests: Sequence[bytes], values: Sequence[Row], notes: Sequence[str | None]
    ) -> None:
        """Add rows in one atomic step; in memory when the disk refuses.

        Args:
            digests: 16 bytes each.
            values: one array of `shape` each.
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
        with self._memory.lock:
            self._memory.extend(zip(digests, values, notes, strict=True))

    def read(self, digests: Digests) -> tuple[Values, list[str | None], NDArray[np.bool_]]:
        """Values, notes, and whether each is what was put; not so for what is not there.

        Raises:
            StoreDamagedError: the files cannot be read.
        """
        rows = self.find(digests)
        values: list[Row] = [self._nothing] * len(rows)
        notes: list[str | None] = [None] * len(rows)
        sound = rows >= 0
        disk = np.flatnonzero(sound & (rows < self._on_disk))
        if len(disk):
            table = _guarded(self._disk.take, rows[disk], columns=_COLUMNS)
            found = _arrays(table.column("feature"), self.shape)
            said = table.column("note").to_pylist()
            there = table.column("digest").to_pylist()
            sums = table.column("checksum").to_numpy()
            wanted = digests[disk].tolist()
            for at, value, note, name, asked, checksum in zip(
                disk, found, said, there, wanted, sums, strict=True
            ):
                values[at], notes[at] = value, note
                same = name.rstrip(b"\0") == asked
                sound[at] = same and _checksum(name, value) == checksum
        for at in np.flatnonzero(rows >= self._on_disk):
            _, values[at], notes[at] = self._memory[rows[at] - self._on_disk]
        if None in self.shape:
            return values, notes, sound
        whole = np.stack(values) if values else np.empty((0, *self._fixed), np.float16)
        return whole, notes, sound

    def tidy(self) -> None:
        """Join small fragments when there are many; a later run does it where this one cannot."""
        if self._in_memory_only or self._disk is None:
            return
        try:
            # Another handle: joining moves rows, and ours must go on meaning what it did.
            data = open_data(self.path)
            joins = data is not None and len(data.get_fragments()) > MANY
            if joins:
                data.optimize.compact_files()
            if joins or sum(1 for _ in (self.path / "_versions").iterdir()) > MANY:
                data.cleanup_old_versions(older_than=timedelta(days=1))
        except Exception as error:
            self.warnings.append(f"The store was not tidied: {_first_line(error)}.")
        self.refresh()

    def touch(self) -> None:
        """Mark the store as used now, for `prune` by age."""
        try:
            os.utime(self.path)
        except OSError:
            return

    def _write(
        self, digests: Sequence[bytes], values: Sequence[Row], notes: Sequence[str | None]
    ) -> None:
        import pyarrow as pa

        rows = [np.ascontiguousarray(row, np.float16) for row in values]
        table = pa.table(
            [
                pa.array(digests, pa.binary(DIGEST)),
                pa.array(map(_checksum, digests, rows), pa.uint32()),
                pa.array(notes, pa.string()),
                _column(rows, self.shape),
            ],
            schema=self._schema(),
        )
        if open_data(self.path) is None:
            self._create()
        lance().write_dataset(table, str(self.path), mode="append")

    def _create(self) -> None:
        """Make the empty store in one step, unless another process was first.

        Lance's own creation is no such step: two at once overwrite each other.
        """
        made = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        made.parent.mkdir(parents=True, exist_ok=True)
        lance().write_dataset(self._schema().empty_table(), str(made), mode="overwrite")
        try:
            made.rename(self.path)
        except OSError:
            shutil.rmtree(made)
            if open_data(self.path) is None:
                raise

    @property
    def _nothing(self) -> Row:
        return np.zeros([side or 0 for side in self.shape], np.float16)

    @property
    def _fixed(self) -> tuple[int, ...]:
        return tuple(side for side in self.shape if side is not None)

    def _schema(self) -> "pa.Schema":
        import pyarrow as pa

        number = pa.float16()
        ragged = None in self.shape
        feature = pa.large_list(number) if ragged else pa.list_(number, math.prod(self._fixed))
        return pa.schema(
            [
                pa.field("digest", pa.binary(DIGEST)),
                pa.field("checksum", pa.uint32()),
                pa.field("note", pa.string()),
                pa.field("feature", feature),
            ],
            metadata={"headstart": json.dumps(asdict(self._key))},
        )

    def _digests_on_disk(self) -> Digests:
        if self._disk is None:
            return np.empty(0, f"S{DIGEST}")
        column = _guarded(self._disk.to_table, columns=["digest"]).column("digest")
        joined = b"".join(chunk.buffers()[1][_span(chunk)] for chunk in column.chunks)
        return np.frombuffer(joined, f"S{DIGEST}")

    def discard(self, error: StoreDamagedError) -> None:
        """Take in the rows anew; give the store up where that does not help either.

        Another process may have joined or removed what this one was reading.
        """
        self.refresh()
        try:
            self.read(self._sorted[:1])
        except StoreDamagedError:
            self._give_up(str(error))
            self.refresh()

    def _give_up(self, reason: str) -> None:
        self._disk = None
        if self._errno(reason) in _OF_THE_MACHINE:
            self._in_memory_only = True
            self.warnings.append(
                f"The stored features {self.path.name!r} cannot be read now ({reason}); "
                "this run computes them again and keeps them in memory."
            )
            return
        self.warnings.append(
            f"The stored features {self.path.name!r} are damaged ({reason}); "
            "they were set aside and are computed again; `headstart cache prune` removes them."
        )
        try:
            self.path.rename(self.path.with_name(f".{self.path.name}.damaged-{os.getpid()}"))
        except OSError:
            self._in_memory_only = True

    @staticmethod
    def _errno(reason: str) -> int | None:
        found = re.search(r"os error (\d+)", reason)
        return int(found[1]) if found else None


def lance() -> Any:
    """The library.

    Raises:
        InputError: it is not installed.
    """
    os.environ.setdefault("LANCE_LOG", "error")
    try:
        import lance
    except ImportError as error:
        raise InputError(MISSING) from error
    return lance


def open_data(path: Path) -> Any:
    """The Lance data set at `path`, or None where there is none.

    Raises:
        StoreDamagedError: it cannot be opened.
    """
    if not path.is_dir() or not (path / "_versions").is_dir():
        return None
    return _guarded(lance().dataset, str(path))


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
    # Lance says where in its own source it was; that tells nobody anything.
    return re.sub(r",? /\S+\.rs:\d+:\d+", "", lines[0])[:200]


def _span(chunk: "pa.Array") -> slice:
    return slice(chunk.offset * DIGEST, (chunk.offset + len(chunk)) * DIGEST)


_COLUMNS = ["digest", "checksum", "note", "feature"]


def _checksum(digest: bytes, row: Row) -> int:
    return zlib.crc32(np.ascontiguousarray(row).data, zlib.crc32(digest))


def _column(rows: list[Row], shape: Shape) -> "pa.Array":
    import pyarrow as pa

    flat = pa.array(np.concatenate([row.reshape(-1) for row in rows]))
    if None in shape:
        offsets = np.cumsum([0, *(row.size for row in rows)])
        return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), flat)
    return pa.FixedSizeListArray.from_arrays(flat, rows[0].size)


def _arrays(column: "pa.ChunkedArray", shape: Shape) -> list[Row]:
    """The rows of a column, each a view of what was read."""
    import pyarrow.compute as pc

    sides = [-1 if side is None else side for side in shape]
    rows: list[Row] = []
    for chunk in column.chunks:
        flat = chunk.flatten().to_numpy(zero_copy_only=False)
        if None in shape:
            ends = np.cumsum(pc.list_value_length(chunk).to_numpy())[:-1]
            rows += [part.reshape(sides) for part in np.split(flat, ends)]
        else:
            rows += list(flat.reshape(len(chunk), *sides))
    return rows
