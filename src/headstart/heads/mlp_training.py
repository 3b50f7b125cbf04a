"""How the perceptron of `headstart.heads.mlp` learns: by early stopping, or for so many epochs."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from joblib import cpu_count
from numpy.typing import NDArray
from torch import nn

from headstart.learning.loop import Training
from headstart.learning.objectives import Objective, answers_of
from headstart.randomness import seeded
from headstart.types import Floats, Targets

EPOCHS = 50
PATIENCE = 8
BATCH = 128
FEWEST_BATCHES, MOST_BATCHES = 16, 500
RATE = 3e-4
DECAY = 1.0
DROPOUT = 0.5
WORTH_THREADS = 1_000_000
"""Numbers of the first layer from which more than one thread is faster."""

JUDGED = 4096
"""Items whose losses are computed at once."""

PLAIN_RATE, PLAIN_EPSILON, PLAIN_BATCH = 1e-3, 1e-7, 32

Shape = tuple[int, int, int]
"""Features, hidden units and outputs."""

Layers = tuple[Floats, Floats, Floats, Floats]
"""Weight (units, features) and bias of the hidden layer, and the same of the outputs."""

History = dict[str, list[float]]


@dataclass(frozen=True)
class Rows:
    """Items to learn from or to be judged by.

    Attributes:
        features: (items, size).
        targets: (items,) classes or values, or (items, classes) of 0 and 1.
        weights: (items,) how much each counts; equal where None.
    """

    features: NDArray[np.float32]
    targets: Targets
    weights: NDArray[np.float32] | None = None


class _Perceptron(Training[torch.Tensor]):
    """Batches are indices of rows that are in memory."""

    def __init__(
        self,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        objective: Objective,
        train: Rows,
        validation: Rows | None,
        *,
        planned: int,
        patience: float = math.inf,
    ) -> None:
        super().__init__(network, optimiser, planned=planned, patience=patience)
        self.objective, self.validation = objective, validation
        self.features = torch.from_numpy(train.features)
        self.targets = train.targets
        self.item_weights = None if train.weights is None else torch.from_numpy(train.weights)

    def backward(self, batch: torch.Tensor) -> torch.Tensor:
        """See `Training.backward`."""
        # Rows whole: a fifth of the time of `features[batch]`.
        scores = self.network(self.features.index_select(0, batch))
        # Only of the batch: a row for each item and a column for each class may be gigabytes.
        wanted = self.objective.targets(self.targets[batch.numpy()])
        losses = self.objective.losses(scores, wanted, 0.0)
        weighted = losses if self.item_weights is None else losses * self.item_weights[batch]
        loss = weighted.mean()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
        return loss.detach()

    def scores(self, rows: Rows) -> torch.Tensor:
        """Of rows to be judged by, in evaluation mode."""
        self.network.eval()
        with torch.inference_mode():
            scores: torch.Tensor = self.network(torch.from_numpy(rows.features))
        return scores


class _Stopping(_Perceptron):
    """AdamW with a rate that falls to nothing; the best epoch is kept, and patience ends it."""

    def __init__(
        self, network: nn.Module, objective: Objective, train: Rows, validation: Rows | None
    ) -> None:
        items = len(train.features)
        # An epoch is enough steps to learn from for few items, and not too many for a million.
        steps = max(FEWEST_BATCHES, min(math.ceil(items / BATCH), MOST_BATCHES))
        self.steps = min(steps, items)
        optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
        planned = EPOCHS * self.steps
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, planned)
        super().__init__(
            network, optimiser, objective, train, validation, planned=planned, patience=PATIENCE
        )

    def batches(self) -> Iterator[torch.Tensor]:
        """See `Training.batches`: of one size, but for one item."""
        return iter(torch.randperm(len(self.features)).tensor_split(self.steps))

    def stepped(self, batch: torch.Tensor, loss: torch.Tensor) -> None:  # noqa: ARG002
        """See `Training.stepped`."""
        self.schedule.step()

    def validate(self) -> float | None:
        """See `Training.validate`."""
        if self.validation is None:
            return None
        answers = answers_of(self.objective, self.scores(self.validation).numpy())
        return self.objective.validation_loss(answers, self.validation.targets)


class _Plain(_Perceptron):
    """Adam at one rate for so many epochs, of which the last is kept; losses are noted."""

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        train: Rows,
        validation: Rows | None,
        epochs: int,
    ) -> None:
        parameters = network.parameters()
        optimiser = torch.optim.Adam(parameters, lr=PLAIN_RATE, eps=PLAIN_EPSILON, fused=True)
        planned = epochs * math.ceil(len(train.features) / PLAIN_BATCH)
        super().__init__(network, optimiser, objective, train, validation, planned=planned)
        self.total = 0.0
        self.history: History = {"loss": []}
        if validation is not None:
            self.history["val_loss"] = []

    def batches(self) -> Iterator[torch.Tensor]:
        """See `Training.batches`: the last takes what is left."""
        self.total = 0.0
        return iter(torch.split(torch.randperm(len(self.features)), PLAIN_BATCH))

    def stepped(self, batch: torch.Tensor, loss: torch.Tensor) -> None:
        """See `Training.stepped`."""
        self.total += float(loss) * len(batch)

    def ended(self) -> None:
        """See `Training.ended`."""
        self.history["loss"].append(self.total / len(self.features))
        if self.validation is not None:
            scores, known = self.scores(self.validation), self.validation.targets
            parts = [slice(at, at + JUDGED) for at in range(0, len(known), JUDGED)]
            losses = [
                self.objective.losses(scores[part], self.objective.targets(known[part]), 0.0)
                for part in parts
            ]
            self.history["val_loss"].append(float(torch.cat(losses).mean()))


def stopped(
    shape: Shape, objective: Objective, rows: Rows, validation: Rows | None, seed: int
) -> tuple[Layers, int]:
    """Train a perceptron, and stop where validation items say so.

    Args:
        shape: features, hidden units and outputs.
        objective: what is learnt.
        rows: to learn from.
        validation: on which to stop; None trains for all epochs.
        seed: every random choice follows from it.

    Returns:
        Its layers, and the epoch that they are from.
    """
    features, width, outputs = shape
    with _deterministic(seed, 1):
        network = nn.Sequential(
            nn.Linear(features, width), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(width, outputs)
        )
        trained = _Stopping(network, objective, rows, validation).run()
    return _layers(network), trained.best_epoch


def plain(
    shape: Shape,
    objective: Objective,
    rows: Rows,
    validation: Rows | None,
    seed: int,
    epochs: int,
) -> tuple[Layers, History]:
    """Train a perceptron for so many epochs, as tutorials do.

    Returns:
        Its layers, and the losses of each epoch.
    """
    features, width, _ = shape
    with _deterministic(seed, cpu_count() if features * width > WORTH_THREADS else 1):
        network = plain_network(*shape)
        history = train_plainly(network, objective, rows, validation, epochs)
    return _layers(network), history


def plain_network(features: int, width: int, outputs: int) -> nn.Sequential:
    """Dense(width, relu) and Dense(outputs), as Keras initialises them."""
    first, second = nn.Linear(features, width), nn.Linear(width, outputs)
    for layer in (first, second):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(first, nn.ReLU(), second)


def train_plainly(
    network: nn.Module, objective: Objective, rows: Rows, validation: Rows | None, epochs: int
) -> History:
    """Train `network` in place for so many epochs, as Keras's `fit` does by default.

    Args:
        network: from features to scores.
        objective: what is learnt.
        rows: to learn from.
        validation: looked at after each epoch.
        epochs: how many.

    Returns:
        The losses of each epoch: `loss`, and `val_loss` where there are validation items.
    """
    training = _Plain(network, objective, rows, validation, epochs)
    training.run()
    return training.history


@contextmanager
def _deterministic(seed: int, threads: int) -> Iterator[None]:
    """Seed torch for a while, on a number of threads, and leave it as it was found.

    The number of threads changes last digits, so it must not hang on what else is set.
    """
    before = torch.get_num_threads()
    with seeded(seed):
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _layers(network: nn.Module) -> Layers:
    weight1, bias1, weight2, bias2 = (
        each.detach().numpy().astype(np.float64) for each in network.parameters()
    )
    return weight1, bias1, weight2, bias2
