"""What is learnt: the losses of each task, its targets, and the answers in their own unit."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headstart.learning.objectives import (
    Classification,
    Huber,
    MultiLabel,
    Regression,
    answers_of,
    loss_of,
    objective_of,
    weighted_targets,
)

CLASSES = 3
ITEMS = 24


def rows() -> torch.Tensor:
    return torch.randn(ITEMS, CLASSES, generator=torch.Generator().manual_seed(0))


def of(task: str, targets, *, name: str | None = None, balanced: bool = False):
    return objective_of(
        name or task, targets, 0 if task == "regression" else CLASSES, balanced=balanced
    )


def classes() -> np.ndarray:
    return np.arange(ITEMS) % CLASSES


def targets() -> torch.Tensor:
    return Classification(CLASSES).targets(classes())


def test_the_loss_of_each_task():
    scores, wanted = rows(), targets()
    torch.testing.assert_close(
        loss_of(Classification(CLASSES), 0.1, weighted=False)(scores, wanted),
        -((0.9 * wanted + 0.1 / CLASSES) * scores.log_softmax(dim=1)).sum(dim=1).mean(),
    )
    chances = scores.sigmoid()
    torch.testing.assert_close(
        loss_of(MultiLabel(), 0.1, weighted=False)(scores, wanted),
        -(wanted * chances.log() + (1 - wanted) * (1 - chances).log()).mean(),
    )
    torch.testing.assert_close(
        loss_of(Regression(0.0, 1.0), 0.1, weighted=False)(scores[:, :1], wanted[:, :1]),
        ((scores[:, :1] - wanted[:, :1]) ** 2).mean(),
    )


def test_a_class_of_weight_nothing_is_not_learnt_from():
    scores = rows().requires_grad_()
    objective = Classification(CLASSES, torch.tensor([1.0, 0.0, 2.0]))
    loss_of(objective, 0.0, weighted=False)(scores, targets()).backward()
    silent = targets()[:, 1] == 1
    assert (scores.grad[silent] == 0).all()
    assert (scores.grad[~silent] != 0).any()


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_an_item_counts_as_it_weighs(task):
    """Weighing an item three times is learning from it three times."""
    known = {
        "classification": classes(),
        "multilabel": np.eye(CLASSES)[classes()],
        "regression": classes() * 10.0,
    }[task]
    objective = of(task, known)
    scores = rows()[:, : 1 if task == "regression" else CLASSES]
    weights = np.where(np.arange(ITEMS) == 5, 3.0, 1.0)
    weighed = weighted_targets(objective, known, weights)
    loss = loss_of(objective, 0.0, weighted=True)(scores, weighed)
    again = [*range(ITEMS), 5, 5]
    three = objective.losses(scores[again], objective.targets(known)[again], 0.0).mean()
    torch.testing.assert_close(loss, three)


def test_balanced_classes_weigh_the_same_in_all():
    known = np.array([0] * 18 + [1] * 4 + [2] * 2)
    weights = of("classification", known, balanced=True).weights
    assert np.allclose(weights.numpy() * np.bincount(known), 8.0)


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=20))
def test_values_come_back_in_their_own_unit(values):
    known = np.array(values)
    objective = of("regression", known)
    back = answers_of(objective, objective.targets(known).numpy())
    assert back.dtype == np.float64
    assert np.allclose(back, known, rtol=1e-5, atol=1e-5 * objective.spread)
    assert objective.validation_loss(back, known) <= (1e-5 * max(1, np.abs(known).max())) ** 2 * 10


def test_a_value_that_is_far_out_pulls_less_by_huber():
    scores = torch.zeros(3, 1, requires_grad=True)
    wanted = torch.tensor([[0.5], [2.0], [50.0]])
    Huber(0.0, 1.0).losses(scores, wanted, 0.0).sum().backward()
    assert scores.grad[:, 0].tolist() == [-0.5, -1.0, -1.0]
    assert Huber(10.0, 2.0).validation_loss(np.array([10.0]), np.array([14.0])) == 1.5


def test_hubers_unit_is_not_widened_by_values_far_out():
    known = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 1e6])
    wide = of("regression", known)
    narrow = of("regression", known, name="huber")
    assert narrow.spread < 5 < wide.spread
    same = of("regression", np.array([1.0, 1.0, 1.0, 9.0]), name="huber")
    assert same.spread > 0
