"""Two texts as words: how much of what they say is the same, in whatever order, typos forgiven."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W_{_IDEOGRAPHS}]+")
LONGEST = 20_000
"""Characters that are looked at, from the start of a text."""

_LEAST_FOR_TYPOS = 4
"""Letters of a word that may have a typo: among shorter ones a letter makes another word."""
MOST_UNMATCHED = 64
"""Words without a partner among which typos are looked for."""


def words_of(text: str) -> list[str]:
    """Words in lower case, without punctuation; in writing without spaces a sign each."""
    return _WORD.findall(unicodedata.normalize("NFKC", text[:LONGEST]).casefold())


def overlap(one: Counter[str], other: Counter[str], weights: Mapping[str, float]) -> float:
    """The weight of the words that both have, of all that either has: 1 for the same words.

    Args:
        one, other: how often each word is there.
        weights: how much a word counts.
    """
    left, right = one - other, other - one
    shared = sum(weights[word] * number for word, number in (one & other).items())
    alone = [sum(weights[word] * number for word, number in part.items()) for part in (left, right)]
    if max(len(left), len(right)) <= MOST_UNMATCHED:
        nearby: dict[str, list[str]] = {}
        for word in sorted(right):
            for part in _parts(word):
                nearby.setdefault(part, []).append(word)
        for word in sorted(left):
            candidates = {each for part in _parts(word) for each in nearby.get(part, ())}
            partner = next(
                (each for each in sorted(candidates & right.keys()) if is_typo(word, each)), None
            )
            if partner is not None:
                # A typo is rare, and weighs more than the word that was meant.
                shared += min(weights[word], weights[partner])
                alone[0] -= weights[word]
                alone[1] -= weights[partner]
                right -= Counter([partner])
    whole = shared + sum(alone)
    return shared / whole if whole else 0.0


def _parts(word: str) -> set[str]:
    """The word, and without each of its letters: with its typo it has one of these in common."""
    if len(word) < _LEAST_FOR_TYPOS:
        return set()
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


def is_typo(one: str, other: str) -> bool:
    """Whether a letter was changed, left out, added, or swapped with the next; never a digit."""
    if min(len(one), len(other)) < _LEAST_FOR_TYPOS or abs(len(one) - len(other)) > 1:
        return False
    if any(sign.isdigit() for sign in one + other):
        return False
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if start is None:
        return True
    first, second = one[start:], other[start:]
    if len(first) != len(second):
        shorter, longer = sorted((first, second), key=len)
        return shorter == longer[1:]
    swapped = first[:2] == second[1::-1] and first[2:] == second[2:]
    return first[1:] == second[1:] or swapped
