import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.data.together import joined, numbered


@st.composite
def partitions(draw: st.DrawFn) -> list[np.ndarray]:
    n = draw(st.integers(0, 30))
    part = st.lists(st.integers(-1, max(n, 1)), min_size=n, max_size=n)
    return [np.array(draw(part), np.int64) for _ in range(draw(st.integers(1, 3)))]


def by_hand(parts: list[np.ndarray]) -> np.ndarray:
    found = np.arange(len(parts[0]))
    for _ in found:
        for part in parts:
            for number in set(part.tolist()) - {-1}:
                found[part == number] = found[part == number].min()
    return found


@given(partitions())
@settings(deadline=None)
def test_the_components_of_all_the_partitions(parts: list[np.ndarray]) -> None:
    found, expected = joined(*parts), by_hand(parts)
    assert ((found[:, None] == found) == (expected[:, None] == expected)).all()
    firsts = [found[at] for at in np.unique(found, return_index=True)[1]]
    assert firsts == list(range(len(firsts)))  # by first appearance
    assert (np.diff(np.unique(found, return_index=True)[1]) > 0).all()


def test_chains_are_followed() -> None:
    one = np.array([0, 0, -1, 1, 1, -1])
    other = np.array([-1, 5, 5, -1, -1, -1])
    assert joined(one, other).tolist() == [0, 0, 0, 1, 1, 2]


def test_numbers_are_by_first_appearance_and_none_is_alone() -> None:
    assert numbered(["b", None, "a", "b"]).tolist() == [0, -1, 1, 0]
