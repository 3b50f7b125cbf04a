"""Values as JSON holds them, and metrics back from it."""

import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from headstart.evaluation import Interval

Metrics = Mapping[str, Interval]


def jsonable(value: Any) -> Any:
    """The same value in JSON's own types: numpy's numbers and arrays too; NaN and inf are None."""
    if isinstance(value, (np.ndarray, np.generic)):
        return jsonable(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): jsonable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(each) for each in value]
    return str(value) if isinstance(value, PurePath) else value


def metrics_to_json(metrics: Metrics) -> dict[str, Any]:
    """`{metric: {"value", "low", "high"}}`."""
    return {name: each.to_json() for name, each in metrics.items()}


def metrics_from_json(saved: Mapping[str, Any]) -> dict[str, Interval]:
    """The inverse of `metrics_to_json`; null comes back as NaN.

    Raises:
        KeyError, TypeError: `saved` was not made by `metrics_to_json`.
    """
    return {
        name: Interval(*(_number(each[key]) for key in ("value", "low", "high")))
        for name, each in saved.items()
    }


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
