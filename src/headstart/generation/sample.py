"""A language model writes: one token after another, each chosen with chance from the seed."""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import DynamicCache, TemperatureLogitsWarper, TopPLogitsWarper

from headstart.generation.blocks import begins_of, ends_of, open_ended
from headstart.generation.saved import LanguageModel
from headstart.spec import GenerateSpec

UNFINISHED = "\ufffd"
"""What a decoder gives for bytes that are no character, or not yet one."""

LONGEST = 4
"""Bytes, and so at most tokens, of one character in UTF-8."""


@dataclass
class Written:
    """How the writing went; whole when the stream has ended.

    Attributes:
        tokens: how many were written.
        ended: whether the model ended the text; else it is as long as was asked for.
        left_out: tokens at the start of the prompt that the model could not hold.
    """

    tokens: int = 0
    ended: bool = False
    left_out: int = 0


def stream(
    model: LanguageModel, prompt: str, spec: GenerateSpec, written: Written
) -> Iterator[str]:
    """What follows a prompt, piece by piece, each of whole characters.

    The tokens that together have `top_p` of the probability are drawn from (Holtzman et al. 2020,
    "The Curious Case of Neural Text Degeneration"). Where the text grows longer than the model can
    hold, it goes on from the later half.

    Args:
        model: what writes.
        prompt: what it goes on from; may be empty where the model has a token to begin with.
        spec: length, temperature, top_p and seed.
        written: receives how it went.
    """
    ids = _begin(model, prompt)
    config: Any = model.network.config.get_text_config()  # type: ignore[union-attr, operator]
    limit = max(2, int(getattr(config, "max_position_embeddings", 0) or 1024))
    written.left_out = max(0, len(ids) - (limit - 1))
    ids = ids[written.left_out :]
    spoken = _Spoken(model.tokenizer, ids)
    ends = ends_of(model.network)
    chance = torch.Generator().manual_seed(spec.seed)
    reader = _Reader(model.network)
    for _ in range(spec.length):
        if len(ids) >= limit:
            ids = ids[-(limit // 2) :]
            reader = _Reader(model.network)
        token = _choose(reader.scores(ids), spec, chance)
        if token in ends:
            written.ended = True
            break
        written.tokens += 1
        ids = [*ids, token]
        piece = spoken.add(token)
        if piece:
            yield piece
    rest = spoken.rest()
    if rest:
        yield rest


def _begin(model: LanguageModel, prompt: str) -> list[int]:
    ids = open_ended(model.tokenizer, prompt, ends_of(model.network))
    return ids or [*begins_of(model.network)[:1]] or [0]


def _choose(scores: torch.Tensor, spec: GenerateSpec, chance: torch.Generator) -> int:
    if spec.temperature == 0:
        return int(scores.argmax())
    none = torch.empty((1, 0), dtype=torch.int64)
    # The likeliest is at zero, so that no temperature, however low, makes it infinite.
    scores = scores.double() - scores.max()
    scores = TemperatureLogitsWarper(float(spec.temperature))(none, scores)
    if spec.top_p < 1:
        scores = TopPLogitsWarper(float(spec.top_p))(none, scores)
    return int(torch.multinomial(scores.softmax(-1), 1, generator=chance))


class _Reader:
    """Reads a text that grows, each token once where the network can keep what it has read."""

    def __init__(self, network: Any) -> None:
        self._network = network
        # transformers 5.24 has another name for it than the releases before.
        taken = inspect.signature(network.forward).parameters
        self._name = next((each for each in ("cache", "past_key_values") if each in taken), None)
        self._cache = DynamicCache(config=network.config) if self._name else None
        self._read = 0

    def scores(self, ids: Sequence[int]) -> torch.Tensor:
        """Of what may follow, (1, V)."""
        new = torch.tensor([ids[self._read :]])
        kept = {self._name: self._cache, "use_cache": True} if self._name else {}
        mask = torch.ones((1, len(ids)), dtype=torch.int64)
        with torch.inference_mode():
            answer = self._network(input_ids=new, attention_mask=mask, **kept)
        self._read = len(ids) if self._name else 0
        scores: torch.Tensor = answer.logits[:, -1].float()
        return scores


class _Spoken:
    """Turns tokens into text as they come, holding back what is not a whole character yet.

    A token may be a part of a character, and its text depends on the token before (a space, or
    none); so it is decoded behind the tokens that were said last.
    """

    def __init__(self, tokenizer: Tokenizer, before: Sequence[int]) -> None:
        self._tokenizer = tokenizer
        self._said = list(before[-LONGEST:])
        self._held: list[int] = []

    def add(self, token: int) -> str:
        """What can be said now; may be nothing."""
        self._held.append(token)
        new = self._new()
        if new.endswith(UNFINISHED) and len(self._held) < LONGEST:
            return ""
        return self._say(new)

    def rest(self) -> str:
        """What is held at the end, without the beginning of a character."""
        return self._say(self._new().rstrip(UNFINISHED)) if self._held else ""

    def _say(self, new: str) -> str:
        self._said, self._held = [*self._said, *self._held][-LONGEST:], []
        return new

    def _new(self) -> str:
        before = self._tokenizer.decode(self._said)
        return self._tokenizer.decode([*self._said, *self._held])[len(before) :]
