"""Regular expressions of tokenizers, and for names of files: those that may never end are refused.

The first come with a network or a saved model, and are run, by an engine that backtracks, on texts
of any length.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST_LOOPS = 3
"""Repetitions without a bound after one another: each multiplies the work by the text's length."""

UNBOUNDED, FEW_TIMES = 1 << 30, 16
"""Times of a repetition without a bound, and those that are as few as none."""

MOST_TIMES = 1000
"""Largest count in braces; some engines unroll it."""

MOST_WORD = 1000
"""Characters of a word that WordPiece may look at: its work grows with their square."""

_COUNT = re.compile(r"\{(\d*)(,?)(\d*)\}")
_OPEN = re.compile(r"\?(?:<?[=!]|[:>|~]|<[^>]*>|[a-zA-Z-]*:|[a-zA-Z-]*(?=\)))")
_BACK = re.compile(r"\\(?:[1-9]|[kg][<'])")
_WORD = re.compile(r'"max_input_chars_per_word"\s*:\s*(\d+)')


def refuse_runaway(tokenizer: str) -> None:
    """Refuse a tokenizer that may take for ever.

    Args:
        tokenizer: the content of a `tokenizer.json`.

    Raises:
        ValueError: quotes the pattern.
    """
    words = [int(each) for each in _WORD.findall(tokenizer)]
    if max(words, default=0) > MOST_WORD:
        raise ValueError(f"its words may have {max(words):,} characters, more than {MOST_WORD:,}")
    if '"Regex"' not in tokenizer:
        return
    for pattern in _patterns(json.loads(tokenizer)):
        if not isinstance(pattern, str) or may_run_away(pattern):
            raise ValueError(f"its pattern {str(pattern)[:80]!r} may take for ever")


def _patterns(value: object) -> Iterator[object]:
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "Regex" in value:
                yield value["Regex"]
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


@dataclass
class _Group:
    """A group that is being read: what it can do, in any of its alternatives and in this one."""

    atomic: bool = False
    chooses: bool = False
    """Whether the same text may be matched in several ways."""
    loops: int = 0
    most: int = 0
    """Loops of the alternative that has most."""


def may_run_away(pattern: str) -> bool:
    """Whether a repetition holds another or a choice, or too many follow one another."""
    if _BACK.search(pattern):
        return True
    groups = [_Group()]
    at, last = 0, False  # whether what a quantifier would repeat varies
    while at < len(pattern):
        char, group = pattern[at], groups[-1]
        if char == "[":
            at, last = _after_class(pattern, at), False
        elif char == "\\":
            at, last = _after_escape(pattern, at), False
        elif char == "(":
            opened = _OPEN.match(pattern, at + 1)
            groups.append(_Group(atomic=opened is not None and opened[0] == "?>"))
            at = opened.end() if opened else at + 1
        elif char == ")" and len(groups) > 1:
            closed = groups.pop()
            last = closed.chooses and not closed.atomic
            groups[-1].chooses |= last
            groups[-1].loops += 0 if closed.atomic else max(closed.most, closed.loops)
            at += 1
        elif char == "|":
            group.most, group.loops = max(group.most, group.loops), 0
            group.chooses = True
            at += 1
        elif char in "*+?" or (char == "{" and _COUNT.match(pattern, at)):
            at, least, most, possessive = _quantifier(pattern, at)
            if MOST_TIMES < most < UNBOUNDED or (most > 1 and last and not possessive):
                return True
            last = least < most and not possessive
            group.chooses |= last
            group.loops += last and most > FEW_TIMES
        else:
            at, last = at + 1, False
        if any(each.loops > MOST_LOOPS for each in groups):
            return True
    return False


def _quantifier(pattern: str, at: int) -> tuple[int, int, int, bool]:
    """Where it ends, how often it repeats at least and at most, whether it never gives back."""
    braces = _COUNT.match(pattern, at)
    if braces:
        low, comma, high = braces.groups()
        least, end = int(low or 0), braces.end()
        most = int(high or (UNBOUNDED if comma else low or 0))
    else:
        least, end = int(pattern[at] == "+"), at + 1
        most = 1 if pattern[at] == "?" else UNBOUNDED
    sign = pattern[end : end + 1]
    return end + (sign in ("?", "+")), least, most, sign == "+" and not braces


def _after_class(pattern: str, at: int) -> int:
    """The end of a class in brackets, which may hold others."""
    depth = 0
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 1
        elif pattern[at] == "[":
            depth += 1
        elif pattern[at] == "]":
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    return at


def _after_escape(pattern: str, at: int) -> int:
    if pattern[at + 1 : at + 2] in ("p", "P", "x", "u") and pattern[at + 2 : at + 3] == "{":
        end = pattern.find("}", at)
        return len(pattern) if end < 0 else end + 1
    return at + 2
