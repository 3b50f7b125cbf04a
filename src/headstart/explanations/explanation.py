"""What an explanation says: how much each place of an image, or each word, counts for an answer."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Method = Literal["activation map", "occlusion"]
METHODS: tuple[Method, ...] = get_args(Method)


@dataclass(frozen=True)
class ImageExplanation:
    """Where an image shows what speaks for an answer, and what speaks against it.

    Attributes:
        name: of the item.
        target: the class that is explained; None for regression.
        answer: its probability, or the value (regression).
        heat: float32 (height, width), over the whole upright image: positive where the image
            speaks for the class (a larger value), negative where it speaks against it, 0 where the
            network does not look. In log-odds of the class, or in the unit of the value: an
            activation map adds up to all of them, an occlusion to about what covering would cost.
        image: uint8 (height, width, 3), what `heat` lies on: the image, of at most `LONGEST`
            pixels a side.
        size: width and height of the image itself, upright.
        method: how it was found.
    """

    name: str
    target: str | None
    answer: float
    heat: NDArray[np.float32]
    image: NDArray[np.uint8]
    size: tuple[int, int]
    method: Method


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text.

    Attributes:
        text: the word.
        start, end: where it is in the text: `text[start:end]`.
        weight: by how much the log-odds of the class, or the value, fall when it is left out.
    """

    text: str
    start: int
    end: int
    weight: float


@dataclass(frozen=True)
class TextExplanation:
    """Which words of a text speak for an answer, and which against it.

    Attributes:
        name: of the item.
        target: the class that is explained; None for regression.
        answer: its probability, or the value (regression).
        text: what the network reads of the text, with an ellipsis where it goes on.
        words: those that the network reads, in order.
        method: how it was found.
    """

    name: str
    target: str | None
    answer: float
    text: str
    words: tuple[Word, ...]
    method: Method = "occlusion"


Explanation = ImageExplanation | TextExplanation
