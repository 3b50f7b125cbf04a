"""Documents as tokens: blocks no longer than the network reads, and what follows each token."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from headstart.data import split
from headstart.data.dataset import SPLITS, Dataset, Skipped, Split
from headstart.data.divide import IN_ANOTHER_SPLIT, VALIDATION_SIZE
from headstart.errors import InputError
from headstart.generation.texts import Document
from headstart.preprocessing import TextPreprocessing
from headstart.spec import FitSpec

NOT_LEARNT = -100
"""Stands for the token that follows where nothing is learnt of it: in a prompt, in padding."""

LEAST = 3
"""Distinct documents that can be divided into train, validation and test."""

Tokens = NDArray[np.int32]


@dataclass(frozen=True)
class Blocks:
    """Runs of tokens, none across two documents.

    Attributes:
        ids: per block int32 (tokens,).
        wanted: per block int64 (tokens,), the token that follows each, or `NOT_LEARNT`.
        document: (blocks,) the number of each block's document.
        names: per block, what to call it.
    """

    ids: Sequence[Tokens]
    wanted: Sequence[NDArray[np.int64]]
    document: NDArray[np.int64]
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def documents(self) -> int:
        """How many there are."""
        return len(np.unique(self.document))

    @property
    def tokens(self) -> int:
        """How many are read."""
        return sum(map(len, self.ids))

    @property
    def longest(self) -> int:
        """Tokens of the longest block."""
        return max(map(len, self.ids), default=0)

    def targets(self) -> torch.Tensor:
        """What follows, int64 (blocks, longest), padded with `NOT_LEARNT`."""
        whole = torch.full((len(self), self.longest), NOT_LEARNT)
        for at, row in enumerate(self.wanted):
            whole[at, : len(row)] = torch.from_numpy(row)
        return whole

    def dataset(self) -> Dataset:
        """The blocks as items of a trunk."""
        return Dataset("text", self.ids, self.names)


@dataclass(frozen=True)
class Arranged:
    """Blocks by split.

    Attributes:
        parts: none of them is empty.
        skipped: documents that were left out.
        warnings: what a person should know.
    """

    parts: Mapping[Split, Blocks]
    skipped: tuple[Skipped, ...]
    warnings: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Names all that is learnt from and measured on."""
        content = hashlib.sha256()
        for name in SPLITS:
            for ids, wanted in zip(self.parts[name].ids, self.parts[name].wanted, strict=True):
                content.update(b"%d " % len(ids) + ids.tobytes() + wanted.tobytes())
            content.update(name.encode())
        return content.hexdigest()[:16]


def arrange(
    data: Dataset, preprocessing: TextPreprocessing, ends: Collection[int], spec: FitSpec
) -> Arranged:
    """Split documents, identical ones together, and cut each into blocks.

    Args:
        data: items are `Document`s.
        preprocessing: the tokenizer, and how much the network reads at once.
        ends: tokens that end a text, the usual one first; may be empty.
        spec: the options.

    Raises:
        InputError: there are too few documents.
    """
    documents: list[Document] = list(data.items)
    distinct = len({each.digest for each in documents})
    if distinct < LEAST:
        raise InputError(
            f"There {'is' if distinct == 1 else 'are'} only {distinct} distinct "
            f"text{'' if distinct == 1 else 's'}, but training, validation and test need one each; "
            "give more, or a longer text with line ends in it."
        )
    encoder = Encoder(preprocessing, ends)
    blocks, truncated, skipped = encoder.blocks(documents, data.names)
    digests = [each.digest for each in documents]
    # Two completions of one prompt are kept together too, unless the user has divided them.
    alike = digests if data.splits else [each.given or each.digest for each in documents]
    sides = split.split(
        ["text"] * len(documents),
        alike,
        data.splits,
        task="classification",
        test_size=spec.test_size,
        validation_size=VALIDATION_SIZE,
        seed=spec.seed,
    )
    skipped += [Skipped(data.names[at], IN_ANOTHER_SPLIT) for at in sides.dropped.tolist()]
    parts: dict[Split, Blocks] = {}
    for name in SPLITS:
        index = np.flatnonzero(np.isin(blocks.document, getattr(sides, name)))
        if not len(index):
            raise InputError(f"No text that can be used is left for {name}; give more texts.")
        parts[name] = _selected(blocks, index)
    warnings = list(split.check_duplicates(digests, None, data.names, data.splits))
    if truncated:
        warnings.append(
            f"{truncated:,} prompts with their completions are longer than the "
            f"{preprocessing.max_tokens:,} tokens that are read at once: the start of the prompt, "
            "or the end of the completion, was left out."
        )
    return Arranged(parts, tuple(skipped), tuple(warnings))


