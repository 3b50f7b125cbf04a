"""What adapting a backbone gives: a trained head, and the backbone's weights that changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from headstart import heads
from headstart.data.dataset import Task
from headstart.evaluation import ValidationResult
from headstart.features.trunk import Trunk
from headstart.heads.linear import LinearHead
from headstart.training.candidate import Candidate
from headstart.training.examples import Examples, Part

if TYPE_CHECKING:
    import torch

FEW = 30


@dataclass(frozen=True)
class Adapted:
    """A finished candidate.

    Attributes:
        strategy: how the backbone was adapted.
        cut: stage after which training began; None: before the first.
        head: scores features of the adapted backbone.
        start: the head as it was before it learnt from validation items too.
        judged: on the validation split, before the head learnt from it.
        trained_parameters: how many numbers were fitted.
        seconds: what it took.
        trunk: the whole backbone whose features the head takes, before it changed.
        examples: with the features that the unchanged backbone gives.
        candidate: what was trained, as it was in the end; None where the head alone was.
        weights: of the backbone, those that changed, by its module's own names.
        stages: what the features consist of, where they are not the last stage's alone.
        averaged_with: feature extraction, where the head takes its features and then those of the
            adapted backbone; see `headstart.training.averaged`.
        warnings: what a person should know.
        losses: on the validation items after each epoch; empty where the head alone was trained.
    """

    strategy: str
    cut: str | None
    head: heads.Head
    start: heads.Head
    judged: ValidationResult
    trained_parameters: int
    seconds: float
    trunk: Trunk
    examples: Examples
    candidate: Candidate | None = None
    weights: "Mapping[str, torch.Tensor]" = field(default_factory=dict)
    stages: tuple[str, ...] = ()
    averaged_with: "Adapted | None" = None
    warnings: tuple[str, ...] = ()
    losses: tuple[float, ...] = ()

    def looked_at(self, part: Part) -> Part:
        """A part of `examples` with the features alone that the head looks at; maybe none."""
        if not isinstance(self.head, LinearHead):
            return part
        return part.columns(np.flatnonzero(self.head.arrays["weight"].any(axis=1)))

    def without_weights(self) -> Self:
        """What a report needs of a rung that is not the model."""
        return self if not self.weights else replace(self, weights={}, averaged_with=None)


def few_to_calibrate_on(validation: int, task: Task) -> tuple[str, ...]:
    """A warning where so many validation items are too few."""
    if validation >= FEW or task == "regression":
        return ()
    return (f"Only {validation} items to calibrate on: take the probabilities with care.",)
