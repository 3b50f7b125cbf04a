"""The loss of a language model, whole and right of a cut, in each kind of decoder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from headstart.backbones import causal
from headstart.errors import InputError
from headstart.generation import network as networks
from headstart.generation.blocks import NOT_LEARNT, Encoder
from headstart.generation.network import NextToken
from headstart.generation.perplexity import Losses, gain, losses, perplexity
from headstart.generation.texts import Document
from headstart.training.items import Tokens
from headstart.training.loop import NetworkTraining, Task
from headstart.training.recipe import Recipe
from tests.backbones import text_models
from tests.generation import models

TEXTS = ("What is AI?", "A", "the study of the mind, and of machines that think", "So it is.")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {kind: models.save(root / kind, kind) for kind in models.KINDS}


@pytest.fixture(params=models.KINDS)
def loaded(request, folders):
    return causal.load(folders[request.param])


def blocks_of(loaded, texts=TEXTS):
    encoder = Encoder(loaded.preprocessing, (0,))
    return encoder.blocks([Document(text) for text in texts], texts)[0]


def whole(loaded) -> NextToken:
    return NextToken(loaded.backbone.module, loaded.head, autocast=False)


def halves(loaded):
    cut = loaded.backbone.cut(loaded.backbone.stages[1].name)
    return cut.trunk, NextToken(cut.tail, loaded.head, autocast=False)


def each_alone(loaded) -> np.ndarray:
    found = []
    for text in TEXTS:
        blocks = blocks_of(loaded, [text])
        found.append(losses(whole(loaded), Tokens(blocks.ids, 0), blocks, CPU).nats[0])
    return np.array(found)


def test_the_loss_of_a_text_does_not_depend_on_its_neighbours(loaded):
    blocks = blocks_of(loaded)
    together = losses(whole(loaded), Tokens(blocks.ids, 0), blocks, CPU)
    np.testing.assert_allclose(together.nats, each_alone(loaded), rtol=1e-4)
    assert together.tokens.tolist() == [len(ids) for ids in blocks.ids]


def test_nor_right_of_a_cut(loaded):
    trunk, tail = halves(loaded)
    blocks = blocks_of(loaded)
    ids, mask = Tokens(blocks.ids, 0).plain(np.arange(len(blocks)))
    with torch.no_grad():
        hidden = tail(trunk(ids, mask), mask)
        found, row = tail.losses(hidden, blocks.targets())
    sums = np.bincount(row.numpy(), found.numpy())
    np.testing.assert_allclose(sums, each_alone(loaded), rtol=1e-4)


def test_it_is_the_loss_that_transformers_gives(loaded, folders):
    kind = loaded.model.config.model_type
    model = AutoModelForCausalLM.from_pretrained(folders[kind]).eval()
    text = torch.tensor([[*models.tokenizer().encode(TEXTS[2]).ids, 0]])
    with torch.no_grad():
        expected = model(input_ids=text, labels=text).loss
    blocks = blocks_of(loaded, [TEXTS[2]])
    found = losses(whole(loaded), Tokens(blocks.ids, 0), blocks, CPU)
    assert found.mean == pytest.approx(float(expected), rel=1e-4)


def test_padding_has_no_gradient(folders):
    """Whatever stands in the padding, what is learnt of a batch is the same."""
    gradients = []
    for pad in (0, 7):
        loaded = causal.load(folders["gpt2"])
        blocks = blocks_of(loaded)
        network = whole(loaded)
        hidden = network(*Tokens(blocks.ids, pad).plain(np.arange(len(blocks))))
        network.loss(hidden, blocks.targets()).backward()
        gradients.append(network.head.weight.grad)
    assert torch.allclose(*gradients, atol=1e-6)
    assert gradients[0].abs().sum() > 0


def test_scores_are_held_a_few_at_a_time_with_the_same_gradient(folders, monkeypatch):
    gradients = []
    for rows in (1024, 3):
        monkeypatch.setattr(networks, "ROWS", rows)
        loaded = causal.load(folders["llama"])
        blocks = blocks_of(loaded)
        network = whole(loaded)
        hidden = network(*Tokens(blocks.ids, 0).plain(np.arange(len(blocks))))
        network.loss(hidden, blocks.targets()).backward()
        gradients.append(network.head.weight.grad)
    torch.testing.assert_close(*gradients)


class Small(NextToken):
    """A model on a device that holds so many rows."""

    def __init__(self, loaded, most: int) -> None:
        super().__init__(loaded.backbone.module, loaded.head, autocast=False)
        self.most = most

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        if len(inputs[0]) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().forward(*inputs)


def with_a_row_of_which_nothing_is_learnt(blocks):
    wanted = [row.copy() for row in blocks.wanted]
    wanted[1][:] = NOT_LEARNT
    return replace(blocks, wanted=wanted)


def test_judging_in_parts_gives_the_same(folders):
    loaded = causal.load(folders["gpt2"])
    blocks = with_a_row_of_which_nothing_is_learnt(blocks_of(loaded))
    items = Tokens(blocks.ids, 0)
    expected = losses(whole(loaded), items, blocks, CPU)
    found = losses(Small(loaded, 1), items, blocks, CPU)
    np.testing.assert_allclose(found.nats, expected.nats, rtol=1e-5)
    assert found.tokens.tolist() == expected.tokens.tolist()


@pytest.mark.parametrize("most", [1, 2])
def test_learning_in_parts_has_the_gradient_of_the_whole(folders, most):
    """Each token counts the same, however long the texts; a part may have none."""
    gradients = []
    for held in (99, most):
        loaded = causal.load(folders["gpt2"])
        blocks = with_a_row_of_which_nothing_is_learnt(blocks_of(loaded))
        network = Small(loaded, held)
        task = Task(
            Tokens(blocks.ids, 0), blocks.targets(), network.loss, None, CPU, False, network.learnt
        )
        recipe = Recipe(epochs=1, batch=9)
        group = {"params": list(network.parameters()), "scale": 1.0, "weight_decay": 0.0}
        training = NetworkTraining(network, [group], task, recipe, 0, None, lambda _: None)
        network.eval()  # no dropout
        index = np.arange(len(blocks))
        loss = training.backward(
            (index, task.items.batch(index, np.random.default_rng(0)), np.random.default_rng(0))
        )
        gradients.append((loss, network.head.weight.grad))
    torch.testing.assert_close(*gradients)


def test_perplexity_is_the_exponential_of_the_mean_loss_per_token():
    found = Losses(np.array([10.0, 40.0, 6.0]), np.array([10.0, 20.0, 2.0]))
    measured = perplexity(found, seed=0)
    assert measured.value == pytest.approx(np.exp(56 / 32))
    assert 1 <= measured.low < measured.value < measured.high
    assert measured == perplexity(found, seed=0)


def test_a_gain_is_measured_on_the_same_resamples():
    """Texts differ much, the gain on each is the same: its interval is narrow."""
    random = np.random.default_rng(0)
    tokens = random.integers(5, 50, 100).astype(float)
    before = tokens * random.uniform(1, 5, 100)
    fell = gain(Losses(before, tokens), Losses(before - 0.1 * tokens, tokens), seed=0)
    old = perplexity(Losses(before, tokens), seed=0)
    assert fell.value == pytest.approx(old.value * (1 - np.exp(-0.1)))
    assert fell.low > 0
    assert fell.high - fell.low < 0.15 * (old.high - old.low)


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
def test_what_reads_both_ways_cannot_write(tmp_path, kind):
    folder = text_models.save(tmp_path / kind, kind)
    with pytest.raises(InputError) as error:
        causal.load(str(folder))
    assert (
        "cannot be loaded" in str(error.value)
        or "left to right" in str(error.value)
        or ("lack" in str(error.value))
    )


def test_a_language_model_without_its_head_is_refused(tmp_path):
    folder = text_models.save(tmp_path / "llama", "llama")
    with pytest.raises(InputError, match=r"lack 1 tensors, such as 'lm_head\.weight'"):
        causal.load(str(folder))


@pytest.mark.parametrize("cap", [0.5, 1000.0])
def test_scores_that_are_capped_after_the_head_are_refused(tmp_path, cap):
    folder = models.save(
        tmp_path / "gemma2",
        "gemma2",
        head_dim=16,
        num_key_value_heads=2,
        final_logit_softcapping=cap,
    )
    with pytest.raises(InputError, match="scaled, capped or made in more steps"):
        causal.load(folder)


@pytest.mark.parametrize("name", ["gpt2", "nobody/nothing", "hf:nobody/nothing@main"])
def test_a_name_that_is_not_on_this_machine_says_how_to_get_it(name):
    with pytest.raises(InputError, match=f"headstart fetch {name} --to DIR"):
        causal.load(name, offline=True)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet50", "is no language model of transformers"),
        ("minilm-l6", "is no language model of transformers"),
        ("gpt3", "No backbone is called 'gpt3'; perhaps you mean gpt2"),
    ],
)
def test_what_is_no_language_model_is_refused_by_its_name(name, said):
    with pytest.raises(InputError, match=said):
        causal.load(name, offline=True)


@pytest.mark.parametrize("prefix", ["", "transformers:", "hf:"])
def test_a_folder_is_taken_with_and_without_its_family(folders, prefix):
    assert causal.load(prefix + folders["gpt2"]).preprocessing.max_tokens == 64


def test_weights_that_are_not_finite_are_refused(tmp_path):
    folder = Path(models.save(tmp_path / "damaged"))
    weights = load_file(folder / "model.safetensors")
    weights["transformer.h.0.attn.c_attn.weight"][0, 0] = float("nan")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"are damaged: 'transformer\.h\.0\.attn\.c_attn\.weight'"):
        causal.load(str(folder))
