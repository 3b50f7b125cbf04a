"""Values as JSON holds them."""

import math
from collections.abc import Mapping
from pathlib import PurePath

import numpy as np

from headstart.evaluation import Interval
from headstart.types import Json, JsonObject

Metrics = Mapping[str, Interval]


def jsonable(value: object) -> Json:
    """The same value in JSON's own types: numpy's numbers and arrays too; NaN and inf are None.

    Raises:
        TypeError: JSON has nothing for it.
    """
    if isinstance(value, (np.ndarray, np.generic)):
        return jsonable(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): jsonable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(each) for each in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no type of JSON: {value!r}")


def metrics_to_json(metrics: Metrics) -> JsonObject:
    """`{metric: {"value", "low", "high"}}`."""
    return {name: each.to_json() for name, each in metrics.items()}
