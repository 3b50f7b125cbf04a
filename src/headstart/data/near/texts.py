"""Near-duplicates among texts: rare shingles in common propose pairs, words in common confirm them.

Shingles are four letters in a row within a word, so that words may change their places; texts that
share many are found by MinHash in bands (Broder 1997, "On the Resemblance and Containment of
Documents"). Short texts have few shingles, so those are also found that differ in one word by a
typo.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log1p

import numpy as np
from numpy.typing import NDArray

from headstart.data.near.pairs import Pairs, pairs_of
from headstart.data.near.words import MOST_UNMATCHED, is_typo, overlap, words_of
from headstart.progress import Advance
from headstart.types import Floats, Indices

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
_LONG, _LEAST_SHARED_BY_LONG = 100, 0.35
"""Words of a text from which on chance plays a smaller part: others of its language share 20%."""
_SHORT = 16
"""Words of a text of which each may be left out to find those that differ in it."""
_BLOCK = 2048
_NONE = np.uint32(0xFFFFFFFF)
_ALL = 1 - 1e-9


@dataclass(frozen=True)
class _Bag:
    """A text's distinct words, by number, ascending, and how often each is there."""

    words: NDArray[np.int32]
    times: NDArray[np.int32]

    def counted(self, names: Sequence[str]) -> Counter[str]:
        """How often each word is there."""
        words = (names[number] for number in self.words.tolist())
        return Counter(dict(zip(words, self.times.tolist(), strict=True)))


def text_pairs(texts: Sequence[str], advance: Advance = lambda _: None) -> Pairs:
    """Near-duplicates among texts, none of which is there twice.

    A word counts the more, the fewer texts have it: `What is the capital of Spain?` and the same of
    France differ in what matters.

    Args:
        texts: as they are.
        advance: receives texts just done, each of them twice: once read, once compared.
    """
    signatures = np.empty((len(texts), _HASHES), np.uint32)
    counts: Counter[str] = Counter()
    exact: dict[str, int] = {}
    same: list[tuple[int, int]] = []
    apart: list[Indices] = []
    lengths = np.zeros(len(texts), np.int64)
    for at in range(0, len(texts), _BLOCK):
        written = [words_of(text) for text in texts[at : at + _BLOCK]]
        signatures[at : at + _BLOCK] = _signatures([" ".join(words) for words in written])
        for place, words in enumerate(written, at):
            counts.update(set(words))
            lengths[place] = len(words)
            apart.append(_without_one(words))
            key = " ".join(words)
            if key and (first := exact.setdefault(key, place)) != place:
                same.append((first, place))
        advance(len(written))
    weights = {word: log1p(len(texts) / number) for word, number in counts.items()}
    proposed = _proposed(signatures, lengths)
    proposed = np.unique(np.concatenate([proposed, _one_typo_apart(texts, apart)]), axis=0)
    similarity = _similarity(texts, proposed, weights, advance)
    least = np.where(lengths[proposed].min(axis=1) >= LEAST_WORDS, LEAST_OVERLAP, _ALL)
    near = similarity >= least
    ends = np.concatenate([np.array(same, np.int64).reshape(-1, 2), proposed[near]])
    return pairs_of(ends, np.concatenate([np.ones(len(same)), similarity[near]]))


def _similarity(
    texts: Sequence[str], pairs: Indices, weights: Mapping[str, float], advance: Advance
) -> Floats:
    """The overlap of each pair, (m,); the pairs are in order, so a text is split once at most."""
    names = list(weights)
    numbers = {word: number for number, word in enumerate(names)}
    values = np.array(list(weights.values()))
    bags: dict[int, _Bag] = {}
    similarity = np.zeros(len(pairs))
    done = 0
    for place, (one, other) in enumerate(pairs.tolist()):
        if one > done:  # no later pair has a text before this one
            for at in range(done, one):
                bags.pop(at, None)
            advance(one - done)
            done = one
        for at in (one, other):
            if at not in bags:
                bags[at] = _bag(texts[at], numbers)
        similarity[place] = _overlap(bags[one], bags[other], names, weights, values)
    advance(len(texts) - done)
    return similarity


