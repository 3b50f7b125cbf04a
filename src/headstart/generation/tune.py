"""A language model learns from blocks of tokens: right of a cut from what the trunk gave, stored.

The loop, its recipes and its checkpoints are those of every other training.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from headstart.backbones.backbone import Backbone
from headstart.backbones.causal import Causal
from headstart.backbones.fingerprint import fingerprint
from headstart.data.dataset import Split
from headstart.errors import InputError
from headstart.features.device import device, precision
from headstart.features.trunk import Trunk
from headstart.generation.blocks import Arranged, Blocks
from headstart.generation.network import NextToken
from headstart.generation.perplexity import Losses, losses
from headstart.learning.loop import Trained
from headstart.progress import Progress
from headstart.search.budget import disk_limit
from headstart.search.rungs import USUAL_DEPTH, cut_at
from headstart.spec import FitSpec
from headstart.training.checkpoint import Unfinished
from headstart.training.items import Activations, Items, Tokens
from headstart.training.loop import Task, train
from headstart.training.network import Copy, changed, groups, names_in, trained_parameters
from headstart.training.recipe import Size, recipe_for
from headstart.training.run_identity import run_identity
from headstart.training.strategies import strategy_of
from headstart.training.strategies.lora import Adapter
from headstart.training.threads import every_core
from headstart.wording import size

STEP_TOKENS = 4_096
"""Tokens of a training step, about, whatever the length of a block: they bound the memory.

A block that would be alone in a step goes with the step before."""


@dataclass(frozen=True)
class Plan:
    """What learns, and from what.

    Attributes:
        strategy: how the decoder is adapted.
        cut: stage after which training begins, from stored hidden states; None: before the
            first, from tokens.
        warnings: why it is not as was asked or as is usual.
    """

    strategy: str
    cut: str | None
    warnings: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What to call it."""
        return self.strategy if self.cut is None else f"{self.strategy} after {self.cut}"


@dataclass(frozen=True)
class Tuned:
    """What came of it; the model that was tuned holds the best weights now.

    Attributes:
        plan: what was done.
        adapter: the low-rank matrices, by peft's names; None where whole matrices learnt.
        trained: how the training went; its losses are per token.
        before, after: losses on validation documents.
        trained_parameters: how many numbers learnt.
        store: `hits` and `misses` of the feature store, in blocks.
        seconds: what it took, extraction and earlier, killed runs included.
        warnings: what a person should know.
        unfinished: what a killed run would go on from; None where nothing was kept.
    """

    plan: Plan
    adapter: Adapter | None
    trained: Trained
    before: Losses
    after: Losses
    trained_parameters: int
    store: Mapping[str, int]
    seconds: float
    warnings: tuple[str, ...]
    unfinished: Unfinished | None


@every_core()
def tune(
    causal: Causal, arranged: Arranged, spec: FitSpec, progress: Progress, folder: Path | None
) -> Tuned:
    """Adapt a language model as `spec.strategy` says.

    Args:
        causal: the model; it gets the weights of the copy that was trained.
        arranged: what it learns from.
        spec: the options.
        progress: shows what is going on.
        folder: keeps what a killed run goes on from; None keeps nothing.

    Raises:
        InputError: it cannot be cut so or adapted so, the hidden states of a `--cut` take too much
            disk, or what is in the folder belongs to other data, settings or versions.
    """
    began = time.monotonic()
    where = device(spec.device)
    trunk = Trunk(causal.backbone, causal.backbone.cut(), where, precision(where))
    unfinished = None
    if folder is not None:
        made = run_identity(arranged.digest, trunk, fingerprint(causal.model), spec)
        unfinished = Unfinished(folder, made)
        unfinished.check()
    sources = _Sources(causal, trunk, arranged.parts, spec, progress)
    items = sources.open(_plan(causal.backbone, arranged.parts, spec, unfinished))
    tuning = _Tuning(causal, sources, items, spec, torch.device(where))
    return tuning.run(progress, unfinished, began)


def _plan(
    backbone: Backbone, parts: Mapping[Split, Blocks], spec: FitSpec, unfinished: Unfinished | None
) -> Plan:
    """The user's cut, or the usual one where there is room for what it stores."""
    strategy = "lora" if spec.strategy == "auto" else spec.strategy
    if strategy_of(strategy).trains != "tail":
        return Plan(strategy, None)
    stages = [stage.name for stage in backbone.stages]
    if spec.cut == stages[-1]:
        raise InputError(
            f"--cut is {stages[-1]!r}, the last stage, so that nothing would learn; name an "
            "earlier one."
        )
    if len(stages) == 1 and spec.cut is None:
        return _whole(strategy, f"{backbone.name!r} cannot be cut")
    plan = Plan(strategy, spec.cut or cut_at(backbone, USUAL_DEPTH))
    decided = unfinished.decisions() if unfinished else []
    if decided:  # what is stored by now would count against what may be
        return plan if decided[0]["cut"] else _whole(strategy, str(decided[0]["why"]))
    taken = 2 * backbone.features * (parts["train"].tokens + parts["validation"].tokens)
    limit = disk_limit(spec)
    why = ""
    if taken > limit:
        why = (
            f"the hidden states after {plan.cut!r} would take {size(taken)} of disk, more than "
            f"the {size(limit)} allowed"
        )
        if spec.cut is not None:
            raise InputError(f"T{why[1:]}; make room, raise --store-limit or leave --cut.")
        plan = _whole(strategy, why)
    if unfinished:
        unfinished.decide([{"cut": plan.cut, "why": why}])
    return plan


