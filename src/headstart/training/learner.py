"""A candidate and what it learns from, as the parts of a training: network, items, loss."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.features.trunk import Trunk
from headstart.heads.contract import moments
from headstart.heads.linear import LinearHead
from headstart.preprocessing import WHOLE, View, fixed_views
from headstart.progress import Progress
from headstart.training.candidate import Candidate, Source
from headstart.training.examples import Part
from headstart.training.items import Activations, Items, decoded
from headstart.training.loop import Task
from headstart.training.network import Copy, Network, Scales, scores
from headstart.training.objectives import (
    Objective,
    answers_of,
    loss_of,
    objective_of,
    weighted_targets,
)
from headstart.training.strategies import strategy_of
from headstart.training.strategies.contract import Strategy


@dataclass(frozen=True)
class Learner:
    """See the module."""

    candidate: Candidate
    source: Source

    def with_views(self, views: int) -> "Learner":
        """The same with another number of views of each image."""
        recipe = replace(self.candidate.recipe, views=views)
        return replace(self, candidate=replace(self.candidate, recipe=recipe))

    @property
    def strategy(self) -> Strategy:
        """How the backbone is adapted."""
        return strategy_of(self.candidate.strategy)

    @cached_property
    def trunk(self) -> Trunk:
        """What is left of the cut; the whole backbone where all of it learns."""
        cut = self.candidate.cut
        return self.source.trunk if cut is None else self.source.at(cut)

    @property
    def where(self) -> torch.device:
        """The device that it is trained on."""
        return torch.device(self.source.trunk.where)

    @cached_property
    def objective(self) -> Objective:
        """What is learnt."""
        candidate = self.candidate
        examples = self.source.examples
        return objective_of(candidate.objective, examples, balanced=candidate.balanced)

    @cached_property
    def _scales(self) -> Scales:
        objective, train = self.objective, self.source.examples.parts["train"]
        scales = Scales.none(self.source.trunk.backbone.features)
        if self.strategy.pretrained:
            scales = Scales(*moments(train.features))
        return replace(scales, centre=objective.centre, spread=objective.spread)

    @property
    def views(self) -> tuple[View, ...]:
        """How each item is looked at, the first as in evaluation, where activations are stored."""
        if self.source.data.modality != "image":
            return (WHOLE,)
        candidate = self.candidate
        return fixed_views(candidate.recipe.views, candidate.seed, candidate.flip)

    def items(
        self, positions: NDArray[np.int64], progress: Progress, *, measured: bool = False
    ) -> Items:
        """Items as inputs; those to be measured on in one view.

        Raises:
            InputError: one of them cannot be read any more, or gives no finite numbers.
        """
        data = self.source.data.select(positions)
        if self.candidate.cut is None:
            preprocessing = self.source.trunk.backbone.preprocessing
            return decoded(data, preprocessing, self.candidate.flip)
        views = (WHOLE,) if measured else self.views
        found = [self.trunk.extract(data, progress, view) for view in views]
        for features in found:
            if features.skipped:
                first = features.skipped[0]
                raise InputError(
                    f"{first.item}: {first.reason} after {self.candidate.cut!r}, though it could "
                    "be used before; leave it out, name another --cut, or run the command again "
                    "if the file has changed."
                )
        return Activations(found)

    def copy(self) -> Copy:
        """A copy of what is trained of the backbone, ready for it."""
        backbone = self.source.trunk.backbone
        part = backbone.module if self.candidate.cut is None else self.trunk.cut.tail
        made = Copy.of(part, backbone)
        dropout, seed = self.candidate.recipe.dropout, self.candidate.seed
        self.strategy.prepare(made.module, backbone, dropout, seed)
        return made

    def network(self, copied: Copy) -> Network:
        """The copy with a head, on its device."""
        dropout = self.candidate.recipe.dropout
        outputs = max(1, len(self.source.examples.classes))
        network = Network(copied.module, outputs, dropout, self._scales)
        if self.strategy.pretrained and self.source.start is not None:
            network.start_from(self.source.start)
        return network.to(self.where).to(memory_format=torch.channels_last)

    def task(self, items: Items, part: Part, validate: Callable[[], float] | None) -> Task:
        """Items, targets and loss for the training loop."""
        smoothing = self.candidate.recipe.label_smoothing
        weighted = self.source.examples.parts["train"].weights is not None
        return Task(
            items=items,
            targets=weighted_targets(self.objective, part),
            loss=loss_of(self.objective, smoothing, weighted=weighted),
            validate=validate,
            where=self.where,
            bfloat16=self.source.trunk.precision == "bfloat16",
        )

    def answers(self, network: Network, items: Items) -> NDArray[Any]:
        """Logits (items, classes), or float64 values (items,) in their own unit."""
        return answers_of(self.objective, scores(network, items, self.where))

    def validate(self, network: Network, items: Items, part: Part) -> Callable[[], float] | None:
        """What chooses the best epoch; None without validation items."""
        if not len(part):
            return None
        return lambda: self.objective.validation_loss(self.answers(network, items), part.targets)

    def head(self, network: Network) -> LinearHead:
        """The network's head, as one of features and values as they are."""
        settings: dict[str, Any] = {"task": self.source.examples.task}
        if self.source.examples.task == "regression":
            settings |= {"centre": self.objective.centre, "spread": self.objective.spread}
        return LinearHead(arrays=network.arrays(), settings=settings)