def _bag(text: str, numbers: Mapping[str, int]) -> _Bag:
    words = np.array([numbers[word] for word in words_of(text)], np.int32)
    distinct, times = np.unique(words, return_counts=True)
    return _Bag(distinct, times.astype(np.int32))


def _overlap(
    one: _Bag, other: _Bag, names: Sequence[str], weights: Mapping[str, float], values: Floats
) -> float:
    """See `overlap`, which is asked where there may be typos."""
    if max(len(one.words), len(other.words)) > MOST_UNMATCHED:
        words = np.concatenate([one.words, other.words])
        order = np.argsort(words, kind="stable")
        words, more = words[order], np.concatenate([one.times, -other.times])[order]
        starts = np.flatnonzero(np.diff(words, prepend=-1))
        more = np.add.reduceat(more, starts)
        if max((more > 0).sum(), (more < 0).sum()) > MOST_UNMATCHED:
            alone = float(np.abs(more) @ values[words[starts]])
            both = float(one.times @ values[one.words] + other.times @ values[other.words])
            return (both - alone) / (both + alone)
    return overlap(one.counted(names), other.counted(names), weights)


def _without_one(words: list[str]) -> Indices:
    """For each word of a short text, in order: a hash of all the others."""
    if not 1 < len(words) <= _SHORT:
        return np.zeros(0, np.int64)
    ordered = sorted(words)
    others = (tuple(ordered[:at] + ordered[at + 1 :]) for at in range(len(ordered)))
    return np.array([hash(each) for each in others], np.int64)


def _one_typo_apart(texts: Sequence[str], apart: Sequence[Indices]) -> Indices:
    """Pairs (m, 2) of texts that have all words in common but one, which is a typo in one of them.

    Sorted by their letters, a word and its typo are near each other, or the same.

    Args:
        texts: all of them.
        apart: what `_without_one` says of each.
    """
    hashes = np.concatenate([np.zeros(0, np.int64), *apart])
    owners = np.repeat(np.arange(len(apart)), [len(each) for each in apart])
    _, group, sizes = np.unique(hashes, return_inverse=True, return_counts=True)
    several = sizes[group] > 1
    entries: list[tuple[int, str, int, str]] = []
    starts = np.searchsorted(owners, owners)
    words: list[str] = []
    for entry in np.flatnonzero(several).tolist():
        place, at = int(owners[entry]), entry - int(starts[entry])
        if not entries or entries[-1][2] != place:
            words = sorted(words_of(texts[place]))
        entries.append((int(hashes[entry]), "".join(sorted(words[at])), place, words[at]))
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


def _proposed(signatures: NDArray[np.uint32], lengths: Indices) -> Indices:
    """Pairs (m, 2) that share a band, for each text those that share the most hashes.

    Where many share a band, each is compared with those next to it alone.
    """
    found: list[Indices] = [np.zeros((0, 2), np.int64)]
    index = np.flatnonzero((lengths > 1) & (signatures[:, 0] != _NONE))
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
    long = lengths[pairs].min(axis=1) >= _LONG
    worth = shared >= np.where(long, _LEAST_SHARED_BY_LONG, _LEAST_SHARED)
    pairs, shared = pairs[worth], shared[worth]
    return pairs[_among_best(pairs, shared)]


def _among_best(pairs: Indices, shared: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a pair is among the best of either of its texts."""
    best = np.zeros(len(pairs), bool)
    for side in (0, 1):
        order = np.lexsort((-shared, pairs[:, side]))
        owners = pairs[order, side]
        best[order] |= np.arange(len(pairs)) - np.searchsorted(owners, owners) < _KEPT
    return best
