"""What validation items say of a candidate: its temperature, its metrics, its error on each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from headstart.evaluation.calibration import probabilities, scaled, temperature
from headstart.evaluation.intervals import Interval
from headstart.evaluation.metrics import evaluate
from headstart.types import Floats, Scores, Targets


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
    errors: Floats = field(default_factory=lambda: np.empty(0))
    scores: Scores = field(default_factory=lambda: np.empty(0, np.float32))


def judge(
    task: str, logits: Scores, targets: Targets, classes: tuple[str, ...], seed: int
) -> ValidationResult:
    """Calibrate on validation items, and measure on them; nothing where there are none."""
    if not len(targets):
        return ValidationResult()
    heat = temperature(task, logits, targets)
    scores = scaled(logits, heat)
    metrics = evaluate(task, targets, scores, classes, seed=seed).metrics
    return ValidationResult(heat, metrics, _errors(task, scores, targets), logits)


def _errors(task: str, scores: Scores, targets: Targets) -> Floats:
    if task == "regression":
        return np.asarray((scores.astype(np.float64) - targets) ** 2)
    answers = probabilities(task, scores)
    truth = targets
    if task == "classification":
        truth = np.eye(answers.shape[1])[targets.astype(np.int64)]
    return np.asarray(((answers - truth) ** 2).sum(axis=1))
