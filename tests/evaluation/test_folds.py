import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.evaluation.folds import stratified_folds


@settings(deadline=None)  # the first imports scikit-learn
@given(st.lists(st.integers(0, 6), min_size=1, max_size=80), st.integers(2, 5), st.integers(0, 9))
def test_every_class_stays_and_folds_are_even(labels: list[int], folds: int, seed: int) -> None:
    targets = np.array(labels)
    fold = stratified_folds(targets, folds, np.random.default_rng(seed))
    for label in np.unique(targets):
        sizes = np.bincount(fold[(targets == label) & (fold >= 0)], minlength=folds)
        assert sizes.max() - sizes.min() <= 1
        for each in range(folds):
            assert ((targets == label) & (fold != each)).any()


def test_numbers_and_label_sets_are_dealt_as_one_class() -> None:
    for targets in (np.random.default_rng(0).random(20), np.eye(20, 3)):
        fold = stratified_folds(targets, 5, np.random.default_rng(0))
        assert (np.bincount(fold) == 4).all()


def test_a_seed_shuffles() -> None:
    targets = np.arange(40) % 2
    one, same, other = (stratified_folds(targets, 5, np.random.default_rng(s)) for s in (0, 0, 1))
    assert (one == same).all()
    assert (one != other).any()


def test_classes_smaller_than_the_folds_are_still_held_out() -> None:
    fold = stratified_folds(np.array([0, 0, 0, 1, 1, 2]), 5, np.random.default_rng(0))
    assert sorted(fold[:3]) == [0, 1, 2]
    assert len(set(fold[3:5])) == 2
    assert fold[5] == -1
