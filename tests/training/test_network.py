import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from headstart.backbones import timm, transformers
from headstart.backbones.backbone import Backbone
from headstart.heads.linear import LinearHead
from headstart.training.items import Tokens
from headstart.training.network import (
    ROWS,
    Copy,
    Network,
    Scales,
    changed,
    computing,
    groups,
    names_in,
    on,
    scores,
)
from headstart.training.recipe import Recipe
from tests.backbones.text_models import save

RECIPE = Recipe(epochs=1, depth_decay=0.5, weight_decay=0.05)
CPU = torch.device("cpu")
VIT = {"img_size": 32, "depth": 3, "embed_dim": 32, "num_heads": 2}


def picture_network(architecture: str, **options) -> Callable[[Path], Backbone]:
    def make(_: Path) -> Backbone:
        network = timm.create(architecture, **options)
        return timm.backbone(architecture, network, size=(32, 32))

    return make


def text_network(kind: str) -> Callable[[Path], Backbone]:
    return lambda folder: transformers.load(str(save(folder / kind, kind)))


MADE = {
    "vit": picture_network("vit_tiny_patch16_224", **VIT),
    "convnext": picture_network("test_convnext"),
    "efficientnet": picture_network("test_efficientnet"),
    "resnet": picture_network("test_resnet"),
    "bert": text_network("bert"),
    "distilbert": text_network("distilbert"),
    "gpt2": text_network("gpt2"),
    "llama": text_network("llama"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root, found = tmp_path_factory.mktemp("networks"), {}

    def make(name: str) -> Backbone:
        if name not in found:
            found[name] = MADE[name](root)
        return found[name]

    return make


def rungs(backbone: Backbone) -> list[tuple[Network, Copy, nn.Module]]:
    """The network of every cut, the copy in it, and what it is a copy of."""
    names = [stage.name for stage in backbone.stages]
    tails = [backbone.module, *(backbone.cut(name).tail for name in names[:-1])]
    copies = [Copy.of(tail, backbone) for tail in tails]
    return [
        (Network(copied.module, 2, 0.1, Scales.none(backbone.features)), copied, tail)
        for copied, tail in zip(copies, tails, strict=True)
    ]


def depths(backbone: Backbone) -> dict[nn.Parameter, int]:
    """The stage of each parameter, by what the cuts say: the first trunk that it is in."""
    found: dict[nn.Parameter, int] = {}
    for number, stage in enumerate(backbone.stages):
        for parameter in backbone.cut(stage.name).trunk.parameters():
            found.setdefault(parameter, number)
    return found


@pytest.mark.parametrize("name", MADE)
def test_groups_hold_every_parameter_that_learns_exactly_once(made, name):
    backbone = made(name)
    for network, copied, _ in rungs(backbone):
        frozen = next(network.tail.parameters())
        frozen.requires_grad_(False)
        found = groups(network, copied.depths, RECIPE)
        frozen.requires_grad_(True)
        members = [each for group in found for each in group["params"]]
        assert len(members) == len({id(each) for each in members})
        assert {id(each) for each in members} == {
            id(each) for each in network.parameters() if each is not frozen
        }


@pytest.mark.parametrize("name", MADE)
def test_matrices_decay_and_vectors_do_not(made, name):
    backbone = made(name)
    network, copied, _ = rungs(backbone)[0]
    for group in groups(network, copied.depths, RECIPE):
        for parameter in group["params"]:
            assert group["weight_decay"] == (0.05 if parameter.ndim > 1 else 0)


AS_THE_CUTS_SAY = [
    "vit",
    "convnext",
    "bert",
    "distilbert",
    "llama",
    "resnet",
    "efficientnet",
    "gpt2",
]


@pytest.mark.parametrize("name", MADE)
def test_a_stage_learns_slower_the_further_left_it_is(made, name):
    backbone = made(name)
    depth, last = depths(backbone), len(backbone.stages) - 1
    for network, copied, tail in rungs(backbone):
        original = dict(tail.named_parameters())
        of = {
            id(each): group["scale"]
            for group in groups(network, copied.depths, RECIPE)
            for each in group["params"]
        }
        assert all(of[id(each)] == 1 for each in network.head.parameters())
        wrong = [
            path
            for path, each in network.tail.named_parameters()
            if of[id(each)] != 0.5 ** (last - depth[original[path]])
        ]
        assert wrong == []


def test_without_decay_of_depth_every_stage_learns_as_fast(made):
    backbone = made("vit")
    network, copied, _ = rungs(backbone)[0]
    recipe = Recipe(epochs=1, depth_decay=1.0)
    assert {group["scale"] for group in groups(network, copied.depths, recipe)} == {1.0}


def head(seed: int, task: str = "classification", outputs: int = 3) -> LinearHead:
    random = np.random.default_rng(seed)
    weight = random.standard_normal((5, outputs)).astype(np.float32)
    bias = random.standard_normal(outputs).astype(np.float32)
    return LinearHead(arrays={"weight": weight, "bias": bias}, settings={"task": task})


def test_a_head_as_it_is_comes_back_bit_for_bit():
    network = Network(nn.Identity(), 3, 0.0, Scales.none(5))
    network.start_from(head(0))
    again = network.arrays()
    for name, expected in head(0).arrays.items():
        assert again[name].dtype == np.float32
        assert again[name].tobytes() == expected.tobytes()
        assert again[name].shape == expected.shape


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 99),
    centre=st.floats(-1e4, 1e4),
    spread=st.floats(1e-3, 1e4),
)
def test_a_head_in_other_scales_answers_the_same(seed, centre, spread):
    """And comes back; but for a feature that never varies, which a head does not look at."""
    original, random = head(seed, "regression", 1), np.random.default_rng(seed)
    original.arrays["weight"][2] = 0
    inverse = random.uniform(0.2, 5, 5)
    inverse[2] = 0
    scales = Scales(random.normal(0, 2, 5), inverse, centre, spread)
    network = Network(nn.Identity(), 1, 0.0, scales)
    network.start_from(original)
    features = random.standard_normal((7, 5)).astype(np.float32)
    with torch.no_grad():
        found = network(torch.from_numpy(features)).numpy()[:, 0] * spread + centre
    rounding = 1e-5 * (abs(centre) + 100)
    np.testing.assert_allclose(found, original.scores(features), atol=rounding)
    again = LinearHead(
        arrays=network.arrays(),
        settings={"task": "regression", "centre": centre, "spread": spread},
    )
    np.testing.assert_allclose(
        again.scores(features), original.scores(features), rtol=1e-5, atol=rounding
    )


