import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.data.split import check_duplicates, split
from headstart.errors import InputError

SIZES = {"test_size": 0.2, "validation_size": 0.2}


def keys(numbers):
    return [int(n).to_bytes(16, "big") for n in numbers]


def made(labels, digests=None, given=(), task="classification", seed=0, **sizes):
    digests = keys(range(len(labels))) if digests is None else digests
    return split(labels, digests, given, task=task, seed=seed, **{**SIZES, **sizes})


@st.composite
def data_sets(draw):
    n = draw(st.integers(12, 80))
    classes = draw(st.integers(1, 5))
    labels = draw(st.lists(st.integers(0, classes - 1).map(str), min_size=n, max_size=n))
    contents = draw(st.lists(st.integers(0, n), min_size=n, max_size=n))
    sides = st.sampled_from([None, "train", "validation", "test"])
    given_splits = draw(st.one_of(st.just(()), st.lists(sides, min_size=n, max_size=n)))
    return labels, keys(contents), given_splits, draw(st.integers(0, 99))


@given(data_sets())
@settings(max_examples=200, deadline=None)
def test_invariants(data):
    labels, digests, given_splits, seed = data
    try:
        found = made(labels, digests, given_splits, seed=seed)
    except InputError:
        return
    sides = (found.train, found.validation, found.test)
    everything = np.concatenate([*sides, found.dropped])
    assert sorted(everything) == list(range(len(labels)))
    contents = [{digests[i] for i in side} for side in sides]
    for a in range(3):
        assert (np.diff(sides[a]) > 0).all()
        assert len(sides[a])
        for b in range(a):
            assert not contents[a] & contents[b]
    if not given_splits:
        assert not len(found.dropped)
    for i in range(len(given_splits)):
        if given_splits[i] == "test":
            assert i in found.test
    again = made(labels, digests, given_splits, seed=seed)
    assert all(
        (a == b).all()
        for a, b in zip(sides, (again.train, again.validation, again.test), strict=True)
    )


@given(st.lists(st.integers(3, 60), min_size=2, max_size=6), st.integers(0, 9))
@settings(max_examples=50, deadline=None)
def test_every_class_of_three_is_everywhere_and_sizes_are_near(sizes, seed):
    labels = [str(c) for c, n in enumerate(sizes) for _ in range(n)]
    found = made(labels, seed=seed)
    for side in (found.train, found.validation, found.test):
        assert {labels[i] for i in side} == set(labels)
    for side in (found.validation, found.test):
        assert abs(len(side) - 0.2 * len(labels)) <= len(sizes)


def test_seeds_differ():
    labels = ["a", "b"] * 50
    assert made(labels, seed=1).test.tolist() != made(labels, seed=2).test.tolist()


def test_rare_classes():
    labels = ["a"] * 50 + ["two"] * 2 + ["one"]
    found = made(labels)
    where = {name: {labels[i] for i in getattr(found, name)} for name in ("train", "test")}
    assert where["train"] == {"a", "two", "one"}
    assert where["test"] == {"a", "two"}
    assert {labels[i] for i in found.validation} == {"a"}
    assert any("'one'" in warning for warning in found.warnings)


def test_copies_do_not_make_a_class_larger():
    labels = ["a"] * 30 + ["b"] * 30
    digests = keys([*range(30), *([99] * 30)])
    found = made(labels, digests)
    assert set(range(30, 60)) <= set(found.train.tolist())


@pytest.mark.parametrize(
    ("present", "cut"),
    [
        (("train", "test"), "validation"),
        (("train", "validation"), "test"),
        (("train",), "test"),
        ((None, "test"), "validation"),
        (("train", "validation", "test"), None),
    ],
)
def test_given_splits_are_kept(present, cut):
    given_splits = [present[i % len(present)] for i in range(120)]
    found = made(["a", "a", "a", "b", "b", "b"] * 20, given=given_splits)
    for name in ("validation", "test"):
        if name in present:
            kept = [i for i, g in enumerate(given_splits) if g == name]
            assert getattr(found, name).tolist() == kept
    assert all(given_splits[i] in ("train", None) for i in found.train)
    if cut:
        assert all(given_splits[i] in ("train", None) for i in getattr(found, cut))
    assert len(found.train)
    assert len(found.validation)
    assert len(found.test)


