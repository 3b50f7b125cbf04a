"""The resize inside a graph, beside Pillow's."""

import math

import numpy as np
import onnxruntime
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from headstart.data import images
from headstart.errors import InputError
from headstart.export import graph, replay
from headstart.export.replay import framed
from headstart.preprocessing import ImagePreprocessing

ONE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

USUAL = [
    ImagePreprocessing(224, 224, 0.875, "bicubic", *ONE),
    ImagePreprocessing(224, 224, 0.875, "bilinear", *ONE),
    ImagePreprocessing(96, 128, 0.95, "bicubic", *ONE),
    ImagePreprocessing(64, 64, 0.9, "lanczos", *ONE),
    ImagePreprocessing(64, 80, 1.0, "bilinear", *ONE, keep_aspect_ratio=False),
]


def session(preprocessing):
    return onnxruntime.InferenceSession(graph.before(preprocessing).SerializeToString())


@pytest.fixture(scope="module")
def sessions():
    return [session(each) for each in USUAL]


def image(height, width, seed=0):
    """Smooth, with noise on it."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (-(-height // 9), -(-width // 9), 3))
    smooth = coarse.repeat(9, 0).repeat(9, 1)[:height, :width]
    return np.clip(smooth + random.normal(0, 20, smooth.shape), 0, 255).astype(np.uint8)


def resized(asked, pixels):
    return asked.run(None, {"pixels": pixels})[0].astype(int)


@given(
    way=st.integers(0, len(USUAL) - 1),
    height=st.integers(1, 500),
    width=st.integers(1, 500),
    seed=st.integers(0, 9),
)
@settings(max_examples=150, deadline=None)
def test_it_gives_what_pillow_gives(sessions, way, height, width, seed):
    preprocessing, pixels = USUAL[way], image(height, width, seed)
    assume(not _halfway(height, width, preprocessing))
    found = resized(sessions[way], pixels[None])[0]
    away = np.abs(found - images.decode(pixels, preprocessing).pixels)
    # Pillow rounds once more where it averages whole pixels first, and of some tall images it
    # resizes the columns first.
    ratios = height / preprocessing.height, width / preprocessing.width
    alike = width >= height * preprocessing.width / preprocessing.height and max(ratios) < 2
    assert away.max() <= (2 if alike else 48)
    assert away.mean() <= (0.1 if alike else 1.0)


def _halfway(height, width, preprocessing):
    """Whether a side becomes a whole number and a half: 64-bit floats and fractions round it to
    different sides, where the network's input is no square.
    """
    if preprocessing.height == preprocessing.width or not preprocessing.keep_aspect_ratio:
        return False
    crop = preprocessing.height, preprocessing.width
    high, wide = (math.floor(side / preprocessing.crop_fraction) for side in crop)
    return (2 * high * width) % height == 0 or (2 * wide * height) % width == 0


@pytest.mark.parametrize("size", [(1500, 2250), (2000, 40), (40, 2000), (1, 700), (700, 1)])
def test_large_and_long_images(sessions, size):
    for asked, preprocessing in zip(sessions, USUAL, strict=True):
        pixels = image(*size)
        found = resized(asked, pixels[None])[0]
        away = np.abs(found - images.decode(pixels, preprocessing).pixels)
        assert away.max() <= 20
        assert away.mean() <= 0.5


def test_a_batch_is_what_its_images_are(sessions):
    pixels = np.stack([image(90, 70, seed) for seed in range(3)])
    for asked in sessions:
        together = resized(asked, pixels)
        for row, each in zip(together, pixels, strict=True):
            np.testing.assert_array_equal(row, resized(asked, each[None])[0])


def test_a_framed_image_is_seen_as_it_is(sessions):
    for asked, preprocessing in zip(sessions, USUAL, strict=True):
        pixels = image(preprocessing.height, preprocessing.width)
        frame = framed(pixels, preprocessing)
        np.testing.assert_array_equal(resized(asked, frame[None])[0], pixels)
        np.testing.assert_array_equal(images.decode(frame, preprocessing).pixels, pixels)


@pytest.mark.parametrize("share", [0.875, 0.9, 0.95])
def test_the_model_is_asked_about_the_item_itself(share):
    """Also where what it would cut off is no whole number of pixels."""
    ways = ImagePreprocessing(64, 64, share, "bicubic", *ONE, keep_aspect_ratio=False)
    pixels = image(150, 90)
    given = replay._image(pixels, ways)
    np.testing.assert_array_equal(given.predictor[0][0], images.decode(pixels, ways).pixels)
    assert (given.framed[0] != given.predictor[0]).any()


def test_what_cannot_be_written_is_refused():
    with pytest.raises(InputError, match="resizes images by 'nearest'"):
        graph.before(ImagePreprocessing(8, 8, 1.0, "nearest", *ONE))
