import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.evaluation import judge, probabilities

CLASSES = ("a", "b", "c")


def made(task: str, items: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    if task == "regression":
        targets = random.normal(50, 10, items)
        return (targets + random.normal(0, 3, items)).astype(np.float32), targets
    logits = (3 * random.standard_normal((items, 3))).astype(np.float32)
    noisy = logits + random.standard_normal((items, 3))
    targets = noisy.argmax(axis=1) if task == "classification" else (noisy > 0).astype(np.uint8)
    return logits, targets


@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_errors_are_squared_distances_of_calibrated_probabilities(task):
    logits, targets = made(task, 60)
    judged = judge(task, logits, targets, CLASSES, seed=0)
    answers = probabilities(task, logits / np.float32(judged.temperature))
    for item in range(60):
        truth = np.zeros(3)
        if task == "classification":
            truth[targets[item]] = 1
        else:
            truth[:] = targets[item]
        expected = sum((answers[item, each] - truth[each]) ** 2 for each in range(3))
        assert judged.errors[item] == pytest.approx(expected)


def test_errors_of_numbers_are_squared_differences_in_their_own_unit():
    values, targets = made("regression", 60)
    judged = judge("regression", values, targets, (), seed=0)
    assert judged.temperature == 1
    np.testing.assert_allclose(judged.errors, (values - targets) ** 2, rtol=1e-5)
    assert judged.metrics["r2"].value > 0.8


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_nothing_to_judge_on_gives_nothing(task):
    judged = judge(task, np.empty((0, 1), np.float32), np.empty(0, np.int64), CLASSES, seed=0)
    assert judged.temperature == 1
    assert dict(judged.metrics) == {}
    assert judged.errors.shape == (0,)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_an_items_error_is_not_its_neighbours(seed):
    logits, targets = made("classification", 30, seed)
    order = np.random.default_rng(seed).permutation(30)
    one = judge("classification", logits, targets, CLASSES, seed=0)
    other = judge("classification", logits[order], targets[order], CLASSES, seed=0)
    np.testing.assert_allclose(other.errors, one.errors[order], atol=5e-3)


def test_what_is_surer_than_it_should_be_is_cooled():
    """With items enough to tell: see `near_one`."""
    logits, targets = made("classification", 3000)
    honest = judge("classification", logits, targets, CLASSES, seed=0)
    boastful = judge("classification", 10 * logits, targets, CLASSES, seed=0)
    assert boastful.temperature == pytest.approx(10 * honest.temperature, rel=0.1)
    np.testing.assert_allclose(boastful.errors, honest.errors, atol=0.02)
    assert boastful.metrics["accuracy"].value == honest.metrics["accuracy"].value
