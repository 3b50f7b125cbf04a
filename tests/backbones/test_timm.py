from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from headstart import backbones
from headstart.backbones import timm
from headstart.backbones.backbone import Backbone
from headstart.backbones.fingerprint import fingerprint
from headstart.errors import InputError

# Architecture -> options, size of the input, stages it must have in this order.
SMALL: dict[str, tuple[dict[str, int], int, list[str]]] = {
    "resnet18": ({}, 64, ["conv1", "layer1", "layer2", "layer3", "layer4"]),
    "tf_efficientnet_lite0": (
        {},
        64,
        ["conv_stem", *(f"blocks.{i}" for i in range(7)), "conv_head"],
    ),
    "convnext_atto": ({}, 64, ["stem", *(f"stages.{i}" for i in range(4))]),
    "regnetx_002": ({}, 64, ["stem", "s1", "s2", "s3", "s4"]),
    "mobilenetv3_small_050": (
        {},
        64,
        ["conv_stem", *(f"blocks.{i}" for i in range(6)), "conv_head"],
    ),
    "vit_tiny_patch16_224": (
        {"img_size": 48},
        48,
        ["patch_embed", *(f"blocks.{i}" for i in range(12))],
    ),
    "swin_tiny_patch4_window7_224": (
        {"img_size": 56},
        56,
        ["patch_embed", *(f"layers.{i}" for i in range(4))],
    ),
}
LARGE: dict[str, tuple[dict[str, int], int, list[str]]] = {
    "densenet121": (
        {},
        64,
        [
            "features.conv0",
            "features.denseblock1",
            "features.transition1",
            "features.denseblock2",
            "features.transition2",
            "features.denseblock3",
            "features.transition3",
            "features.denseblock4",
        ],
    ),
    "inception_v3": (
        {},
        107,
        ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"]
        + [f"Mixed_5{c}" for c in "bcd"]
        + [f"Mixed_6{c}" for c in "abcde"]
        + [f"Mixed_7{c}" for c in "abc"],
    ),
    "vgg11": (
        {},
        224,
        [f"features.{i}" for i in (0, 3, 6, 8, 11, 13, 16, 18)] + ["pre_logits"],
    ),
    "eva02_tiny_patch14_224": (
        {"img_size": 56},
        56,
        ["patch_embed", *(f"blocks.{i}" for i in range(12))],
    ),
    "beit_base_patch16_224": (
        {"img_size": 32},
        32,
        ["patch_embed", *(f"blocks.{i}" for i in range(12))],
    ),
    "mixer_s32_224": ({}, 224, ["stem", *(f"blocks.{i}" for i in range(8))]),
    "mobilevit_xxs": ({}, 64, ["stem", *(f"stages.{i}" for i in range(5)), "final_conv"]),
}
ALL = [*SMALL, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)]


_OTHER: dict[str, dict[str, Any]] = {
    "vit_tiny_patch16_224": {"depth": 3},
    "swin_tiny_patch4_window7_224": {"depths": (2, 2), "num_heads": (2, 4), "embed_dim": 24},
}


def _make(architecture: str) -> Backbone:
    torch.manual_seed(0)
    options, size, _ = (SMALL | LARGE)[architecture]
    network = timm.create(architecture, **options)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return timm.backbone(architecture, network, size=(size, size))


def _pixels(backbone: Backbone, count: int = 2) -> torch.Tensor:
    size = backbone.preprocessing
    shape = (count, size.height, size.width, 3)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.manual_seed(1))


@pytest.fixture(scope="module")
def lite() -> Backbone:
    return _make("tf_efficientnet_lite0")


