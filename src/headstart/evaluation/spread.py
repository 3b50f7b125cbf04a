"""The centre and the spread of numbers, of any size."""

import numpy as np

from headstart.types import Scores, Targets


def centre_and_spread(values: Scores | Targets) -> tuple[float, float]:
    """Mean and standard deviation of values (n,); a spread of 1 where they do not vary.

    In float64, and in units of the largest value, so that no square leaves it.
    """
    values = np.asarray(values, np.float64)
    largest = float(np.abs(values).max(initial=0.0)) or 1.0
    scaled = values / largest
    return float(scaled.mean()) * largest, float(scaled.std()) * largest or 1.0
