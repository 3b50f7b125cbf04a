"""An export and the saved predictor are asked about the same items."""

import contextlib
import io
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from headstart.data import images, texts
from headstart.data.dataset import Dataset
from headstart.errors import HeadstartError, InputError, Unreadable, first_line
from headstart.export import client, unusual
from headstart.export.precision import MOST, MOST_BYTES
from headstart.export.reference import decided, reference
from headstart.export.written import Answers, Ask, Asked, Written
from headstart.predictors import Model
from headstart.preprocessing import ImagePreprocessing, TextPreprocessing
from headstart.progress import Progress
from headstart.types import Array
from headstart.wording import shown

BATCHES = (7, 2)
"""Items that are asked about together, beside each alone."""

ROUNDS = 7
"""In which an export and what it has to be faster than take turns; the fastest of each counts."""


@dataclass(frozen=True)
class Replayed:
    """Answers to items, probabilities (n, classes) or values (n,).

    Attributes:
        names: of the items; kept: their positions.
        expected: by the predictor.
        same: by the predictor, of the very pixels or tokens that the export is given.
        network: by the export, of those.
        files: by the export, of the items as a program without headstart reads them; NaN where it
            cannot.
        read: whether it can, (n,).
        undecided: items whose answer is not what the model decides of the export's probabilities.
        batches: by the export, of items in batches, and of the same items alone.
        unusual: by the export, by the predictor, and by the predictor of slightly other pixels, of
            an item, by what it is.
        faster: how many times as fast as in 32-bit floats; None where it need not be faster.
    """

    names: list[str]
    kept: NDArray[np.int64]
    expected: Array
    same: Array
    network: Array
    files: Array
    read: NDArray[np.bool_]
    undecided: int
    batches: tuple[Array, Array]
    unusual: Mapping[str, tuple[Array, Array, Array]]
    faster: float | None


@dataclass(frozen=True)
class Given:
    """An item: as the predictor is asked about it, and twice as the export is.

    Attributes:
        predictor: the network's input.
        framed: the network's input of `same`: nearly always that of the item.
        same: the same pixels, framed so that the export neither resizes nor cuts them; the tokens.
        read: as a program without headstart reads it; None where it cannot.
    """

    predictor: Asked
    framed: Asked
    same: Asked
    read: Asked | None


def replay(model: Model, written: Written, data: Dataset, progress: Progress) -> Replayed:
    """Ask both about every item that can be read.

    Raises:
        InputError: none can.
    """
    assert written.answer is not None
    ask, expect = _asking(written.answer), reference(model)
    read = reader(model, resizes=written.resizes)
    kept: list[int] = []
    few: list[Asked] = []
    first: Asked | None = None
    expected: list[Array] = []
    same: list[Array] = []
    network: list[Array] = []
    files: list[Array] = []
    readable: list[bool] = []
    undecided, reason = 0, ""
    with progress.stage("Checking the export", len(data)) as advance:
        for at, item in enumerate(data.items):
            advance(1)
            try:
                given = read(item)
            except Unreadable as error:
                reason = reason or f"{shown(data.names[at])}: {error}"
                continue
            kept.append(at)
            expected.append(expect(given.predictor)[0])
            alike = np.array_equal(given.framed[0], given.predictor[0])
            same.append(expected[-1] if alike else expect(given.framed)[0])
            answers = ask(given.same)
            network.append(answers.shares[0])
            if answers.decided is not None:
                own = decided(model, np.asarray(answers.shares))
                undecided += not np.array_equal(own, answers.decided)
            missing = np.full_like(network[-1], np.nan)
            readable.append(given.read is not None)
            files.append(missing if given.read is None else ask(given.read).shares[0])
            if len(few) < BATCHES[0]:
                few.append(given.same)
            first = first or given.read
    if not kept:
        raise InputError(f"None of the items can be read ({reason}); name others with --data.")
    alone = np.stack(network[: len(few)])
    return Replayed(
        names=[data.names[at] for at in kept],
        kept=np.array(kept, np.int64),
        expected=np.stack(expected),
        same=np.stack(same),
        network=np.stack(network),
        files=np.stack(files),
        read=np.array(readable),
        undecided=undecided,
        batches=_batches(model, ask, few, alone, first),
        unusual={
            name: (
                ask(given.read or given.same).shares[0],
                expect(given.predictor)[0],
                expect(_nudged(given.predictor))[0],
            )
            for name, given in _unusual(model, read)
        },
        faster=None if written.plain is None else _faster(ask, written.plain, few),
    )


def _faster(ask: Ask, plain: Ask, few: list[Asked]) -> float:
    """Seconds of `plain` over those of `ask`, of items one at a time, in turn."""
    least = dict.fromkeys((ask, plain), float("inf"))
    for each in least:  # A first answer takes longer.
        each(few[0])
    for _ in range(ROUNDS):
        for each in least:
            began = time.perf_counter()
            for given in few:
                each(given)
            least[each] = min(least[each], time.perf_counter() - began)
    return least[plain] / least[ask]


def inputs(model: Model, data: Dataset) -> list[Asked]:
    """The network's inputs for items that can be read, drawn at random: what int8 is calibrated on.

    Args:
        model: whose network.
        data: the items.

    Raises:
        InputError: none can be read.
    """
    read = reader(model, resizes=False)
    found: list[Asked] = []
    taken = 0
    for at in np.random.default_rng(0).permutation(len(data)):
        if len(found) == MOST or taken > MOST_BYTES:
            break
        with contextlib.suppress(Unreadable):
            found.append(read(data.items[at]).predictor)
            taken += sum(each.nbytes for each in found[-1])
    if not found:
        raise InputError("None of the items can be read; name others with --data.")
    return found


