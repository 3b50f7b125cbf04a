"""One text: cleaned, its digest, and the tokens a network takes."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headstart.data.dataset import Unusable
from headstart.errors import DataError, Unreadable
from headstart.patterns import refuse_runaway
from headstart.preprocessing import TextPreprocessing

if TYPE_CHECKING:
    from tokenizers import Tokenizer


CHARACTERS_PER_TOKEN = 32
"""How much of a long text is looked at first, per token that will be kept."""

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Encoded:
    """Texts as tokens.

    Attributes:
        ids: per text int32 (tokens,), special tokens included, not padded.
        truncated: per text, whether it had more tokens than are kept.
    """

    ids: list[NDArray[np.int32]]
    truncated: list[bool]


def clean(text: object) -> str:
    """The text as the tokeniser gets it: otherwise unchanged, NUL is a space and a lone
    surrogate U+FFFD.

    Raises:
        Unreadable: not a text, or nothing in it that could be seen.
    """
    if isinstance(text, Unusable):
        raise Unreadable(text.reason)
    if not isinstance(text, str):
        raise Unreadable(f"a {type(text).__name__} is not a text")
    if not visible(text):
        raise Unreadable("the text is empty or blank")
    return _SURROGATE.sub("\ufffd", text.replace("\0", " "))


def visible(text: str) -> bool:
    """Whether there is anything in a text that could be seen."""
    return any(c.isprintable() and not c.isspace() for c in text.strip())


def digest(text: str) -> bytes:
    """16 bytes that name the text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def digest_of_tokens(ids: NDArray[np.int32]) -> bytes:
    """16 bytes that name a text that is tokens already; those of no text."""
    # No text in UTF-8 has a byte 0xff.
    return hashlib.sha256(b"\xff" + ids.astype("<i4").tobytes()).digest()[:16]


class Tokeniser:
    """The tokenizer of a backbone, with its truncation and without padding."""

    def __init__(self, preprocessing: TextPreprocessing) -> None:
        """Parse `preprocessing.tokenizer`.

        Raises:
            DataError: it is not the content of a `tokenizer.json`.
        """
        from tokenizers import Tokenizer

        # The library raises a bare Exception for what it cannot parse.
        try:
            refuse_runaway(preprocessing.tokenizer)
            self._tokenizer = Tokenizer.from_str(preprocessing.tokenizer)
            self._tokenizer.no_padding()
            self._tokenizer.enable_truncation(preprocessing.max_tokens)
            _check(self._tokenizer, preprocessing)
        except Exception as error:
            raise DataError(
                f"The backbone's tokenizer.json cannot be used ({error}); get the backbone again."
            ) from error
        self._first_look = preprocessing.max_tokens * CHARACTERS_PER_TOKEN

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Tokens of every text, in order.

        Of a text far longer than can be kept only the start is tokenised, cut between words; where
        that start does not fill the window, four times as much is, until it does. So a megabyte
        of text costs little, and the tokens are those of the whole text.
        """
        encodings = self._tokenizer.encode_batch_fast(
            [_start(text, self._first_look) for text in texts]
        )
        ids, truncated = [], []
        for text, encoding in zip(texts, encodings, strict=True):
            looked = self._first_look
            while looked < len(text) and not encoding.overflowing:
                looked *= 4
                encoding = self._tokenizer.encode(_start(text, looked))
            ids.append(np.array(encoding.ids, np.int32))
            truncated.append(bool(encoding.overflowing))
        return Encoded(ids, truncated)

    def reach(self, text: str) -> int:
        """How many characters of a text, from its start, the tokens that are kept stand for."""
        looked = self._first_look
        encoding = self._tokenizer.encode(_start(text, looked))
        while looked < len(text) and not encoding.overflowing:
            looked *= 4
            encoding = self._tokenizer.encode(_start(text, looked))
        if not encoding.overflowing:
            return len(text)
        return max(end for _, end in encoding.offsets)


@lru_cache(maxsize=4)
def tokeniser(preprocessing: TextPreprocessing) -> Tokeniser:
    """The tokeniser of a backbone, parsed once; may be used by many threads.

    Raises:
        DataError: it is not the content of a `tokenizer.json` that can be used.
    """
    return Tokeniser(preprocessing)


def _check(tokenizer: "Tokenizer", preprocessing: TextPreprocessing) -> None:
    special = tokenizer.num_special_tokens_to_add(False)
    if preprocessing.max_tokens <= special:
        raise ValueError(
            f"it adds {special} special tokens, and {preprocessing.max_tokens} are kept of all"
        )


def _start(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    start = text[:length]
    words = start.rsplit(None, 1)
    # Without a space in sight (Chinese, say) there are no words to keep whole.
    return words[0] if len(words) == 2 and not start[-1].isspace() else start
