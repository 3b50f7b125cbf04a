"""Which ways to adapt a backbone there are to try, and in which order."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

from headstart.backbones import Backbone
from headstart.errors import InputError
from headstart.features.trunk import Trunk
from headstart.spec import FitSpec
from headstart.training.candidate import Candidate, candidate_of
from headstart.training.examples import Examples
from headstart.training.strategies import strategy_of

DEPTHS = {"image": (0.3, 0.6, 1.0, 0.1), "text": (1.0, 0.6, 0.3, 0.1)}
"""Shares of the backbone's operations that the rungs train, at least, in the order of trying.

Of texts one epoch of all layers gives more than many of the last; images need many epochs, and
the deeper rungs are the dearer the more so.
"""

USUAL_DEPTH = 0.3


@dataclass(frozen=True)
class Rung:
    """One way to adapt the backbone: a strategy, and the stage it cuts after (None: before all)."""

    strategy: str
    cut: str | None


def rungs_of(backbone: Backbone) -> Iterator[Rung]:
    """The rungs above the first, each once, the most promising first."""
    yield from dict.fromkeys(_every(backbone))


def proposed(trunk: Trunk, examples: Examples, spec: FitSpec) -> Iterator[Candidate]:
    """The rungs of a backbone as candidates for some examples."""
    for rung in rungs_of(trunk.backbone):
        yield candidate_of(rung.strategy, rung.cut, trunk, examples, spec)


def refuse_unadaptable(backbone: Backbone, spec: FitSpec) -> None:
    """Refuse, before anything is computed, to adapt a backbone in a way that it does not allow.

    Raises:
        InputError: it has no such stage, or the strategy is for other networks.
    """
    if spec.strategy == "auto":
        return
    strategy = strategy_of(spec.strategy)
    if strategy.trains == "head":
        return
    cut = usual_cut(backbone, spec)
    part = backbone.module if cut is None else backbone.cut(cut).tail
    if not strategy.own_weights:  # It puts something in, which not every network takes.
        strategy.prepare(copy.deepcopy(part), backbone, 0.0, spec.seed)


def usual_cut(backbone: Backbone, spec: FitSpec) -> str | None:
    """Where a strategy that was asked for cuts: as the user says, or the usual; None: before all.

    Raises:
        InputError: then nothing but the head would learn, or the backbone has one stage alone.
    """
    if strategy_of(spec.strategy).trains != "tail":
        return None
    stages = [stage.name for stage in backbone.stages]
    if spec.cut == stages[-1]:
        raise InputError(
            f"--cut is {stages[-1]!r}, the last stage, so that nothing but the head would "
            "learn; say --strategy feature-extraction, or name an earlier stage."
        )
    if spec.cut is not None:
        return spec.cut
    if len(stages) == 1:
        raise InputError(
            f"The backbone {backbone.name!r} cannot be cut; say --strategy full-fine-tuning, "
            "which trains all of it."
        )
    return cut_at(backbone, USUAL_DEPTH)


def trains_less(new: Candidate, old: Candidate, stages: list[str]) -> bool:
    """Whether a candidate would train no more of the network than one that was trained."""
    if not all(strategy_of(each.strategy).own_weights for each in (new, old)):
        return False
    if old.cut is None:
        return True
    return new.cut is not None and stages.index(old.cut) < stages.index(new.cut)


def _every(backbone: Backbone) -> Iterator[Rung]:
    cuttable = len(backbone.stages) > 1
    for depth in DEPTHS[backbone.modality]:
        if depth == 1:
            yield Rung("full-fine-tuning", None)
            if backbone.modality == "text" and cuttable:
                yield Rung("lora", backbone.stages[0].name)
        elif cuttable:
            yield Rung("fine-tuning", cut_at(backbone, depth))


def cut_at(backbone: Backbone, depth: float) -> str:
    """The last stage to cut after so that the rest does `depth` of the operations, or more."""
    *stages, last = backbone.stages
    share = last.gflops
    for stage in reversed(stages):
        if share >= depth * backbone.gflops:
            return stage.name
        share += stage.gflops
    return stages[0].name
