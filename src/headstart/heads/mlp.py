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

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from headstart.evaluation.calibration import calibrate
from headstart.heads.contract import (
    Array,
    Balance,
    Validation,
    check_arrays,
    check_width,
    in_unit,
    moments,
    setting,
    standardised,
    unit_of,
    weighing,
)
from headstart.randomness import seeded

if TYPE_CHECKING:
    import torch

_WIDTH, _WIDEST = 256, 65_536
_EPOCHS = 50
_PATIENCE = 8
_BATCH = 128
_FEWEST_BATCHES, _MOST_BATCHES = 16, 500
_RATE = 3e-4
_DECAY = 1.0
_DROPOUT = 0.5
_SCORED_AT_ONCE = 65_536
_WORTH_THREADS = 1_000_000
_PLAIN_RATE, _PLAIN_EPSILON, _PLAIN_BATCH = 1e-3, 1e-7, 32


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
    arrays: dict[str, Array]
    settings: dict[str, Any]

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
    def options(text: str) -> dict[str, Any]:
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
        validation: Validation | None = None,
    ) -> "PerceptronHead":
        """See `headstart.heads.fit`; by default 256 units, and at most 50 epochs.

        The setting `epochs` is the epoch that the weights are from; with `epochs` given, `history`
        has a list of losses `loss`, and `val_loss` where there are validation items.
        """
        import torch
        from joblib import cpu_count

        plain = epochs is not None
        mean, scale = np.zeros(features.shape[1]), np.ones(features.shape[1])
        if not plain:
            mean, scale = moments(features)
        unit = unit_of(targets) if task == "regression" else {}
        weights = weighing(targets, classes, balance, weights)

        def prepared(items: Array, answers: Array) -> "tuple[torch.Tensor, torch.Tensor]":
            y = (answers - unit["centre"]) / unit["spread"] if unit else answers
            kind = np.int64 if task == "classification" else np.float32
            rows = np.asarray(items, np.float32)
            rows = rows if plain else standardised(rows, mean, scale)
            return torch.from_numpy(rows), torch.from_numpy(np.asarray(y).astype(kind))

        train = prepared(features, targets)
        held_out = prepared(*validation) if validation and len(validation[0]) else None
        each = None if weights is None else torch.from_numpy(weights.astype(np.float32))
        settings: dict[str, Any] = {"task": task, **unit}
        if epochs is not None:
            large = features.shape[1] * width > _WORTH_THREADS
            with _deterministic(seed, cpu_count() if large else 1):
                network = plain_network(features.shape[1], width, max(classes, 1))
                settings["history"] = train_plainly(network, train, each, held_out, task, epochs)
            settings["epochs"] = epochs
        else:
            with _deterministic(seed, 1):
                network = _network(features.shape[1], width, max(classes, 1))
                network, settings["epochs"] = _train(network, train, each, held_out, task)
        return cls(arrays=_arrays(network, mean, scale), settings=settings)


def plain_network(features: int, width: int, outputs: int) -> "torch.nn.Sequential":
    """Dense(width, relu) and Dense(outputs), as Keras initialises them."""
    from torch import nn

    network = nn.Sequential(nn.Linear(features, width), nn.ReLU(), nn.Linear(width, outputs))
    for layer in (network[0], network[2]):
        nn.init.xavier_uniform_(layer.weight)  # type: ignore[arg-type]
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return network


