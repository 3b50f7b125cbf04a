import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.training.order import WINDOW, batches, evaluated
from headstart.training.recipe import Recipe

LENGTHS = st.one_of(
    st.none(),
    st.lists(st.integers(1, 9), min_size=1, max_size=300).map(lambda all_: np.array(all_)),
)


@settings(deadline=None)
@given(items=st.integers(1, 300), lengths=LENGTHS, batch=st.integers(2, 9), seed=st.integers(0, 9))
def test_every_item_is_in_one_batch_of_an_epoch(items, lengths, batch, seed):
    items = items if lengths is None else len(lengths)
    recipe = Recipe(epochs=1, batch=batch)
    found = batches(items, lengths, recipe, seed=seed, epoch=0)
    again = batches(items, lengths, recipe, seed=seed, epoch=0)
    assert [each.tolist() for each in found] == [each.tolist() for each in again]
    assert sorted(np.concatenate(found).tolist()) == list(range(items))
    assert len(found) == recipe.steps(items)
    sizes = sorted(map(len, found))
    assert items == 1 or sizes[0] > 1
    assert sizes[-1] <= batch + 1
    assert sizes.count(batch) >= len(sizes) - 1


@settings(deadline=None)
@given(
    items=st.integers(1, 300), lengths=LENGTHS, batch=st.integers(2, 9), share=st.floats(0.01, 1)
)
def test_an_epoch_may_pass_over_a_share(items, lengths, batch, share):
    items = items if lengths is None else len(lengths)
    recipe = Recipe(epochs=1, batch=batch, share=share)
    found = np.concatenate(batches(items, lengths, recipe, seed=0, epoch=0))
    assert len(set(found.tolist())) == len(found) == recipe.passed(items)
    assert min(items, batch) <= len(found) <= items
    assert len(found) >= round(share * items)


def test_what_a_share_leaves_out_comes_in_other_epochs():
    recipe = Recipe(epochs=9, batch=4, share=0.3)
    seen = [
        {*np.concatenate(batches(100, None, recipe, seed=0, epoch=at)).tolist()} for at in range(20)
    ]
    assert seen[0] != seen[1]
    assert len(set.union(*seen)) == 100


@pytest.mark.parametrize("lengths", [None, np.arange(100) % 7])
def test_the_order_is_another_with_another_seed_or_epoch(lengths):
    recipe = Recipe(epochs=2, batch=4)
    orders = {
        tuple(np.concatenate(batches(100, lengths, recipe, seed=seed, epoch=epoch)).tolist())
        for seed in range(3)
        for epoch in range(3)
    }
    assert len(orders) == 9


def test_items_of_one_size_are_shuffled_and_nothing_else():
    found = batches(11, None, Recipe(epochs=1, batch=3), seed=5, epoch=2)
    order = np.random.default_rng([5, 0, 2]).permutation(11)
    assert [each.tolist() for each in found] == [
        order[:3].tolist(), order[3:6].tolist(), order[6:9].tolist(), order[9:].tolist(),
    ]  # fmt: skip


def test_little_is_padding_and_short_batches_are_not_first():
    lengths = np.random.default_rng(0).geometric(0.05, 4000)
    found = batches(len(lengths), lengths, Recipe(epochs=1), seed=0, epoch=0)
    padded = sum(len(each) * lengths[each].max() for each in found)
    assert lengths.sum() / padded > 0.85
    shuffled = batches(len(lengths), None, Recipe(epochs=1), seed=0, epoch=0)
    assert lengths.sum() / sum(len(each) * lengths[each].max() for each in shuffled) < 0.4
    means = [lengths[each].mean() for each in found]
    assert abs(np.corrcoef(np.arange(len(means)), means)[0, 1]) < 0.3
    assert len(lengths) > WINDOW * 32


@given(lengths=LENGTHS.filter(lambda each: each is not None), rows=st.integers(1, 9))
def test_evaluation_goes_from_the_shortest_to_the_longest(lengths, rows):
    order = evaluated(len(lengths), lengths, rows)
    assert sorted(np.concatenate(order).tolist()) == list(range(len(lengths)))
    assert (np.diff(lengths[np.concatenate(order)]) >= 0).all()
    assert max(map(len, order)) <= rows


def test_evaluation_of_items_of_one_size_is_in_their_order():
    order = evaluated(7, None, 3)
    assert [each.tolist() for each in order] == [[0, 1, 2], [3, 4, 5], [6]]