class Encoder:
    """Turns documents into blocks.

    Args:
        preprocessing: the tokenizer, and how much the network reads at once.
        ends: tokens that end a text, the usual one first; may be empty.
    """

    def __init__(self, preprocessing: TextPreprocessing, ends: Collection[int]) -> None:
        self._tokenizer = Tokenizer.from_str(preprocessing.tokenizer)
        self._length = preprocessing.max_tokens
        self._ends = tuple(ends)

    def blocks(
        self, documents: Sequence[Document], names: Sequence[str]
    ) -> tuple[Blocks, int, list[Skipped]]:
        """Blocks, how many documents were truncated, and those of which nothing is left.

        A whole text of any length is cut into as many blocks as it takes, so that each of its
        tokens but the first is predicted once; a prompt with its completion is one block.
        """
        ids: list[Tokens] = []
        wanted: list[NDArray[np.int64]] = []
        numbers: list[int] = []
        called: list[str] = []
        skipped: list[Skipped] = []
        truncated = 0
        for number, document in enumerate(documents):
            given = self._given(document.prompt) if document.prompt else []
            written = self._written(document)
            if document.prompt and len(given) + len(written) > self._length + 1:
                truncated += 1
                written = written[: self._length]
                given = given[-(self._length + 1 - len(written)) :]
            whole = np.array([*given, *written], np.int32)
            follows = whole[1:].astype(np.int64)
            follows[: max(0, len(given) - 1)] = NOT_LEARNT
            if not (follows != NOT_LEARNT).any():
                what = "completion" if document.prompt else "second token"
                skipped.append(Skipped(names[number], f"to the tokenizer it has no {what}"))
                continue
            for at in range(0, len(whole) - 1, self._length):
                ids.append(whole[at : min(at + self._length, len(whole) - 1)])
                wanted.append(follows[at : at + self._length])
                numbers.append(number)
                called.append(f"{names[number]}, token {at + 1:,}")
        return Blocks(ids, wanted, np.array(numbers, np.int64), called), truncated, skipped

    def _given(self, text: str) -> list[int]:
        """A prompt, with what the tokenizer puts before a text, without what ends one."""
        return open_ended(self._tokenizer, text, self._ends)

    def _written(self, document: Document) -> list[int]:
        if document.prompt:
            found = self._tokenizer.encode(document.text, add_special_tokens=False).ids
        else:
            found = self._given(document.text)
        return [*found, *self._ends[:1]] if document.ends else found


def open_ended(tokenizer: Tokenizer, text: str, ends: Collection[int]) -> list[int]:
    """The tokens of a text that goes on: with what is put before one, without what `ends` one."""
    ids: list[int] = tokenizer.encode(text).ids
    while len(ids) > 1 and ids[-1] in ends:
        ids.pop()
    return ids


def ends_of(model: Any) -> tuple[int, ...]:
    """The tokens that end a text, the usual one first, as a network's configuration says."""
    return _special(model, "eos_token_id")


def begins_of(model: Any) -> tuple[int, ...]:
    """The tokens that a text may begin with; also those that end one, where none is for that."""
    return _special(model, "bos_token_id") or ends_of(model)


def _special(model: Any, name: str) -> tuple[int, ...]:
    """Without those that the network does not know: a configuration may be of a larger one."""
    given = getattr(model.config, name, None)
    every = given if isinstance(given, list | tuple) else [given]
    known = model.get_input_embeddings().num_embeddings
    return tuple(each for each in every if isinstance(each, int) and 0 <= each < known)


def _selected(blocks: Blocks, index: NDArray[np.int64]) -> Blocks:
    at = index.tolist()
    return Blocks(
        [blocks.ids[i] for i in at],
        [blocks.wanted[i] for i in at],
        blocks.document[index],
        [blocks.names[i] for i in at],
    )
