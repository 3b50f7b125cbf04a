"""Occlusion of texts: how much an answer changes when a word is left out.

Li et al. 2016, "Understanding Neural Networks through Representation Erasure". A text of many
words loses several neighbours at once first, and single words where those count most.
"""

import re
from collections.abc import Callable, Sequence
from unicodedata import category

import numpy as np

from headstart.data import texts
from headstart.data.lazy import Lazy
from headstart.types import Floats

Span = tuple[int, int]
Ask = Callable[[Sequence[object]], Floats]
"""Numbers that are explained (texts, targets)."""

MOST = 96
"""Parts of a text that are left out one by one; a longer text first loses so many runs of words."""

NOTHING = "..."
"""What is left of a text of one word without it."""

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_MARK = "\u0301"
"""What stands for any combining mark: Python's expressions know no categories."""

_LETTERS = rf"(?:(?![{_UNSPACED}])\w{_MARK}*)+"
_WORD = re.compile(rf"[{_UNSPACED}]{_MARK}*|{_LETTERS}(?:['\u2019-]{_LETTERS})*|[^\w\s]+")


def spans(text: str) -> list[Span]:
    """Start and end of each word, with its combining marks; a run of other signs is one, and so is
    each letter of a script that is written without spaces.
    """
    if not text.isascii():
        text = "".join(_MARK if category(sign) in ("Mn", "Mc") else sign for sign in text)
    return [each.span() for each in _WORD.finditer(text)]


def without(text: str, start: int, end: int) -> str:
    """The text without a part of it, and without the space that it leaves."""
    before, after = text[:start], text[end:]
    if not before or before[-1].isspace():
        after = after.lstrip()
    left = before + after
    return left if texts.visible(left) else NOTHING


def weights(text: str, words: Sequence[Span], ask: Ask, most: int = MOST) -> Floats:
    """By how much each target falls when each word is left out; (words, targets).

    A word of a run that counts little, in a text of more than `most` words, has its share of the
    run's.
    """
    whole = ask([text])
    if len(words) <= most:
        return whole - _asked(text, words, ask)
    runs = np.array_split(np.arange(len(words)), most)
    spread = [(words[run[0]][0], words[run[-1]][1]) for run in runs]
    falls = whole - _asked(text, spread, ask)
    counts = np.array([len(run) for run in runs])
    found = np.repeat(falls / counts[:, None], counts, axis=0)
    share = np.abs(falls) / np.maximum(np.abs(falls).max(axis=0), 1e-30)
    order = np.argsort(-share.mean(axis=1), kind="stable")
    few = order[: int(np.searchsorted(np.cumsum(counts[order]), most, side="right"))]
    if not len(few):  # Of one run alone there are more words.
        return np.asarray(found, np.float64)
    chosen = np.sort(np.concatenate([runs[at] for at in few]))
    found[chosen] = whole - _asked(text, [words[at] for at in chosen], ask)
    return np.asarray(found, np.float64)


def _asked(text: str, parts: Sequence[Span], ask: Ask) -> Floats:
    return ask(Lazy(len(parts), lambda at: without(text, *parts[at])))
