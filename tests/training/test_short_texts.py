from contextlib import nullcontext

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from headstart.backbones import transformers
from headstart.training import short_texts
from headstart.training.short_texts import LEVELS, SHORT, ShortTexts, attention
from headstart.training.strategies import lora
from tests.backbones.text_models import save

IDS = torch.arange(4, 16).reshape(2, 6)
MASK = torch.tensor([[1] * 6, [1] * 4 + [0] * 2])


@settings(deadline=None, max_examples=20)
@given(p=st.floats(0.02, 0.95), seed=st.integers(0, 99))
def test_dropout_keeps_its_share_and_the_mean(p, seed):
    values = torch.ones(200, 301)
    with ShortTexts(seed):
        found = functional.dropout(values, p)
    kept = found != 0
    dropped = round(p * LEVELS) / LEVELS
    assert float(kept.float().mean()) == pytest.approx(1 - dropped, abs=0.02)
    torch.testing.assert_close(found[kept], torch.full_like(found[kept], 1 / (1 - dropped)))
    assert abs(dropped - p) <= 0.5 / LEVELS


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_gradient_is_dropped_where_the_value_is(dtype):
    values = torch.ones(30, 7, dtype=dtype, requires_grad=True)
    with ShortTexts(0):
        found = nn.Dropout(0.4)(values)
    found.sum().backward()
    assert found.dtype == dtype
    assert torch.equal(values.grad, found)
    assert 0 < (found == 0).sum() < found.numel()


def test_what_is_dropped_follows_from_the_seed():
    def drawn(seed: int) -> list[torch.Tensor]:
        with ShortTexts(seed):
            return [functional.dropout(torch.ones(50)) for _ in range(2)]

    first, second = drawn(1)
    assert torch.equal(first, drawn(1)[0])
    assert not torch.equal(first, second)
    assert not torch.equal(first, drawn(2)[0])


def test_nothing_is_dropped_in_evaluation_or_with_a_chance_of_nothing():
    values = torch.ones(50)
    with ShortTexts(0):
        assert nn.Dropout(0.5).eval()(values) is values
        assert functional.dropout(values, 0.0) is values
        assert functional.dropout(values, 0.001) is values
        assert (functional.dropout(values, 1.0) == 0).all()
    assert (functional.dropout(values, 0.5) != functional.dropout(values, 0.5)).any()


@pytest.mark.parametrize("tokens", [6, SHORT + 1])
@pytest.mark.parametrize("mask", ["none", "bool", "float", "causal", "nothing seen"])
def test_attention_is_torchs(tokens, mask):
    random = torch.Generator().manual_seed(0)
    three = [torch.randn(2, 3, tokens, 8, generator=random) for _ in range(3)]
    seen = torch.rand(2, 1, tokens, tokens, generator=random) < 0.7
    seen[..., 0] = True
    how = {
        "none": {},
        "bool": {"attn_mask": seen},
        "float": {"attn_mask": torch.randn(2, 1, tokens, tokens, generator=random)},
        "causal": {"is_causal": True, "scale": 0.5},
        "nothing seen": {"attn_mask": torch.zeros(2, 1, tokens, tokens, dtype=torch.bool)},
    }[mask]
    mine, theirs = ([each.clone().requires_grad_() for each in three] for _ in range(2))
    with ShortTexts(0):
        found = functional.scaled_dot_product_attention(*mine, dropout_p=0.5, **how)
    found.square().sum().backward()
    if mask == "nothing seen":  # of padding: no answer is right, but it must be a number
        assert found.isfinite().all()
        assert all(each.grad.isfinite().all() for each in mine)
        return
    expected = functional.scaled_dot_product_attention(*theirs, **how)
    expected.square().sum().backward()
    torch.testing.assert_close(found, expected)
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5)


def test_groups_of_heads_and_positional_arguments_are_understood():
    query, key = torch.randn(1, 4, 5, 8), torch.randn(1, 2, 5, 8)
    expected = functional.scaled_dot_product_attention(query, key, key, enable_gqa=True)
    torch.testing.assert_close(attention(query, key, key, enable_gqa=True), expected)
    same = functional.scaled_dot_product_attention(query, query, query, None, 0.0, True)
    with ShortTexts(0):
        found = functional.scaled_dot_product_attention(query, query, query, None, 0.9, True)
    torch.testing.assert_close(found, same)


@pytest.mark.parametrize(
    "kind",
    ["bert", "distilbert", "roberta", "gpt2", "opt", "llama", "qwen2", "modernbert", "mpnet"],
)
def test_networks_of_every_kind_train_and_learn_what_they_would(tmp_path, kind):
    module = transformers.load(str(save(tmp_path, kind))).module.train()
    for each in module.modules():
        if isinstance(each, nn.Dropout):
            each.p = 0.0
        for name in ("dropout", "attention_dropout"):
            if isinstance(getattr(each, name, None), float):
                setattr(each, name, 0.0)
        if hasattr(each, "layerdrop"):
            each.layerdrop = 0.0

    def learnt(mode) -> list[torch.Tensor]:
        module.zero_grad(set_to_none=True)
        with mode:
            found = module(IDS, MASK)
        found.square().sum().backward()
        return [found, *(p.grad for p in module.parameters() if p.grad is not None)]

    for one, other in zip(learnt(ShortTexts(0)), learnt(nullcontext()), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_attention_drops_nothing_and_the_layers_do(tmp_path, monkeypatch):
    changes = {"attention_probs_dropout_prob": 0.9, "hidden_dropout_prob": 0.0}
    module = transformers.load(str(save(tmp_path / "a", "bert", **changes))).module.train()
    with ShortTexts(0):
        torch.testing.assert_close(module(IDS, MASK), module(IDS, MASK), rtol=0, atol=0)
    dropping = transformers.load(str(save(tmp_path / "b", "bert"))).module.train()
    with ShortTexts(0):
        assert not torch.equal(dropping(IDS, MASK), dropping(IDS, MASK))


def test_dropout_of_adapters_is_drawn_so_too(tmp_path, monkeypatch):
    module = transformers.load(
        str(save(tmp_path, "bert", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0))
    ).module
    lora.adapt(module, "it", dropout=0.5, seed=0)
    module.train()
    seen = []
    real = short_texts.ShortTexts._dropout
    monkeypatch.setattr(
        short_texts.ShortTexts, "_dropout", lambda *a, **k: seen.append(1) or real(*a, **k)
    )
    with ShortTexts(0):
        module(IDS, MASK)
    assert len(seen) > 6
