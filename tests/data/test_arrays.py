"""Arrays of other types as the uint8 images that they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from headstart.data import images
from headstart.data.arrays import of_two_scales, pixels, stacked
from headstart.errors import Unreadable

IMAGES = arrays.arrays(np.uint8, st.tuples(*[st.integers(1, 9)] * 2, st.sampled_from([3, 4])))


@settings(deadline=None)
@given(IMAGES)
def test_the_same_pixels_in_other_types_are_the_same_image(image):
    """Property: the digest of an image does not depend on the type its numbers have."""
    image = np.ascontiguousarray(image)
    image.flat[0] = 200  # else what is black in 0..255 may be bright in 0..1
    expected = images.digest(image)
    for other in (
        image.astype(np.int64),
        image.astype(np.float32),
        image.astype(np.float64) / 255,
        (image / 255).astype(np.float16).astype(np.float32),
        image.astype(np.uint16) * np.uint16(257),
        image.astype(np.int16),
    ):
        assert images.digest(images.load(other)) == expected


@given(
    arrays.arrays(
        np.uint8, st.tuples(st.sampled_from([1, 3, 4]), st.integers(5, 9), st.integers(5, 9))
    )
)
def test_channels_first_is_turned(image):
    found = pixels(image)
    expected = np.moveaxis(image, 0, 2)
    np.testing.assert_array_equal(found, expected[:, :, 0] if len(image) == 1 else expected)


def test_masks_and_black_images():
    mask = np.eye(4, dtype=bool)
    np.testing.assert_array_equal(pixels(mask), np.eye(4, dtype=np.uint8) * 255)
    for kind in (np.float32, np.uint16, np.int64, np.float16):
        assert not pixels(np.zeros((4, 4), kind)).any()


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.full((4, 4), 1.5), "neither 0 to 1 nor 0 to 255"),
        (np.full((4, 4), 300.0), "neither 0 to 1 nor 0 to 255"),
        (np.full((4, 4), -0.1), "before normalisation"),
        (np.full((4, 4), np.nan), "from 0 to 255 or from 0 to 1"),
        (np.full((4, 4), np.inf), "from 0 to 255 or from 0 to 1"),
        (np.full((4, 4), 300), "8 or 16 bits"),
        (np.full((4, 4), 200, np.uint16), "8 or 16 bits"),
        (np.full((4, 4), -1), "before normalisation"),
        (np.zeros((4, 4), complex), "must hold numbers"),
        (np.zeros((6, 4, 5)), "height, width"),
        (np.zeros(4), "height, width"),
        (np.zeros((0, 4)), "empty"),
    ],
    ids=lambda value: str(getattr(value, "shape", "")),
)
def test_what_has_two_meanings_or_none_is_refused(image, said):
    with pytest.raises(Unreadable, match=said):
        images.load(image)


STACKS = arrays.arrays(np.uint8, st.tuples(st.integers(1, 4), *[st.integers(5, 8)] * 2, st.just(3)))


@given(STACKS, st.integers(0, 3))
def test_the_images_of_one_array_are_on_one_scale(stack, dark):
    """Property: a dark image in a stack is what it is in uint8, whatever type the numbers have."""
    stack[dark % len(stack)] //= 255  # 0 and 1 alone: in a stack of 0..255 nearly black
    stack = np.concatenate([stack, np.full_like(stack[:1], 200)])
    for other in (stack.astype(np.float32), stack / 255, stack.astype(np.uint16) * np.uint16(257)):
        found = [pixels(each) for each in stacked(other)]
        np.testing.assert_array_equal(np.stack(found), stack)


def test_a_scale_that_does_not_fit_all_images_of_an_array_is_refused():
    for wrong in (np.full((4, 4, 3), -0.5), np.full((4, 4, 3), 300.0)):
        with pytest.raises(Unreadable):
            stacked(np.stack([np.full((4, 4, 3), 0.5), wrong]))
    lost = stacked(np.stack([np.full((4, 4, 3), 0.5), np.full((4, 4, 3), np.nan)]))
    assert (pixels(lost[0]) == 128).all()
    with pytest.raises(Unreadable):
        pixels(lost[1])


def test_floats_of_a_list_that_may_be_on_two_scales():
    bright, dark = np.full((4, 4), 200.0), np.eye(4)
    assert of_two_scales([bright, dark, np.zeros((4, 4)), dark.astype(np.uint8)]) == {1}
    assert of_two_scales([dark, dark]) == of_two_scales([bright, bright]) == set()
    assert of_two_scales([bright, dark * 0.3]) == set()  # fractions beside whole numbers
    assert of_two_scales([bright + 0.5, dark * 0.3]) == {1}
