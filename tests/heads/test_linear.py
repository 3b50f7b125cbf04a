import subprocess
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, RidgeCV

from headstart.heads import linear
from headstart.heads.contract import moments
from headstart.heads.linear import LinearHead


def made(n: int, d: int, classes: int, skill: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, classes, n)
    centres = rng.standard_normal((classes, d)) * skill / np.sqrt(d)
    return (rng.standard_normal((n, d)) + centres[targets]).astype(np.float32), targets


@pytest.mark.parametrize("classes", [2, 4])
def test_folded_weights_are_scikit_learn_s_solution(classes: int) -> None:
    features, targets = made(200, 10, classes, 2.0)
    features = features * 7 + 100
    head = LinearHead.fit(features, targets, task="classification", classes=classes, seed=0)
    mean, scale = moments(features)
    rows = (features - mean) * scale
    expected = LogisticRegression(C=head.settings["inverse_penalty"], tol=1e-6, max_iter=1000)
    shares = np.exp(head.scores(features).astype(float))
    shares /= shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, expected.fit(rows, targets).predict_proba(rows), atol=0.01)


@pytest.mark.parametrize("shape", [(60, 8), (20, 50)])
def test_leave_one_out_agrees_with_scikit_learn(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal(shape) + 0.5
    targets = rows[:, 0] + rng.standard_normal(len(rows)) + 3
    coefficients, intercept, penalty, loss = linear._leave_one_out(rows, targets)
    expected = RidgeCV([alpha * shape[1] for alpha in linear._ALPHAS]).fit(rows, targets)
    assert penalty == pytest.approx(expected.alpha_)
    np.testing.assert_allclose(coefficients, expected.coef_, atol=1e-8)
    assert intercept == pytest.approx(expected.intercept_)
    assert loss == pytest.approx(-expected.best_score_)


def test_noise_is_regularised_more_than_signal() -> None:
    penalties = []
    for skill in (0.0, 8.0):
        features, targets = made(120, 40, 2, skill)
        head = LinearHead.fit(features, targets, task="classification", classes=2, seed=0)
        penalties.append(head.settings["inverse_penalty"])
    assert penalties[0] < penalties[1]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_many_items_are_chosen_for_on_a_part(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    features, targets = made(600, 10, 2, 4.0)
    monkeypatch.setattr(linear, "_ENOUGH_TO_CHOOSE", 100)
    head = LinearHead.fit(features, targets, task=task, classes=2, seed=0)
    scores = head.scores(features)
    found = scores.argmax(axis=1) if task == "classification" else scores > 0.5
    assert (found == targets).mean() > 0.9


def test_large_problems_are_chosen_for_on_one_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    features, targets = made(300, 10, 3, 5.0)
    monkeypatch.setattr(linear, "_LARGE", 100)
    head = LinearHead.fit(features, targets, task="classification", classes=3, seed=0)
    assert (head.scores(features).argmax(axis=1) == targets).mean() > 0.9


def test_the_number_of_threads_changes_no_bit() -> None:
    code = """
import hashlib
import numpy as np
from headstart import heads
rng = np.random.default_rng(0)
targets = np.arange(300) % 3
features = (rng.standard_normal((300, 200)) + targets[:, None]).astype(np.float32)
for task, y in (("classification", targets), ("regression", targets * 1.5)):
    head = heads.fit("linear", features, y, task=task, classes=3, seed=0)
    print(hashlib.sha256(b"".join(a.tobytes() for a in head.arrays.values())).hexdigest())
"""
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
            check=True,
            capture_output=True,
        ).stdout
        for threads in ("1", "4")
    }
    assert len(answers) == 1


def test_hardly_varying_features_are_not_blown_up() -> None:
    features, _ = made(100, 9, 2, 0.0)
    features[:, 0] = 0
    features[3, 0] = 1e-4
    features[:, 1] = 5.0
    _, scale = moments(features)
    assert scale[0] == pytest.approx(20, rel=0.3)
    assert scale[1] == 0


@pytest.mark.parametrize("noise", [1, 0.001])
@pytest.mark.parametrize("items", [60, 300])
def test_a_penalty_chosen_before_gives_the_same_head(items: int, noise: float) -> None:
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(items, 5))
    features = hidden @ rng.normal(size=(5, 100)) + noise * rng.normal(size=(items, 100))
    features = features.astype(np.float32)
    targets = hidden.sum(axis=1) + noise * rng.normal(size=items)
    weights = rng.uniform(0.5, 2, items)
    for own in (None, weights):
        options = {"task": "regression", "classes": 0, "seed": 0, "weights": own}
        chosen = LinearHead.fit(features, targets, **options)
        again = LinearHead.fit(features, targets, **options, penalty=chosen.settings["penalty"])
        assert again.settings["penalty"] == pytest.approx(chosen.settings["penalty"])
        new = features[:50] + np.float32(noise) * rng.normal(size=(50, 100)).astype(np.float32)
        spread = np.std(chosen.scores(new))
        np.testing.assert_allclose(again.scores(new), chosen.scores(new), atol=1e-4 * spread)
