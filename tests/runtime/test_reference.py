"""How far an answer is from the network's own."""

import numpy as np
import pytest

from headstart.errors import InputError
from headstart.runtime.reference import Reference, unknown
from tests.features.conftest import PICTURE

PIXELS = (np.zeros((2, 4, 4, 3), np.uint8),)


def reference(features, inputs=PIXELS):
    return Reference(inputs, np.array(features, np.float32))


def test_the_row_that_is_furthest_counts():
    own = reference([[3, 4], [0, 1]])
    assert own.distance(np.array([[3, 4], [0, 1]], np.float32)) == 0
    assert own.distance(np.array([[3, 4], [0, 1.5]], np.float32)) == pytest.approx(0.5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_as_far_as_can_be_unless_it_is_the_networks_own(bad):
    answer = np.array([[3, bad], [0, 1]], np.float32)
    assert reference([[3, 4], [0, 1]]).distance(answer) == np.inf
    assert reference([[3, bad], [0, 1]]).distance(answer) == 0


def test_an_answer_of_another_shape_is_as_far_as_can_be():
    assert reference([[3, 4], [0, 1]]).distance(np.zeros((2, 3), np.float32)) == np.inf


def test_what_stands_at_padding_is_not_looked_at():
    ids, mask = np.ones((2, 3), np.int64), np.array([[1, 1, 0], [1, 0, 0]], np.int64)
    own = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    other = own + 9 * (1 - mask[:, :, None]).astype(np.float32)
    assert reference(own, (ids, mask)).distance(other) == 0


def test_it_goes_through_arrays_and_back():
    ids, mask = np.ones((2, 3), np.int64), np.array([[1, 1, 0], [1, 0, 0]], np.int64)
    own = reference([[3, 4], [0, 1]], (ids, mask))
    again = Reference.from_arrays(own.to_arrays())
    assert [each.tolist() for each in again.inputs] == [ids.tolist(), mask.tolist()]
    assert again.features.tolist() == own.features.tolist()


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"features": np.zeros((2, 2), np.float32)},
        {"input0": np.zeros((3, 2)), "features": np.zeros((2, 2), np.float32)},
    ],
)
def test_what_is_not_whole_is_refused(arrays):
    with pytest.raises(InputError, match="not whole"):
        Reference.from_arrays(arrays)


def test_where_the_networks_own_are_not_known_any_answer_will_do():
    own = unknown(PICTURE)
    assert [each.shape for each in own.inputs] == [(2, 32, 32, 3)]
    assert own.distance(np.zeros((2, 8), np.float32)) == 0
    assert Reference.from_arrays(own.to_arrays()).features.shape == (2, 0)