@pytest.mark.parametrize("architecture", ALL)
def test_trunk_then_tail_is_the_whole_at_every_stage(architecture: str) -> None:
    backbone = _make(architecture)
    assert [s.name for s in backbone.stages] == (SMALL | LARGE)[architecture][2]
    pixels = _pixels(backbone)
    original = set(backbone.module.parameters())
    assert sum(s.parameters for s in backbone.stages) == backbone.parameters
    with torch.no_grad():
        whole = backbone.module(pixels)
        assert whole.shape == (2, backbone.features)
        assert whole.std() > 1e-4
        for position, stage in enumerate(backbone.stages, start=1):
            cut = backbone.cut(stage.name)
            activation = cut.trunk(pixels)
            assert activation.dtype == torch.float32
            assert tuple(activation.shape[1:]) == cut.shape == stage.shape
            torch.testing.assert_close(cut.tail(activation), whole, rtol=1e-5, atol=1e-5)
            trunk, tail = set(cut.trunk.parameters()), set(cut.tail.parameters())
            assert trunk | tail == original
            assert not trunk & tail
            assert sum(p.numel() for p in tail) == sum(
                s.parameters for s in backbone.stages[position:]
            )
    assert backbone.state_hash() == backbone.fingerprint


@pytest.mark.parametrize(
    "architecture",
    [
        *("resnet18", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"),
        pytest.param("vgg11", marks=pytest.mark.slow),
    ],
)
def test_pictures_of_another_size(architecture: str) -> None:
    make = partial(timm.create, architecture, **_OTHER.get(architecture, {}))
    usual = timm.backbone(architecture, make())
    before = usual.state_hash()
    for pool in ("auto", "mean"):
        backbone = timm.backbone(architecture, make(), pool=pool, initialiser=make).resized(288)
        assert (backbone.preprocessing.height, backbone.preprocessing.width) == (288, 288)
        assert pool == "mean" or backbone.features == usual.features
        assert backbone.stages[0].name == usual.stages[0].name
        assert backbone.gflops > usual.gflops
        pixels = _pixels(backbone)
        with torch.no_grad():
            whole = backbone.module(pixels)
            cut = backbone.cut(backbone.stages[1].name)
            torch.testing.assert_close(cut.tail(cut.trunk(pixels)), whole, rtol=1e-5, atol=1e-5)
            backbone.module.load_state_dict(backbone.random_weights(1))
    assert usual.state_hash() == before


def test_another_size_keeps_the_name_and_licence(lite: Backbone) -> None:
    named = replace(lite, name="mine", licence="MIT")
    assert named.resized(96).identity() == named.identity()
    assert named.resized(64) is named


def test_another_size_that_leaves_an_edge_out_or_changes_nothing() -> None:
    vit = timm.backbone("v", timm.create("vit_tiny_patch16_224", depth=2))
    with pytest.raises(InputError, match="patches are 16 pixels wide; 288 and 304 fit"):
        vit.resized(300)
    cross = timm.backbone("c", timm.create("crossvit_tiny_240"))
    with pytest.raises(InputError, match="back to its own size"):
        cross.resized(480)
    assert lite_at(63).gflops == lite_at(64).gflops


def lite_at(side: int) -> Backbone:
    return timm.backbone("l", timm.create("tf_efficientnet_lite0")).resized(side)


def test_another_size_keeps_the_weights_of_a_convolutional_network(lite: Backbone) -> None:
    larger = lite.resized(96)
    assert larger.fingerprint == lite.fingerprint
    assert larger.resized(64).preprocessing == lite.preprocessing


def test_a_size_that_a_network_cannot_take() -> None:
    backbone = timm.backbone("inception_v3", timm.create("inception_v3"))
    with pytest.raises(InputError, match="cannot take images of 32 x 32 pixels"):
        backbone.resized(32)


@pytest.mark.parametrize("architecture", ["vit_tiny_patch16_224", "resnet18"])
def test_the_whole_is_the_networks_own_answer(architecture: str) -> None:
    import timm as library

    backbone = _make(architecture)
    network = backbone.module.network
    pixels = _pixels(backbone)
    mean, std = (np.array(getattr(backbone.preprocessing, k)) for k in ("mean", "std"))
    scaled = torch.tensor((pixels.numpy() / 255 - mean) / std, dtype=torch.float32)
    scaled = scaled.permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = network.forward_head(network.forward_features(scaled), pre_logits=True)
        torch.testing.assert_close(backbone.module(pixels), expected, rtol=1e-4, atol=1e-5)
    assert library.data.resolve_data_config(model=network)["mean"] == tuple(mean)


def test_shapes_that_the_design_cites() -> None:
    network = timm.create("tf_efficientnet_lite0")
    shapes = {s.name: s.shape for s in timm.backbone("lite", network).stages}
    assert shapes["blocks.4"] == (112, 14, 14)
    assert shapes["blocks.5"] == (192, 7, 7)


def test_modes_are_per_part() -> None:
    backbone = _make("tf_efficientnet_lite0")
    cut = backbone.cut("blocks.4")
    before = fingerprint(cut.trunk)
    with torch.no_grad():
        activation = cut.trunk(_pixels(backbone, 4))
    cut.tail.train()
    assert not any(module.training for module in cut.trunk.modules())
    norms = [m for m in cut.tail.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    statistics = [norm.running_mean.clone() for norm in norms]
    optimiser = torch.optim.SGD(cut.tail.parameters(), lr=0.01)
    cut.tail(activation).square().sum().backward()
    assert all(weight.grad is not None for weight in cut.tail.parameters())
    assert all(weight.grad is None for weight in cut.trunk.parameters())
    optimiser.step()
    assert not any(torch.equal(a, n.running_mean) for a, n in zip(statistics, norms, strict=True))
    assert fingerprint(cut.trunk) == before
    assert backbone.state_hash() != backbone.fingerprint
    cut.tail.eval()
    with torch.no_grad():
        whole = backbone.module(_pixels(backbone, 4))
        torch.testing.assert_close(cut.tail(activation), whole, rtol=1e-4, atol=1e-4)


def test_stochastic_depth_is_on_in_a_training_tail_alone() -> None:
    torch.manual_seed(0)
    network = timm.create("vit_tiny_patch16_224", img_size=32, drop_path_rate=0.5)
    backbone = timm.backbone("vit", network, size=(32, 32))
    cut = backbone.cut("blocks.5")
    pixels = _pixels(backbone)
    cut.tail.train()
    with torch.no_grad():
        activation = cut.trunk(pixels)
        assert torch.equal(activation, cut.trunk(pixels))
        assert not torch.equal(cut.tail(activation), cut.tail(activation))


def test_a_batch_of_another_size(lite: Backbone) -> None:
    cut = lite.cut("blocks.2")
    with torch.no_grad():
        five = cut.tail(cut.trunk(_pixels(lite, 5)))
        one = cut.tail(cut.trunk(_pixels(lite, 5)[3:4]))
    torch.testing.assert_close(five[3:4], one, rtol=1e-4, atol=1e-4)


def test_the_last_cut_has_nothing_behind_it(lite: Backbone) -> None:
    for cut in (lite.cut(), lite.cut("conv_head")):
        assert cut.trunk is lite.module
        assert isinstance(cut.tail, nn.Identity)
        assert cut.shape == (1280,) == (lite.features,)


def test_a_stage_that_is_none_says_where_cuts_are(lite: Backbone) -> None:
    with pytest.raises(InputError, match=r"has no stage 'block.4', perhaps 'blocks.4'.*conv_head"):
        lite.cut("block.4")
    with pytest.raises(InputError, match=r"cannot be cut after 'blocks.1.0'; it can .*: conv_stem"):
        lite.cut("blocks.1.0")


def test_parallel_branches_cannot_be_cut() -> None:
    backbone = timm.backbone("two branches", timm.create("crossvit_tiny_240"))
    assert [s.name for s in backbone.stages] == ["blocks"]
    assert backbone.stages[0].parameters == backbone.parameters
    with pytest.raises(InputError, match="cannot be cut after 'blocks.0'"):
        backbone.cut("blocks.0")


def test_gflops_by_hand() -> None:
    backbone = _make("resnet18")
    assert backbone.stages[0].gflops == pytest.approx(2 * 32 * 32 * 64 * 3 * 49 / 1e9)
    assert backbone.gflops == pytest.approx(sum(s.gflops for s in backbone.stages))


def test_a_network_for_other_pictures() -> None:
    network = timm.create("resnet10t", in_chans=1)
    network.pretrained_cfg = network.pretrained_cfg | {"input_size": (1, 64, 64)}
    with pytest.raises(InputError, match="1 channels"):
        timm.backbone("grey", network)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".wrapped.pth"])
