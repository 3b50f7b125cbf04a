"""Groups are on one side of every split, for every task and every odd size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.data.dataset import Dataset
from headstart.data.divide import divide, divide_without_test
from headstart.data.split import Splits, split
from headstart.data.together import joined
from headstart.errors import InputError

TASKS = ("classification", "multilabel", "regression")
NAMES = "abcde"


def keys(numbers):
    return [int(n).to_bytes(16, "big") for n in numbers]


def parted(
    labels, groups, digests=None, given=(), task="classification", seed=0, **sizes
) -> Splits:
    return split(
        labels,
        keys(range(len(labels))) if digests is None else digests,
        given,
        task=task,
        seed=seed,
        together=np.asarray(groups, np.int64),
        **{"test_size": 0.2, "validation_size": 0.15, **sizes},
    )


def label(task):
    return {
        "classification": st.sampled_from(NAMES),
        "multilabel": st.sets(st.sampled_from(NAMES)).map(lambda found: tuple(sorted(found))),
        "regression": st.floats(-1e6, 1e6),
    }[task]


@st.composite
def data_sets(draw):
    n = draw(st.integers(1, 60))
    task = draw(st.sampled_from(TASKS))

    def several(of):
        return draw(st.lists(of, min_size=n, max_size=n))

    sides = st.sampled_from([None, "train", "validation", "test"])
    return {
        "task": task,
        "labels": several(label(task)),
        "groups": several(st.integers(-1, draw(st.integers(0, 30)))),
        "digests": keys(several(st.integers(0, 2 * n))),
        "given": draw(st.sampled_from([(), several(sides)])),
        "seed": draw(st.integers(0, 9)),
        "test_size": draw(st.floats(0.01, 0.9)),
    }


@given(data_sets())
@settings(max_examples=400, deadline=None)
def test_no_group_crosses(data) -> None:
    try:
        found = parted(**data)
    except InputError:
        return
    sides = {"train": found.train, "validation": found.validation, "test": found.test}
    every = np.concatenate([*sides.values(), found.dropped])
    assert sorted(every) == list(range(len(data["labels"])))
    contents = np.array([int.from_bytes(each, "big") for each in data["digests"]])
    side_of = np.empty(len(every), object)
    for name, index in sides.items():
        side_of[index] = name
    side_of[found.dropped] = None
    own = {each for each in data["given"] if each}
    together = joined(contents, np.array(data["groups"]))
    for number in np.unique(together):
        where = {side for side in side_of[together == number] if side}
        if not data["given"]:
            assert len(where) == 1
        # What the data says stands; what was cut is no part of a group that is elsewhere too.
        elif len(where) > 1:
            assert where <= own | {"train"}
    for at, side in enumerate(data["given"]):
        if side in ("test", "validation") and at not in found.dropped:
            assert side_of[at] == side
    again = parted(**data)
    for name, index in sides.items():
        assert (index == getattr(again, name)).all()


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2)), min_size=60, max_size=150),
    st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_shares_are_near_where_groups_are_small(made, seed: int) -> None:
    """Groups of 1 to 9 items, each of one class: every class has its share of every split."""
    labels = [NAMES[which] for size, which in made for _ in range(size)]
    groups = [at for at, (size, _) in enumerate(made) for _ in range(size)]
    counts = np.bincount([which for _, which in made], minlength=3)
    if min(counts[counts > 0]) < 3:
        return
    found = parted(labels, groups, seed=seed)
    for name, share in (("test", 0.2), ("validation", 0.15)):
        side = [labels[at] for at in getattr(found, name)]
        assert set(side) == set(labels)
        assert abs(len(side) - share * len(labels)) < 20
        for each in set(labels):
            assert abs(side.count(each) - share * labels.count(each)) < 12


def test_groups_of_mixed_classes_and_of_many_sizes_are_stratified() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.geometric(0.1, 200)
    groups = np.repeat(np.arange(200), sizes)
    leaning = rng.dirichlet([0.5, 0.5, 0.1], 200)[groups]
    labels = [NAMES[rng.choice(3, p=each)] for each in leaning]
    found = parted(labels, groups)
    for name, share in (("test", 0.2), ("validation", 0.15)):
        side = [labels[at] for at in getattr(found, name)]
        for each in "abc":
            assert abs(side.count(each) / labels.count(each) - share) < 0.02
    # Neither the large groups alone are tested nor the small ones alone.
    in_test = np.unique(groups[found.test])
    assert 0.5 < sizes[in_test].mean() / sizes.mean() < 2


def test_a_group_of_each_kind_is_enough() -> None:
    labels = ["a"] * 30 + ["b"] * 30
    groups = np.arange(60) // 10
    found = parted(labels, groups)
    for name in ("train", "validation", "test"):
        assert sorted({labels[at] for at in getattr(found, name)}) == ["a", "b"]
        assert len(getattr(found, name)) == 20


def test_numbers_of_three_groups() -> None:
    values = np.arange(30.0).tolist()
    found = parted(values, np.arange(30) // 10, task="regression")
    assert [len(found.train), len(found.validation), len(found.test)] == [10, 10, 10]


@pytest.mark.parametrize(
    ("labels", "groups", "said"),
    [
        (["a", "b"] * 20, [0] * 40, "one group each: 'a' .20 items., 'b' .20 items."),
        (["a"] * 20 + ["b"] * 20, [0] * 20 + [*range(1, 21)], "'a' .20 items."),
        (["a", "b"] * 20, [0] * 20 + [1] * 20, "2 groups .* .of 20, 20 items.* validation"),
    ],
)
def test_what_cannot_be_divided_is_refused_with_its_sizes(labels, groups, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parted(labels, groups)


def test_one_group_of_numbers_is_refused() -> None:
    with pytest.raises(InputError, match="1 group .* 40 items"):
        parted([float(n) for n in range(40)], [0] * 40, task="regression")


def test_a_class_in_one_group_is_learnt_and_named() -> None:
    labels = ["a", "b"] * 20 + ["c"] * 5
    groups = [*(np.arange(40) // 4), *[99] * 5]
    found = parted(labels, groups)
    assert set(range(40, 45)) <= set(found.train.tolist())
    assert any("'c' (5 items)" in warning for warning in found.warnings)


def test_no_groups_change_nothing() -> None:
    labels = ["a", "b", "c"] * 30
    alone = parted(labels, [-1] * 90)
    plain = split(
        labels,
        keys(range(90)),
        (),
        task="classification",
        test_size=0.2,
        validation_size=0.15,
        seed=0,
    )
    for name in ("train", "validation", "test"):
        assert (getattr(alone, name) == getattr(plain, name)).all()


def dataset(groups, splits=(), labels=None) -> Dataset:
    n = len(groups)
    return Dataset(
        "text",
        [f"text {at}" for at in range(n)],
        [f"row {at}" for at in range(n)],
        task="classification",
        labels=labels or ["a", "b"] * (n // 2),
        groups=groups,
        splits=splits,
    )


def test_a_data_set_is_divided_by_its_groups() -> None:
    data = dataset([None if at < 8 else f"p{at // 4}" for at in range(80)])
    readable = np.delete(np.arange(80), [9, 40])
    for divided in (
        divide(data, readable, keys(readable), test_size=0.2, seed=0),
        divide_without_test(data, readable, keys(readable), seed=0),
    ):
        assert divided.together is not None
        assert (divided.together >= 0).sum() == 78
        side_of = {
            at: name for name, side in divided.sides.items() for at in side.positions.tolist()
        }
        assert sorted(side_of) == readable.tolist()
        for group in set(data.groups) - {None}:
            own = [at for at in side_of if data.groups[at] == group]
            assert len({side_of[at] for at in own}) == 1
            assert len(set(divided.together[own].tolist())) == 1
        assert len(divided.sides["validation"].positions) > 5


def test_groups_that_given_splits_part_are_reported_and_stay() -> None:
    splits = ["train"] * 30 + ["test"] * 10
    data = dataset([f"p{at // 4}" for at in range(40)], splits)
    divided = divide(data, np.arange(40), keys(range(40)), test_size=0.2, seed=0)
    (said,) = [each for each in divided.warnings if "groups" in each]
    assert "1 of 10 groups" in said
    assert "'p7' with row 28 (train) and row 30 (test)" in said
    assert divided.sides["test"].positions.tolist() == list(range(30, 40))
    assert not {28, 29} & set(divided.sides["validation"].positions.tolist())


@pytest.mark.slow
def test_many_groups_take_seconds() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 1000, 300_000).astype(str).tolist()
    found = parted(labels, rng.integers(0, 100_000, 300_000))
    assert abs(len(found.test) - 60_000) < 1000
