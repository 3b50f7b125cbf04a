"""The one loop, in which heads and networks learn: steps, epochs, the best weights, patience."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
from torch import nn

Batch = TypeVar("Batch")


@dataclass
class Trained:
    """How the training went.

    Attributes:
        epochs: passes over the items that were made.
        best_epoch: the one whose weights were kept; 0 are those at the start.
        losses: on validation items, after each epoch, and before the first where that was asked.
        seconds: of training, over every time it was resumed; before: until the last resume.
        planned: steps until the end; 0 before the first.
        shortened: whether a deadline made those fewer.
        finished: whether it came to its end.
    """

    epochs: int = 0
    best_epoch: int = 0
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    before: float = 0.0
    planned: int = 0
    shortened: bool = False
    finished: bool = False


class Training(ABC, Generic[Batch]):
    """A network that learns, and how it stands; each kind of training says what its steps are.

    Attributes:
        network: it is trained in place.
        optimiser: of the parameters that learn.
        trained: how it went so far.
        step: how many were taken.
        best: the weights that are kept in the end.
    """

    def __init__(
        self,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        *,
        planned: int,
        patience: float = math.inf,
        settled: int = 0,
        clip: float = math.inf,
    ) -> None:
        """A training that has not begun.

        Args:
            network: what learns.
            optimiser: of its parameters.
            planned: steps until the end.
            patience: epochs without a better validation loss before it ends earlier.
            settled: the epoch from which patience counts.
            clip: longest gradient.
        """
        self.network = network
        self.optimiser = optimiser
        self.trained = Trained(planned=planned)
        self.step = 0
        self.best: dict[str, torch.Tensor] = {}
        self._patience, self._settled, self._clip = patience, settled, clip

    @abstractmethod
    def batches(self) -> Iterable[Batch]:
        """What is left of the epoch under way."""

    @abstractmethod
    def backward(self, batch: Batch) -> torch.Tensor:
        """The gradients of the mean loss of a batch; gives that loss, detached."""

    def validate(self) -> float | None:
        """What chooses the weights, lower is better; None: the last are the best."""
        return None

    def mode(self) -> None:
        """Put the network in the mode in which it learns."""
        self.network.train()

    def stepped(self, batch: Batch, loss: torch.Tensor) -> None:
        """After a step."""

    def ended(self) -> None:
        """After an epoch, when it is judged."""

    def weights(self) -> dict[str, torch.Tensor]:
        """Copies of what may change."""
        learning = {name for name, each in self.network.named_parameters() if each.requires_grad}
        return {
            name: value.detach().cpu().clone()
            for name, value in self.network.state_dict().items()
            if name in learning
        }

    def run(self) -> Trained:
        """Train to the end, and leave the best weights in the network, in evaluation mode."""
        trained = self.trained
        while not trained.finished:
            self.mode()
            for batch in self.batches():
                self.stepped(batch, self.take(batch))
                if self.step >= trained.planned:
                    break
            trained.epochs += 1
            self.judge()
            waited = trained.epochs - max(trained.best_epoch, self._settled)
            trained.finished = self.step >= trained.planned or waited >= self._patience
            self.ended()
        self.network.load_state_dict(self.best, strict=False)
        self.network.eval()
        return trained

    def take(self, batch: Batch) -> torch.Tensor:
        """One step; gives the loss of its batch before it."""
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.backward(batch)
        if self._clip < math.inf:
            nn.utils.clip_grad_norm_(self.network.parameters(), self._clip)
        self.optimiser.step()
        self.step += 1
        return loss

    def judge(self) -> None:
        """Take in how good the weights are now; keep them where they are the best."""
        loss, trained = self.validate(), self.trained
        reached = 0.0 if loss is None else math.inf if math.isnan(loss) else loss
        if loss is None or not trained.losses or reached < min(trained.losses):
            self.best = self.weights()
            trained.best_epoch = trained.epochs
        trained.losses.append(reached)
