import numpy as np
import pytest

from headstart.heads import knn
from headstart.heads.knn import NeighboursHead


def made(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    targets = np.arange(n) % 3
    return (rng.standard_normal((n, 6)) + 2 * np.eye(3, 6)[targets]).astype(np.float32), targets


def test_neighbours_are_the_most_similar_whatever_the_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features, targets = made(101)
    head = NeighboursHead.fit(features, targets, task="classification", classes=3, seed=0)
    items = head.arrays["items"].astype(np.float64)
    expected = np.argsort(-(items @ items.T), axis=1)[:, :7]
    whole = head.scores(features)
    for size in (5, 16, 1000):
        monkeypatch.setattr(knn, "_SEEN_AT_ONCE", size)
        monkeypatch.setattr(knn, "_ASKED_AT_ONCE", 13)
        nearest = np.concatenate([found for found, _ in head._neighbours(features, 7)])
        assert (nearest == expected).mean() > 0.99
        assert (nearest[:, 0] == np.arange(101)).all()
        np.testing.assert_allclose(head.scores(features), whole, atol=1e-3)


def test_an_item_is_not_its_own_neighbour_when_left_out() -> None:
    features, targets = made(40)
    head = NeighboursHead.fit(features, targets, task="classification", classes=3, seed=0)
    asked = np.array([3, 17, 39])
    ((nearest, similarity),) = head._neighbours(features[asked], 39, asked)
    assert not (nearest == asked[:, None]).any()
    assert np.isfinite(similarity).all()


def test_more_neighbours_where_labels_are_noisy() -> None:
    rng = np.random.default_rng(1)
    groups = np.arange(300) % 75
    features = rng.standard_normal((75, 20))[groups] + 0.05 * rng.standard_normal((300, 20))

    def chosen(targets: np.ndarray) -> int:
        head = NeighboursHead.fit(
            features.astype(np.float32), targets, task="regression", classes=0, seed=0
        )
        return int(head.settings["neighbours"])

    assert chosen(rng.standard_normal(75)[groups]) < 10
    assert chosen(rng.standard_normal(300)) > 10


def test_a_certain_vote_is_never_an_infinite_logit() -> None:
    features = np.repeat(np.eye(2, dtype=np.float32), 10, axis=0)
    targets = np.repeat([0, 1], 10)
    head = NeighboursHead.fit(features, targets, task="classification", classes=3, seed=0)
    scores = head.scores(features)
    assert np.isfinite(scores).all()
    assert (scores.argmax(axis=1) == targets).all()
