"""Types that many modules share: arrays by what they hold, and JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Label = str | tuple[str, ...] | float
"""What is true of an item: a class, several classes, or a number."""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

Scores = NDArray[np.floating]
"""Logits (items, classes), or values (items,)."""

Numbers = NDArray[np.number]

Targets = Numbers
"""Labels as numbers: int (items,), 0/1 (items, classes), or float (items,)."""

Array = NDArray[Any]
"""Of a kind that is not known before it is looked at, such as what a user hands over."""

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""What JSON can say."""

JsonObject = dict[str, Json]

Unchecked = dict[str, Any]
"""A JSON object as it was read: what is in it is checked where it is used."""
