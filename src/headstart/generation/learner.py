"""A language model and the blocks it learns from, as the parts of a training: network, items, loss.

See `headstart.training.learner`, which is the same for labelled items.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch

from headstart.backbones.backbone import Backbone
from headstart.backbones.causal import Causal
from headstart.data.dataset import Split
from headstart.errors import InputError
from headstart.features.extract import Features
from headstart.features.trunk import Trunk
from headstart.generation.blocks import Blocks
from headstart.generation.network import NextToken
from headstart.generation.perplexity import Losses, losses
from headstart.progress import Progress
from headstart.search.budget import disk_limit
from headstart.search.rungs import USUAL_DEPTH, cut_at
from headstart.spec import FitSpec
from headstart.training.candidate import Candidate, candidate_for
from headstart.training.checkpoint import Unfinished
from headstart.training.items import Activations, Items, Tokens
from headstart.training.loop import Task
from headstart.training.network import Copy
from headstart.training.recipe import Size
from headstart.training.strategies import strategy_of, uncut
from headstart.training.strategies.contract import Strategy
from headstart.training.strategies.lora import Adapter
from headstart.wording import capital, size

LEARNT: tuple[Split, ...] = ("train", "validation")

STEP_TOKENS = 4_096
"""Tokens of a training step, about, whatever the length of a block: they bound the memory.

A block that would be alone in a step goes with the step before."""


@dataclass(frozen=True, eq=False)
class Learner:
    """See the module.

    Attributes:
        candidate: how the model is adapted.
        causal: the model, which stays as it is.
        trunk: what is left of the cut; the whole decoder where all of it learns.
        parts: blocks by split.
        stored: the hidden states that the trunk gave of the blocks to learn from and to validate
            on; empty where training is from tokens.
        warnings: why it is not as was asked or as is usual.
    """

    candidate: Candidate
    causal: Causal
    trunk: Trunk
    parts: Mapping[Split, Blocks]
    stored: Mapping[Split, Features]
    warnings: tuple[str, ...]

    @property
    def strategy(self) -> Strategy:
        """How the decoder is adapted."""
        return strategy_of(self.candidate.strategy)

    @property
    def where(self) -> torch.device:
        """The device that it is trained on."""
        return torch.device(self.trunk.where)

    @property
    def _bfloat16(self) -> bool:
        return self.trunk.precision == "bfloat16"

    @cached_property
    def items(self) -> Mapping[Split, Items]:
        """The blocks of training and validation as inputs of what learns."""
        if self.stored:
            return {name: Activations([each]) for name, each in self.stored.items()}
        pad = self.causal.preprocessing.pad_id
        return {name: Tokens(self.parts[name].ids, pad) for name in LEARNT}

    @property
    def store(self) -> Mapping[str, int]:
        """`hits` and `misses` of the feature store, in blocks."""
        every = self.stored.values()
        return {name: sum(getattr(each, name) for each in every) for name in ("hits", "misses")}

    def copy(self) -> tuple[Copy, NextToken]:
        """A copy of what is trained, the head too; and its module, on its device."""
        whole = self.candidate.cut is None
        tail = self.causal.backbone.module if whole else self.trunk.cut.tail
        part = NextToken(tail, self.causal.head, autocast=self._bfloat16)
        copied = Copy.of(part, self.causal.backbone, self.causal.model)
        network = copied.module
        assert isinstance(network, NextToken)
        network.requires_grad_(self.strategy.own_weights)
        if self.strategy.own_weights and not whole:
            # A head that is the embedding too is part of what was stored.
            stored = set(self.trunk.cut.trunk.parameters())
            network.head.requires_grad_(stored.isdisjoint(self.causal.head.parameters()))
        dropout, seed = self.candidate.recipe.dropout, self.candidate.seed
        self.strategy.prepare(network.tail, self.causal.backbone, dropout, seed)
        return copied, network.to(self.where)

    def task(self, network: NextToken) -> Task:
        """Items, targets and loss for the training loop."""
        return Task(
            items=self.items["train"],
            targets=self.parts["train"].targets(),
            loss=network.loss,
            validate=lambda: self.losses(network).mean,
            where=self.where,
            bfloat16=self._bfloat16,
            count=network.learnt,
        )

    def losses(self, network: NextToken) -> Losses:
        """What it loses on the validation documents."""
        items, blocks = self.items["validation"], self.parts["validation"]
        return losses(network, items, blocks, self.where, autocast=self._bfloat16)

    def adapter(self, copied: Copy, network: NextToken) -> Adapter | None:
        """What a trained copy learnt beside its weights, by the model's own names."""
        inside = {
            name.removeprefix("tail."): own
            for name, own in copied.names.items()
            if name.startswith("tail.")
        }
        return self.strategy.adapter(network.tail, inside)


