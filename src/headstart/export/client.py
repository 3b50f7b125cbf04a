"""What a program without headstart does before it asks an exported model.

The source of these functions stands in the README of an export, and the gate asks through them: so
what is measured is what that program does. They need Pillow and numpy, or numpy and tokenizers.
"""

from typing import IO, TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from headstart.types import Array


def pixels(file: str | IO[bytes]) -> "Array":
    """All pixels of an image, upright, on white: uint8 (1, height, width, 3)."""
    image = ImageOps.exif_transpose(Image.open(file))
    if image.mode[0] in "IF":  # 16 bits, or from 0 to 1.
        deep = np.asarray(image, np.float64) * (255 if image.mode == "F" else 255 / 65535)
        image = Image.fromarray(np.floor(deep + 0.5).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return np.asarray(image.convert("RGB"))[None]


def tokens(texts: list[str], tokenizer: "Tokenizer") -> "tuple[Array, Array]":
    """Token ids and attention mask, int64 (texts, tokens)."""
    encoded = tokenizer.encode_batch(texts)
    ids = np.array([each.ids for each in encoded], np.int64)
    return ids, np.array([each.attention_mask for each in encoded], np.int64)