def _whole(strategy: str, why: str) -> Plan:
    """The same from the first stage on, where nothing can be stored."""
    if strategy == "fine-tuning":
        strategy = "full-fine-tuning"
    return Plan(strategy, None, (f"Training is from tokens, and all layers learn: {why}.",))


@dataclass
class _Sources:
    """Where the inputs of training come from: the store, or the tokens."""

    causal: Causal
    trunk: Trunk
    parts: Mapping[Split, Blocks]
    spec: FitSpec
    progress: Progress
    plan: Plan = Plan("", None)
    hits: int = 0
    misses: int = 0

    def open(self, plan: Plan) -> dict[str, Items]:
        """Inputs by split; from tokens too where the trunk turns out not to be storable."""
        self.plan = plan
        if plan.cut is None:
            return {name: self.tokens(name) for name in ("train", "validation")}
        try:
            self.trunk = self.trunk.at(plan.cut)
        except InputError as error:
            if self.spec.cut is not None:
                raise
            return self.open(_whole(plan.strategy, str(error).rstrip(".")))
        found: dict[str, Items] = {}
        for name in ("train", "validation"):
            try:
                features = self.trunk.extract(self.parts[name].dataset(), self.progress)
            except InputError as error:  # it is not to be compiled
                if self.spec.cut is not None:
                    raise
                return self.open(_whole(plan.strategy, str(error).rstrip(".")))
            if features.skipped:
                first = features.skipped[0]
                return self.open(_whole(plan.strategy, f"{first.item}: {first.reason}"))
            self.hits += features.hits
            self.misses += features.misses
            self.plan = replace(self.plan, warnings=(*self.plan.warnings, *features.warnings))
            found[name] = Activations([features])
        return found

    def tokens(self, name: Split) -> Tokens:
        """The blocks of a split as they are."""
        return Tokens(self.parts[name].ids, self.causal.preprocessing.pad_id)


class _Tuning:
    """One training."""

    def __init__(
        self,
        causal: Causal,
        sources: _Sources,
        items: Mapping[str, Items],
        spec: FitSpec,
        where: torch.device,
    ) -> None:
        self._causal, self._sources, self._items = causal, sources, items
        self._spec, self._where = spec, where
        self._plan = sources.plan
        self._strategy = strategy_of(self._plan.strategy)
        self._autocast = sources.trunk.precision == "bfloat16"
        train = sources.parts["train"]
        size = Size("text", len(train), most=_most(train.longest))
        self._recipe = recipe_for(self._strategy, size, spec)
        cut = self._plan.cut
        tail = causal.backbone.module if cut is None else sources.trunk.cut.tail
        original = NextToken(tail, causal.head, autocast=self._autocast)
        self._names = names_in(original, causal.model)
        self._copied = Copy.of(original, causal.backbone)

    def run(self, progress: Progress, unfinished: Unfinished | None, began: float) -> Tuned:
        """Train a copy, and give the model what it learnt."""
        network = self._network()
        parameters = trained_parameters(network)
        before = self._validate(network)
        trained = self._train(network, progress, unfinished)
        after = self._validate(network)
        network.cpu()
        inside = {
            name.removeprefix("tail."): own
            for name, own in self._names.items()
            if name.startswith("tail.")
        }
        adapter = self._strategy.adapter(network.tail, inside)
        self._strategy.finish(network.tail)
        learnt = changed(network, self._names, self._causal.model)
        self._causal.model.load_state_dict(learnt, strict=False)
        warnings = list(self._plan.warnings)
        if trained.best_epoch == 0:
            warnings.append(
                "No epoch was better on the validation texts than the pretrained model, so the "
                "model is as it was: give more texts, or fewer --epochs."
            )
        return Tuned(
            plan=self._plan,
            adapter=adapter,
            trained=trained,
            before=before,
            after=after,
            trained_parameters=parameters,
            store={"hits": self._sources.hits, "misses": self._sources.misses},
            seconds=trained.before + time.monotonic() - began,
            warnings=tuple(warnings),
            unfinished=unfinished,
        )

    def _network(self) -> NextToken:
        """The copy, ready to be trained, on its device."""
        network = self._copied.module
        assert isinstance(network, NextToken)
        network.requires_grad_(self._strategy.own_weights)
        if self._plan.cut is not None and self._strategy.own_weights:
            # A head that is the embedding too is part of what was stored.
            stored = set(self._sources.trunk.cut.trunk.parameters())
            network.head.requires_grad_(stored.isdisjoint(self._causal.head.parameters()))
        backbone = self._causal.backbone
        self._strategy.prepare(network.tail, backbone, self._recipe.dropout, self._spec.seed)
        return network.to(self._where)

    def _train(
        self, network: NextToken, progress: Progress, unfinished: Unfinished | None
    ) -> Trained:
        recipe, train_items = self._recipe, self._items["train"]
        if unfinished and not unfinished.folder.exists():
            unfinished.decide([])
        title = f"Training: {self._plan.words}"
        with progress.stage(title, len(train_items) * recipe.epochs) as advance:
            return train(
                network,
                groups(network, self._copied.depths, recipe),
                Task(
                    items=train_items,
                    targets=self._sources.parts["train"].targets(),
                    loss=network.loss,
                    validate=lambda: self._validate(network).mean,
                    where=self._where,
                    bfloat16=self._autocast,
                ),
                recipe,
                seed=self._spec.seed,
                checkpoint=unfinished.checkpoint("training") if unfinished else None,
                advance=advance,
            )

    def _validate(self, network: NextToken) -> Losses:
        blocks = self._sources.parts["validation"]
        items = self._items["validation"]
        return losses(network, items, blocks, self._where, autocast=self._autocast)


def _most(longest: int) -> int:
    return max(1, min(32, STEP_TOKENS // max(1, longest)))
