"""Items that no test split has to hold, and that people send all the same."""

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

SIZES = {
    "1 x 1 pixel": (1, 1),
    "1 x 90 pixels": (90, 1),
    "90 x 1 pixels": (1, 90),
    "a wide image": (60, 2400),
    "12 megapixels": (3000, 4000),
}
"""(height, width) by what a message calls them."""

TEXTS = {
    "one letter": "a",
    "a long text": "The quick brown fox jumps over the lazy dog, and on. " * 400,
    "signs": "¡Grüße, 日本語! \U0001f600\u200d",
}


def images() -> Iterator[tuple[str, bytes]]:
    """Names, and encoded images; the same ones every time."""
    random = np.random.default_rng(0)
    for name, (height, width) in SIZES.items():
        coarse = random.integers(0, 256, (-(-height // 20), -(-width // 20), 3), np.uint8)
        smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        yield name, _encoded(smooth)
        if name == "a wide image":
            grey = smooth.resize((640, 480)).convert("L")
            yield "a greyscale image", _encoded(grey)


def _encoded(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "BMP")  # Nothing is lost, and it takes no time.
    return file.getvalue()
