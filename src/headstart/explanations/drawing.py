"""Explanations for people: a heat map over its image, and marked words as HTML.

Orange speaks for the answer, purple against it: colours that everybody tells apart. Words are
underlined besides, so that no colour is needed.
"""

from collections.abc import Iterator
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headstart.explanations.explanation import ImageExplanation, TextExplanation, Word
from headstart.types import Array
from headstart.wording import harmless

FOR, AGAINST = (230, 97, 1), (94, 60, 153)
"""Of ColorBrewer's PuOr, which is safe for the colour-blind."""

STRONGEST = 0.75
"""How much of the colour shows where most speaks for or against."""

SHOWN = 0.15
"""Share of the heaviest word's weight from which a word is marked."""

SMALLEST = 256
"""Pixels of the longer side of an overlay, at least."""


def overlay(explanation: ImageExplanation) -> Image.Image:
    """The image in grey, with colour where something speaks for the answer or against it."""
    height, width = explanation.heat.shape
    grey = np.asarray(Image.fromarray(explanation.image).convert("L").convert("RGB"), np.float32)
    share = _share(explanation.heat)[..., None]
    colour = np.where(share > 0, np.array(FOR, np.float32), np.array(AGAINST, np.float32))
    alpha = np.abs(share) * STRONGEST
    drawn = Image.fromarray((grey * (1 - alpha) + colour * alpha).round().astype(np.uint8))
    larger = SMALLEST / max(width, height)
    if larger <= 1:
        return drawn
    size = (max(1, round(width * larger)), max(1, round(height * larger)))
    return drawn.resize(size, Image.Resampling.NEAREST)


def _share(heat: NDArray[np.float32]) -> Array:
    """Heat from -1 to 1; a few pixels that stand out may be cut off, so that the rest is seen."""
    there = np.abs(heat[heat != 0])
    most = float(np.quantile(there, 0.99)) if there.size else 0.0
    return np.clip(heat / most, -1, 1) if most > 0 else np.zeros_like(heat)


def parts(explanation: TextExplanation) -> list[tuple[str, float]]:
    """The text in parts: words that count, with their weights, and what is between them, with 0.

    A weight is a share of the heaviest word's, from -1 (against the answer) to 1 (for it).
    """
    return [(text, share) for text, _, share in _apart(explanation) if text]


def marked(explanation: TextExplanation) -> str:
    """The text as HTML, with its words marked; everything in it is escaped."""
    html = (_marked(word, share) if word else _plain(text)
            for text, word, share in _apart(explanation))  # fmt: skip
    return f"<bdi>{''.join(html)}</bdi>"


def _apart(explanation: TextExplanation) -> Iterator[tuple[str, Word | None, float]]:
    """Words that count with their share of the heaviest one's weight, and what is between them."""
    most = max((abs(word.weight) for word in explanation.words), default=0.0)
    at = 0
    for word in explanation.words:
        share = word.weight / most if most else 0.0
        if abs(share) >= SHOWN:
            yield explanation.text[at : word.start], None, 0.0
            yield word.text, word, share
            at = word.end
    yield explanation.text[at:], None, 0.0


def _marked(word: Word, share: float) -> str:
    text = _plain(word.text)
    red, green, blue = FOR if share > 0 else AGAINST
    line = "solid" if share > 0 else "dotted"
    style = (
        f"color: inherit; background: rgba({red}, {green}, {blue}, {0.6 * abs(share):.2f}); "
        f"text-decoration: underline {line}"
    )
    side = "for" if share > 0 else "against"
    return f'<mark style="{style}" title="{side}: {word.weight:+.2f}">{text}</mark>'


def _plain(text: str) -> str:
    return escape(harmless(text))