def train_plainly(
    network: "torch.nn.Sequential",
    train: "tuple[torch.Tensor, torch.Tensor]",
    weights: "torch.Tensor | None",
    validation: "tuple[torch.Tensor, torch.Tensor] | None",
    task: str,
    epochs: int,
) -> dict[str, list[float]]:
    """Train `network` in place for so many epochs, as Keras's `fit` does by default.

    Args:
        network: from features to scores.
        train: features (n, d) and targets (n, ...).
        weights: of the training items (n,); equal where None.
        validation: features and targets that are looked at after each epoch.
        task: classification, multilabel or regression.
        epochs: how many.

    Returns:
        The losses of each epoch: `loss`, and `val_loss` where there are validation items.
    """
    import torch

    rows, targets = train
    optimiser = torch.optim.Adam(
        network.parameters(), lr=_PLAIN_RATE, eps=_PLAIN_EPSILON, fused=True
    )
    history: dict[str, list[float]] = {"loss": []}
    if validation is not None:
        history["val_loss"] = []
    for _ in range(epochs):
        total = 0.0
        for index in torch.split(torch.randperm(len(rows)), _PLAIN_BATCH):
            losses = _losses(task, network(rows[index]), targets[index])
            loss = (losses if weights is None else losses * weights[index]).mean()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += float(loss.detach()) * len(index)
        history["loss"].append(total / len(rows))
        if validation is not None:
            with torch.inference_mode():
                held_out = _losses(task, network(validation[0]), validation[1])
            history["val_loss"].append(float(held_out.mean()))
    return history


def _network(features: int, width: int, outputs: int) -> "torch.nn.Sequential":
    from torch import nn

    return nn.Sequential(
        nn.Linear(features, width), nn.ReLU(), nn.Dropout(_DROPOUT), nn.Linear(width, outputs)
    )


def _train(
    network: "torch.nn.Sequential",
    train: "tuple[torch.Tensor, torch.Tensor]",
    weights: "torch.Tensor | None",
    validation: "tuple[torch.Tensor, torch.Tensor] | None",
    task: str,
) -> "tuple[torch.nn.Sequential, int]":
    """The trained network and after how many epochs its weights are from."""
    import torch

    rows, targets = train
    # An epoch is enough steps to learn from for few items, and not too many for a million.
    batches = max(_FEWEST_BATCHES, min(math.ceil(len(rows) / _BATCH), _MOST_BATCHES))
    batches = min(batches, len(rows))
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _EPOCHS * batches)
    best, least, kept = 0, math.inf, network
    for epoch in range(1, _EPOCHS + 1):
        network.train()
        for index in torch.randperm(len(rows)).tensor_split(batches):
            losses = _losses(task, network(rows[index]), targets[index])
            loss = (losses if weights is None else losses * weights[index]).mean()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        if validation is None:
            continue
        network.eval()
        with torch.inference_mode():
            reached = _validation_loss(task, network(validation[0]), validation[1])
        if reached < least:
            best, least, kept = epoch, reached, copy.deepcopy(network)
        if epoch - best >= _PATIENCE:
            break
    return (network, _EPOCHS) if validation is None else (kept, best)


def _losses(task: str, scores: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
    """Loss of each item."""
    from torch.nn import functional

    if task == "classification":
        return functional.cross_entropy(scores, targets, reduction="none")
    if task == "multilabel":
        losses = functional.binary_cross_entropy_with_logits(scores, targets, reduction="none")
        return losses.mean(dim=1)
    return (scores[:, 0] - targets) ** 2


def _validation_loss(task: str, scores: "torch.Tensor", targets: "torch.Tensor") -> float:
    """Mean loss, after the best temperature where there is one."""
    if task == "regression":
        return float(_losses(task, scores, targets).mean())
    return calibrate(task, scores.numpy(), targets.numpy())[1]


@contextmanager
def _deterministic(seed: int, threads: int) -> Iterator[None]:
    """Seed torch for a while, on a number of threads, and leave it as it was found.

    The number of threads changes last digits, so it must not hang on what else is set.
    """
    import torch

    before = torch.get_num_threads()
    with seeded(seed):
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _arrays(network: "torch.nn.Sequential", mean: Array, scale: Array) -> dict[str, Array]:
    """The network as arrays that take features as they are."""
    weight1, bias1, weight2, bias2 = (
        each.detach().numpy().astype(np.float64) for each in network.parameters()
    )
    first = weight1.T * scale[:, None]
    folded = {
        "weight1": first,
        "bias1": bias1 - mean @ first,
        "weight2": weight2.T,
        "bias2": bias2,
    }
    return {name: np.ascontiguousarray(each, np.float32) for name, each in folded.items()}
