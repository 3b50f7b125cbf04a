"""Types that many modules share: arrays by what they hold, and JSON."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Label = str | tuple[str, ...] | float
"""What is true of an item: a class, several classes, or a number."""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

Scores = NDArray[np.floating]
"""Logits (items, classes), or values (items,)."""

Targets = NDArray[np.number]
"""Labels as numbers: int (items,), 0/1 (items, classes), or float (items,)."""

Arrays = Mapping[str, NDArray[np.generic]]
"""Arrays of any kind by name."""

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""What JSON can say."""

JsonObject = dict[str, Json]
