"""The trunk's features for every item: from the store where they are, computed where not."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headstart.data.dataset import Dataset, Skipped
from headstart.errors import InputError
from headstart.features import pipeline
from headstart.features.store import Digests, Store, StoreDamagedError, Values
from headstart.preprocessing import WHOLE, Preprocessing, View
from headstart.progress import Progress
from headstart.runtime.engine import Engine

COMMIT_SECONDS = 2.0
COMMIT_BYTES = 32 << 20
READ_ROWS = 1024
Which = NDArray[np.int64] | slice


@dataclass(frozen=True)
class Features:
    """Stored features of a data set's items.

    Attributes:
        kept: positions of the items that have features, in order.
        digests: (kept,) content digest of each kept item.
        skipped: the items that have none, and why.
        notes: what was odd about an item, by position.
        hits, misses: distinct items found in the store, and computed now.
        seconds: how long it took.
        warnings: what went wrong with the store.
        contents: content digest of every item of the data; empty of what cannot be read.
        width: of the stored features, how many are these, from the first; all where None.
    """

    kept: NDArray[np.int64]
    digests: Digests
    skipped: tuple[Skipped, ...]
    notes: dict[int, str]
    hits: int
    misses: int
    seconds: float
    warnings: tuple[str, ...]
    contents: Digests
    _store: Store
    width: int | None = None

    def refuse_none(self, name: str) -> None:
        """Refuse a data set of which nothing is left.

        Raises:
            InputError: no item of `name` has features, and why the first has none.
        """
        if not len(self.kept):
            first = self.skipped[0]
            raise InputError(f"No item of '{name}' can be read ({first.item}: {first.reason}).")

    @property
    def readable(self) -> tuple[NDArray[np.int64], list[bytes]]:
        """Positions of the items that can be read, and their digests: no network has a say."""
        there = np.flatnonzero(self.contents != b"")
        return there, self.contents[there].tolist()

    @property
    def ragged(self) -> bool:
        """Whether the length differs from item to item (texts, left of the last stage)."""
        return None in self._store.shape

    def activations(self, which: Which = slice(None)) -> Values:
        """What the store holds for the kept items, or `which` of them (indices into `kept`).

        Raises:
            StoreDamagedError: it is no longer there, or no longer what it was.
        """
        values, _, sound = self._store.read(self.digests[which])
        if not sound.all():
            raise StoreDamagedError(
                f"The stored features in {str(self._store.path)!r} changed while they were used; "
                "run the same command again."
            )
        return values if self.width is None else np.asarray(values)[:, : self.width]

    def vectors(self, which: Which = slice(None)) -> NDArray[np.float32]:
        """The same after the last stage: pooled features (rows, size)."""
        index = np.arange(len(self.kept))[which]
        size = [side for side in self._store.shape if side is not None]
        if self.width is not None:
            size = [self.width]
        whole = np.empty((len(index), *size), np.float32)
        for at in range(0, len(index), READ_ROWS):
            whole[at : at + READ_ROWS] = self.activations(index[at : at + READ_ROWS])
        return whole

    def batches(self, rows: int = READ_ROWS) -> Iterator[Values]:
        """All of `activations`, `rows` at a time."""
        for at in range(0, len(self.kept), rows):
            yield self.activations(slice(at, at + rows))


def extract(
    data: Dataset,
    preprocessing: Preprocessing,
    engine: Callable[[], Engine],
    store: Store,
    progress: Progress,
    view: View = WHOLE,
) -> Features:
    """Make sure that `store` has the features of every readable item.

    Args:
        data: the items.
        preprocessing: the backbone's.
        engine: opens the compiled trunk; not called when nothing is missing.
        store: where the features are and go.
        progress: shows items done.
        view: how images are looked at; the store must be this view's.

    A row whose checksum does not hold is computed again; so is a store that cannot be read.
    """
    began = time.monotonic()
    store.touch()
    damaged: set[bytes] = set()
    computed = 0
    for _ in range(3):
        outcome = _compute(data, preprocessing, engine, store, damaged, progress, view)
        computed += outcome.computed
        kept = outcome.kept
        digests = outcome.digests[kept]
        try:
            notes, damaged = _verify(store, kept, digests)
        except StoreDamagedError as error:
            store.discard(error)
            damaged = set()
            continue
        if not damaged:
            break
        store.warnings.append(
            f"{len(damaged)} rows of the stored features {store.path.name!r} are damaged; "
            "they were computed again."
        )
    else:
        raise OSError(f"The stored features in {str(store.path)!r} are damaged again and again.")
    store.tidy()
    return Features(
        kept=kept,
        digests=digests,
        skipped=tuple(outcome.skipped[at] for at in sorted(outcome.skipped)),
        notes=notes,
        hits=max(len(np.unique(digests)) - computed, 0),
        misses=computed,
        seconds=time.monotonic() - began,
        warnings=tuple(dict.fromkeys(store.warnings)),
        contents=outcome.digests,
        _store=store,
    )


def _compute(
    data: Dataset,
    preprocessing: Preprocessing,
    engine: Callable[[], Engine],
    store: Store,
    damaged: set[bytes],
    progress: Progress,
    view: View,
) -> pipeline.Outcome:
    bad = np.array(sorted(damaged), "S16")

    def known(digests: Digests) -> NDArray[np.bool_]:
        there: NDArray[np.bool_] = store.find(digests) >= 0
        return there & ~np.isin(digests, bad) if len(bad) else there

    title = "Reading images" if data.modality == "image" else "Reading texts"
    if view != WHOLE:
        title += f", view {view.name}"
    with progress.stage(title, len(data)) as advance, _Writer(store) as writer:
        outcome = pipeline.run(
            data,
            preprocessing,
            engine,
            known=known,
            emit=writer.add,
            advance=advance,
            view=view,
        )
    store.refresh()
    return outcome


def _verify(
    store: Store, kept: NDArray[np.int64], digests: Digests
) -> tuple[dict[int, str], set[bytes]]:
    notes: dict[int, str] = {}
    damaged: set[bytes] = set()
    for at in range(0, len(kept), READ_ROWS):
        part = digests[at : at + READ_ROWS]
        _, said, sound = store.read(part)
        notes |= {int(kept[at + i]): note for i, note in enumerate(said) if note}
        damaged.update(bytes(digest) for digest in part[~sound])
    return notes, damaged


class _Writer:
    """Commits finished rows from a thread of its own, a few seconds' worth at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, "store")
        self._writing: Future[None] | None = None
        self._pending: list[pipeline.Computed] = []
        self._bytes = 0
        self._since = time.monotonic()

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._commit()
        self._thread.shutdown(wait=True)
        if self._writing is not None:
            self._writing.result()

    def add(self, computed: pipeline.Computed) -> None:
        if not computed.digests:
            return
        if not self._pending:
            self._since = time.monotonic()
        self._pending.append(computed)
        self._bytes += sum(value.nbytes for value in computed.values)
        due = time.monotonic() - self._since > COMMIT_SECONDS
        if due or self._bytes > COMMIT_BYTES:
            self._commit()

    def _commit(self) -> None:
        if self._writing is not None:
            self._writing.result()
        if not self._pending:
            return
        batches, self._pending, self._bytes = self._pending, [], 0
        self._writing = self._thread.submit(
            self._store.append,
            [digest for batch in batches for digest in batch.digests],
            [value for batch in batches for value in batch.values],
            [note for batch in batches for note in batch.notes],
        )
