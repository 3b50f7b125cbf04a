"""What is learnt: targets as numbers, the loss, and what validation items say of the answers.

Each is made for the training items of one run, and registered in `headstart.registry.OBJECTIVES`:
the usual one of a task by the name of the task, others by names of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from headstart.data.weights import balanced_weights
from headstart.evaluation.calibration import calibrate
from headstart.evaluation.spread import centre_and_spread
from headstart.registry import OBJECTIVES
from headstart.types import Targets

MAD = 1.4826
"""A normal distribution's standard deviation, over the median distance from its median."""

Answers = NDArray[np.float32] | NDArray[np.float64]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Objective(Protocol):
    """See the module; a class of them has the name of its `task`."""

    task: ClassVar[str]

    @property
    def centre(self) -> float:
        """Values are learnt as `(value - centre) / spread`; 0 where there are none."""
        ...

    @property
    def spread(self) -> float:
        """See `centre`; 1 where there are no values."""
        ...

    @classmethod
    def of(cls, targets: Targets, classes: int, *, balanced: bool) -> Self:
        """The objective of some training items.

        Args:
            targets: theirs; see `targets`.
            classes: how many; 0 for regression.
            balanced: whether the classes weigh the same, whatever their size (classification).
        """
        ...

    def targets(self, targets: Targets) -> torch.Tensor:
        """Float (items, outputs), of classes or values (items,) or of 0 and 1 (items, classes)."""
        ...

    def losses(self, scores: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:
        """The loss (items,) of scores (items, outputs); `smoothing` is a share of each target."""
        ...

    def loss(self, scores: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:
        """The mean of `losses`, each class counting as it weighs."""
        ...

    def validation_loss(self, answers: Answers, targets: Targets) -> float:
        """What chooses the best epoch, lower is better: a loss that calibration cannot repair."""
        ...


@dataclass(frozen=True, eq=False)
class Classification:
    """One class an item; see `Objective`.

    Attributes:
        weights: of the classes, float (classes,); equal where None.
    """

    classes: int
    weights: torch.Tensor | None = None
    task: ClassVar[str] = "classification"
    centre: ClassVar[float] = 0.0
    spread: ClassVar[float] = 1.0

    @classmethod
    def of(cls, targets: Targets, classes: int, *, balanced: bool) -> Self:
        """See `Objective.of`."""
        if not balanced:
            return cls(classes)
        weights = torch.zeros(classes)
        each = torch.from_numpy(balanced_weights(targets, classes)).float()
        weights[torch.from_numpy(targets.astype(np.int64))] = each
        return cls(classes, weights)

    def targets(self, targets: Targets) -> torch.Tensor:
        """See `Objective.targets`: 1 for the class of an item, 0 for the others."""
        classes = torch.from_numpy(np.asarray(targets)).long()
        return functional.one_hot(classes, self.classes).float()

    def losses(self, scores: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:
        """See `Objective.losses`."""
        return self._cross_entropy(scores, targets, smoothing, "none")

    def loss(self, scores: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:
        """See `Objective.loss`."""
        return self._cross_entropy(scores, targets, smoothing, "mean")

    def _cross_entropy(
        self, scores: torch.Tensor, targets: torch.Tensor, smoothing: float, reduction: str
    ) -> torch.Tensor:
        weights = None if self.weights is None else self.weights.to(scores.device)
        return functional.cross_entropy(
            scores, targets, weight=weights, label_smoothing=smoothing, reduction=reduction
        )

    def validation_loss(self, answers: Answers, targets: Targets) -> float:
        """See `Objective.validation_loss`."""
        return calibrate("classification", answers, targets)[1]


@dataclass(frozen=True, eq=False)
class MultiLabel:
    """Any number of classes an item; see `Objective`."""

    task: ClassVar[str] = "multilabel"
    centre: ClassVar[float] = 0.0
    spread: ClassVar[float] = 1.0

    @classmethod
    def of(cls, targets: Targets, classes: int, *, balanced: bool) -> Self:  # noqa: ARG003
        """See `Objective.of`; classes are not weighed."""
        return cls()

    def targets(self, targets: Targets) -> torch.Tensor:
        """See `Objective.targets`."""
        return torch.from_numpy(np.asarray(targets)).float()

    def losses(self, scores: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:  # noqa: ARG002
        """See `Objective.losses`; nothing is smoothed."""
        losses = functional.binary_cross_entropy_with_logits(scores, targets, reduction="none")
        return losses.mean(dim=1)

    def loss(self, scores: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:  # noqa: ARG002
        """See `Objective.loss`."""
        return functional.binary_cross_entropy_with_logits(scores, targets)

    def validation_loss(self, answers: Answers, targets: Targets) -> float:
        """See `Objective.validation_loss`."""
        return calibrate("multilabel", answers, targets)[1]


@dataclass(frozen=True)
class Regression:
    """A number an item; see `Objective`."""

    centre: float
    spread: float
    task: ClassVar[str] = "regression"

    @classmethod
    def of(cls, targets: Targets, classes: int, *, balanced: bool) -> Self:  # noqa: ARG003
        """See `Objective.of`."""
        return cls(*centre_and_spread(targets))

    def targets(self, targets: Targets) -> torch.Tensor:
        """See `Objective.targets`."""
        values = torch.from_numpy(np.asarray(targets, np.float64))
        return ((values - self.centre) / self.spread).float()[:, None]

    def losses(self, scores: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:  # noqa: ARG002
        """See `Objective.losses`."""
        return ((scores - targets) ** 2).mean(dim=1)

    def loss(self, scores: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:  # noqa: ARG002
        """See `Objective.loss`."""
        return functional.mse_loss(scores, targets)

    def validation_loss(self, answers: Answers, targets: Targets) -> float:
        """See `Objective.validation_loss`: the mean squared error, in the unit of the values."""
        return float(np.mean((answers - targets.astype(np.float64)) ** 2))


@dataclass(frozen=True)
class Huber(Regression):
    """A number an item, by a loss that grows no faster than the error once that is large.

    A few values that are far out or wrong pull less (Huber 1964, "Robust Estimation of a Location
    Parameter").
    """

    @classmethod
    def of(cls, targets: Targets, classes: int, *, balanced: bool) -> Self:  # noqa: ARG003
        """See `Objective.of`: the unit is one that values far out do not widen."""
        values = targets.astype(np.float64)
        middle = float(np.median(values))
        spread = MAD * float(np.median(np.abs(values - middle)))
        return cls(middle, spread) if spread else cls(*centre_and_spread(values))

    def losses(self, scores: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:  # noqa: ARG002
        """See `Objective.losses`."""
        return functional.huber_loss(scores, targets, reduction="none").mean(dim=1)

    def loss(self, scores: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:  # noqa: ARG002
        """See `Objective.loss`."""
        return functional.huber_loss(scores, targets)

    def validation_loss(self, answers: Answers, targets: Targets) -> float:
        """See `Objective.validation_loss`: the mean of the same loss."""
        errors = torch.from_numpy((answers - targets.astype(np.float64)) / self.spread)
        return float(functional.huber_loss(errors, torch.zeros_like(errors)))


def objective_of(name: str, targets: Targets, classes: int, *, balanced: bool) -> Objective:
    """What is learnt from some training items, by the name of an objective; see `Objective.of`."""
    kind: type[Objective] = OBJECTIVES.resolve(name)
    return kind.of(targets, classes, balanced=balanced)


def answers_of(objective: Objective, scores: NDArray[np.float32]) -> Answers:
    """Logits (items, classes), or float64 values (items,) in their own unit, of `scores`.

    It is what the saved head does, whatever the objective.
    """
    if objective.task != "regression":
        return scores
    return scores[:, 0].astype(np.float64) * objective.spread + objective.centre


def weighted_targets(
    objective: Objective, targets: Targets, weights: NDArray[np.float64] | None
) -> torch.Tensor:
    """Float (items, outputs), and where items weigh one more column: their weights, of mean one."""
    wanted = objective.targets(targets)
    if weights is None:
        return wanted
    column = torch.from_numpy(weights / (weights.mean() or 1)).float()
    return torch.cat([wanted, column[:, None]], dim=1)


def loss_of(objective: Objective, smoothing: float, *, weighted: bool) -> Loss:
    """The loss that is trained on, of scores and of what `weighted_targets` gives."""
    if weighted:
        return lambda scores, targets: (
            objective.losses(scores, targets[:, :-1], smoothing) * targets[:, -1]
        ).mean()
    return lambda scores, targets: objective.loss(scores, targets, smoothing)
