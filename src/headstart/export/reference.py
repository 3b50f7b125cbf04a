"""What the saved predictor answers in 32-bit floats, one item at a time."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from headstart.evaluation.decisions import HALF, Decision, LabelThresholds
from headstart.export.written import Asked
from headstart.predictors import Model
from headstart.types import Array


def reference(model: Model) -> Callable[[Asked], Array]:
    """Probabilities (N, classes), or values (N,), of images of the network's size, or tokens.

    Features are not rounded to half precision, as those are that the predictor gives its head.
    """
    exact = replace(model, precision="float32")
    engine = exact.engine

    def answer(given: Asked) -> Array:
        features = engine.compute(given).astype(np.float32, copy=False)
        scores = exact.head.scores(features[:, : exact.width])
        return scores if exact.task == "regression" else exact.probabilities(scores)

    return answer


def decided(model: Model, shares: Array) -> Array:
    """What the model answers of probabilities: indices (N,), or which classes (N, classes)."""
    decision: Decision | None = model.decision
    if model.task == "multilabel":
        if not isinstance(decision, LabelThresholds):
            decision = LabelThresholds((HALF,) * len(model.classes))
        return decision.has_class(shares)
    if decision is None or isinstance(decision, LabelThresholds):
        return np.asarray(shares.argmax(axis=1), np.int64)
    return decision.best_class(shares)
