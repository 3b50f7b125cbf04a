"""Tokens of documents: which are predicted, and on which side of a split."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, normalizers
from transformers import AutoModelForCausalLM

from headstart.data.dataset import Dataset
from headstart.errors import InputError
from headstart.generation.blocks import NOT_LEARNT, Encoder, arrange, begins_of, ends_of
from headstart.generation.texts import Document
from headstart.preprocessing import TextPreprocessing
from headstart.spec import FitSpec
from tests.generation.models import config, tokenizer

END = 0


def preprocessing(length: int = 8) -> TextPreprocessing:
    return TextPreprocessing(tokenizer().to_str(), length, 0)


def encoded(*documents: Document, length: int = 8):
    names = [f"text {n}" for n in range(len(documents))]
    return Encoder(preprocessing(length), (END,)).blocks(documents, names)


def arranged(items, splits=(), **options):
    names = [f"text {n}" for n in range(len(items))]
    data = Dataset("text", items, names, splits=splits)
    return arrange(data, preprocessing(), (END,), FitSpec(task="generation", **options))


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=200), st.integers(2, 20), st.booleans())
def test_every_token_of_a_text_but_the_first_is_predicted_once(text, length, ends):
    whole = [*tokenizer().encode(text).ids, *([END] if ends else [])]
    blocks, truncated, skipped = encoded(Document(text, ends=ends), length=length)
    assert truncated == 0
    assert bool(skipped) == (len(whole) < 2)
    assert max(map(len, blocks.ids), default=0) <= length
    assert [t for ids in blocks.ids for t in ids.tolist()] == whole[:-1]
    assert [t for wanted in blocks.wanted for t in wanted.tolist()] == whole[1:]


def test_of_a_pair_the_completion_alone_is_learnt_and_its_end():
    given_, written = (tokenizer().encode(each).ids for each in ("What is AI?", "A science."))
    blocks, truncated, _ = encoded(Document("A science.", "What is AI?"), length=60)
    assert truncated == 0
    assert len(blocks) == 1
    assert blocks.ids[0].tolist() == [*given_, *written]
    masked = [NOT_LEARNT] * (len(given_) - 1)
    assert blocks.wanted[0].tolist() == [*masked, *written, END]


@pytest.mark.parametrize(("prompt", "text"), [("a b c d " * 9, "x y"), ("a b", "x y z " * 9)])
def test_a_pair_that_is_too_long_loses_the_start_of_the_prompt_and_is_counted(prompt, text):
    blocks, truncated, _ = encoded(Document(text, prompt))
    assert truncated == 1
    assert len(blocks) == 1
    assert len(blocks.ids[0]) == 8
    learnt = [t for t in blocks.wanted[0].tolist() if t != NOT_LEARNT]
    assert learnt == [*tokenizer().encode(text).ids, END][: len(learnt)]
    assert len(learnt) == min(8, len(tokenizer().encode(text).ids) + 1)


def test_identical_texts_are_on_one_side_and_no_text_is_on_two():
    items = [Document(f"text number {n % 20} of many words") for n in range(60)]
    found = arranged(items)
    sides = {
        name: {items[at].text for at in part.document.tolist()}
        for name, part in found.parts.items()
    }
    assert sum(map(len, sides.values())) == len(set.union(*sides.values())) == 20
    assert sum(part.documents for part in found.parts.values()) == 60


def test_the_seed_decides_the_split():
    items = [Document(f"text {n}") for n in range(40)]
    assert arranged(items).digest == arranged(items).digest
    assert arranged(items).digest != arranged(items, seed=1).digest


def test_given_splits_are_kept_and_a_leak_is_left_out_and_said():
    items = [Document(f"text {n}") for n in (*range(10), 3)]
    found = arranged(items, ["train"] * 8 + ["validation", "test", "test"])
    assert set(found.parts["test"].document.tolist()) == {9, 10}
    assert [each.item for each in found.skipped] == ["text 3"]
    assert "in more than one given split" in found.warnings[0]


def test_a_text_of_one_token_is_skipped_by_name():
    items = [*(Document(f"text {n}") for n in range(10)), Document("a", ends=False)]
    found = arranged(items)
    assert [each.item for each in found.skipped] == ["text 10"]


def test_too_few_texts_are_refused():
    with pytest.raises(InputError, match="only 2 distinct texts"):
        arranged([Document("a"), Document("b"), Document("b")])


def test_targets_are_padded_with_what_is_not_learnt():
    blocks, _, _ = encoded(Document("a b c d e f"), Document("a"))
    targets = blocks.targets()
    assert targets.shape == (len(blocks), blocks.longest)
    for row, wanted in zip(targets.numpy(), blocks.wanted, strict=True):
        assert row[: len(wanted)].tolist() == wanted.tolist()
        assert (row[len(wanted) :] == NOT_LEARNT).all()
    assert isinstance(blocks.ids[0], np.ndarray)


def test_a_completion_that_is_nothing_to_the_tokenizer_is_skipped():
    deaf = Tokenizer.from_str(tokenizer().to_str())
    deaf.normalizer = normalizers.Replace("!", "")
    encoder = Encoder(TextPreprocessing(deaf.to_str(), 8, 0), ())
    documents = [Document("!", "What is AI?"), Document("!"), Document("A science.", "What?")]
    blocks, _, skipped = encoder.blocks(documents, ["first", "second", "third"])
    assert [(each.item, each.reason) for each in skipped] == [
        ("first", "to the tokenizer it has no completion"),
        ("second", "to the tokenizer it has no second token"),
    ]
    assert set(blocks.document.tolist()) == {2}


def test_tokens_that_the_network_does_not_know_end_nothing():
    model = AutoModelForCausalLM.from_config(config("gpt2", eos_token_id=50_256, bos_token_id=None))
    assert ends_of(model) == begins_of(model) == ()
    model.config.eos_token_id = [50_256, END]
    assert ends_of(model) == begins_of(model) == (END,)


@pytest.mark.parametrize("seed", range(3))
def test_completions_of_one_prompt_are_in_one_split(seed):
    pairs = [Document(f"answer {n} {m}", f"question {n}") for n in range(20) for m in range(3)]
    found = arranged(pairs, seed=seed)
    sides = {
        name: {pairs[int(name.rpartition(" ")[2])].prompt for name in _documents(part)}
        for name, part in found.parts.items()
    }
    assert sum(map(len, sides.values())) == len(set().union(*sides.values())) == 20


def _documents(part) -> set[str]:
    return {name.partition(",")[0] for name in part.names}
