import numpy as np
import pytest
import torch

from headstart.heads import mlp_training
from headstart.heads.mlp import PerceptronHead


def made(n: int, seed: int = 0, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Two classes that no straight line parts."""
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1, 1], (n, 2))
    features = signs * 2 + rng.standard_normal((n, 2)) * noise * 0.5
    return features.astype(np.float32), (signs[:, 0] == signs[:, 1]).astype(np.int64)


def fit(*data: np.ndarray, **options: object) -> PerceptronHead:
    return PerceptronHead.fit(*data, task="classification", classes=2, seed=0, **options)  # type: ignore[arg-type]


def test_learns_what_a_linear_head_cannot() -> None:
    features, targets = made(300)
    unseen, answers = made(200, 1)
    head = fit(features, targets, width=64)
    assert head.arrays["weight1"].shape == (2, 64)
    assert (head.scores(unseen).argmax(axis=1) == answers).mean() > 0.95


def test_keeps_the_best_epoch_on_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((200, 60)).astype(np.float32)
    numbers = features[:, 0] + 2 * rng.standard_normal(200)

    def error(validation: tuple[np.ndarray, np.ndarray] | None) -> tuple[float, int]:
        head = PerceptronHead.fit(
            features[:100],
            numbers[:100],
            task="regression",
            classes=0,
            seed=0,
            validation=validation,
        )
        missed = head.scores(features[100:]) - numbers[100:]
        return float((missed**2).mean()), int(head.settings["epochs"])

    (stopped, best), (went_on, all_epochs) = error((features[100:], numbers[100:])), error(None)
    assert 1 <= best < all_epochs == 50
    assert stopped < went_on
    # Without stopping, the weights kept are still the best epoch's, not the last one's.
    monkeypatch.setattr(mlp_training, "PATIENCE", 1000)
    assert error((features[100:], numbers[100:]))[0] <= stopped


def test_runs_the_epochs_asked_for_without_validation() -> None:
    features, targets = made(30)
    assert fit(features, targets, epochs=12).settings["epochs"] == 12
    empty = (features[:0], targets[:0])
    assert fit(features, targets, epochs=2, validation=empty).settings["epochs"] == 2


def test_asked_for_epochs_it_keeps_the_losses_of_each() -> None:
    features, targets = made(200)
    unseen = made(80, 1)
    head = fit(features, targets, epochs=30, validation=unseen)
    history = head.settings["history"]
    assert {name: len(losses) for name, losses in history.items()} == {"loss": 30, "val_loss": 30}
    assert history["loss"][-1] < history["loss"][0] / 2
    scores = head.scores(unseen[0])
    told = np.exp(scores - scores.max(1, keepdims=True))
    told /= told.sum(1, keepdims=True)
    last = -np.log(told[np.arange(80), unseen[1]]).mean()
    assert history["val_loss"][-1] == pytest.approx(last, rel=1e-4)
    alone = fit(features, targets, epochs=30)
    assert alone.settings["history"] == {"loss": history["loss"]}
    assert "history" not in fit(features, targets).settings


@pytest.mark.parametrize("task", ["multilabel", "regression"])
def test_asked_for_epochs_it_learns_other_tasks_too(task: str) -> None:
    features, targets = made(200)
    wanted = np.stack([targets, 1 - targets], 1) if task == "multilabel" else 100.0 + 50 * targets
    head = PerceptronHead.fit(
        features, wanted, task=task, classes=2 * (task == "multilabel"), seed=0, epochs=60
    )
    right = (head.scores(features) > 0) == wanted if task == "multilabel" else None
    if right is None:
        right = np.abs(head.scores(features) - wanted) < 25
    assert right.mean() > 0.9


def test_another_seed_is_another_head() -> None:
    data = made(50)
    one = fit(*data, epochs=2)
    two = PerceptronHead.fit(*data, task="classification", classes=2, seed=1, epochs=2)
    assert (one.arrays["weight1"] != two.arrays["weight1"]).any()


@pytest.mark.parametrize("threads", [1, 2])
def test_torch_is_left_as_it_was(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    state = torch.random.get_rng_state()
    try:
        fit(*made(20), epochs=1)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert (torch.random.get_rng_state() == state).all()
