"""One hidden layer of rectified units: the `Dense(256, relu)` of every tutorial.

Trained by AdamW (Loshchilov and Hutter 2019) with dropout on standardised features; mean and
scale are folded into the saved first layer. With validation data the weights of the best epoch
are kept, by the loss after a temperature as for the linear head, and training stops when eight
epochs brought no better ones.

Asked for a number of epochs, it is trained as every tutorial does, with Keras's defaults: features
as they are, no dropout and no weight decay, Glorot's uniform initialisation (Glorot and Bengio
2010) with zero biases, Adam (Kingma and Ba 2015) at 1e-3, batches of 32, that many epochs, and the
weights of the last. The loss on training items (over each epoch, as it is learnt) and on
validation items (after it) are kept as its history.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from headstart.heads.contract import (
    Balance,
    Validation,
    check_arrays,
    check_width,
    in_unit,
    moments,
    setting,
    standardised,
    weighing,
)
from headstart.types import Array, JsonObject

if TYPE_CHECKING:
    from headstart.heads.mlp_training import Rows

_WIDTH, _WIDEST = 256, 65_536
_SCORED_AT_ONCE = 65_536


@dataclass(frozen=True)
class PerceptronHead:
    """Arrays weight1 (d, width), bias1 (width,), weight2 (width, outputs), bias2 (outputs,).

    For regression they give `(value - centre) / spread`, with `centre` and `spread` among the
    settings.
    """

    name: ClassVar[str] = "mlp"
    in_epochs: ClassVar[bool] = True
    stops_early: ClassVar[bool] = True
    kept: ClassVar[bool] = False
    choices: ClassVar[tuple[str, ...]] = ()
    arrays: dict[str, Array]
    settings: JsonObject

    def __post_init__(self) -> None:
        axes = {"weight1": "dw", "bias1": "w", "weight2": "wo", "bias2": "o"}
        check_arrays(self.name, self.arrays, axes)
        setting(self.name, self.settings, "task", str)
        in_unit(self.name, self.settings, np.zeros(0))

    @property
    def trained_parameters(self) -> int:
        """See `Head.trained_parameters`."""
        return sum(array.size for array in self.arrays.values())

    def scores(self, features: Array) -> Array:
        """See `Head.scores`."""
        weight1, bias1, weight2, bias2 = (
            self.arrays[name] for name in ("weight1", "bias1", "weight2", "bias2")
        )
        check_width(features, len(weight1))
        scores = np.empty((len(features), len(bias2)), np.float32)
        for start in range(0, len(features), _SCORED_AT_ONCE):
            rows = slice(start, start + _SCORED_AT_ONCE)
            hidden = features[rows].astype(np.float32, copy=False) @ weight1 + bias1
            scores[rows] = np.maximum(hidden, 0, out=hidden) @ weight2 + bias2
        if self.settings["task"] == "regression":
            return in_unit(self.name, self.settings, scores[:, 0])
        return scores

    @staticmethod
    def options(text: str) -> JsonObject:
        """The `width` in `mlp:WIDTH`: see `HeadType.options`."""
        if text.isascii() and text.isdigit() and 1 <= int(text) <= _WIDEST:
            return {"width": int(text)}
        raise ValueError(f"it must be mlp or mlp:WIDTH, a whole number from 1 to {_WIDEST:,}")

    @classmethod
    def fit(
        cls,
        features: npt.NDArray[np.float32],
        targets: Array,
        *,
        task: str,
        classes: int,
        seed: int,
        width: int = _WIDTH,
        epochs: int | None = None,
        balance: Balance = "none",
        weights: Array | None = None,
        together: Array | None = None,  # noqa: ARG003
        validation: Validation | None = None,
    ) -> "PerceptronHead":
        """See `headstart.heads.fit`; by default 256 units, and at most 50 epochs.

        The setting `epochs` is the epoch that the weights are from; with `epochs` given, `history`
        has a list of losses `loss`, and `val_loss` where there are validation items.
        """
        from headstart.heads import mlp_training as learning
        from headstart.learning.objectives import objective_of

        mean, scale = np.zeros(features.shape[1]), np.ones(features.shape[1])
        if epochs is None:
            mean, scale = moments(features)
        objective = objective_of(task, targets, classes, balanced=False)
        weights = weighing(targets, classes, balance, weights)

        def rows(items: Array, answers: Array, weights: Array | None = None) -> "Rows":
            own = None if weights is None else weights.astype(np.float32)
            plain = np.asarray(items, np.float32)
            scaled = plain if epochs is not None else standardised(plain, mean, scale)
            return learning.Rows(scaled, answers, own)

        train = rows(features, targets, weights)
        held_out = rows(*validation) if validation and len(validation[0]) else None
        shape = (features.shape[1], width, max(classes, 1))
        settings: JsonObject = {"task": task}
        if task == "regression":
            settings |= {"centre": objective.centre, "spread": objective.spread}
        if epochs is None:
            layers, best = learning.stopped(shape, objective, train, held_out, seed)
            settings["epochs"] = best
        else:
            layers, history = learning.plain(shape, objective, train, held_out, seed, epochs)
            settings |= {"history": history, "epochs": epochs}
        return cls(arrays=_folded(*layers, mean, scale), settings=settings)


def _folded(
    weight1: Array, bias1: Array, weight2: Array, bias2: Array, mean: Array, scale: Array
) -> dict[str, Array]:
    """The layers of a network as arrays that take features as they are."""
    first = weight1.T * scale[:, None]
    folded = {
        "weight1": first,
        "bias1": bias1 - mean @ first,
        "weight2": weight2.T,
        "bias2": bias2,
    }
    return {name: np.ascontiguousarray(each, np.float32) for name, each in folded.items()}
