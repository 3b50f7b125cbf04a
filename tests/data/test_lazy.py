"""Items that are fetched when they are asked for, also in another process."""

import pickle

import numpy as np
import pytest

from headstart.data import from_memory
from headstart.data.dataset import joined
from headstart.data.lazy import chained, mapped, selected


def through_pickle(value):
    return pickle.loads(pickle.dumps(value))  # noqa: S301


def test_slices_of_slices_and_parts():
    items = chained([mapped(str, range(4)), selected("abcdef", np.array([5, 0, 2]))])
    assert list(items) == ["0", "1", "2", "3", "f", "a", "c"]
    assert list(items[::-2][1:]) == ["f", "2", "0"]
    assert items[1:][-1] == "c"
    with pytest.raises(IndexError):
        items[7]
    assert list(chained([])) == []


@pytest.mark.parametrize(
    ("modality", "items"),
    [("image", ["a.jpg", "b.jpg", "c.jpg"]), ("text", ["one", "two words", "three"])],
)
def test_a_data_set_can_be_pickled_selected_joined_and_sliced(modality, items):
    data = from_memory(items, ["x", "y", "x"], modality=modality)
    some = joined(data.select(np.array([2, 0])), data)
    some = some.select(np.array([4, 0, 1]))
    copy = through_pickle(some)
    assert list(copy.items) == list(some.items) == [items[2], items[2], items[0]]
    assert (list(copy.labels), list(copy.splits)) == (["x", "x", "x"], ["test", "train", "train"])
    assert list(through_pickle(some.items[::-1])) == [items[0], items[2], items[2]]
