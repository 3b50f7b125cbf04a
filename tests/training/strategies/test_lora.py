"""Adapters in tiny random networks of each kind, whole and right of a cut."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from headstart.backbones import timm, transformers
from headstart.backbones.backbone import Backbone
from headstart.errors import InputError
from headstart.training.strategies import lora
from tests.backbones.text_models import save

IDS = torch.tensor([[5, 9, 11, 30, 31, 6], [7, 8, 12, 0, 0, 0], [50, 0, 0, 0, 0, 0]])
MASK = (IDS != 0).long()
KINDS = ("bert", "gpt2", "distilbert", "vit")
HALVES = ("whole", "tail")


def load(kind: str, folder: Path) -> Backbone:
    if kind != "vit":
        return transformers.load(str(save(folder / kind, kind)))
    torch.manual_seed(0)
    network = timm.create("vit_tiny_patch16_224", img_size=48, depth=3, embed_dim=32, num_heads=2)
    return timm.backbone("vit", network, size=(48, 48))


def inputs(backbone: Backbone) -> tuple[torch.Tensor, ...]:
    if backbone.modality == "text":
        return IDS, MASK
    random = torch.Generator().manual_seed(1)
    return (torch.randint(0, 256, (3, 48, 48, 3), dtype=torch.uint8, generator=random),)


class Half:
    """A backbone, or what is right of a cut in it, and what it is asked."""

    def __init__(self, backbone: Backbone, half: str) -> None:
        self.backbone = backbone
        self.module: nn.Module = backbone.module
        self.asked = inputs(backbone)
        if half == "tail":
            cut = backbone.cut(backbone.stages[1].name)
            self.module = cut.tail
            with torch.no_grad():
                hidden = cut.trunk(*self.asked)
            self.asked = (hidden, MASK) if backbone.modality == "text" else (hidden,)

    def answer(self) -> torch.Tensor:
        self.module.eval()
        with torch.no_grad():
            return self.module(*self.asked)

    def whole(self) -> torch.Tensor:
        with torch.no_grad():
            return self.backbone.module.eval()(*inputs(self.backbone))

    def adapt(self, **changes: Any) -> None:
        lora.adapt(self.module, "some", **{"dropout": 0.0, "seed": 0, **changes})

    def learn(self) -> None:
        """Two steps: in the first only one half of each adapter has a gradient."""
        learning = [each for each in self.module.parameters() if each.requires_grad]
        optimiser = torch.optim.AdamW(learning, 0.02)
        for _ in range(2):
            self.module.train()
            optimiser.zero_grad()
            (self.module(*self.asked) - 1).square().mean().backward()
            optimiser.step()
        self.module.eval()
        self.backbone.module.eval()


@pytest.fixture(params=KINDS)
def backbone(request, tmp_path):
    return load(request.param, tmp_path)


@pytest.fixture(params=HALVES)
def half(request, backbone):
    return Half(backbone, request.param)


def shape_of(module: nn.Module) -> list[tuple[str, type]]:
    return [(name, type(each)) for name, each in module.named_modules()]


def state_of(module: nn.Module) -> dict[str, bytes]:
    return {name: each.numpy().tobytes() for name, each in module.state_dict().items()}


def test_an_adapted_network_starts_equal_to_the_original(half):
    before = half.answer()
    half.adapt(dropout=0.3)
    assert torch.equal(half.answer(), before)


def test_the_adapters_alone_learn_and_few_numbers_they_are(half):
    half.adapt()
    learning = {name for name, each in half.module.named_parameters() if each.requires_grad}
    assert learning
    assert all("lora_" in name for name in learning)
    matrices = [each for each in half.module.modules() if hasattr(each, "get_base_layer")]
    assert len(learning) == 2 * len(matrices)


def test_the_seed_decides_the_random_halves(half):
    def adapted(seed: int) -> dict[str, bytes]:
        torch.manual_seed(len(str(seed)))
        copied = copy.deepcopy(half.module)
        lora.adapt(copied, "some", dropout=0.0, seed=seed)
        return state_of(copied)

    assert adapted(1) == adapted(1)
    assert adapted(1) != adapted(2)


def test_merged_it_answers_as_the_adapted_network_did(half):
    shape, state, before = shape_of(half.module), state_of(half.module), half.answer()
    half.adapt(dropout=0.1)
    half.learn()
    adapted = half.answer()
    assert (adapted - before).abs().max() > 1e-3
    lora.merge(half.module)
    torch.testing.assert_close(half.answer(), adapted, rtol=1e-5, atol=1e-5)
    assert shape_of(half.module) == shape
    after = state_of(half.module)
    assert after.keys() == state.keys()
    moved = {name for name in state if after[name] != state[name]}
    assert moved
    assert all(name.endswith("weight") for name in moved)


def test_merged_the_whole_backbone_answers_through_its_tail(half):
    half.adapt()
    half.learn()
    lora.merge(half.module)
    cut = half.backbone.cut(half.backbone.stages[1].name)
    masks = (MASK,) if half.backbone.modality == "text" else ()
    with torch.no_grad():
        again = cut.tail(cut.trunk(*inputs(half.backbone)), *masks)
    torch.testing.assert_close(half.whole(), again, rtol=1e-5, atol=1e-5)


def test_left_of_a_cut_nothing_is_touched(tmp_path):
    half = Half(load("bert", tmp_path), "tail")
    trunk = half.backbone.cut(half.backbone.stages[1].name).trunk
    state, shape = state_of(trunk), shape_of(trunk)
    half.adapt()
    half.learn()
    assert shape_of(trunk) == shape
    lora.merge(half.module)
    assert state_of(trunk) == state


@pytest.mark.parametrize("architecture", ["test_resnet", "test_efficientnet"])
def test_a_convolutional_network_is_refused_in_a_sentence_and_left_alone(architecture):
    network = timm.create(architecture)
    state, shape = state_of(network), shape_of(network)
    with pytest.raises(InputError) as error:
        lora.adapt(network, "my network", dropout=0.1, seed=0)
    assert str(error.value) == (
        "The backbone 'my network' is no transformer, and LoRA adapts those alone; "
        "say --strategy fine-tuning."
    )
    assert (state_of(network), shape_of(network)) == (state, shape)
    assert all(each.requires_grad for each in network.parameters())


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_a_transformer_without_layernorm_is_adapted_too(tmp_path, kind):
    half = Half(load(kind, tmp_path), "whole")
    before = half.answer()
    half.adapt()
    assert torch.equal(half.answer(), before)
