"""The loop that heads and networks share; `tests/training/test_loop.py` has what networks add."""

import math

import pytest
import torch
from torch import nn

from headstart.learning.loop import Training

STEPS = 3


class Counting(Training[int]):
    """A weight that goes up by one a step; losses of validation are given."""

    def __init__(self, losses: list[float] | None, epochs: int = 6, **how: float) -> None:
        network = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(network.weight)
        optimiser = torch.optim.SGD(network.parameters(), lr=1.0)
        super().__init__(network, optimiser, planned=STEPS * epochs, **how)
        self.losses = losses
        self.said: list[float] = []
        self.ends: list[int] = []

    def batches(self) -> list[int]:
        return list(range(STEPS))

    def backward(self, batch: int) -> torch.Tensor:
        assert self.network.training
        loss = -self.network.weight.sum()
        loss.backward()
        return loss.detach()

    def validate(self) -> float | None:
        return None if self.losses is None else self.losses[self.trained.epochs - 1]

    def stepped(self, batch: int, loss: torch.Tensor) -> None:
        self.said.append(float(loss))

    def ended(self) -> None:
        self.ends.append(self.step)

    @property
    def weight(self) -> float:
        return self.network.weight.item()


def test_without_validation_the_last_weights_are_kept() -> None:
    training = Counting(None, epochs=2, patience=1)
    trained = training.run()
    assert (trained.epochs, trained.best_epoch, training.weight) == (2, 2, 2.0 * STEPS)
    assert training.said == [-0.0, -1, -2, -3, -4, -5]
    assert training.ends == [STEPS, 2 * STEPS]
    assert not training.network.training


def test_the_weights_of_the_best_epoch_are_kept() -> None:
    training = Counting([3.0, 1.0, 2.0, 1.0, 5.0, 4.0])
    assert training.run().best_epoch == 2
    assert training.weight == 2 * STEPS
    assert training.step == 6 * STEPS


@pytest.mark.parametrize(("settled", "epochs"), [(0, 4), (3, 5)])
def test_patience_ends_it(settled: int, epochs: int) -> None:
    training = Counting([2.0, 1.0, 3.0, 3.0, 3.0, 3.0], patience=2, settled=settled)
    assert training.run().epochs == epochs
    assert training.weight == 2 * STEPS


def test_a_loss_that_is_no_number_is_the_worst() -> None:
    nothing = math.nan
    assert Counting([nothing, 7.0, nothing, 8.0, nothing, nothing]).run().best_epoch == 2
    assert Counting([nothing] * 6, patience=3).run().epochs == 4


def test_fewer_steps_may_be_planned_while_it_runs() -> None:
    training = Counting(None)
    training.ended = lambda: setattr(training.trained, "planned", STEPS + 1)
    assert training.run().epochs == 2
    assert training.step == STEPS + 1


def test_gradients_are_clipped() -> None:
    training = Counting(None, epochs=1, clip=0.5)
    training.run()
    assert training.weight == pytest.approx(0.5 * STEPS)


def test_what_does_not_learn_is_not_kept() -> None:
    training = Counting(None)
    training.network.weight.requires_grad_(False)
    assert training.weights() == {}
