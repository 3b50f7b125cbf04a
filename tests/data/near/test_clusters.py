"""Pairs become clusters, and a chain of them ends."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headstart.data.near.clusters import LARGEST_SHARE, LEAST, clustered
from headstart.data.near.pairs import pairs_of


def pairs(ends, similarity=None):
    similar = np.ones(len(ends)) if similarity is None else np.array(similarity, float)
    return pairs_of(np.array(ends, np.int64).reshape(-1, 2), similar)


def test_pairs_are_kept_once_with_the_best_similarity():
    found = pairs([(3, 1), (1, 3), (0, 2)], [0.8, 0.9, 0.7])
    assert found.items.tolist() == [[0, 2], [1, 3]]
    assert found.similarity.tolist() == [0.7, 0.9]


def test_a_chain_is_one_cluster_until_it_is_too_long():
    chain = [(at, at + 1) for at in range(30)]
    similarity = np.linspace(1, 0.9, 30)
    found = clustered(pairs(chain, similarity), 31)
    assert found.sizes.max() == LEAST
    assert found.refused > 0
    assert found.clusters[:LEAST].tolist() == [0] * LEAST
    assert clustered(pairs([(0, 1), (1, 2)]), 4).clusters.tolist() == [0, 0, 0, -1]


@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=60))
def test_clusters_are_made_of_pairs_and_none_is_too_large(ends):
    ends = [(one, other) for one, other in ends if one != other]
    found = clustered(pairs(ends), 20)
    reached = np.eye(20, dtype=bool)
    for one, other in ends:
        reached[one, other] = reached[other, one] = True
    for _ in range(20):
        reached = (reached.astype(int) @ reached.astype(int)) > 0
    several = found.clusters >= 0
    same = (found.clusters[:, None] == found.clusters) & several[:, None]
    assert not (same & ~reached).any()
    assert (found.sizes >= 2).all()
    assert (found.sizes <= max(LEAST, 20 * LARGEST_SHARE)).all()
    assert several.any() == bool(ends)
