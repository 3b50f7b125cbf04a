"""Settings are chosen on items whose group is held out with them."""

import numpy as np
import pytest

from headstart import heads

GROUPS, EACH, WIDTH = 40, 10, 24


def planted(task: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Groups whose features name them: within one, an item foretells the label of another."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(GROUPS), EACH)
    own = rng.normal(size=(GROUPS, WIDTH))
    features = own[groups] + 0.05 * rng.normal(size=(len(groups), WIDTH))
    if task == "regression":
        return features, rng.normal(size=GROUPS)[groups], groups
    return features, rng.integers(0, 2, GROUPS)[groups], groups


def fit(
    task: str,
    name: str,
    features: np.ndarray,
    targets: np.ndarray,
    together: np.ndarray | None,
    **options: int,
) -> heads.Head:
    return heads.fit(
        name,
        features.astype(np.float32),
        targets,
        task=task,
        classes=2 if task == "classification" else 0,
        seed=0,
        together=together,
        **options,
    )


@pytest.mark.parametrize(
    ("task", "setting"), [("classification", "inverse_penalty"), ("regression", "penalty")]
)
def test_labels_that_only_the_group_explains_are_not_learnt_by_heart(
    task: str, setting: str
) -> None:
    features, targets, groups = planted(task)
    apart, kept = (
        fit(task, "linear", features, targets, together).settings for together in (None, groups)
    )
    stronger = (
        apart[setting] > kept[setting]
        if task == "classification"
        else (apart[setting] < kept[setting])
    )
    assert stronger
    assert kept["held_out_loss"] > 2 * apart["held_out_loss"]


def test_neighbours_of_the_same_group_do_not_vote() -> None:
    """Nine of the group know the answer; of the others only many do, by their mean."""
    features, targets, groups = planted("classification")
    features[:, :8] += 0.8 * targets[:, None]
    numbers = [
        fit("classification", "knn", features, targets, together).settings["neighbours"]
        for together in (None, groups)
    ]
    assert numbers[0] <= EACH < numbers[1]


@pytest.mark.parametrize("name", ["linear", "knn"])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_items_that_are_each_alone_give_the_same_head(name: str, task: str) -> None:
    features, targets, _ = planted(task)
    found = [
        fit(task, name, features, targets, together)
        for together in (None, np.arange(len(features)))
    ]
    for array in found[0].arrays:
        if (name, task) != ("linear", "regression"):  # leave-one-out, or by folds
            assert (found[0].arrays[array] == found[1].arrays[array]).all()


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("name", ["linear", "knn", "mlp"])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_too_few_groups_to_choose_by_are_no_error(groups: int, name: str, task: str) -> None:
    features, targets, _ = planted(task)
    together, once = np.arange(len(features)) % groups, {"epochs": 1} if name == "mlp" else {}
    head = fit(task, name, features, targets, together, **once)
    assert np.isfinite(head.scores(features.astype(np.float32))).all()


def test_one_penalty_for_held_out_groups_is_that_of_refitting() -> None:
    """The decomposition that serves every penalty gives scikit-learn's errors."""
    from sklearn.linear_model import Ridge

    from headstart.heads import linear

    for items in (GROUPS * EACH, 20):
        rows, targets, groups = (each[:items] for each in planted("regression"))
        weights = np.random.default_rng(1).uniform(0.5, 2, items)
        fold = groups % 4 if items > 20 else np.arange(items) % 4
        alphas = (0.01, 1.0, 10.0)
        penalty, loss = linear._held_out(rows, targets, weights, fold, alphas)
        errors = []
        for alpha in alphas:
            wrong = np.zeros(items)
            for each in range(4):
                model = Ridge(alpha * WIDTH).fit(
                    rows[fold != each], targets[fold != each], weights[fold != each]
                )
                wrong[fold == each] = targets[fold == each] - model.predict(rows[fold == each])
            errors.append(weights @ wrong**2 / weights.sum())
        assert penalty == alphas[int(np.argmin(errors))] * WIDTH
        assert loss == pytest.approx(min(errors))


def test_one_group_has_no_loss_of_items_not_fitted_on() -> None:
    features, targets, _ = planted("regression")
    rows = features.astype(np.float32)
    one, each, alone = (
        heads.fit("linear", rows, targets, task="regression", classes=0, seed=0, together=together)
        for together in (np.zeros(len(rows), np.int64), np.arange(len(rows)), None)
    )
    assert one.settings["held_out_loss"] is None
    assert each.settings == alone.settings
