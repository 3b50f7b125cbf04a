"""Photographs to measure with: crops of those that come with scikit-image and scikit-learn."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

SIZE = (500, 375)
"""Width and height of a usual photo of ImageNet."""

QUALITY = 90
_SOURCES = {
    "skimage": (
        "data/astronaut.png",
        "data/chelsea.png",
        "data/coffee.png",
        "data/hubble_deep_field.jpg",
        "data/ihc.png",
        "data/motorcycle_left.png",
        "data/motorcycle_right.png",
        "data/retina.jpg",
        "data/rocket.jpg",
    ),
    "sklearn": ("datasets/images/china.jpg", "datasets/images/flower.jpg"),
}


def write_photos(
    folder: Path, count: int, *, size: tuple[int, int] = SIZE, seed: int = 0
) -> list[Path]:
    """Write `count` different JPEGs of `size` (width, height)."""
    folder.mkdir(parents=True)
    paths = [folder / f"{number:05}.jpg" for number in range(count)]
    for path, photo in zip(paths, _photos(size, seed), strict=False):
        photo.save(path, quality=QUALITY)
    return paths


def write_large_photos(folder: Path, count: int, *, across: int) -> list[Path]:
    """Write `count` JPEGs of 4000 x 3000.

    Each is made of `across` x `across` photos side by side. With 8 every pixel has detail of its
    own, as in a sharp photo; with 1 it is one photo enlarged, as soft as a poor lens makes it.
    """
    folder.mkdir(parents=True)
    width, height = 8 * SIZE[0] // across, 8 * SIZE[1] // across
    photos = _photos((width, height), seed=1)
    paths = [folder / f"{number:05}.jpg" for number in range(count)]
    for path in paths:
        large = Image.new("RGB", (8 * SIZE[0], 8 * SIZE[1]))
        for cell in range(across**2):
            large.paste(next(photos), (cell % across * width, cell // across * height))
        large.save(path, quality=QUALITY)
    return paths


def write_distinct(folder: Path, count: int, *, mark: str) -> None:
    """Write `count` small JPEGs, each with bytes of its own: a number in a comment.

    The pictures themselves repeat: tens of thousands are there in seconds, and to headstart,
    which goes by bytes, no two are the same.
    """
    bases = [path.read_bytes() for path in write_photos(folder / "base", 100, size=(160, 120))]
    for number in range(count):
        comment = f"{mark} {number}".encode()
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        base = bases[number % len(bases)]
        (folder / f"{number:05}.jpg").write_bytes(base[:2] + segment + base[2:])
    for path in (folder / "base").iterdir():
        path.unlink()
    (folder / "base").rmdir()


def _photos(size: tuple[int, int], seed: int) -> Iterator[Image.Image]:
    random = np.random.default_rng(seed)
    sources = list(_sources())
    while True:
        for source in sources:
            yield _variant(source, size, random)


def _variant(
    source: Image.Image, size: tuple[int, int], random: np.random.Generator
) -> Image.Image:
    scale = random.uniform(0.6, 1.0) * min(
        side / wanted for side, wanted in zip(source.size, size, strict=True)
    )
    width, height = (wanted * scale for wanted in size)
    left = random.uniform(0, source.width - width)
    top = random.uniform(0, source.height - height)
    box = (left, top, left + width, top + height)
    photo = source.resize(size, Image.Resampling.LANCZOS, box=box)
    photo = ImageEnhance.Brightness(photo).enhance(random.uniform(0.8, 1.2))
    return ImageOps.mirror(photo) if random.random() < 0.5 else photo


def _sources() -> Iterator[Image.Image]:
    for package, files in _SOURCES.items():
        found = find_spec(package)
        if found is None or found.origin is None:
            raise SystemExit(f"bench needs the photos in {package}: pip install -e '.[dev]'")
        for file in files:
            with Image.open(Path(found.origin).parent / file) as image:
                yield image.convert("RGB")


def thin_out(table: Path) -> None:
    """Keep every twentieth row of a table, for tiny sizes."""
    header, *rows = table.read_text("utf-8").splitlines(keepends=True)
    table.write_text("".join([header, *rows[::20]]), "utf-8")
