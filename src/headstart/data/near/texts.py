"""Near-duplicates among texts: rare shingles in common propose pairs, words in common confirm them.

Shingles are four letters in a row within a word, so that words may change their places; texts that
share many are found by MinHash in bands (Broder 1997, "On the Resemblance and Containment of
Documents"). Short texts have few shingles, so those are also found that differ in one word by a
typo.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import log1p

import numpy as np
from numpy.typing import NDArray

from headstart.data.near.pairs import Pairs, pairs_of
from headstart.data.near.words import is_typo, overlap, words_of
from headstart.types import Indices

LEAST_OVERLAP = 0.8
LEAST_WORDS = 3
"""Texts of fewer words are near-duplicates where all their words are the same but for order and
typos; texts of one word where it is the same."""

_SHINGLE, _BANDS, _ROWS = 4, 20, 3
_HASHES = _BANDS * _ROWS
_AROUND = 4
"""How many of those that share a band each text is compared with, on either side of it."""
_KEPT = 6
"""Candidates of each text: those that share the most."""
_LEAST_SHARED = 0.2
"""Of the hashes, of a pair that is worth a look at its words."""
_SHORT = 16
"""Words of a text of which each may be left out to find those that differ in it."""
_BLOCK = 2048
_NONE = np.uint32(0xFFFFFFFF)
_ALL = 1 - 1e-9


def text_pairs(texts: Sequence[str]) -> Pairs:
    """Near-duplicates among texts, none of which is there twice.

    A word counts the more, the fewer texts have it: `What is the capital of Spain?` and the same of
    France differ in what matters.
    """
    signatures = np.empty((len(texts), _HASHES), np.uint32)
    counts: Counter[str] = Counter()
    exact: dict[str, int] = {}
    same: list[tuple[int, int]] = []
    apart: list[tuple[int, str, int, str]] = []
    lengths = np.zeros(len(texts), np.int64)
    for at in range(0, len(texts), _BLOCK):
        written = [words_of(text) for text in texts[at : at + _BLOCK]]
        signatures[at : at + _BLOCK] = _signatures([" ".join(words) for words in written])
        for place, words in enumerate(written, at):
            counts.update(set(words))
            lengths[place] = len(words)
            apart += _without_one(words, place)
            key = " ".join(words)
            if key and (first := exact.setdefault(key, place)) != place:
                same.append((first, place))
    weights = {word: log1p(len(texts) / number) for word, number in counts.items()}
    ends = [*same]
    similar = [1.0] * len(same)
    proposed = _proposed(signatures, np.flatnonzero(lengths > 1))
    proposed = np.unique(np.concatenate([proposed, _one_typo_apart(apart)]), axis=0)
    for one, other in proposed.tolist():
        counted, others = (Counter(words_of(texts[at])) for at in (one, other))
        shared = overlap(counted, others, weights)
        least = LEAST_OVERLAP if lengths[[one, other]].min() >= LEAST_WORDS else _ALL
        if shared >= least:
            ends.append((one, other))
            similar.append(shared)
    return pairs_of(np.array(ends, np.int64).reshape(-1, 2), np.array(similar))


def _without_one(words: list[str], place: int) -> list[tuple[int, str, int, str]]:
    """For each word of a short text: the others, the letters of the word, the text, the word."""
    if not 1 < len(words) <= _SHORT:
        return []
    ordered = sorted(words)
    return [
        (hash(tuple(ordered[:at] + ordered[at + 1 :])), "".join(sorted(word)), place, word)
        for at, word in enumerate(ordered)
    ]


def _one_typo_apart(entries: list[tuple[int, str, int, str]]) -> Indices:
    """Pairs (m, 2) of texts that have all words in common but one, which is a typo in one of them.

    Sorted by their letters, a word and its typo are near each other, or the same.
    """
    entries.sort()
    pairs = []
    for step in range(1, _AROUND + 1):
        for one, other in zip(entries, entries[step:], strict=False):
            if one[0] == other[0] and one[2] != other[2] and is_typo(one[3], other[3]):
                pairs.append(sorted((one[2], other[2])))
    return np.array(pairs, np.int64).reshape(-1, 2)


def _signatures(texts: Sequence[str]) -> NDArray[np.uint32]:
    """The least hash of each text's shingles, by each of the hash functions, (n, _HASHES)."""
    joined = "".join(f" {text} " for text in texts)
    signs = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    owner = np.repeat(np.arange(len(texts)), [len(text) + 2 for text in texts])
    signatures = np.full((len(texts), _HASHES), _NONE)
    if len(signs) < _SHINGLE:
        return signatures
    windows = np.lib.stride_tricks.sliding_window_view(signs, _SHINGLE)
    ends = len(signs) - _SHINGLE + 1
    within = (windows[:, 1:-1] != ord(" ")).all(axis=1)
    within &= owner[:ends] == owner[_SHINGLE - 1 :]
    odd = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5])
    shingles = (windows[within] * odd.astype(np.uint64)).sum(axis=1, dtype=np.uint64)
    shingles ^= shingles >> np.uint64(29)
    owners = owner[:ends][within]
    there, starts = np.unique(owners, return_index=True)
    for number, (factor, shift) in enumerate(_functions()):
        hashed = ((shingles * factor + shift) >> np.uint64(32)).astype(np.uint32)
        if len(hashed):
            signatures[there, number] = np.minimum.reduceat(hashed, starts)
    return signatures


