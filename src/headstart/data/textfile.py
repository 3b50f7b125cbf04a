"""A file of text, line by line: its compression, encoding and line ends are recognised."""

import bz2
import codecs
import gzip
import lzma
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import IO, Any, cast

from headstart.errors import DataError
from headstart.wording import shown

LONGEST_LINE = 2**29
"""Characters of a line that are read: a compressed file can claim any number."""

_CHUNK = 2**20
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_OPENERS: dict[str, Any] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}
_ESCAPED = re.compile("[\udc80-\udcff]")
_FOREIGN = 0.4
"""Share of letters beyond ASCII from which a text is in no western language."""


@dataclass(frozen=True)
class TextFile:
    """A text file whose encoding is known.

    Attributes:
        path: the file.
        encoding: the name of its codec.
        damaged: UTF-8 with some bytes that are not; these come as lone surrogates.
        newline: what ends a line.
        notes: what was guessed.
    """

    path: Path
    encoding: str
    damaged: bool = False
    newline: str = "\n"
    notes: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """The lines without their ends.

        Raises:
            DataError: names the line that cannot be read.
        """
        number = 0
        errors = "surrogateescape" if self.damaged else "strict"
        try:
            with opened(self.path) as file:
                text = TextIOWrapper(
                    cast(IO[bytes], file), self.encoding, errors, newline=self.newline
                )
                for number, line in enumerate(iter(lambda: text.readline(LONGEST_LINE), ""), 1):
                    if len(line) == LONGEST_LINE:
                        raise DataError(
                            f"{shown(self.path.name)}, line {number}: the line is longer than "
                            f"{LONGEST_LINE:,} characters; this is no table."
                        )
                    yield line.rstrip("\r\n")
        except UnicodeError as error:
            raise DataError(
                f"{shown(self.path.name)}, line {number + 1}: this is not {self.encoding.upper()} "
                f"({getattr(error, 'reason', error)}); save the file as UTF-8."
            ) from error


def text_file(path: Path) -> TextFile:
    """Recognise the encoding of a file: UTF-8, UTF-16, UTF-32, or Windows-1252 as a guess.

    Raises:
        DataError: names the line of what is in none of them.
    """
    with opened(path) as file:
        head = file.read(_CHUNK)
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    encoding = marked or _wide(head)
    if encoding is not None and not encoding.startswith("utf-8"):
        said = f"{shown(path.name)} is read as {encoding.upper()}."
        decoded = head.decode(encoding, "replace")
        return TextFile(path, encoding, newline=_newline(decoded), notes=(said,))
    newline = _newline(head.decode("latin-1"))
    at = _first_failure(path)
    if at is None:
        return TextFile(path, marked or "utf-8", newline=newline)
    return _guessed(path, *at, newline)


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """The bytes of a file, decompressed where its name says that it is compressed.

    Raises:
        DataError: it cannot be decompressed.
    """
    opener = _OPENERS.get(path.suffix.lower(), open)
    try:
        with opener(path, "rb") as file:
            yield file
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise DataError(
            f"{shown(path.name)} cannot be decompressed ({str(error)[:100]}); it is damaged or "
            f"not a {path.suffix.lower()} file."
        ) from error
    except OSError as error:
        if opener is bz2.open and error.errno is None:
            raise DataError(
                f"{shown(path.name)} cannot be decompressed ({error}); it is damaged or not a "
                ".bz2 file."
            ) from error
        raise


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of western text is NUL."""
    start = head[:4096]
    if len(start) < 4:
        return None
    even, odd = start[::2], start[1::2]
    nuls = even.count(0) / len(even), odd.count(0) / len(odd)
    if max(nuls) < 0.3 or min(nuls) > 0.05:
        return None
    return "utf-16-be" if nuls[0] > nuls[1] else "utf-16-le"


def _newline(head: str) -> str:
    return "\r" if "\r" in head and "\n" not in head else "\n"


def _chunks(path: Path) -> Iterator[bytes]:
    with opened(path) as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _first_failure(path: Path) -> tuple[int, int, int] | None:
    """Line, byte in it, and value of the first byte that is not UTF-8; None where all are."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in _chunks(path):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
        return None
    except UnicodeDecodeError:
        pass
    with opened(path) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return number, error.start + 1, line[error.start]
    return None


def _guessed(path: Path, line: int, column: int, byte: int, newline: str) -> TextFile:
    """What a file that is not UTF-8 may be: UTF-8 with damage, or Windows-1252."""
    name = shown(path.name)
    if _is_damaged(path):
        said = (
            f"{name} is UTF-8 but for some bytes, the first in line {line}; "
            "rows whose cells have such bytes are skipped."
        )
        return TextFile(path, "utf-8-sig", damaged=True, newline=newline, notes=(said,))
    example = _western(path)
    if example is None:
        raise DataError(
            f"{name}, line {line}: byte {column} ({byte:#04x}) is not UTF-8, and no other encoding "
            "is sure; save the file as UTF-8."
        )
    said = (
        f"{name} is not UTF-8 (line {line}) and is read as Windows-1252, with words such as "
        f"{shown(example)!r} (a guess; save the file as UTF-8 if that is wrong)."
    )
    return TextFile(path, "cp1252", newline=newline, notes=(said,))


def _is_damaged(path: Path) -> bool:
    """Whether more characters beyond ASCII are proper UTF-8 than bytes are not."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    good = bad = 0
    for chunk in _chunks(path):
        text = decoder.decode(chunk)
        wrong = len(_ESCAPED.findall(text))
        bad += wrong
        good += sum(c > "\x7f" for c in text) - wrong if not text.isascii() else 0
    return good >= max(bad, 1)


def _western(path: Path) -> str | None:
    """A word beyond ASCII, where the file makes sense as Windows-1252."""
    decoder = codecs.getincrementaldecoder("cp1252")()
    letters = beyond = 0
    example = None
    try:
        for chunk in _chunks(path):
            text = decoder.decode(chunk)
            if re.search(r"[\0-\x08\x0e-\x1a\x1c-\x1f]", text):
                return None
            letters += sum(map(str.isalpha, text))
            high = [c for c in text if c > "\x7f"]
            beyond += sum(map(str.isalpha, high))
            if high and example is None:
                word = re.search(r"\w*[^\x00-\x7f]\w*", text)
                example = word[0][:30] if word else high[0]
    except UnicodeDecodeError:
        return None
    return example if beyond <= _FOREIGN * letters else None
