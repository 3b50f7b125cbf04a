"""Which rungs there are to try, and in which order."""

from collections.abc import Iterator
from dataclasses import dataclass

from headstart.backbones import Backbone

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

    @property
    def words(self) -> str:
        """What to call it."""
        return self.strategy if self.cut is None else f"{self.strategy} after {self.cut}"


def rungs_of(backbone: Backbone) -> Iterator[Rung]:
    """The rungs above the first, each once, the most promising first."""
    yield from dict.fromkeys(_every(backbone))


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
