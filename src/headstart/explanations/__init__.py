"""Why a model answers as it does: which places of an image count, and which words of a text."""

from headstart.explanations.explaining import Unexplained, explain
from headstart.explanations.explanation import (
    Explanation,
    ImageExplanation,
    TextExplanation,
    Word,
)

__all__ = [
    "Explanation",
    "ImageExplanation",
    "TextExplanation",
    "Unexplained",
    "Word",
    "explain",
]
