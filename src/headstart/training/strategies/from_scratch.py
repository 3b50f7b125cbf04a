"""The same network from random weights: what pretraining is worth."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from headstart.training.recipe import Recipe, Size, usual_epochs
from headstart.training.strategies.fine_tuning import MIXUP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn

    from headstart.backbones import Backbone

TEXT_RATE = 3e-4


@dataclass(frozen=True)
class FromScratch:
    """See `headstart.training.strategies.contract.Strategy`."""

    name: str = "from-scratch"
    trains: Literal["all"] = "all"
    pretrained: bool = False
    own_weights: bool = True

    def recipe(self, usual: Recipe, size: Size) -> Recipe:
        """Twice the epochs, more patience, and one rate for all stages."""
        text = size.modality == "text"
        return replace(
            usual,
            epochs=2 * usual_epochs(size.items, usual.batch),
            rate=TEXT_RATE if text else usual.rate,
            mixup=0.0 if text else MIXUP,
            depth_decay=1.0,
            train_batchnorm=True,
            patience=10,
        )

    def prepare(self, tail: "nn.Module", backbone: "Backbone", dropout: float, seed: int) -> None:  # noqa: ARG002
        """Give it the random weights that its architecture starts from."""
        tail.load_state_dict(backbone.random_weights(seed))

    def adapter(self, tail: "nn.Module", names: "Mapping[str, Sequence[str]]") -> None:  # noqa: ARG002
        """There is nothing beside the weights."""
        return

    def finish(self, tail: "nn.Module") -> None:
        """It is as it should be."""


strategy = FromScratch()
