"""Arrays of other types as the uint8 images that they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from headstart.data import images
from headstart.data.arrays import pixels
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
