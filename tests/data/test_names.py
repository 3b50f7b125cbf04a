import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.wording import harmless


@pytest.mark.parametrize(
    "text",
    [
        "two\nlines\tand a tab",
        "a\u00a0narrow\u202fspace",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a non-joiner
        "\u0915\u094d\u200d\u0937",  # Hindi, with a joiner
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\u05e9\u05dc\u05d5\u05dd\u200f!",
    ],
)
def test_a_text_of_any_script_stays_as_it_is(text):
    assert harmless(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("\rover", "\\rover"),
        ("\x07\x08\x7f", "\\x07\\x08\\x7f"),
        ("\u202eevil", "\\u202eevil"),
        ("\u2067", "\\u2067"),
        ("\u2028", "\\u2028"),
        ("\ud800", "\\ud800"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
    ],
)
def test_what_a_terminal_obeys_is_escaped(text, shown):
    assert harmless(text) == shown


@given(st.text(st.characters(), max_size=20))
def test_nothing_that_a_terminal_obeys_is_left(text):
    left = harmless(text)
    assert not {unicodedata.category(c) for c in left if c not in "\n\t"} & {"Cc", "Cs", "Zl", "Zp"}
    assert harmless(left) == left