class Numbers:
    """Items that are rows of numbers."""

    lengths = None

    def __init__(self, count: int) -> None:
        self.values = torch.randn(count, 5, generator=torch.Generator().manual_seed(0))

    def __len__(self) -> int:
        return len(self.values)

    def batch(self, index, random):
        return self.plain(index)

    def plain(self, index):
        return (self.values[index],)


@pytest.mark.parametrize("count", [1, ROWS, ROWS + 1, 3 * ROWS - 1])
def test_scores_are_those_of_every_item_in_order_in_evaluation_mode(count):
    network = Network(nn.Sequential(nn.BatchNorm1d(5), nn.Dropout(0.5)), 2, 0.5, Scales.none(5))
    network.train()
    before = copy.deepcopy(network)
    items = Numbers(count)
    found = scores(network, items, CPU)
    assert found.shape == (count, 2)
    assert found.dtype == np.float32
    assert not network.training
    assert changed(network, names_in(network, network), before) == {}
    with torch.no_grad():
        np.testing.assert_allclose(found, network(items.values).numpy(), rtol=1e-5, atol=1e-6)


def test_scores_come_in_parts_where_memory_does_not_hold_all():
    class Small(nn.Module):
        def forward(self, values: torch.Tensor) -> torch.Tensor:
            if len(values) > 5:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return values * 2

    items = Numbers(ROWS + 3)
    assert np.array_equal(scores(Small(), items, CPU), (items.values * 2).numpy())


