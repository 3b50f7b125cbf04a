"""The weights themselves learn: those right of a cut, or all."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from headstart.training.recipe import Recipe, Size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn

    from headstart.backbones import Backbone

MIXUP = 0.2
"""Of images that a whole network learns from (Zhang et al. 2018)."""


@dataclass(frozen=True)
class FineTuning:
    """See `headstart.training.strategies.contract.Strategy`."""

    name: str
    trains: Literal["tail", "all"]
    pretrained: bool = True
    own_weights: bool = True

    def recipe(self, usual: Recipe, size: Size) -> Recipe:
        """Mixed pairs of images, where they are looked at anew each time."""
        mixes = self.trains == "all" and size.modality == "image"
        return replace(usual, mixup=MIXUP) if mixes else usual

    def prepare(self, tail: "nn.Module", backbone: "Backbone", dropout: float, seed: int) -> None:
        """It learns as it is."""

    def adapter(self, tail: "nn.Module", names: "Mapping[str, Sequence[str]]") -> None:  # noqa: ARG002
        """There is nothing beside the weights."""
        return

    def finish(self, tail: "nn.Module") -> None:
        """It is as it should be."""


tail = FineTuning("fine-tuning", "tail")
whole = FineTuning("full-fine-tuning", "all")
