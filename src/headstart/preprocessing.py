"""How an item becomes a network's input; travels with the backbone and with the saved model."""

from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np

from headstart.types import Unchecked

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]


@dataclass(frozen=True, slots=True)
class ImagePreprocessing:
    """Decode, resize and centre crop to `height` x `width`, then `(pixel / 255 - mean) / std`.

    `crop_fraction` is the share of the resized image's side that the centre crop keeps (timm's
    `crop_pct`). Resizing and cropping happen while decoding (uint8 out); the normalisation is
    the first operation of the compiled network.

    Without `keep_aspect_ratio` the image is resized to that size whatever its own, as in Keras:
    `crop_fraction` is then the share of each of its sides that is looked at.
    """

    height: int
    width: int
    crop_fraction: float
    interpolation: Interpolation
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    keep_aspect_ratio: bool = True

    def to_json(self) -> Unchecked:
        """A JSON object that `preprocessing_from_json` turns back into an equal value."""
        return {"modality": "image", **asdict(self)}


@dataclass(frozen=True, slots=True)
class TextPreprocessing:
    """Tokenise with `tokenizer` (the content of a `tokenizer.json`) and keep `max_tokens`.

    Special tokens are added by the tokenizer's own post-processor and count as tokens.
    """

    tokenizer: str
    max_tokens: int
    pad_id: int

    def to_json(self) -> Unchecked:
        """A JSON object; the tokenizer itself is stored beside it, as `tokenizer.json`."""
        return {"modality": "text", "max_tokens": self.max_tokens, "pad_id": self.pad_id}


Preprocessing = ImagePreprocessing | TextPreprocessing


@dataclass(frozen=True, slots=True)
class View:
    """A fixed way to look at an image, so that a stored trunk still sees augmented data.

    Attributes:
        scale: side of the part that is seen, as a share of the largest that fits; None is the
            part that evaluation sees.
        x, y: where the part lies, from 0 (left, top) to 1.
        flip: flipped left to right.
        turns: quarter turns counter-clockwise, after the flip; only half turns where the network
            takes images that are not square.
    """

    scale: float | None = None
    x: float = 0.5
    y: float = 0.5
    flip: bool = False
    turns: int = 0

    @property
    def name(self) -> str:
        """Names the view in a store's key."""
        part = "whole" if self.scale is None else f"{self.scale:.4f}@{self.x:.4f},{self.y:.4f}"
        turned = f" turned {self.turns}" if self.turns else ""
        return part + (" flipped" if self.flip else "") + turned


WHOLE = View()
LEAST_PART = 0.8


WAYS: dict[str, tuple[View, ...]] = {
    "horizontal": (WHOLE, View(flip=True)),
    "any": tuple(View(turns=turns, flip=turns % 2 == 1) for turns in (0, 2, 1, 3))
    + tuple(View(turns=turns, flip=turns % 2 == 0) for turns in (0, 2, 1, 3)),
    "none": (WHOLE,),
}
"""Flips and turns that leave the label as it is, by the word that asks for them."""


def random_view(random: np.random.Generator, flips: str = "horizontal") -> View:
    """A part of at least 0.8 of the sides, anywhere, flipped and turned in one of the `WAYS`."""
    scale, x, y, way = random.uniform([LEAST_PART, 0, 0, 0], 1).round(4).tolist()
    ways = WAYS[flips]
    chosen = ways[-1 - min(int(way * len(ways)), len(ways) - 1)]
    return View(scale, x, y, chosen.flip, chosen.turns)


def fixed_views(count: int, seed: int, flips: str = "horizontal") -> tuple[View, ...]:
    """`count` views: the whole in the first two ways, a random part in each other way,
    then random ones; more views keep the first.
    """
    random = np.random.default_rng(seed)
    ways = WAYS[flips]
    views = [
        *ways[:2],
        *(replace(random_view(random), flip=way.flip, turns=way.turns) for way in ways[2:]),
    ]
    views += (random_view(random, flips) for _ in range(count - len(views)))
    return tuple(views[:count])


def preprocessing_from_json(saved: Unchecked, tokenizer: str | None) -> Preprocessing:
    """The inverse of `to_json`.

    Args:
        saved: what `to_json` gave.
        tokenizer: the content of `tokenizer.json`; needed for texts, ignored for images.

    Raises:
        KeyError, TypeError: `saved` was not made by `to_json`.
    """
    fields: Unchecked = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in saved.items()
        if key != "modality"
    }
    if saved["modality"] == "image":
        if "squash" in fields:  # what older models call its opposite
            fields["keep_aspect_ratio"] = not fields.pop("squash")
        return ImagePreprocessing(**fields)
    if tokenizer is None:
        raise KeyError("tokenizer")
    return TextPreprocessing(tokenizer=tokenizer, **fields)
