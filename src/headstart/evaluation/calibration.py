"""From logits to probabilities that can be believed.

One temperature divides all logits (Guo et al. 2017, "On Calibration of Modern Neural Networks").
It changes no ranking and no prediction. Needs numpy alone to give probabilities.
"""

import math
from collections.abc import Callable

import numpy as np

from headstart.types import Floats, Scores, Targets

_LOWEST, _HIGHEST = 0.05, 20.0

SCALE = 0.25


def log_softmax(logits: Scores) -> Floats:
    """Logarithm of the class probabilities, (n, classes), finite for finite logits."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def probabilities(task: str, logits: Scores) -> Floats:
    """Probabilities from logits (n, classes).

    Rows add up to one for classification; each column stands alone for multilabel.

    Raises:
        ValueError: the task has no probabilities (regression).
    """
    if task == "classification":
        return np.exp(log_softmax(logits))
    if task == "multilabel":
        halves = np.tanh(logits.astype(np.float64) / 2)
        return np.asarray((1 + halves) / 2, np.float64)
    raise ValueError(f"no probabilities for the task {task!r}")


def log_losses(task: str, logits: Scores, targets: Targets) -> Floats:
    """Log loss of each item (n,), in nats; for multilabel the mean over its labels.

    Args:
        task: "classification" or "multilabel".
        logits: (n, classes).
        targets: int (n,) of known classes, or 0/1 (n, classes) for multilabel.
    """
    if task == "classification":
        own = log_softmax(logits)[np.arange(len(targets)), targets]
        return np.asarray(-own, np.float64)
    wrong = np.where(targets > 0, -logits.astype(np.float64), logits)
    return np.asarray(np.logaddexp(0, wrong).mean(axis=1), np.float64)


def calibrate(
    task: str,
    logits: Scores,
    targets: Targets,
    weights: Floats | None = None,
    *,
    prior: Callable[[float], float] = lambda x: x**2 / 2,
) -> tuple[float, float]:
    """The temperature that minimises the log loss, and the mean log loss with it.

    A prior on the temperature's logarithm keeps the answer sane where the items cannot tell:
    perfectly separated, or none at all (then 1).

    Args:
        task: "classification" or "multilabel".
        logits: (n, classes), of items not used to fit the model.
        targets: as in `log_losses`; items of an unknown class (-1) are left out.
        weights: of each item (n,); equal where None.
        prior: minus the logarithm of that prior's density; by default it is worth about one item.
    """
    from scipy.optimize import minimize_scalar

    if task == "classification":
        known = targets >= 0
        logits, targets = logits[known], targets[known]
        weights = None if weights is None else weights[known]
    if not len(targets):
        return 1.0, math.nan

    def loss(log_temperature: float) -> float:
        scaled = logits / math.exp(log_temperature)
        return float(np.average(log_losses(task, scaled, targets), weights=weights))

    def penalised(log_temperature: float) -> float:
        return loss(log_temperature) + prior(log_temperature) / len(targets)

    found = minimize_scalar(
        penalised,
        bounds=(math.log(_LOWEST), math.log(_HIGHEST)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return math.exp(found.x), loss(found.x)


def scaled(scores: Scores, temperature: float) -> Scores:
    """Logits divided by a temperature, in their own precision; for values it is 1."""
    return np.asarray(scores / scores.dtype.type(temperature))


def near_one(log_temperature: float) -> float:
    """Of a model's temperature: most are near 1, and few validation items tell it badly.

    Cauchy's distribution, which gives way to clear evidence.
    """
    return math.log1p((log_temperature / SCALE) ** 2)


def temperature(task: str, logits: Scores, targets: Targets) -> float:
    """What to divide logits by, fitted on validation items; 1 for regression.

    Args:
        task: "classification", "multilabel" or "regression".
        logits: (n, classes).
        targets: int (n,), -1 for an unknown class; or 0/1 (n, classes) for multilabel.

    Returns:
        A number from 0.05 to 20; above 1 where the model was too sure of itself.
    """
    return 1.0 if task == "regression" else calibrate(task, logits, targets, prior=near_one)[0]
