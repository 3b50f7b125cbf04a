"""Images that look odd beside the others."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from headstart.data import from_memory
from headstart.findings import odd_images
from headstart.findings.looks import looks_of
from tests.findings.evidences import evidence


def photograph(rng, size=(160, 120)) -> Image.Image:
    """Shapes with edges, and a little noise."""
    pixels = np.full((size[1], size[0], 3), 120.0)
    for _ in range(12):
        x, y = rng.integers(0, size[0] - 10), rng.integers(0, size[1] - 10)
        w, h = rng.integers(8, 50, 2)
        pixels[y : y + h, x : x + w] = rng.integers(0, 255, 3)
    return Image.fromarray(np.clip(pixels + rng.normal(0, 4, pixels.shape), 0, 255).astype("u1"))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    usual = [photograph(rng) for _ in range(40)]
    odd = [
        usual[0].filter(ImageFilter.GaussianBlur(4)),
        Image.new("RGB", (160, 120), (3, 3, 3)),
        photograph(rng, (26, 20)),
        photograph(rng, (640, 60)),
    ]
    paths = []
    for number, image in enumerate([*usual, *odd]):
        paths.append(str(folder / f"{number}.png"))
        image.save(paths[-1])
    (folder / "broken.png").write_bytes(b"no image")
    data = from_memory([*paths, str(folder / "broken.png")], modality="image")
    looks = looks_of(data, np.arange(len(data)), lambda _: None, thumbnails=True)
    given = evidence(["a"] * len(data), looks=looks)
    return looks, {each.kind: each for each in odd_images.found_in(given)}


def test_what_cannot_be_read_is_left_out(found):
    looks, _ = found
    assert looks.positions.tolist() == list(range(44))
    assert set(looks.formats) == {"PNG"}
    assert (looks.width[0], looks.height[0]) == (160, 120)
    assert (looks.bytes > 0).all()


@pytest.mark.parametrize(
    ("kind", "at"), [("blurred", 40), ("blank", 41), ("tiny", 42), ("aspect-ratio", 43)]
)
def test_each_oddity_is_found_and_nothing_else(found, kind, at):
    assert [each.position for each in found[1][kind].items] == [at]