def test_weights_from_a_file(tmp_path: Path, suffix: str) -> None:
    import timm as library

    torch.manual_seed(3)
    network = library.create_model("resnet10t", num_classes=7).eval()
    file = tmp_path / f"weights@1{suffix}"
    state = network.state_dict()
    if suffix == ".safetensors":
        save_file(state, file)
    else:
        torch.save({"state_dict": state} if "wrapped" in suffix else state, file)
    backbone = backbones.load(f"timm:resnet10t@{file}")
    assert backbone.name == f"timm:resnet10t@{file}"
    assert not any(p.shape[0] == 7 for p in backbone.module.parameters())
    loaded = backbone.module.network.state_dict()
    assert loaded
    assert all(torch.equal(value, state[name]) for name, value in loaded.items())
    assert backbone.licence is None


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this ran",)


def test_a_pickle_is_not_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "evil.pth"
    torch.save({"weights": _Evil()}, file)
    with pytest.raises(InputError, match="without running code"):
        backbones.load(f"timm:resnet10t@{file}")
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04", (2**62).to_bytes(8) * 9])
def test_damaged_weights(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        timm.read_weights(tmp_path / name)


@pytest.mark.parametrize("content", [{"a": 1}, {"state_dict": {"a": "b"}}, [1], torch.zeros(2)])
def test_a_file_with_something_else(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(InputError, match="not a state dict|cannot be read"):
        timm.read_weights(tmp_path / "w.pth")


def test_weights_that_do_not_fit() -> None:
    network = timm.create("resnet10t")
    state = network.state_dict()
    name = "layer1.0.conv1.weight"
    missing = {k: v for k, v in state.items() if k != name}
    shaped = state | {name: torch.zeros(1)}
    for wrong, what in ((missing, "missing"), (shaped, "of another shape")):
        with pytest.raises(InputError, match=f"1 tensors are {what}, such as '{name}'"):
            timm.fill(network, wrong, source="here")
    with pytest.raises(InputError, match="left over, such as 'extra'"):
        timm.fill(network, state | {"extra": torch.zeros(1)}, source="here")
    with pytest.raises(InputError, match=r"such as 'bn1.bias', 'bn1.running_mean', 'bn1.running"):
        timm.fill(network, {}, source="here")


def test_weights_older_than_the_counter_of_batchnorm() -> None:
    network = timm.create("resnet10t")
    state = {k: v + 1 for k, v in network.state_dict().items() if "num_batches" not in k}
    timm.fill(network, state, source="here")
    assert torch.equal(network.bn1.weight, state["bn1.weight"])


@pytest.mark.slow
def test_torchvisions_own_names() -> None:
    """The files that most tutorials end up with on a disk."""
    import torchvision

    theirs = torchvision.models.vgg11(num_classes=3).eval()
    network = timm.create("vgg11")
    timm.fill(network, theirs.state_dict(), source="here")
    picture = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        expected = theirs.classifier[:5](theirs.avgpool(theirs.features(picture)).flatten(1))
        torch.testing.assert_close(network(picture), expected, rtol=1e-4, atol=1e-5)
    partial = {k: v for k, v in theirs.state_dict().items() if not k.startswith("classifier")}
    with pytest.raises(InputError, match=r"4 tensors are missing, such as 'pre_logits.fc1.bias'"):
        timm.fill(network, partial, source="here")


def test_torchvisions_oldest_names() -> None:
    theirs = {
        name.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): value
        for name, value in timm.create("densenet121").state_dict().items()
        if "num_batches" not in name
    }
    network = timm.create("densenet121")
    timm.fill(network, theirs, source="here")
    name = "features.denseblock1.denselayer1.conv"
    assert torch.equal(network.state_dict()[f"{name}2.weight"], theirs[f"{name}.2.weight"])


@pytest.mark.slow
def test_a_head_that_only_helps_in_training_is_left_out() -> None:
    import timm as library

    state = library.create_model("inception_v3", aux_logits=True).state_dict()
    network = timm.create("inception_v3")
    assert any(name.startswith("AuxLogits.") for name in state)
    timm.fill(network, state, source="here")


def test_weights_for_another_size_of_picture_are_not_resampled() -> None:
    state = timm.create("vit_tiny_patch16_224", img_size=96).state_dict()
    network = timm.create("vit_tiny_patch16_224", img_size=48)
    with pytest.raises(InputError, match="of another shape, such as 'pos_embed'"):
        timm.fill(network, state, source="here")


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("resnet10t@", "names no weights behind its @; write timm:NAME@FILE"),
        ("resnet10t.no_such_tag", "cannot make the network 'resnet10t.no_such_tag'"),
        ("resnet10t.hf-hub:someone/evil", "cannot make the network"),
        ("hf-hub:someone/evil", "no network called 'hf-hub:someone/evil'"),
        ("vit_tiny_patch16_18", "no network called"),
        ("resnet10t.c3_in1k/../x", "cannot make the network"),
        ("lcnet_035", "but no published weights of it; name yours: timm:lcnet_035@FILE"),
        ("resnet10t@/nowhere/w.pth", "'/nowhere/w.pth' are not there"),
        ("resnet5O@w.pth", "no network called 'resnet5O'; close to it: .*resnet50"),
        ("@w.pth", "no network called ''"),
    ],
)
def test_names_that_are_wrong(reference: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        backbones.load(f"timm:{reference}")


@pytest.mark.parametrize("pool", ["mean", "max", "flatten"])
@pytest.mark.parametrize(
    "architecture",
    [
        "resnet18",
        pytest.param("swin_tiny_patch4_window7_224", marks=pytest.mark.slow),
        "vit_tiny_patch16_224",
    ],
)
def test_a_pool_of_the_networks_own_last_map(architecture: str, pool: str) -> None:
    options, size, _ = SMALL[architecture]
    torch.manual_seed(0)
    network = timm.create(architecture, **options)
    with torch.no_grad():
        # Channels last, and without the class token where it is not flattened.
        pixels = torch.randint(0, 256, (2, size, size, 3), dtype=torch.uint8)
        backbone = timm.backbone(architecture, network, size=(size, size), pool=pool)
        inputs: list[torch.Tensor] = []
        hook = backbone.module.network.register_forward_pre_hook(
            lambda _, args: inputs.extend(args)
        )
        features = backbone.module(pixels)
        hook.remove()
        whole = network.forward_features(inputs[0])
        if pool == "flatten":
            expected = whole.flatten(1)
        else:
            places = whole.permute(0, 2, 3, 1) if architecture == "resnet18" else whole
            places = places[:, 1:] if architecture.startswith("vit") else places
            places = places.flatten(1, -2)
            expected = places.mean(1) if pool == "mean" else places.amax(1)
        torch.testing.assert_close(features, expected, rtol=1e-5, atol=1e-5)
        cut = backbone.cut(backbone.stages[1].name)
        torch.testing.assert_close(cut.tail(cut.trunk(pixels)), features, rtol=1e-5, atol=1e-5)
    assert backbone.pool == pool
    assert backbone.features == features.shape[1]
    assert backbone.random_weights(0).keys() == backbone.module.state_dict().keys()


def test_a_flattened_vgg_has_no_top() -> None:
    """What the classic recipe begins with: the last feature map, without the dense layers."""
    backbone = timm.backbone("vgg", timm.create("vgg11"), size=(64, 64), pool="flatten")
    assert backbone.features == 512 * 2 * 2
    assert backbone.stages[-1].name == "features.18"
    assert backbone.parameters == 9_220_480


def test_the_class_token_is_a_pool_where_there_is_one(lite: Backbone) -> None:
    network = timm.create("vit_tiny_patch16_224", img_size=48)
    assert timm.backbone("vit", network, size=(48, 48), pool="first").features == 192
    for pool in ("first", "last"):
        with pytest.raises(InputError, match=rf"--pool is '{pool}'.* can do mean, max, flatten"):
            timm.backbone("lite", lite.module.network, pool=pool)
