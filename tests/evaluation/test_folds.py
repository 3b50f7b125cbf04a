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


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=1, max_size=60),
    st.integers(2, 5),
    st.integers(0, 9),
)
def test_what_belongs_together_is_held_out_together(
    made: list[tuple[int, int]], folds: int, seed: int
) -> None:
    targets, together = (np.array(each) for each in zip(*made, strict=True))
    fold = stratified_folds(targets, folds, np.random.default_rng(seed), together)
    for group in np.unique(together):
        assert len(set(fold[together == group].tolist())) == 1
    for each in np.unique(fold[fold >= 0]):
        assert set(targets[fold != each].tolist()) == set(targets.tolist())


def test_groups_of_one_change_nothing() -> None:
    targets = np.arange(40) % 3
    plain, alone = (
        stratified_folds(targets, 5, np.random.default_rng(0), together)
        for together in (None, np.arange(40))
    )
    assert (plain == alone).all()


def test_groups_are_dealt_evenly() -> None:
    together = np.repeat(np.arange(50), 4)
    targets = together % 2
    fold = stratified_folds(targets, 5, np.random.default_rng(0), together)
    assert (np.bincount(fold) == 40).all()
    assert (np.bincount(fold[targets == 0]) == 20).all()


def test_many_groups_are_dealt_in_no_time_and_as_evenly() -> None:
    rng = np.random.default_rng(0)
    together = rng.integers(0, 4_000, 10_000)
    targets = rng.integers(0, 3, 10_000)
    fold = stratified_folds(targets, 5, rng, together)
    for group in range(0, 4_000, 100):
        assert len(set(fold[together == group].tolist())) <= 1
    assert np.ptp(np.bincount(fold)) < 300
    for each in range(3):
        assert np.ptp(np.bincount(fold[targets == each])) < 200


def test_a_group_of_over_half_is_always_learnt_from() -> None:
    together = np.array([0] * 180 + [at // 2 for at in range(2, 22)])
    targets = np.arange(200) % 2
    fold = stratified_folds(targets, 5, np.random.default_rng(0), together)
    assert (fold[:180] == -1).all()
    assert np.bincount(fold[180:]).tolist() == [4] * 5