def _asking(answer: Ask) -> Ask:
    """The same, whose failures are those of the export, in a sentence."""

    def ask(given: Asked) -> Answers:
        try:
            return answer(given)
        except MemoryError:
            raise
        except Exception as error:  # Each runtime raises its own.
            raise HeadstartError(
                "The export gives no answer to an input of "
                f"{' x '.join(map(str, given[0].shape))} ({first_line(error)}), so nothing was "
                "written; try another --format, or report it."
            ) from error

    return ask


def _nudged(given: Asked) -> Asked:
    """The same pixels, each a level brighter, darker or as it is, by chance: what resizing rounds.

    Texts stay as they are.
    """
    if len(given) > 1:
        return given
    levels = np.random.default_rng(0).integers(-1, 2, given[0].shape)
    return (np.clip(given[0].astype(np.int64) + levels, 0, 255).astype(np.uint8),)


def reader(model: Model, *, resizes: bool) -> Callable[[object], Given]:
    """How an item is read for an export, which resizes images or leaves that to others.

    What this gives raises `Unreadable`.
    """
    preprocessing = model.preprocessing
    if isinstance(preprocessing, TextPreprocessing):
        return _text_reader(preprocessing)
    if not resizes:
        return lambda item: _resized(item, preprocessing)
    return lambda item: _image(item, preprocessing)


def _resized(item: object, preprocessing: ImagePreprocessing) -> Given:
    pixels = images.decode(images.load(item), preprocessing).pixels[None]
    return Given((pixels,), (pixels,), (pixels,), (pixels,))


def _image(item: object, preprocessing: ImagePreprocessing) -> Given:
    content = images.load(item)
    pixels = images.decode(content, preprocessing).pixels
    frame = framed(pixels, preprocessing)
    read: Array | None = content[None] if isinstance(content, np.ndarray) else None
    if isinstance(content, bytes):
        try:
            read = client.pixels(io.BytesIO(content))
        except Exception:  # Pillow answers damage with whatever its plugins raise.
            read = None
    same = images.decode(frame, preprocessing).pixels
    asked = None if read is None else (read,)
    return Given((pixels[None],), (same[None],), (frame[None],), asked)


def framed(pixels: Array, preprocessing: ImagePreprocessing) -> NDArray[np.uint8]:
    """An image of which the network sees the given pixels: its border is cut off.

    Where the aspect ratio is not kept and no whole number of pixels is cut off, it sees nearly
    those: what is at their border is repeated beyond it.
    """
    share = preprocessing.crop_fraction
    size = (preprocessing.height, preprocessing.width)
    if preprocessing.keep_aspect_ratio:
        sides = [int(side / share) for side in size]
    else:
        sides = [round(side / share) for side in size]
    starts = [round((whole - side) / 2) for whole, side in zip(sides, size, strict=True)]
    around = [
        (start, whole - side - start)
        for start, whole, side in zip(starts, sides, size, strict=True)
    ]
    return np.pad(pixels, (*around, (0, 0)), mode="edge")


def _text_reader(preprocessing: TextPreprocessing) -> Callable[[object], Given]:
    own = texts.tokeniser(preprocessing)
    tokenizer = Tokenizer.from_str(preprocessing.tokenizer)
    tokenizer.enable_truncation(preprocessing.max_tokens)
    tokenizer.enable_padding(pad_id=preprocessing.pad_id)

    def read(item: object) -> Given:
        text = texts.clean(item)
        ids = own.encode([text]).ids[0][None].astype(np.int64)
        tokens = (ids, np.ones_like(ids))
        try:
            asked = client.tokens([str(item)], tokenizer)  # As it is: a program does not clean it.
        except Exception:  # The library's own, as for a lone surrogate.
            asked = None
        return Given(tokens, tokens, tokens, asked)

    return read


def _unusual(model: Model, read: Callable[[object], Given]) -> Iterator[tuple[str, Given]]:
    kinds = unusual.images() if model.modality == "image" else unusual.TEXTS.items()
    for name, item in kinds:
        yield name, read(item)


def _batches(
    model: Model, ask: Ask, few: list[Asked], alone: Array, read: Asked | None
) -> tuple[Array, Array]:
    """Answers to items in batches, and to the same items alone.

    And to an image of its own size, with itself upside down: resizing has batches too.
    """
    found, wanted = [], []
    for size in BATCHES:
        rows = [few[at % len(few)] for at in range(size)]
        found.append(ask(_together(model, rows)).shares)
        wanted.append(alone[[at % len(few) for at in range(size)]])
    if read is not None and not isinstance(model.preprocessing, TextPreprocessing):
        both = [read, (np.ascontiguousarray(read[0][:, ::-1]),)]
        found.append(ask(_together(model, both)).shares)
        wanted.append(np.concatenate([ask(each).shares for each in both]))
    return np.concatenate(found), np.concatenate(wanted)


def _together(model: Model, rows: list[Asked]) -> Asked:
    """One batch: of texts, the shorter ones are padded."""
    if not isinstance(model.preprocessing, TextPreprocessing):
        return (np.concatenate([each[0] for each in rows]),)
    longest = max(each[0].shape[1] for each in rows)
    pads = (model.preprocessing.pad_id, 0)
    ids, mask = (
        np.concatenate(
            [
                np.pad(each[at], ((0, 0), (0, longest - each[at].shape[1])), constant_values=pad)
                for each in rows
            ]
        )
        for at, pad in enumerate(pads)
    )
    return ids, mask
