"""Folds: every item is tested once, groups stay together, no class is ever gone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.data import labels
from headstart.data.dataset import Dataset
from headstart.data.divide import divide_fold
from headstart.data.folds import fold_of
from headstart.data.idle import refuse_idle
from headstart.data.together import joined, numbered
from headstart.errors import InputError
from headstart.spec import FitSpec
from tests.data.test_split_groups import TASKS, keys, label


def dataset(labels, groups=(), task="classification", **more) -> Dataset:
    n = len(labels)
    names = [f"row {at}" for at in range(n)]
    return Dataset("text", names, names, task=task, labels=labels, groups=groups, **more)


@st.composite
def data_sets(draw):
    n = draw(st.integers(1, 60))
    task = draw(st.sampled_from(TASKS))

    def several(of):
        return draw(st.lists(of, min_size=n, max_size=n))

    names = st.integers(0, draw(st.integers(0, 30))).map(str)
    groups = draw(st.sampled_from([(), several(st.one_of(st.none(), names))]))
    data = dataset(several(label(task)), groups, task)
    readable = np.flatnonzero(np.array(several(st.integers(0, 9))) > 0)
    digests = keys(
        draw(st.lists(st.integers(0, n), min_size=len(readable), max_size=len(readable)))
    )
    return data, readable, digests, draw(st.integers(2, 6)), draw(st.integers(0, 9))


@given(data_sets())
@settings(max_examples=300, deadline=None)
def test_groups_are_in_one_fold_and_classes_stay(made) -> None:
    data, readable, digests, folds, seed = made
    try:
        fold = fold_of(data, readable, digests, folds=folds, seed=seed)
    except InputError:
        return
    assert set(fold[readable].tolist()) - {-1} == set(range(folds))
    assert (np.delete(fold, readable) == -1).all()
    groups = numbered(data.groups[at] for at in readable) if data.groups else None
    alike = numbered(digests)
    alike = alike if groups is None else joined(alike, groups)
    for each in np.unique(alike):
        assert len(set(fold[readable[alike == each]].tolist())) == 1
    if data.task == "regression":
        assert (fold[readable] >= 0).all()
        return
    every = {name for at in readable for name in classes(data, at)}
    for number in range(folds):
        assert {n for at in readable[fold[readable] != number] for n in classes(data, at)} == every
    # Only what would be gone as a whole is never tested.
    for at in readable[fold[readable] < 0].tolist():
        own = alike[readable == at]
        inside = readable[np.isin(alike, own)]
        names = {name for other in inside for name in classes(data, other)}
        assert any(
            all(fold[other] == -1 for other in readable if name in classes(data, other))
            for name in names
        )


def classes(data: Dataset, at: int) -> tuple[str, ...]:
    found = data.labels[at]
    return (found or ("",)) if isinstance(found, tuple) else (str(found),)


def test_folds_are_stratified_and_even() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(120), rng.geometric(0.2, 120))
    labels = [("a", "b", "c")[rng.choice(3, p=(0.6, 0.3, 0.1))] for _ in groups]
    data = dataset(labels, [str(each) for each in groups])
    every = np.arange(len(groups))
    fold = fold_of(data, every, keys(every), folds=5, seed=0)
    for name in "abc":
        own = np.bincount(fold[np.array(labels) == name], minlength=5)
        assert own.max() - own.min() <= 4
    assert np.ptp(np.bincount(fold)) <= 4


@pytest.mark.parametrize("task", TASKS)
def test_a_fold_is_a_data_set_with_a_test_split(task: str) -> None:
    labels = {
        "classification": ["a", "b", "c"] * 20,
        "multilabel": [("a",), ("a", "b"), ("c",)] * 20,
        "regression": [float(at) for at in range(60)],
    }[task]
    data = dataset(labels, [str(at // 3) for at in range(60)], task)
    every = np.arange(60)
    fold = fold_of(data, every, keys(every), folds=4, seed=0)
    tested = []
    for number in range(4):
        found = divide_fold(data, every, keys(every), fold == number, seed=0)
        assert found.classes == (() if task == "regression" else ("a", "b", "c"))
        assert not found.skipped
        assert len(found.sides["validation"].positions)
        tested += found.sides["test"].positions.tolist()
        where = {data.groups[at]: name for name, s in found.sides.items() for at in s.positions}
        for name, side in found.sides.items():
            assert all(where[data.groups[at]] == name for at in side.positions)
    assert sorted(tested) == every.tolist()


@given(data_sets())
@settings(max_examples=200, deadline=None)
def test_folds_know_every_class_and_copies_are_on_one_side(made) -> None:
    data, readable, digests, folds, seed = made
    try:
        fold = fold_of(data, readable, digests, folds=folds, seed=seed)
    except InputError:
        return
    every = labels.classes_of([data.labels[at] for at in readable], data.task)
    alike = numbered(digests)
    for number in range(folds):
        found = divide_fold(data, readable, digests, fold == number, seed=seed)
        assert found.classes == every
        assert not found.skipped
        train = found.sides["train"].targets
        if data.task == "classification":
            assert set(train.tolist()) == set(range(len(every)))
        if data.task == "multilabel":
            assert train.any(axis=0).all()
        where = np.full(len(data), -1)
        for side, part in enumerate(found.sides.values()):
            where[part.positions] = side
        assert (where[readable] >= 0).all()
        for each in np.unique(alike):
            assert len(set(where[readable[alike == each]].tolist())) == 1


def test_two_groups_are_two_folds() -> None:
    data = dataset(["a", "b"] * 10, [str(at // 10) for at in range(20)])
    every = np.arange(20)
    fold = fold_of(data, every, keys(every), folds=2, seed=0)
    for number in range(2):
        sides = divide_fold(data, every, keys(every), fold == number, seed=0).sides
        assert [len(side.positions) for side in sides.values()] == [10, 0, 10]


@pytest.mark.parametrize(("folds", "sizes"), [(2, [30, 30]), (3, [20, 20, 20])])
def test_what_is_never_tested_leaves_the_folds_even(folds: int, sizes: list[int]) -> None:
    names = ["c"] * 40 + ["a", "b"] * 20 + ["a", "b"] * 30
    data = dataset(names, [*["large"] * 80, *[None] * 60])
    every = np.arange(140)
    fold = fold_of(data, every, keys(every), folds=folds, seed=0)
    assert (fold[:80] == -1).all()
    assert np.bincount(fold[80:]).tolist() == sizes


@pytest.mark.parametrize(
    ("labels", "groups", "words"),
    [
        (["a", "b"] * 2, (), "only 4 distinct items, too few for --folds 5"),
        (["a", "b"] * 10, [str(at // 10) for at in range(20)], "2 groups .*too few for --folds 5"),
        (["a"] * 6 + ["b", "c", "d", "e"], [*"1122336789"], "nothing to test"),
    ],
)
def test_too_few_are_refused(labels, groups, words: str) -> None:
    every = np.arange(len(labels))
    with pytest.raises(InputError, match=words):
        fold_of(dataset(labels, groups), every, keys(every), folds=5, seed=0)


def test_splits_of_the_data_leave_nothing_to_fold() -> None:
    data = dataset(["a", "b"], splits=["train", "test"])
    with pytest.raises(InputError, match="splits of its own"):
        refuse_idle(data, FitSpec(folds=5))


@pytest.mark.parametrize("other", [{"test": "x"}, {"test_size": 0.3}, {"baseline": "from-scratch"}])
def test_what_folds_leave_nothing_to_do_for_is_refused(other) -> None:
    with pytest.raises(InputError, match="--folds"):
        FitSpec(folds=5, **other)
