"""What every strategy is."""

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn

    from headstart.backbones import Backbone
    from headstart.training.recipe import Recipe, Size
    from headstart.training.strategies.lora import Adapter


class Strategy(Protocol):
    """A way to adapt a backbone, registered in `headstart.registry.STRATEGIES`."""

    @property
    def name(self) -> str:
        """As in the registry."""
        ...

    @property
    def trains(self) -> Literal["head", "tail", "all"]:
        """What is right of a cut, from stored activations (`tail`), or all of the backbone.

        `head`, nothing of the backbone, is feature extraction alone: there is nothing to adapt, and
        another package adds a head instead.
        """
        ...

    @property
    def pretrained(self) -> bool:
        """Whether it starts from the pretrained weights, and a head trained on their features."""
        ...

    @property
    def own_weights(self) -> bool:
        """Whether the weights of the backbone themselves learn.

        Then, once more of them have learnt, training fewer has nothing to gain.
        """
        ...

    def recipe(self, usual: "Recipe", size: "Size") -> "Recipe":
        """Its own settings of the training loop, from those that are usual for such data."""
        ...

    def prepare(self, tail: "nn.Module", backbone: "Backbone", dropout: float, seed: int) -> None:
        """Make a copy of what is trained ready for it, in place.

        Args:
            tail: a copy of the tail, or of the whole network where all of it is trained.
            backbone: whose copy it is.
            dropout: of the recipe.
            seed: every random choice follows from it.

        Raises:
            InputError: this backbone cannot be adapted so.
        """
        ...

    def adapter(self, tail: "nn.Module", names: "Mapping[str, Sequence[str]]") -> "Adapter | None":
        """What was learnt beside the weights of a trained copy; None where nothing was.

        Args:
            tail: not yet finished.
            names: what the whole network calls each weight of the original.
        """
        ...

    def finish(self, tail: "nn.Module") -> None:
        """Leave a trained copy with the parameters and names of the original, in place."""
        ...
