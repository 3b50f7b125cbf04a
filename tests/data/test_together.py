"""Items that belong together, by one reason or by several."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headstart.data.together import joined


def test_a_chain_of_two_reasons_is_one():
    first, second = np.array([0, 0, 1, -1, -1]), np.array([-1, 7, 7, 8, -1])
    assert joined(first, second).tolist() == [0, 0, 0, 1, 2]
    assert joined(np.zeros(0, np.int64)).tolist() == []


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 3)), max_size=12))
def test_items_are_joined_if_and_only_if_links_lead_from_one_to_the_other(numbers):
    partitions = [np.array([each[side] for each in numbers], np.int64) for side in (0, 1)]
    found = joined(*partitions)
    reached = np.eye(len(numbers), dtype=bool)
    for partition in partitions:
        reached |= (partition[:, None] == partition) & (partition >= 0)
    for _ in numbers:
        reached = (reached.astype(int) @ reached.astype(int)) > 0
    assert np.array_equal(found[:, None] == found, reached)
    assert sorted(set(found.tolist())) == list(range(len(set(found.tolist()))))
