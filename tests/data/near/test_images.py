"""Images that are copies of each other: saved anew, made smaller, cropped, mirrored, brightened."""

import io

import numpy as np
import pytest
from bench.near_duplicates import IMAGE_KINDS, image_copy
from PIL import Image

from headstart.data.near import image_pairs
from headstart.data.near.thumbnails import COARSE, FINE, thumbnail


def photograph(seed, size=160, shared=0.0):
    """Something with structure at every scale; `shared` of it is the same in every one."""
    layers = np.zeros((size, size, 3))
    for number, weight in ((seed, 1 - shared), (10**6, shared)):
        rng = np.random.default_rng(number)
        for cells in (4, 8, 16, 40):
            noise = rng.normal(0, 255, (cells, cells, 3)).clip(-900, 900)
            channels = [
                Image.fromarray(noise[..., at].astype(np.float32)).resize((size, size))
                for at in range(3)
            ]
            layers += weight * np.stack(channels, -1) / cells**0.5
    scaled = 128 + 40 * (layers - layers.mean()) / layers.std()
    out = io.BytesIO()
    Image.fromarray(scaled.clip(0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def pairs_of(contents):
    def made(which, side):
        return np.stack([thumbnail(contents[at], side) for at in which])

    return image_pairs(
        made(range(len(contents)), COARSE), lambda which: lambda at: made(which[at], FINE)
    )


@pytest.mark.parametrize("shared", [0.0, 0.9], ids=["photographs", "look-alikes"])
def test_copies_are_found_and_nothing_else(shared):
    originals = [photograph(seed, shared=shared) for seed in range(40)]
    rng = np.random.default_rng(0)
    copies = [
        image_copy(each, IMAGE_KINDS[at % len(IMAGE_KINDS)], rng)
        for at, each in enumerate(originals[:20])
    ]
    pairs = pairs_of([*originals, *copies])
    assert {tuple(each) for each in pairs.items.tolist()} == {(at, 40 + at) for at in range(20)}
    assert (pairs.similarity > 0.9).all()


def test_another_colour_is_another_image():
    original = photograph(1)
    pixels = np.asarray(Image.open(io.BytesIO(original)))
    out = io.BytesIO()
    tinted = (pixels * np.array([1.25, 0.9, 0.6])).clip(0, 255).astype(np.uint8)
    Image.fromarray(tinted).save(out, "PNG")
    assert len(pairs_of([original, out.getvalue()])) == 0
    assert len(pairs_of([original, original])) == 1


def test_blank_images_and_few_of_them():
    blank = io.BytesIO()
    Image.new("RGB", (50, 50), (9, 9, 9)).save(blank, "PNG")
    assert len(pairs_of([blank.getvalue(), photograph(1), blank.getvalue()])) == 0
    assert len(pairs_of([photograph(1)])) == 0
    empty = np.zeros((0, COARSE, COARSE), np.float16)
    assert len(image_pairs(empty, lambda _: lambda _: empty)) == 0
