import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.explanations import occlusion


class Asked:
    """Answers with the mean brightness of two parts of an image, and counts."""

    def __init__(self):
        self.count = 0

    def __call__(self, items):
        self.count += len(items)
        images = [np.asarray(items[at], float) for at in range(len(items))]
        return np.array([[x[8:16, 40:48].mean(), -x[30:40, 4:14].mean()] for x in images])


@pytest.fixture
def pixels():
    image = np.full((48, 64, 3), 100, np.uint8)
    image[8:16, 40:48] = 250
    image[30:40, 4:14] = 20
    return image


def test_what_counts_is_hottest_for_each_target(pixels):
    asked = Asked()
    heat = occlusion.occluded(pixels, asked)
    assert heat.shape == (2, 48, 64)
    assert heat.dtype == np.float32
    for found, part in zip(heat, (np.s_[8:16, 40:48], np.s_[30:40, 4:14]), strict=True):
        inside, outside = found[part].mean(), found.copy()
        outside[part] = np.nan
        assert inside > 10 * np.abs(np.nanmean(outside))
        assert found.max() == found[part].max() or found.max() < 1.5 * inside
    assert asked.count < 300


def test_it_is_the_same_again_and_leaves_the_image_alone(pixels):
    before = pixels.copy()
    first, again = (occlusion.occluded(pixels, Asked()) for _ in range(2))
    assert np.array_equal(first, again)
    assert np.array_equal(pixels, before)


def test_an_answer_that_never_changes_has_no_heat(pixels):
    heat = occlusion.occluded(pixels, lambda items: np.ones((len(items), 1)))
    assert not heat.any()


@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 12))
def test_squares_cover_every_pixel_and_stay_inside(height, width, step):
    covered = np.zeros((height, width), bool)
    for each in occlusion.squares((height, width), step):
        assert 0 <= each.top < each.bottom <= height
        assert 0 <= each.left < each.right <= width
        covered[each.slices] = True
    assert covered.all()


def test_images_of_a_few_pixels(pixels):
    for shape in ((1, 1), (2, 9), (9, 2)):
        tiny = np.zeros((*shape, 3), np.uint8)
        heat = occlusion.occluded(tiny, lambda items: np.zeros((len(items), 1)))
        assert heat.shape == (1, *shape)
