"""What every head must do, run for each head and task."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from headstart import heads
from headstart.errors import InputError
from headstart.evaluation import constant_scores, evaluate
from headstart.heads.contract import distinct_rows
from headstart.registry import HEADS

TASKS = {"two": 2, "five": 5, "multilabel": 3, "regression": 0}
JUDGED_BY = {"classification": "accuracy", "multilabel": "macro_f1", "regression": "r2"}


def task_of(kind: str) -> str:
    return kind if kind in JUDGED_BY else "classification"


def made(kind: str, n: int, seed: int = 0, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Features of very unlike scales, one constant, that say the targets but for some noise."""
    rng = np.random.default_rng(seed)
    outputs = max(TASKS[kind], 1)
    if task_of(kind) == "classification":
        targets = np.arange(n) % outputs
        signal = np.eye(outputs)[targets]
    elif kind == "multilabel":
        targets = (rng.random((n, outputs)) < 0.4).astype(np.uint8)
        signal = targets.astype(float)
    else:
        signal = rng.standard_normal((n, 1))
        targets = 1000 + 50 * signal[:, 0]
    hidden = np.random.default_rng(99).standard_normal((outputs, 24))
    features = signal @ hidden + noise * rng.standard_normal((n, 24))
    features = features * np.logspace(-2, 2, 24) + np.linspace(-5, 5, 24)
    features[:, 7] = 3.25
    return features.astype(np.float32), targets


def fit(name: str, kind: str, features: np.ndarray, targets: np.ndarray, **options: Any) -> Any:
    options = {"seed": 1, **options}
    return heads.fit(name, features, targets, task=task_of(kind), classes=TASKS[kind], **options)


@pytest.fixture(params=list(HEADS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=list(TASKS))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def test_learns_and_beats_the_baseline(name: str, kind: str) -> None:
    features, targets = made(kind, 200)
    unseen, answers = made(kind, 150, seed=5)
    task, classes = task_of(kind), [f"c{i}" for i in range(TASKS[kind])]
    scores = fit(name, kind, features, targets).scores(unseen)
    metric = JUDGED_BY[task]
    got = evaluate(task, answers, scores, classes, seed=0, resamples=10).metrics[metric].value
    constant = constant_scores(task, targets, len(answers), len(classes))
    least = evaluate(task, answers, constant, classes, seed=0, resamples=10).metrics[metric].value
    # Neighbours average over the small mistakes that a weighted sum removes.
    assert got > (0.6 if (name, kind) == ("knn", "regression") else 0.8)
    assert got > least + 0.2


def test_scores_have_the_contract_s_shape_and_are_finite(name: str, kind: str) -> None:
    features, targets = made(kind, 40)
    head = fit(name, kind, features, targets)
    for n in (0, 1, 7):
        scores = head.scores(features[:n])
        assert scores.dtype == (np.float64 if kind == "regression" else np.float32)
        assert scores.shape == ((n,) if kind == "regression" else (n, TASKS[kind]))
        assert np.isfinite(scores).all()
    assert head.name == name


def test_the_same_arguments_give_the_same_bits(name: str, kind: str) -> None:
    features, targets = made(kind, 60)
    one, two = (fit(name, kind, features, targets) for _ in range(2))
    assert one.settings == two.settings
    assert {key: each.tobytes() for key, each in one.arrays.items()} == {
        key: each.tobytes() for key, each in two.arrays.items()
    }


def test_loaded_head_scores_bitwise_the_same(name: str, kind: str, tmp_path: Any) -> None:
    features, targets = made(kind, 60)
    head = fit(name, kind, features, targets)
    np.savez(tmp_path / "head.npz", **head.arrays)
    with np.load(tmp_path / "head.npz") as saved:
        again = heads.load(name, dict(saved), dict(head.settings))
    assert again.scores(features).tobytes() == head.scores(features).tobytes()


def test_inputs_are_left_as_they_were(name: str, kind: str) -> None:
    features, targets = made(kind, 40)
    before = features.tobytes(), targets.tobytes()
    fit(name, kind, features, targets).scores(features)
    assert before == (features.tobytes(), targets.tobytes())


@pytest.mark.parametrize("n", [1, 2, 3])
def test_very_few_items(name: str, kind: str, n: int) -> None:
    features, targets = made(kind, n)
    assert np.isfinite(fit(name, kind, features, targets).scores(features)).all()


def test_a_class_without_an_item_and_one_with_one(name: str) -> None:
    features, targets = made("five", 100)
    kept = (targets != 2) & ((targets != 4) | (np.arange(100) == 4))
    scores = fit(name, "five", features[kept], targets[kept]).scores(features[kept])
    assert np.isfinite(scores).all()
    assert not (scores.argmax(axis=1) == 2).any()
    assert (scores.argmax(axis=1) == targets[kept]).mean() > 0.9


def test_a_label_that_all_items_have(name: str) -> None:
    features, targets = made("multilabel", 60)
    targets[:, 0], targets[:, 1] = 1, 0
    scores = fit(name, "multilabel", features, targets).scores(features)
    assert (scores[:, 0] > 0).all()
    assert (scores[:, 1] < 0).all()
    assert np.isfinite(scores).all()


def test_features_without_any_variation(name: str, kind: str) -> None:
    _, targets = made(kind, 30)
    features = np.full((30, 4), 2.5, np.float32)
    scores = fit(name, kind, features, targets).scores(features)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores, np.broadcast_to(scores[0], scores.shape), rtol=1e-5)


