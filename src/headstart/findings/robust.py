"""How far numbers are from the middle of all, where a few may be anything."""

import numpy as np

from headstart.types import Floats

_TO_DEVIATION = 1.4826
"""A normal distribution's standard deviation, in units of its median absolute deviation."""


def deviations(values: Floats) -> Floats:
    """Distances (n,) from the median, in robust standard deviations.

    Where more than half of the values are the same, the standard deviation of the others is the
    unit; 0 where all are.
    """
    centred = values - np.median(values)
    spread = _TO_DEVIATION * np.median(np.abs(centred))
    if spread == 0:
        spread = centred.std()
    return np.asarray(centred / spread if spread > 0 else np.zeros_like(centred))
