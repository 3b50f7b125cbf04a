"""Patterns of tokenizers: those of known networks are taken, those that run away are not."""

import json

import pytest

from headstart.patterns import refuse_runaway


def tokenizer(pattern, **more):
    return json.dumps({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": pattern}}, **more})


KNOWN = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "llama3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+",
    "cl100k": r"'(?:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+|"
    r" ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    "bloom": r" ?[^(\s|[.,!?…。，、।۔،])]+",
    "albert": r" {2,}",
    "falcon": r"[0-9][0-9][0-9]",
    "atomic": r"(?>a|b)+",
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_patterns_are_taken(name):
    refuse_runaway(tokenizer(KNOWN[name]))


RUNAWAY = [
    r"(a+)+$", r"(a|aa)+$", r"(a*)*", r"(?:a+){2,}", r"((a|b+))+c", r"(x+x+)+y", r"(a|a)*",
    r"(.*)(.*)(.*)(.*)x", r"a*a*a*a*b", r"a{1,100000}", r"(a{1,99}){1,99}$", r"(.+)\1",
    r"(?i:(\w+\s?)+)$", r"([a-z]+)*$", r"(?=(a+)+$)",
]  # fmt: skip


@pytest.mark.parametrize("pattern", RUNAWAY)
def test_runaway_patterns_are_refused(pattern):
    with pytest.raises(ValueError, match="for ever"):
        refuse_runaway(tokenizer(pattern))


def test_patterns_anywhere_and_long_words():
    hidden = {"a": [{"b": {"Regex": "(a+)+"}}]}
    with pytest.raises(ValueError, match="for ever"):
        refuse_runaway(tokenizer("a", normalizer=hidden))
    with pytest.raises(ValueError, match="1,000,000 characters"):
        refuse_runaway('{"max_input_chars_per_word": 1000000}')
    refuse_runaway('{"max_input_chars_per_word": 100}')


def test_deep_nesting_is_no_trouble():
    refuse_runaway(tokenizer("(" * 5000 + "a" + ")" * 5000))
    refuse_runaway(tokenizer("[" * 5000))
