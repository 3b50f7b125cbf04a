import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.explanations import words


def parts(text):
    return [text[start:end] for start, end in words.spans(text)]


def test_words_are_whole():
    assert parts("Don't stop -- a well-made tyre, 3.5 km!") == [
        "Don't", "stop", "--", "a", "well-made", "tyre", ",", "3", ".", "5", "km", "!",
    ]  # fmt: skip
    assert parts("猫が好き 😀") == ["猫", "が", "好", "き", "😀"]
    assert parts("Größe naïve λόγος слово") == ["Größe", "naïve", "λόγος", "слово"]
    assert parts(" \n\t") == []


def test_combining_marks_are_of_their_word():
    assert parts("हिन्दी में लिखा") == ["हिन्दी", "में", "लिखा"]
    assert parts(unicodedata.normalize("NFD", "Größe, naïve")) == [
        unicodedata.normalize("NFD", each) for each in ("Größe", ",", "naïve")
    ]
    assert parts("กำปั่น❤️") == ["ก", "ำ", "ปั่", "น", "❤️"]


def test_a_rest_that_nobody_sees_is_no_text():
    assert words.without("cat \u200b", 0, 3) == words.NOTHING


@given(st.text(max_size=60))
def test_every_sign_is_in_one_word(text):
    found = words.spans(text)
    at = 0
    for start, end in found:
        assert not text[at:start].strip()
        assert start < end
        at = end
    assert not text[at:].strip()


def test_a_word_leaves_no_gap():
    assert words.without("a cat sat", 2, 5) == "a sat"
    assert words.without("cat sat", 0, 3) == "sat"
    assert words.without("a cat", 2, 5) == "a "
    assert words.without("cat", 0, 3) == words.NOTHING
    assert words.without("cat, dog", 0, 3) == ", dog"


class Asked:
    """Answers with the sum of what words are worth, and counts."""

    def __init__(self, worth):
        self.worth, self.count = worth, 0

    def __call__(self, items):
        self.count += len(items)
        texts = [items[at] for at in range(len(items))]
        return np.array([[self.of(text), 1.0] for text in texts])

    def of(self, text):
        return sum(self.worth.get(word, 0.0) for word in text.split())


def test_weights_are_what_words_are_worth():
    asked = Asked({"good": 2.0, "bad": -1.5})
    text = "a good and a bad day"
    found = words.weights(text, words.spans(text), asked)
    assert found.tolist() == [[0, 0], [2, 0], [0, 0], [0, 0], [-1.5, 0], [0, 0]]


@pytest.mark.parametrize("count", [words.MOST, words.MOST + 1, 1000])
def test_long_texts_are_asked_a_bounded_number_of_times(count):
    names = [f"w{n}" for n in range(count)]
    asked = Asked({"w7": 3.0, f"w{count - 1}": -2.0})
    text = " ".join(names)
    found = words.weights(text, words.spans(text), asked)[:, 0]
    assert asked.count <= 2 * words.MOST + 1
    assert found[7] == 3
    assert found[-1] == -2
    assert np.abs(found).sum() == pytest.approx(5)


def test_a_brief_look_at_a_very_long_text_is_of_its_runs():
    most = 24
    asked = Asked({"w7": 3.0})
    text = " ".join(f"w{n}" for n in range((most + 1) ** 2))
    found = words.weights(text, words.spans(text), asked, most)[:, 0]
    assert asked.count == most + 1
    assert found[7] == found[0] > 0 == found[-1]
    assert found.sum() == pytest.approx(3)
