"""A cell of any library as one of Python's own values."""

from decimal import Decimal
from enum import Enum
from numbers import Integral, Real

import numpy as np

_OWN = (str, bool, int, type(None))
_SEVERAL = (list, tuple, set, frozenset)
PANDAS_MISSING = ("NAType", "NaTType")
"""Types of pandas.NA and pandas.NaT, recognised by name: pandas is not imported for it."""
_METHODS = ("as_py", "tolist", "to_list", "numpy")
"""Of pyarrow; of numpy, torch, JAX and pandas; of polars; of TensorFlow."""


def plain(cell: object) -> object:
    """The cell as a bool, int, float, `str`, a list of such, or None where it is missing.

    NaN, NaT and pandas.NA are missing. What is none of these comes back as it is.
    """
    if isinstance(cell, _SEVERAL):
        return [each if isinstance(each, _SEVERAL) else plain(each) for each in cell]
    if type(cell) in _OWN:
        return cell
    if isinstance(cell, str):
        return str.__str__(cell)
    if isinstance(cell, Enum):
        return plain(cell.value)
    if type(cell).__name__ in PANDAS_MISSING:
        return None
    if isinstance(cell, (np.datetime64, np.timedelta64)):
        kind = "datetime64[us]" if isinstance(cell, np.datetime64) else "timedelta64[us]"
        return None if np.isnat(cell) else cell.astype(kind).tolist()
    if isinstance(cell, Integral):
        return int(cell)
    if isinstance(cell, (Real, Decimal)):
        return _float(cell)
    for name in _METHODS:
        method = getattr(cell, name, None)
        if callable(method) and not isinstance(cell, type):
            return plain(method())
    return cell


def _float(cell: Real | Decimal) -> float | None:
    try:
        value = float(cell)
    except ValueError:  # a signalling NaN
        return None
    except OverflowError:  # a fraction beyond every float
        return float("inf")
    return None if value != value else value