def test_a_number_that_never_changes(name: str) -> None:
    features, _ = made("regression", 30)
    scores = fit(name, "regression", features, np.full(30, 12.5)).scores(features)
    np.testing.assert_allclose(scores, 12.5, atol=1.0)


@pytest.mark.parametrize("scale", [1e-60, 1.0, 1e60])
@pytest.mark.parametrize("offset", [0.0, 1.7e9, -1e15])
def test_numbers_of_any_offset_and_spread_are_learnt_alike(
    name: str, offset: float, scale: float
) -> None:
    """Time stamps, years, prices: what is learnt is the distance from the mean, in spreads."""
    features, targets = made("regression", 120)
    plain = fit(name, "regression", features, targets).scores(features)
    moved = fit(name, "regression", features, (offset + targets) * scale)
    answers = moved.scores(features) / scale - offset
    assert answers.dtype == np.float64
    # The mlp's many steps carry the last digits of the targets along.
    least = 1.0 if name == "mlp" else 1e-3
    np.testing.assert_allclose(answers, plain, atol=least * max(1.0, abs(offset) * 1e-12))


def test_a_head_of_schema_2_gives_numbers_as_they_are() -> None:
    arrays = {"weight": np.ones((2, 1), np.float32), "bias": np.array([1000], np.float32)}
    head = heads.load("linear", arrays, {"task": "regression"})
    assert head.scores(np.array([[1, 2]], np.float32)).tolist() == [1003.0]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), None, "1", 5])
def test_a_damaged_unit_is_refused(name: str, wrong: Any) -> None:
    head = fit(name, "regression", *made("regression", 20))
    for key in ("centre", "spread"):
        with pytest.raises(InputError):
            heads.load(name, head.arrays, {**head.settings, key: wrong})


def test_half_precision_features_are_welcome(name: str, kind: str) -> None:
    features, targets = made(kind, 60)
    features = features.astype(np.float16)
    assert np.isfinite(fit(name, kind, features, targets).scores(features)).all()


def test_balance_finds_more_of_the_small_class(name: str) -> None:
    features, targets = made("two", 600, noise=3.0)
    kept = (targets == 0) | (np.arange(600) % 20 == 1)
    unseen, answers = made("two", 300, seed=5, noise=3.0)

    def recall(balance: str) -> float:
        head = fit(name, "two", features[kept], targets[kept], balance=balance)
        return float((head.scores(unseen).argmax(axis=1) == 1)[answers == 1].mean())

    assert recall("balanced") > recall("none") + 0.05


def test_balance_is_for_classes(name: str) -> None:
    features, targets = made("regression", 10)
    with pytest.raises(InputError, match="classification alone"):
        fit(name, "regression", features, targets, balance="balanced")


