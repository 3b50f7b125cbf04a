"""Texts that say the same in the same words."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.data.near import text_pairs, texts
from headstart.data.near.words import is_typo, overlap, words_of

OTHERS = (
    "the gearbox of the old lorry is broken beyond repair",
    "nobody expected rain in the middle of the desert",
    "seven musicians rehearsed a quartet for strings",
    "her recipe asks for butter, flour and four eggs",
    "the committee postponed its vote until Thursday",
)


def found(*texts):
    return {tuple(pair) for pair in text_pairs(texts).items.tolist()}


@pytest.mark.parametrize(
    "copy",
    [
        "The gearbox of the OLD lorry is broken, beyond repair!",
        "the gearbox of the old lorry beyond is broken repair",
        "the gearbxo of the old lorry is broken beyond repair",
        "the gearbox of the old lory is broken beyond repair",
        "the gearbox of the old lorry is broken beyond  repair.",
    ],
)
def test_case_punctuation_order_and_typos_make_no_other_text(copy):
    assert found(*OTHERS, copy) == {(0, len(OTHERS))}


def test_a_word_that_matters_does():
    capitals = [f"What is the capital of {name}?" for name in ("Spain", "France", "Chad", "Peru")]
    assert found(*capitals) == set()
    assert found("What is a CPU for?", "What is a GPU for?") == set()
    assert found("chapter 41 of the report", "chapter 42 of the report") == set()


def test_a_text_of_one_word_has_no_near_duplicates_but_itself():
    assert found("yes", "Yes!", "yet", "yess") == {(0, 1)}
    assert found("robots laugh", "robtos laugh", "robots love") == {(0, 1)}


def test_writing_without_spaces_and_texts_without_words():
    assert found("今天天气很好我们去公园散步", "今天天气很好，我们去公园散步。", "明天考试") == {
        (0, 1)
    }
    assert found("!!!", "???", "...") == set()
    assert found() == set()


def test_a_crowd_of_look_alikes_stays_linear_and_its_copies_are_found():
    texts = [f"please open ticket number {n} for customer {n * 7919} today" for n in range(400)]
    pairs = found(*texts, "please open ticket number 17 for customer 134623 toady")
    assert (17, 400) in pairs
    assert len(pairs) < 40


def test_long_texts_are_split_into_words_a_few_times_each(monkeypatch):
    rng = np.random.default_rng(0)
    vocabulary = np.array([f"{chr(97 + at % 26)}{chr(97 + at // 26)}word" for at in range(300)])
    originals = [" ".join(rng.choice(vocabulary, 400)) for _ in range(40)]
    copies = [each.replace("word", "wrod", 3) for each in originals[:4]]
    split = []
    monkeypatch.setattr(texts, "words_of", lambda text: split.append(text) or words_of(text))
    done = []
    pairs = texts.text_pairs([*originals, *copies], done.append)
    assert {(at, 40 + at) for at in range(4)} <= {tuple(each) for each in pairs.items.tolist()}
    assert max(Counter(split).values()) <= 2
    assert sum(done) == 2 * 44


@given(st.integers(0, 10**6), st.integers(65, 200))
def test_long_texts_overlap_as_short_ones_do(seed, size):
    rng = np.random.default_rng(seed)
    names = [f"word{chr(97 + at % 26)}{chr(97 + at // 26)}" for at in range(260)]
    values = rng.random(260) + 0.1
    weights = dict(zip(names, values.tolist(), strict=True))
    numbers = {name: at for at, name in enumerate(names)}
    one, other = (" ".join(rng.choice(names, size)) for _ in range(2))
    bags = (texts._bag(each, numbers) for each in (one, other))
    expected = overlap(Counter(words_of(one)), Counter(words_of(other)), weights)
    assert texts._overlap(*bags, names, weights, values) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.text(max_size=40), max_size=12, unique=True))
def test_pairs_are_in_order_and_alike_in_every_order_of_the_texts(texts):
    pairs = text_pairs(texts)
    assert all(one < other for one, other in pairs.items.tolist())
    assert ((pairs.similarity > 0) & (pairs.similarity <= 1)).all()
    again = text_pairs(texts[::-1])
    turned = {tuple(sorted(len(texts) - 1 - at for at in pair)) for pair in again.items.tolist()}
    same = lambda ends: {(texts[a], texts[b]) for a, b in ends}  # noqa: E731
    assert {frozenset(each) for each in same(turned)} == {
        frozenset(each) for each in same(pairs.items.tolist())
    }


@given(st.text(alphabet="abcdefgh", min_size=5, max_size=9), st.data())
def test_one_letter_is_a_typo_and_a_typo_is_mutual(word, data):
    at = data.draw(st.integers(0, len(word) - 2))
    copies = (word[:at] + word[at + 1] + word[at] + word[at + 2 :], word[:at] + word[at + 1 :])
    for copy in (*copies, word[:at] + "z" + word[at:], word[:at] + "z" + word[at + 1 :]):
        assert is_typo(word, copy)
        assert is_typo(copy, word)
    assert not is_typo(word, word[::-1] + "zz")
    assert not is_typo(word[:3], word[:2])


def test_overlap_weighs_the_words():
    weights = defaultdict(lambda: 1.0, {"spain": 5.0, "france": 5.0})
    one, other = (Counter(words_of(f"the capital of {each}")) for each in ("Spain", "France"))
    assert overlap(one, other, weights) == 3 / 13
    assert overlap(one, one, weights) == 1
    assert overlap(Counter(), Counter(), weights) == 0
