"""A photo file to 224 x 224 pixels, on one thread: headstart and the usual transform."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.machine import scratch
from bench.photos import write_large_photos, write_photos
from bench.result import Figure, Result

ROUNDS = 3
BAR = 6


def run(quick: bool = False) -> Result:
    """Measure photos of 12 MP, and of 500 x 375."""
    with scratch() as folder:
        few, rounds = 2 if quick else 12, 1 if quick else ROUNDS
        soft = write_large_photos(folder / "soft", few, across=1)
        sharp = write_large_photos(folder / "sharp", few, across=8)
        usual = write_photos(folder / "usual", 20 if quick else 200)
        figures = [
            *_compare("12 MP, soft", soft, rounds, at_least=BAR),
            *_compare("12 MP, sharp", sharp, rounds, at_least=BAR),
            *_compare("500x375", usual, rounds, at_least=None),
        ]
        megabytes = [
            sum(path.stat().st_size for path in each) / few / 1e6 for each in (soft, sharp)
        ]
    return Result(
        "decode",
        "a JPEG file to what the network takes, one thread",
        tuple(figures),
        {
            "12 MP photos": "4000x3000, {:.1f} and {:.1f} MB on average".format(*megabytes),
            "plain": "PIL open, timm's evaluation transform",
            "headstart": "reading and decoding; normalisation is part of the network",
        },
    )


def _compare(
    what: str, paths: Sequence[Path], rounds: int, *, at_least: float | None
) -> list[Figure]:
    import timm
    import torch
    from PIL import Image

    from bench import plain
    from headstart import backbones
    from headstart.data import images

    torch.set_num_threads(1)
    transform = plain.transform(timm.create_model("tf_efficientnet_lite0"))
    preprocessing: Any = backbones.load("efficientnet-lite0").preprocessing

    def usual(path: Path) -> None:
        with Image.open(path) as image:
            transform(image.convert("RGB"))

    def ours(path: Path) -> None:
        images.decode(images.load(path), preprocessing)

    for decode in (usual, ours):
        decode(paths[0])
    pairs = [(_seconds(usual, paths), _seconds(ours, paths)) for _ in range(rounds)]
    hashing = _seconds(lambda path: images.digest(images.load(path)), paths)
    return [
        Figure(f"{what}: plain", 1000 * median(a for a, _ in pairs), "ms"),
        Figure(f"{what}: headstart", 1000 * median(b for _, b in pairs), "ms"),
        Figure(f"{what}: the digest, on top", 1000 * hashing, "ms"),
        Figure(f"{what}: plain / headstart", median(a / b for a, b in pairs), "x", at_least),
    ]


def _seconds(decode: Callable[[Path], object], paths: Sequence[Path]) -> float:
    """Seconds a photo."""
    began = time.perf_counter()
    for path in paths:
        decode(path)
    return (time.perf_counter() - began) / len(paths)
