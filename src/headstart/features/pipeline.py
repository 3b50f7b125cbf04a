"""Items in, features out: reading, hashing, decoding and the forward pass overlap.

Worker threads prepare small chunks of items (Pillow and the tokenizer release the GIL), the
calling thread forms batches and hands them to the engine, the engine's own threads compute, and
finished rows go to `emit`. Each part waits for the next, so memory does not grow with the data.
"""

import queue
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headstart.data import images, texts
from headstart.data.dataset import Dataset, Skipped
from headstart.errors import Unreadable
from headstart.preprocessing import (
    WHOLE,
    ImagePreprocessing,
    Preprocessing,
    TextPreprocessing,
    View,
)
from headstart.progress import Advance
from headstart.runtime.engine import Done, Engine, Inputs, cores
from headstart.runtime.workers import Workers
from headstart.types import Array

CHUNK = 16
USUAL_PIXELS = 512 * 512
LENGTHS = (*range(8, 64, 8), *range(64, 128, 16), *range(128, 256, 32), *range(256, 513, 64))
NOT_FINITE = "its features are not finite numbers in half precision"


@dataclass(frozen=True, slots=True)
class Prepared:
    """One item, ready for the network, or the reason why not."""

    position: int
    digest: bytes = b""
    array: Array | None = None
    note: str | None = None
    unreadable: str | None = None


@dataclass(frozen=True, slots=True)
class Computed:
    """Features of a batch: digests and notes of its items, and an array of float16 for each.

    A text's array has a row for each of its own tokens, none for padding.
    """

    digests: list[bytes]
    notes: list[str | None]
    values: list[NDArray[np.float16]]


@dataclass
class Outcome:
    """What became of the items.

    Attributes:
        digests: (items,) of 16 bytes; empty for an item that was skipped.
        skipped: why, by position.
        computed: how many items went through the network.
    """

    digests: NDArray[np.bytes_]
    skipped: dict[int, Skipped] = field(default_factory=dict)
    computed: int = 0

    @property
    def kept(self) -> NDArray[np.int64]:
        """Positions of the items that have features, in order."""
        good = np.ones(len(self.digests), bool)
        good[list(self.skipped)] = False
        return np.flatnonzero(good).astype(np.int64)


Known = Callable[[NDArray[np.bytes_]], NDArray[np.bool_]]


def none_known(digests: NDArray[np.bytes_]) -> NDArray[np.bool_]:
    """A `Known` of which every item is computed."""
    return np.zeros(len(digests), bool)


class _Preparer(Protocol):
    def __call__(self, positions: range, known: Known) -> list[Prepared]: ...


def run(
    data: Dataset,
    preprocessing: Preprocessing,
    engine: Callable[[], Engine],
    *,
    known: Known,
    emit: Callable[[Computed], None],
    advance: Advance,
    view: View = WHOLE,
    workers: Workers | None = None,
) -> Outcome:
    """Compute the features of every item that is not known yet, each distinct one once.

    Args:
        data: the items.
        preprocessing: how they become the engine's input.
        engine: opens the compiled trunk; called once, when the first item needs it.
        known: which of some digests have features already; called from worker threads.
        emit: receives finished rows, in the calling thread; whole batches, in no fixed order.
        advance: receives the number of items that are done, computed or not.
        view: how images are looked at.
        workers: threads that prepare the items, and go on to others; ended with this run where
            None.

    When the calling thread is interrupted, what was computed is still emitted.
    """
    prepare = _preparer(data, preprocessing, view)
    outcome = Outcome(np.zeros(len(data), "S16"))
    chunks = _chunks(len(data), preprocessing)
    batches = _Batches(engine, emit, outcome, preprocessing, few=len(chunks) == 1)
    started: set[bytes] = set()
    try:
        for chunk in _prepared(prepare, chunks, known, workers):
            for item in chunk:
                if item.unreadable is not None:
                    outcome.skipped[item.position] = Skipped(
                        data.names[item.position], item.unreadable
                    )
                    continue
                outcome.digests[item.position] = item.digest
                if item.array is not None and item.digest not in started:
                    started.add(item.digest)
                    batches.add(item)
            advance(len(chunk))
            batches.deliver()
        batches.flush()
    finally:
        batches.finish()
    _skip_not_finite(outcome, batches.not_finite, data.names)
    return outcome