def test_scores_of_texts_of_many_lengths_are_in_the_order_of_the_texts(made):
    backbone, random = made("bert"), np.random.default_rng(0)
    items = Tokens([random.integers(4, 60, n, np.int32) for n in random.integers(1, 9, 70)], 0)
    network = Network(backbone.module, 2, 0.5, Scales.none(backbone.features))
    with torch.no_grad():
        network.head.weight.normal_()
    found = scores(network, items, CPU)
    with torch.no_grad():
        for at in range(len(items)):
            alone = network(*items.plain(np.array([at])))
            np.testing.assert_allclose(found[at], alone[0].numpy(), rtol=1e-4, atol=1e-5)


def test_inputs_go_to_the_device_as_they_are():
    inputs = (torch.arange(3), torch.ones(2, 2))
    assert all(a is b or torch.equal(a, b) for a, b in zip(on(CPU, inputs), inputs, strict=True))


def test_what_changed_is_found_and_what_did_not_is_not():
    whole = Network(nn.Sequential(nn.Linear(5, 5), nn.BatchNorm1d(5)), 2, 0.0, Scales.none(5))
    names = names_in(whole.tail, whole)
    tail = copy.deepcopy(whole.tail)
    assert changed(tail, names, whole) == {}
    with torch.no_grad():
        tail[0].bias[3] += 1e-7 + tail[0].bias[3].abs() * 1e-3
    tail[1].num_batches_tracked += 1
    found = changed(tail, names, whole)
    assert set(found) == {"tail.0.bias", "tail.1.num_batches_tracked"}
    assert torch.equal(found["tail.0.bias"], tail[0].bias)
    assert not torch.equal(whole.tail[0].bias, tail[0].bias)
    tail[0].bias.data.zero_()
    assert found["tail.0.bias"].any()


@pytest.mark.parametrize("name", MADE)
def test_a_copy_shares_nothing_and_knows_the_names_of_the_original(made, name):
    """Learnt weights put into the whole network give there what the copied tail gives."""
    backbone = made(name)
    whole = dict(backbone.module.state_dict(keep_vars=True))
    for cut in (None, backbone.stages[0].name):
        part = backbone.module if cut is None else backbone.cut(cut).tail
        copied = Copy.of(part, backbone)
        mine = copied.module.state_dict(keep_vars=True)
        assert {value.data_ptr() for value in mine.values() if value.numel()}.isdisjoint(
            value.data_ptr() for value in whole.values()
        )
        assert set(copied.names) == set(mine)
        with torch.no_grad():
            for parameter in copied.module.parameters():
                parameter.add_(0.1)
        learnt = changed(copied.module, copied.names, backbone.module)
        assert {id(whole[name]) for name in learnt} == {id(each) for each in part.parameters()}
        assert backbone.state_hash() == backbone.fingerprint


def test_depthwise_convolutions_are_left_out_of_bfloat16_on_a_cpu():
    depthwise, usual = nn.Conv2d(8, 8, 5, groups=8), nn.Conv2d(8, 8, 1)
    network = nn.Sequential(depthwise, usual)
    maps = torch.randn(2, 8, 9, 9, generator=torch.Generator().manual_seed(0))
    with computing(network, CPU, bfloat16=True):
        middle = depthwise(maps)
        assert (middle.dtype, usual(middle).dtype) == (torch.float32, torch.bfloat16)
    torch.testing.assert_close(middle, depthwise(maps), rtol=0, atol=0)
    with computing(network, CPU, bfloat16=False):
        assert network(maps).dtype == torch.float32
    assert all("forward" not in vars(each) for each in network)
