"""Groups and folds: how far a plain split overstates, and whether the intervals of folds hold.

Synthetic features, so that the truth is known: every group has a place of its own in the space of
features, and its own share of either class; new groups are what a model will be used on.
"""

from statistics import mean

import numpy as np
from numpy.random import Generator

from bench.result import Figure, Result

GROUPS, EACH, WIDTH, NEW = 60, 10, 32, 2_000
REPEATS = 200
FOLDS = 5


def run(quick: bool = False) -> Result:
    """Accuracy by a plain split, by groups and by folds, each against that on new groups."""
    repeats = 3 if quick else REPEATS
    found = [_once(np.random.default_rng(seed), seed) for seed in range(repeats)]
    plain, kept, folds, truth = (mean(each[at] for each in found) for at in range(4))
    return Result(
        "groups",
        f"{repeats} sets of {GROUPS * EACH} items in {GROUPS} groups, tested on new groups",
        (
            Figure("overstated by a plain split", 100 * (plain - truth), "points"),
            Figure("overstated by groups", 100 * (kept - truth), "points", at_most=1),
            Figure("overstated by folds of groups", 100 * (folds - truth), "points", at_most=1),
            Figure("coverage of the folds' 95% interval, items alone", _coverage(repeats), ""),
        ),
        {"repeats": repeats, "folds": FOLDS, "features": WIDTH},
    )


def _once(rng: Generator, seed: int) -> tuple[float, float, float, float]:
    """Accuracy by a plain split, a split of groups, and folds of them; and on new groups."""
    planted = rng.normal(size=WIDTH) / np.sqrt(WIDTH)
    features, labels, groups = _items(rng, planted, GROUPS, EACH)
    new, truth, _ = _items(rng, planted, NEW, 1)
    plain, kept = (_split_accuracy(features, labels, each, seed) for each in (None, groups))
    tested, _ = _fold_answers(features, labels, groups, seed)
    model = _head(features, labels, groups)
    return plain, kept, float(tested.mean()), float((_answer(model, new) == truth).mean())


def _coverage(repeats: int) -> float:
    """How often the interval of the folds holds what their models are worth on many new items."""
    held = 0
    for seed in range(repeats):
        rng = np.random.default_rng(10_000 + seed)
        planted = 2 * rng.normal(size=WIDTH) / np.sqrt(WIDTH)
        features, labels, groups = _items(rng, planted, GROUPS * 5, 1)
        new, truth, _ = _items(rng, planted, NEW, 1)
        right, models = _fold_answers(features, labels, groups, seed)
        worth = mean(float((_answer(model, new) == truth).mean()) for model in models)
        low, high = _interval(right, seed)
        held += low <= worth <= high
    return held / repeats


def _items(
    rng: Generator, planted: np.ndarray, groups: int, each: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (n, WIDTH), labels and groups: an item is near its group, and labelled like it."""
    places = rng.normal(size=(groups, WIDTH))
    classes = (places @ planted + 0.7 * rng.normal(size=groups) > 0).astype(np.int64)
    group = np.repeat(np.arange(groups), each)
    features = places[group] + 0.3 * rng.normal(size=(len(group), WIDTH))
    flipped = rng.random(len(group)) < 0.05
    return features.astype(np.float32), np.where(flipped, 1 - classes[group], classes[group]), group


def _head(features: np.ndarray, labels: np.ndarray, groups: np.ndarray | None) -> object:
    from headstart import heads

    return heads.fit(
        "linear", features, labels, task="classification", classes=2, seed=0, together=groups
    )


def _answer(model: object, features: np.ndarray) -> np.ndarray:
    return np.asarray(model.scores(features).argmax(axis=1))  # type: ignore[attr-defined]


def _digests(items: int) -> list[bytes]:
    return [at.to_bytes(16, "big") for at in range(items)]


def _split_accuracy(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray | None, seed: int
) -> float:
    from headstart.data.split import split

    sides = split(
        [str(label) for label in labels],
        _digests(len(labels)),
        (),
        task="classification",
        test_size=0.2,
        validation_size=0,
        seed=seed,
        together=groups,
    )
    own = None if groups is None else groups[sides.train]
    model = _head(features[sides.train], labels[sides.train], own)
    return float((_answer(model, features[sides.test]) == labels[sides.test]).mean())


def _fold_answers(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int
) -> tuple[np.ndarray, list[object]]:
    """Whether each item was answered rightly by the model of the other folds, and these."""
    from headstart.data.dataset import Dataset
    from headstart.data.folds import fold_of

    names = [f"item {at}" for at in range(len(labels))]
    data = Dataset(
        "text",
        names,
        names,
        task="classification",
        labels=[str(label) for label in labels],
        groups=[str(group) for group in groups],
    )
    every = np.arange(len(labels))
    fold = fold_of(data, every, _digests(len(labels)), folds=FOLDS, seed=seed)
    right, models = np.zeros(len(labels), bool), []
    for number in range(FOLDS):
        inside = fold != number
        model = _head(features[inside], labels[inside], groups[inside])
        right[~inside] = _answer(model, features[~inside]) == labels[~inside]
        models.append(model)
    return right, models


def _interval(right: np.ndarray, seed: int) -> tuple[float, float]:
    """That of `headstart.evaluation` for accuracy, by which the report's are made."""
    from headstart.evaluation import evaluate

    scores = np.where(right[:, None], [[-1.0, 1.0]], [[1.0, -1.0]])
    found = evaluate("classification", np.ones(len(right), int), scores, ("a", "b"), seed=seed)
    return found.metrics["accuracy"].low, found.metrics["accuracy"].high