@pytest.mark.parametrize("only", ["test", "validation"])
def test_nothing_to_train_on(only):
    with pytest.raises(InputError, match="train"):
        made(["a", "b"] * 10, given=[only] * 20)


def test_leak_between_given_splits_is_dropped_from_train():
    digests = keys([*range(10), 0, *range(11, 20)])
    given_splits = ["train"] * 10 + ["test"] * 10
    found = made(["a", "b"] * 10, digests, given_splits)
    assert found.dropped.tolist() == [0]
    assert 10 in found.test
    names = [f"{i}.jpg" for i in range(20)]
    (warning,) = check_duplicates(digests, ["a", "b"] * 10, names, given_splits)
    assert "0.jpg" in warning
    assert "10.jpg" in warning


def test_two_labels_for_one_picture():
    (warning,) = check_duplicates(keys([1, 2, 1]), ["cat", "cat", "dog"], ["x", "y", "z"], ())
    assert "x ('cat')" in warning
    assert "z ('dog')" in warning
    assert check_duplicates(keys([1, 2, 3]), ["a"] * 3, ["x", "y", "z"], ()) == ()


def test_too_few():
    for labels in ([], ["a"], ["a", "b"], ["a", "b", "c"]):
        with pytest.raises(InputError):
            made(labels)


def test_no_shares_no_splits():
    found = made(["a", "b"] * 5, test_size=0, validation_size=0)
    assert len(found.train) == 10


def test_identical_items_with_numbers_that_differ_by_noise_are_no_mistake():
    """Two measurements of one thing; but a number as far off as the others lie apart is named."""
    numbers = [float(n) for n in range(10)]
    digests, names = keys([*range(10), 3]), [f"item {n}" for n in range(11)]
    assert check_duplicates(digests, [*numbers, 3.4], names, ()) == ()
    (warning,) = check_duplicates(digests, [*numbers, 9.0], names, ())
    assert "another number" in warning
    assert "wrong" not in warning


def test_regression_covers_the_range():
    values = np.random.default_rng(0).exponential(size=400).tolist()
    found = made(values, task="regression")
    assert abs(len(found.test) - 80) <= 10
    test = np.array(values)[found.test]
    assert abs(np.median(test) - np.median(values)) < 0.15


def test_multilabel_spreads_the_rarest():
    labels = [("common",)] * 90 + [("common", "rare")] * 6 + [()] * 4
    found = made(labels, task="multilabel")
    for side in (found.train, found.validation, found.test):
        assert any("rare" in labels[i] for i in side)


def test_a_million_items():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 1000, 1_000_000).astype(str).tolist()
    digests = keys(rng.integers(0, 900_000, 1_000_000))
    start = time.perf_counter()
    found = made(labels, digests)
    assert time.perf_counter() - start < 30
    assert sum(map(len, (found.train, found.validation, found.test))) == 1_000_000


test_a_million_items = pytest.mark.slow(test_a_million_items)


def test_no_split_and_train_are_one_side():
    names, digests = ["x", "y"], keys([1, 1])
    assert check_duplicates(digests, ["a", "a"], names, [None, "train"]) == ()
    (warning,) = check_duplicates(digests, ["a", "a"], names, [None, "test"])
    assert "more than one given split" in warning


def test_what_an_unknown_label_does_is_said_as_it_is():
    given_splits = ["train"] * 20 + ["test"] * 4
    found = made([("a",), ("b",)] * 10 + [("a", "new")] * 4, given=given_splits, task="multilabel")
    (warning,) = (each for each in found.warnings if "'new'" in each)
    assert "items stay" in warning
    found = made(["a", "b"] * 10 + ["a", "b", "new", "a"], given=given_splits)
    (warning,) = (each for each in found.warnings if "'new'" in each)
    assert "left out" in warning
