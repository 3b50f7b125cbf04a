"""What adapting a backbone gives: a trained head, and the backbone's weights that changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from headstart import heads
from headstart.data.dataset import Task
from headstart.evaluation import Interval, evaluate, probabilities, temperature
from headstart.evaluation.calibration import scaled
from headstart.features.trunk import Trunk
from headstart.training.candidate import Candidate
from headstart.training.examples import Examples

if TYPE_CHECKING:
    import torch

FEW = 30


@dataclass(frozen=True)
class ValidationResult:
    """What validation items say of scores.

    Attributes:
        temperature: divides the logits, so that probabilities mean something.
        metrics: of the calibrated scores.
        errors: (items,) squared error of the answer to each item, probabilities or values.
        scores: (items, classes) logits before calibration, or (items,) values.
    """

    temperature: float = 1.0
    metrics: Mapping[str, Interval] = field(default_factory=dict)
    errors: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    scores: NDArray[Any] = field(default_factory=lambda: np.empty(0, np.float32))


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

    def without_weights(self) -> Self:
        """What a report needs of a rung that is not the model."""
        return self if not self.weights else replace(self, weights={}, averaged_with=None)


def few_to_calibrate_on(validation: int, task: Task) -> tuple[str, ...]:
    """A warning where so many validation items are too few."""
    if validation >= FEW or task == "regression":
        return ()
    return (f"Only {validation} items to calibrate on: take the probabilities with care.",)


def judge(
    task: Task,
    logits: NDArray[Any],
    targets: NDArray[Any],
    classes: tuple[str, ...],
    seed: int,
) -> ValidationResult:
    """Calibrate on validation items, and measure on them; nothing where there are none."""
    if not len(targets):
        return ValidationResult()
    heat = temperature(task, logits, targets)
    scores = scaled(logits, heat)
    metrics = evaluate(task, targets, scores, classes, seed=seed).metrics
    return ValidationResult(heat, metrics, _errors(task, scores, targets), logits)


def _errors(task: Task, scores: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
    if task == "regression":
        return np.asarray((scores.astype(np.float64) - targets) ** 2)
    answers = probabilities(task, scores)
    truth = np.eye(answers.shape[1])[targets] if task == "classification" else targets
    return np.asarray(((answers - truth) ** 2).sum(axis=1))