Decided = tuple[str | None, str]
"""The cut, or None and the reason why there is none."""


class _NotStored(InputError):
    """Why training is from tokens, whatever was asked for."""


def learner_for(
    causal: Causal,
    trunk: Trunk,
    parts: Mapping[Split, Blocks],
    spec: FitSpec,
    unfinished: Unfinished | None,
    progress: Progress,
) -> Learner:
    """What `spec.strategy` asks for, its inputs stored; from tokens where they cannot be.

    Args:
        causal: the model.
        trunk: its whole decoder.
        parts: blocks by split.
        spec: the options.
        unfinished: keeps what the free disk decides.
        progress: shows what is going on.

    Raises:
        InputError: it cannot be cut after a `--cut`, or what that stores takes too much disk.
    """
    strategy = strategy_of("lora" if spec.strategy == "auto" else spec.strategy)
    left, stored = trunk, dict[Split, Features]()
    warnings: tuple[str, ...] = ()
    if strategy.trains == "tail":
        kept = _kept(unfinished)
        decided = kept or _decided(trunk.backbone, parts, spec)
        try:
            left, stored = _stored(trunk, parts, decided, None if kept else unfinished, progress)
        except InputError as error:
            if spec.cut is not None and not isinstance(error, _NotStored):
                raise
            strategy = uncut(strategy)
            why = str(error).rstrip(".")
            warnings = (f"Training is from tokens, and all layers learn: {why}.",)
    train = parts["train"]
    most = max(1, min(32, STEP_TOKENS // max(1, train.longest)))
    candidate = candidate_for(
        strategy.name,
        left.cut.stage if stored else None,
        trunk,
        Size("text", len(train), most=most),
        "next-token",
        spec,
        learns_all=False,
    )
    return Learner(candidate, causal, left, parts, stored, warnings)


def _kept(unfinished: Unfinished | None) -> Decided | None:
    """What a training that goes on decided when it began.

    Raises:
        InputError: it is damaged, or of another version.
    """
    kept = unfinished.decisions() if unfinished else []
    if not unfinished or not kept:
        return None
    with unfinished.understood():
        cut, why = kept[0]["cut"], kept[0]["why"]
    return cut, why


def _stored(
    trunk: Trunk,
    parts: Mapping[Split, Blocks],
    decided: Decided,
    keep: Unfinished | None,
    progress: Progress,
) -> tuple[Trunk, dict[Split, Features]]:
    """The trunk that is left of the cut, and the hidden states that it gives of each block.

    Args:
        trunk: the whole decoder.
        parts: blocks by split.
        decided: the cut, or why there is none.
        keep: keeps that; what is stored later would count against what may be.
        progress: shows what is going on.

    Raises:
        InputError: it cannot be cut there, or nothing can be stored.
    """
    cut, why = decided
    left = None if cut is None else trunk.at(cut)
    if keep is not None:
        keep.decide([{"cut": cut, "why": why}])
    if left is None:
        raise _NotStored(why)
    stored = {name: left.extract(parts[name].dataset(), progress) for name in LEARNT}
    for features in stored.values():
        if features.skipped:
            first = features.skipped[0]
            raise _NotStored(f"{first.item}: {first.reason}")
    return left, stored


def _decided(backbone: Backbone, parts: Mapping[Split, Blocks], spec: FitSpec) -> Decided:
    """The user's cut, or the usual one; None and the reason where it would store too much.

    A later cut would take as much: a layer gives as many numbers as the one before.
    """
    stages = [stage.name for stage in backbone.stages]
    if spec.cut == stages[-1]:
        raise InputError(
            f"--cut is {stages[-1]!r}, the last stage, so that nothing would learn; name an "
            "earlier one."
        )
    if len(stages) == 1 and spec.cut is None:
        return None, f"{backbone.name!r} cannot be cut"
    cut = spec.cut or cut_at(backbone, USUAL_DEPTH)
    taken = 2 * backbone.features * sum(parts[name].tokens for name in LEARNT)
    limit = disk_limit(spec)
    if taken <= limit:
        return cut, ""
    why = (
        f"the hidden states after {cut!r} would take {size(taken)} of disk, more than the "
        f"{size(limit)} allowed"
    )
    if spec.cut is not None:
        raise InputError(f"{capital(why)}; make room, raise --store-limit or leave --cut.")
    return None, why
