"""What a network answers, beside which its compiled graph is held on every machine."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headstart.data.texts import Tokeniser
from headstart.errors import InputError
from headstart.preprocessing import ImagePreprocessing, Preprocessing

APART = {"float32": 0.01, "bfloat16": 0.2}
"""How far a row of features may be from the network's own, as a share of its length: rounding gives
a hundredth of that, and what is wrong far more."""

FEATURES = "features"

SENTENCES = (
    "A cat.",
    "The quick brown fox jumps over the lazy dog.",
    "In 1687 Newton wrote: force is what changes how a body moves, whatever the body is made of!",
    "Je ne sais pas.",
)


@dataclass(frozen=True, eq=False)
class Reference:
    """A few inputs of a graph, and what the network gave for them in float32.

    Attributes:
        inputs: as the graph takes them, (rows, ...) each.
        features: (rows, ...); empty where they are not known: then it only counts that there is an
            answer.
    """

    inputs: tuple[NDArray[np.generic], ...]
    features: NDArray[np.float32]

    def distance(self, answer: NDArray[np.float32]) -> float:
        """How far an answer is from the network's own, of the row that is furthest.

        Infinite where it has no finite numbers but the network has; 0 where that has none either.
        """
        if not self.features.size:
            return 0.0
        own = self._rows(self.features)
        finite = np.isfinite(own).all(axis=1)
        own, other = own[finite], self._rows(answer)[finite]
        if not np.isfinite(other).all():
            return float("inf")
        lengths = np.maximum(np.linalg.norm(own, axis=1), np.finfo(np.float32).tiny)
        return float(np.max(np.linalg.norm(other - own, axis=1) / lengths, initial=0.0))

    def _rows(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """A row an item, without what stands at padding."""
        if features.shape != self.features.shape:
            return np.full((len(self.features), 1), np.nan)
        values = features.astype(np.float64)
        if len(self.inputs) > 1 and features.ndim > 2:
            values = values * self.inputs[1].astype(np.float64)[:, :, None]
        return values.reshape(len(values), -1)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Arrays by name; the inverse of `from_arrays`."""
        numbered = {f"input{at}": array for at, array in enumerate(self.inputs)}
        return {**numbered, FEATURES: self.features}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> "Reference":
        """See `to_arrays`.

        Raises:
            InputError: they are none of a reference.
        """
        inputs = tuple(arrays[name] for name in sorted(arrays) if name != FEATURES)
        rows = {len(array) for array in arrays.values() if array.ndim}
        if FEATURES not in arrays or len(inputs) not in (1, 2) or len(rows) != 1:
            raise InputError("The reference of the compiled network is not whole.")
        return cls(inputs, arrays[FEATURES].astype(np.float32))


def unknown(preprocessing: Preprocessing) -> Reference:
    """Inputs of a network whose own features for them are not known."""
    inputs = inputs_for(preprocessing)
    return Reference(inputs, np.empty((len(inputs[0]), 0), np.float32))


def inputs_for(preprocessing: Preprocessing) -> tuple[NDArray[np.generic], ...]:
    """Two images, or four texts of several lengths: all that a graph may do otherwise."""
    if isinstance(preprocessing, ImagePreprocessing):
        random = np.random.default_rng(0)
        height, width = preprocessing.height, preprocessing.width
        coarse = random.integers(0, 256, (2, -(-height // 16), -(-width // 16), 3), np.uint8)
        smooth = coarse.repeat(16, 1).repeat(16, 2)[:, :height, :width]
        noise = random.integers(-32, 33, smooth.shape)
        return (np.clip(smooth + noise, 0, 255).astype(np.uint8),)
    ids = Tokeniser(preprocessing).encode(SENTENCES).ids
    length = max(2, *map(len, ids))
    given = np.full((len(ids), length), preprocessing.pad_id, np.int64)
    mask = np.zeros((len(ids), length), np.int64)
    mask[:, 0] = 1
    for row, each in enumerate(ids):
        given[row, : len(each)] = each
        mask[row, : len(each)] = 1
    return given, mask
