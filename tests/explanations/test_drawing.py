from html.parser import HTMLParser

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headstart.explanations import ImageExplanation, TextExplanation, Word, words
from headstart.explanations.drawing import AGAINST, FOR, marked, overlay


class Reader(HTMLParser):
    """What a browser shows, and the tags that it finds."""

    def __init__(self, html):
        super().__init__()
        self.text, self.tags = "", []
        self.feed(html)
        self.close()

    def handle_data(self, data):
        self.text += data

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


def image(heat):
    grey = np.full((*heat.shape, 3), 100, np.uint8)
    return ImageExplanation("a", "b", 0.9, heat, grey, heat.shape[::-1], "occlusion")


def text_of(text, weights):
    spans = words.spans(text)
    each = (Word(text[a:b], a, b, w) for (a, b), w in zip(spans, weights, strict=False))
    return TextExplanation("a", "b", 0.9, text, tuple(each))


def test_colours_lie_where_the_heat_is():
    heat = np.zeros((300, 400), np.float32)
    heat[:50, :50], heat[-50:, -50:] = 2, -1
    drawn = np.asarray(overlay(image(heat)), int)
    assert drawn.shape == (300, 400, 3)
    assert (drawn[150, 200] == 100).all()
    for place, colour in (((10, 10), FOR), ((290, 390), AGAINST)):
        off = np.abs(drawn[place] - colour).sum()
        assert off < np.abs(np.array((100, 100, 100)) - colour).sum()
    assert np.abs(drawn[10, 10] - 100).sum() > np.abs(drawn[290, 390] - 100).sum()


def test_small_images_are_drawn_larger_and_no_heat_has_no_colour():
    drawn = np.asarray(overlay(image(np.zeros((8, 4), np.float32))))
    assert drawn.shape == (256, 128, 3)
    assert (drawn == 100).all()


def test_words_are_marked_by_side_and_weight():
    html = marked(text_of("a good and a bad day", [0, 2.0, 0.1, 0, -1.0, 0]))
    found = Reader(html)
    marks = [attributes for tag, attributes in found.tags if tag == "mark"]
    assert found.text == "a good and a bad day"
    assert [each["title"] for each in marks] == ["for: +2.00", "against: -1.00"]
    assert "solid" in marks[0]["style"]
    assert "dotted" in marks[1]["style"]


@given(st.text(alphabet=st.sampled_from("<>&\"'ab /\u202e\0"), max_size=30), st.floats(-9, 9))
def test_whatever_a_text_says_it_is_shown_as_text(text, weight):
    found = Reader(marked(text_of(text, [weight] * len(text))))
    assert {tag for tag, _ in found.tags} <= {"bdi", "mark"}
    assert "\u202e" not in found.text
    assert found.text == text.replace("\u202e", "\\u202e").replace("\0", "\\x00")