def _functions() -> Iterator[tuple[np.uint64, np.uint64]]:
    rng = np.random.default_rng(0)  # of no importance: every seed hashes as well
    numbers = rng.integers(1, 2**63, (_HASHES, 2), dtype=np.uint64)
    for factor, shift in numbers:
        yield factor | np.uint64(1), shift


def _proposed(signatures: NDArray[np.uint32], index: Indices) -> Indices:
    """Pairs (m, 2) that share a band, for each text those that share the most hashes.

    Where many share a band, each is compared with those next to it alone.
    """
    found: list[Indices] = [np.zeros((0, 2), np.int64)]
    index = index[signatures[index, 0] != _NONE]
    rng = np.random.default_rng(1)
    mix = rng.integers(1, 2**63, _ROWS, dtype=np.uint64) | np.uint64(1)
    for band in range(_BANDS):
        own = signatures[index, band * _ROWS : (band + 1) * _ROWS].astype(np.uint64)
        keys = (own * mix).sum(axis=1, dtype=np.uint64)
        # In a crowd, neighbours are those that the next band finds alike too.
        after = signatures[index, (band + 1) * _ROWS % _HASHES]
        order = np.lexsort((after, keys))
        for step in range(1, _AROUND + 1):
            near = keys[order][step:] == keys[order][:-step]
            pair = np.stack([index[order][:-step][near], index[order][step:][near]], axis=1)
            found.append(np.sort(pair, axis=1))
    pairs = np.unique(np.concatenate(found), axis=0)
    shared = np.concatenate(
        [
            np.zeros(0),
            *(
                (signatures[part[:, 0]] == signatures[part[:, 1]]).mean(axis=1)
                for part in np.array_split(pairs, max(1, len(pairs) // _BLOCK))
            ),
        ]
    )
    pairs, shared = pairs[shared >= _LEAST_SHARED], shared[shared >= _LEAST_SHARED]
    return pairs[_among_best(pairs, shared)]


def _among_best(pairs: Indices, shared: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a pair is among the best of either of its texts."""
    best = np.zeros(len(pairs), bool)
    for side in (0, 1):
        order = np.lexsort((-shared, pairs[:, side]))
        owners = pairs[order, side]
        best[order] |= np.arange(len(pairs)) - np.searchsorted(owners, owners) < _KEPT
    return best