class _Batches:
    """Groups items of one shape, starts full groups, and emits what is finished.

    Of few items the last group is computed by the calling thread, which has nothing else to do.
    """

    def __init__(
        self,
        engine: Callable[[], Engine],
        emit: Callable[[Computed], None],
        outcome: Outcome,
        preprocessing: Preprocessing,
        *,
        few: bool,
    ) -> None:
        self._open = engine
        self._few = few
        self._held: tuple[Inputs, Done] | None = None
        self._engine: Engine | None = None
        self._emit = emit
        self._outcome = outcome
        self._pad_id = self._longest = 0
        if isinstance(preprocessing, TextPreprocessing):
            self._pad_id, self._longest = preprocessing.pad_id, preprocessing.max_tokens
        self._waiting: dict[int, list[Prepared]] = defaultdict(list)
        self._finished: queue.SimpleQueue[
            tuple[list[Prepared], list[int] | None, NDArray[np.float32]]
        ] = queue.SimpleQueue()
        self.not_finite: set[bytes] = set()

    def add(self, item: Prepared) -> None:
        assert item.array is not None
        if self._engine is None:
            self._engine = self._open()
        length = _padded(len(item.array), self._longest) if item.array.ndim == 1 else 0
        group = self._waiting[length]
        group.append(item)
        if len(group) == self._engine.batch:
            self._start(self._engine, length)

    def flush(self) -> None:
        if self._engine is not None:
            for length in sorted(self._waiting):
                self._start(self._engine, length)
            if self._held is not None:
                inputs, done = self._held
                done(self._engine.compute(inputs))

    def finish(self) -> None:
        if self._engine is not None:
            self._engine.wait()
        self.deliver()

    def deliver(self) -> None:
        while not self._finished.empty():
            items, lengths, output = self._finished.get()
            with np.errstate(over="ignore"):
                rows = output[: len(items)].astype(np.float16)
            finite = np.isfinite(rows.reshape(len(items), -1)).all(axis=1)
            self.not_finite.update(items[at].digest for at in np.flatnonzero(~finite))
            good = np.flatnonzero(finite).tolist()
            per_token = rows.ndim == 3 and lengths is not None
            self._outcome.computed += len(good)
            self._emit(
                Computed(
                    [items[at].digest for at in good],
                    [items[at].note for at in good],
                    [rows[at][: lengths[at]] if per_token and lengths else rows[at] for at in good],
                )
            )

    def _start(self, engine: Engine, length: int) -> None:
        items = self._waiting.pop(length)
        arrays = [item.array for item in items if item.array is not None]
        inputs = _collate(arrays, engine.batch, length, self._pad_id)
        lengths = [len(array) for array in arrays] if length else None
        # The arrays are free to go.
        kept = [Prepared(item.position, item.digest, note=item.note) for item in items]
        # OpenVINO keeps what it was last given, out of sight of the garbage collector: were this
        # object, which holds the engine, within reach of it, both would stay for ever.
        finished = self._finished

        def done(output: NDArray[np.float32]) -> None:
            finished.put((kept, lengths, output))

        before, self._held = self._held, (inputs, done) if self._few else None
        if before is not None:
            engine.start(*before)
        if not self._few:
            engine.start(inputs, done)