def test_other_features_than_in_training_are_refused(name: str) -> None:
    features, targets = made("two", 20)
    with pytest.raises(InputError, match="24 numbers"):
        fit(name, "two", features, targets).scores(features[:, :10])


def test_damaged_arrays_and_settings_are_refused(name: str) -> None:
    head = fit(name, "two", *made("two", 20))
    for key in head.arrays:
        with pytest.raises(InputError, match=key):
            heads.load(name, {k: v for k, v in head.arrays.items() if k != key}, head.settings)
        broken = {**head.arrays, key: head.arrays[key][..., None]}
        with pytest.raises(InputError, match="shape"):
            heads.load(name, broken, head.settings)
    with pytest.raises(InputError, match="task"):
        heads.load(name, head.arrays, {})


def test_no_item_and_no_such_head() -> None:
    with pytest.raises(InputError, match="at least one"):
        heads.fit("knn", np.zeros((0, 3)), np.zeros(0), task="regression", classes=0, seed=0)
    with pytest.raises(InputError, match="linear, mlp, knn"):
        heads.load("tree", {}, {})


def test_loading_and_scoring_import_no_heavy_library(name: str, tmp_path: Any) -> None:
    features, targets = made("two", 30)
    head = fit(name, "two", features, targets)
    np.savez(tmp_path / "head.npz", **head.arrays)
    np.save(tmp_path / "features.npy", features)
    code = f"""
import sys
import numpy as np
from headstart import heads
from headstart.evaluation import probabilities
with np.load({str(tmp_path / "head.npz")!r}) as saved:
    head = heads.load({name!r}, dict(saved), {head.settings!r})
scores = head.scores(np.load({str(tmp_path / "features.npy")!r}))
assert abs(probabilities("classification", scores).sum(axis=1) - 1).max() < 1e-9
heavy = {{"torch", "sklearn", "scipy", "lance", "pyarrow", "pandas"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_first_of_rows_that_are_the_same() -> None:
    rows = np.array([[1, 2], [3, 4], [1, 2], [1, 3], [3, 4]], np.float32)
    assert distinct_rows(rows).tolist() == [0, 1, 3]
    assert distinct_rows(np.asfortranarray(rows)).tolist() == [0, 1, 3]
    assert distinct_rows(rows[:0]).tolist() == []


@pytest.mark.parametrize("kind", ["two", "multilabel", "regression"])
@pytest.mark.parametrize("name", ["linear", "knn"])
@pytest.mark.parametrize("noise", [1.0, 100.0])
def test_copies_do_not_change_what_is_chosen(name: str, kind: str, noise: float) -> None:
    features, targets = made(kind, 60, noise=noise)

    def chosen(times: int) -> dict[str, Any]:
        return heads.fit(
            name,
            np.concatenate([features] * times),
            np.concatenate([targets] * times),
            task=task_of(kind),
            classes=TASKS[kind],
            seed=0,
        ).settings

    assert chosen(4) == pytest.approx(chosen(1))


@pytest.mark.parametrize("distinct", [1, 2])
@pytest.mark.parametrize("name", ["linear", "knn"])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_hardly_any_distinct_item(name: str, task: str, distinct: int) -> None:
    features = np.repeat(np.eye(2, 5, dtype=np.float32)[:distinct], 10, axis=0)
    targets = np.arange(len(features)) % 2
    head = heads.fit(name, features, targets, task=task, classes=2, seed=0)
    assert np.isfinite(head.scores(features)).all()


def test_what_was_chosen_can_be_given(name: str, kind: str) -> None:
    features, targets = made(kind, 90)
    head = fit(name, kind, features, targets)
    choices = [key for key in heads.kind_of(name).choices if key in head.settings]
    again = fit(name, kind, features, targets, options={key: head.settings[key] for key in choices})
    assert all(again.settings[key] == head.settings[key] for key in choices)
    unseen, _ = made(kind, 40, seed=3)
    np.testing.assert_allclose(again.scores(unseen), head.scores(unseen), rtol=1e-4, atol=1e-4)
    for key in choices:
        if key != "neighbours":
            other = fit(name, kind, features, targets, options={key: 100 * head.settings[key]})
            assert not np.allclose(other.scores(unseen), head.scores(unseen), rtol=1e-3)
