"""Nothing of the backbone learns; see `headstart.training.feature_extraction`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from headstart.errors import HeadstartError
from headstart.training.recipe import Recipe, Size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn

    from headstart.backbones import Backbone


@dataclass(frozen=True)
class FeatureExtraction:
    """See `headstart.training.strategies.contract.Strategy`."""

    name: str = "feature-extraction"
    trains: Literal["head"] = "head"
    pretrained: bool = True
    own_weights: bool = False

    def recipe(self, usual: Recipe, size: Size) -> Recipe:  # noqa: ARG002
        """A head has settings of its own."""
        return usual

    def prepare(self, tail: "nn.Module", backbone: "Backbone", dropout: float, seed: int) -> None:  # noqa: ARG002
        """There is nothing to prepare."""
        raise HeadstartError("Feature extraction trains nothing of the backbone.")

    def adapter(self, tail: "nn.Module", names: "Mapping[str, Sequence[str]]") -> None:  # noqa: ARG002
        """There is nothing beside the weights."""
        return

    def finish(self, tail: "nn.Module") -> None:
        """There is nothing to finish."""


strategy = FeatureExtraction()