def _chunks(items: int, preprocessing: Preprocessing) -> list[range]:
    """Positions that are prepared together: one item or a few, and a share of few for each core.

    Fewer where images are large, for several chunks are held at once.
    """
    most = CHUNK
    if isinstance(preprocessing, ImagePreprocessing):
        most = most * USUAL_PIXELS // (preprocessing.height * preprocessing.width)
    each = max(1, min(CHUNK, most, -(-items // cores())))
    return [range(at, min(at + each, items)) for at in range(0, items, each)]


def _prepared(
    prepare: _Preparer, chunks: Sequence[range], known: Known, workers: Workers | None
) -> Iterator[list[Prepared]]:
    if len(chunks) == 1:  # No thread is worth waiting for.
        yield prepare(chunks[0], known)
        return
    own = ThreadPoolExecutor(cores(), "prepare") if workers is None else nullcontext(workers.pool)
    with own as pool:
        window: deque[Future[list[Prepared]]] = deque()
        try:
            for positions in chunks:
                window.append(pool.submit(prepare, positions, known))
                if len(window) > cores() + 1:
                    yield window.popleft().result()
            while window:
                yield window.popleft().result()
        finally:
            for future in window:
                future.cancel()
            wait(window)


def _preparer(data: Dataset, preprocessing: Preprocessing, view: View) -> _Preparer:
    if isinstance(preprocessing, ImagePreprocessing):
        return lambda positions, known: [
            _picture(data, position, preprocessing, known, view) for position in positions
        ]
    if len(data) and isinstance(data.items[0], np.ndarray):
        return lambda positions, known: [_encoded(data, each, known) for each in positions]
    tokeniser = texts.tokeniser(preprocessing)
    return lambda positions, known: _tokens(data, positions, tokeniser, known)


def _picture(
    data: Dataset,
    position: int,
    preprocessing: ImagePreprocessing,
    known: Known,
    view: View,
) -> Prepared:
    try:
        content = images.load(data.items[position])
        digest = images.digest(content)
        if known(np.array([digest], "S16"))[0]:
            return Prepared(position, digest)
        picture = images.decode(content, preprocessing, view)
    except Unreadable as error:
        return Prepared(position, unreadable=str(error))
    return Prepared(position, digest, picture.pixels, picture.warning)


def _tokens(
    data: Dataset, positions: range, tokeniser: texts.Tokeniser, known: Known
) -> list[Prepared]:
    done: list[Prepared] = []
    cleaned: list[tuple[int, str, bytes]] = []
    for position in positions:
        try:
            text = texts.clean(data.items[position])
        except Unreadable as error:
            done.append(Prepared(position, unreadable=str(error)))
        else:
            cleaned.append((position, text, texts.digest(text)))
    if not cleaned:
        return done
    there = known(np.array([digest for _, _, digest in cleaned], "S16"))
    done += [Prepared(cleaned[at][0], cleaned[at][2]) for at in np.flatnonzero(there)]
    new = [cleaned[at] for at in np.flatnonzero(~there)]
    encoded = tokeniser.encode([text for _, text, _ in new])
    for (position, _, digest), ids, cut in zip(new, encoded.ids, encoded.truncated, strict=True):
        done.append(Prepared(position, digest, ids, "truncated" if cut else None))
    return sorted(done, key=lambda item: item.position)


def _encoded(data: Dataset, position: int, known: Known) -> Prepared:
    """A text that is tokens already: a block of a longer one."""
    ids = data.items[position]
    digest = texts.digest_of_tokens(ids)
    if known(np.array([digest], "S16"))[0]:
        return Prepared(position, digest)
    return Prepared(position, digest, ids)


def _padded(length: int, longest: int) -> int:
    """The length a text is padded to depends on it alone, never on its neighbours."""
    return min(next((each for each in LENGTHS if length <= each), length), longest)


def _collate(arrays: list[Array], batch: int, length: int, pad_id: int) -> Inputs:
    if not length:
        pixels = np.zeros((batch, *arrays[0].shape), np.uint8)
        for row, array in enumerate(arrays):
            pixels[row] = array
        return (pixels,)
    ids = np.full((batch, length), pad_id, np.int64)
    mask = np.zeros((batch, length), np.int64)
    mask[:, 0] = 1  # a row of nothing but padding has no mean
    for row, array in enumerate(arrays):
        ids[row, : len(array)] = array
        mask[row, : len(array)] = 1
    return ids, mask


def _skip_not_finite(outcome: Outcome, digests: set[bytes], names: Sequence[str]) -> None:
    if not digests:
        return
    bad = np.isin(outcome.digests, np.array(sorted(digests), "S16"))
    for position in np.flatnonzero(bad).tolist():
        outcome.skipped[position] = Skipped(names[position], NOT_FINITE)
