"""The networks of keras.applications: their answers, cuts, weights and modes."""

import copy
import socket
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from headstart import backbones
from headstart.backbones import keras as family
from headstart.backbones import timm
from headstart.backbones.backbone import Backbone
from headstart.backbones.fingerprint import fingerprint
from headstart.backbones.keras_graph import LayerModule, layer_names
from headstart.errors import InputError
from headstart.runtime.compile import to_graph
from headstart.training.loop import train_mode
from headstart.training.network import changed, names_in
from headstart.training.recipe import Recipe
from tests.backbones.keras_models import network, published, read_small, ready, saved, settle
from tests.graphs import answer, turns
from tests.runs import Place, pictures

import keras  # isort: skip

POOLS = ("mean", "flatten")
# Architecture -> size of the input, some of the stages it must have, in this order.
SMALL: dict[str, tuple[int, list[str]]] = {
    "VGG16": (32, ["block1_conv1", "block1_pool", "block3_pool", "block4_pool", "block5_pool"]),
    "ResNet50": (32, ["pool1_pool", "conv2_block1_out", "conv4_block6_out", "conv5_block3_out"]),
    "MobileNetV3Small": (32, ["expanded_conv_2_add", "expanded_conv_10_add", "activation_17"]),
    "EfficientNetB0": (32, ["stem_activation", "block4c_add", "block6d_add", "top_activation"]),
}
LARGE: dict[str, tuple[int, list[str]]] = {
    "VGG19": (32, ["block1_conv1", "block3_conv3", "block3_pool", "block5_pool"]),
    "InceptionV3": (75, ["activation", *(f"mixed{number}" for number in range(11))]),
    "MobileNetV3Large": (32, ["expanded_conv_14_add"]),
    "DenseNet121": (32, ["pool1", "pool4_pool", "relu"]),
    "MobileNetV2": (32, ["block_2_add", "out_relu"]),
    "Xception": (71, ["add", "add_11", "block14_sepconv2_act"]),
}
QUICK = ("VGG16", "MobileNetV3Small")
ALL = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in SMALL | LARGE
]


def model_of(architecture: str, size: int | None = None) -> "keras.Model":
    return network(architecture, size or (SMALL | LARGE)[architecture][0])


def made(architecture: str, **options: object) -> Backbone:
    model = model_of(architecture)
    return family.backbone(architecture, architecture, model, **options)  # type: ignore[arg-type]


def pixels_for(backbone: Backbone, count: int = 2) -> torch.Tensor:
    size = backbone.preprocessing
    shape = (count, size.height, size.width, 3)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.manual_seed(1))


def answers(model: "keras.Model", items: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model(items).numpy()


@pytest.mark.parametrize("architecture", ALL)
def test_the_whole_is_what_keras_answers(architecture: str) -> None:
    model = model_of(architecture)
    backbone = family.backbone(architecture, architecture, model)
    pixels = pixels_for(backbone)
    modules = {
        "VGG": "vgg16",
        "Res": "resnet",
        "Mob": "mobilenet_v3" if "V3" in architecture else "mobilenet_v2",
        "Eff": "efficientnet",
        "Inc": "inception_v3",
        "Den": "densenet",
        "Xce": "xception",
    }
    module = getattr(keras.applications, modules[architecture[:3]])
    given = module.preprocess_input(pixels.numpy().astype(np.float32))
    expected = answers(model, given).mean(axis=(1, 2))
    with torch.no_grad():
        found = backbone.module(pixels).numpy()
    assert np.abs(expected).max() > 0
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found / scale, expected / scale, atol=1e-4)


@pytest.mark.parametrize("architecture", ALL)
def test_trunk_then_tail_is_the_whole_all_along(architecture: str) -> None:
    backbone = made(architecture)
    names = [stage.name for stage in backbone.stages]
    wanted = (SMALL | LARGE)[architecture][1]
    assert [name for name in names if name in wanted] == wanted
    pixels = pixels_for(backbone)
    original = set(backbone.module.parameters())
    assert sum(stage.parameters for stage in backbone.stages) == backbone.parameters
    with torch.no_grad():
        whole = backbone.module(pixels)
        assert whole.shape == (2, backbone.features)
        some = list(enumerate(backbone.stages, start=1))
        for position, stage in [*some[:: max(1, len(some) // 6)], some[-1]]:
            cut = backbone.cut(stage.name)
            activation = cut.trunk(pixels)
            assert tuple(activation.shape[1:]) == cut.shape == stage.shape
            torch.testing.assert_close(cut.tail(activation), whole, rtol=1e-5, atol=1e-5)
            trunk, tail = set(cut.trunk.parameters()), set(cut.tail.parameters())
            assert trunk | tail == original
            assert not trunk & tail
            assert sum(each.numel() for each in tail) == sum(
                each.parameters for each in backbone.stages[position:]
            )
    assert backbone.state_hash() == backbone.fingerprint


@pytest.mark.parametrize("architecture", ALL)
def test_compiled_it_answers_alike_and_turns_no_maps_about(architecture: str) -> None:
    backbone = made(architecture)
    pixels = pixels_for(backbone)
    graph = to_graph(backbone.module, backbone.preprocessing)
    with torch.no_grad():
        expected = backbone.module(pixels).numpy()
    scale = np.abs(expected).max()
    np.testing.assert_allclose(answer(graph, pixels) / scale, expected / scale, atol=1e-3)
    assert turns(graph) <= 1


def test_a_cut_is_where_keras_cuts() -> None:
    model = model_of("VGG16")
    backbone = family.backbone("VGG16", "VGG16", model)
    until = keras.Model(model.input, model.get_layer("block4_pool").output)
    pixels = pixels_for(backbone)
    given = keras.applications.vgg16.preprocess_input(pixels.numpy().astype(np.float32))
    with torch.no_grad():
        found = backbone.cut("block4_pool").trunk(pixels).numpy()
    np.testing.assert_allclose(found, answers(until, given), rtol=1e-4, atol=1e-4)


def test_pictures_of_another_size() -> None:
    usual, larger = (family.backbone("V", "VGG16", model_of("VGG16", side)) for side in (64, 96))
    resized = usual.resized(96)
    assert resized.preprocessing == larger.preprocessing
    assert resized.fingerprint == usual.fingerprint
    larger.module.load_state_dict(usual.module.state_dict())
    pixels = pixels_for(larger)
    with torch.no_grad():
        torch.testing.assert_close(resized.module(pixels), larger.module(pixels))
    assert usual.state_hash() == usual.fingerprint


def test_names_and_weights_do_not_depend_on_what_was_built_before() -> None:
    first = made("MobileNetV3Small")
    model_of("MobileNetV3Small")
    again = made("MobileNetV3Small")
    assert first.module.state_dict().keys() == again.module.state_dict().keys()
    assert [each.name for each in first.stages] == [each.name for each in again.stages]
    assert first.fingerprint == again.fingerprint
    random, same = first.random_weights(3), again.random_weights(3)
    assert random.keys() == first.module.state_dict().keys()
    assert all(torch.equal(value, same[key]) for key, value in random.items())
    assert not torch.equal(
        random["network.expanded_conv_depthwise_pad.conv.kernel"],
        first.random_weights(4)["network.expanded_conv_depthwise_pad.conv.kernel"],
    )


@pytest.mark.slow
def test_frozen_is_frozen_and_modes_are_per_part() -> None:
    backbone = made("EfficientNetB0")
    cut = backbone.cut("block5c_add")
    before = fingerprint(cut.trunk)
    with torch.no_grad():
        activation = cut.trunk(pixels_for(backbone, 4))
        assert torch.equal(activation, cut.trunk(pixels_for(backbone, 4)))
    cut.tail.train()
    assert not any(module.training for module in cut.trunk.modules())
    moving = {name: each.clone() for name, each in cut.tail.named_buffers()}
    assert moving
    cut.tail(activation).square().sum().backward()
    assert all(weight.grad is not None for weight in cut.tail.parameters())
    assert all(weight.grad is None for weight in cut.trunk.parameters())
    now = dict(cut.tail.named_buffers())
    assert not any(torch.equal(value, now[name]) for name, value in moving.items())
    assert fingerprint(cut.trunk) == before
    assert backbone.state_hash() != backbone.fingerprint
    with torch.no_grad():  # Dropout of whole blocks is on in the tail alone.
        for module in cut.tail.modules():
            if any("batch" in type(each).__name__.lower() for each in getattr(module, "_held", ())):
                module.eval()
        assert not torch.equal(cut.tail(activation), cut.tail(activation))
        torch.manual_seed(5)
        once = cut.tail(activation)
        torch.manual_seed(5)
        assert torch.equal(once, cut.tail(activation))
        cut.tail.eval()
        assert torch.equal(cut.tail(activation), cut.tail(activation))


@pytest.mark.parametrize("pool", ["mean", "max", "flatten"])
def test_pools(pool: str) -> None:
    model = model_of("VGG16", 64)
    backbone = family.backbone("VGG16", "VGG16", model, pool=pool)
    pixels = pixels_for(backbone)
    given = keras.applications.vgg16.preprocess_input(pixels.numpy().astype(np.float32))
    maps = answers(model, given)
    wanted = {"mean": maps.mean((1, 2)), "max": maps.max((1, 2)), "flatten": maps.reshape(2, -1)}
    with torch.no_grad():
        found = backbone.module(pixels).numpy()
    np.testing.assert_allclose(found, wanted[pool], rtol=1e-4, atol=1e-5)
    assert backbone.features == wanted[pool].shape[1]


def test_a_pool_that_a_picture_does_not_have() -> None:
    with pytest.raises(InputError, match="--pool is 'first'.*mean, max, flatten"):
        made("VGG16", pool="first")


def test_gflops_by_hand() -> None:
    backbone = made("VGG16")
    assert backbone.stages[0].gflops == pytest.approx(2 * 32 * 32 * 64 * 3 * 9 / 1e9)


def test_weights_of_save_weights(tmp_path: Path) -> None:
    model = model_of("MobileNetV3Small", 224)
    file = tmp_path / "mine@1.weights.h5"
    model.save_weights(file)
    backbone = backbones.load(f"keras:MobileNetV3Small@{file}")
    assert backbone.name == f"keras:MobileNetV3Small@{file}"
    assert not backbone.preprocessing.keep_aspect_ratio
    assert backbone.preprocessing.interpolation == "bilinear"
    held = {
        f"{name}.{variable.name}": variable.numpy()
        for name, layer in layer_names(model).items()
        if isinstance(layer, keras.layers.Layer)
        for variable in layer.weights
    }
    state = backbone.module.network.state_dict()
    assert len(state) == len(held)
    for name, value in state.items():
        assert np.array_equal(value.numpy(), held[name.partition(".")[2]])


@pytest.mark.parametrize("top", [False, True])
def test_weights_aspublished(tmp_path: Path, top: bool) -> None:
    model = model_of("VGG16", 224)
    published(model, tmp_path / "vgg16.h5", top=top)
    backbone = backbones.load(f"keras:VGG16@{tmp_path / 'vgg16.h5'}")
    assert backbone.fingerprint == family.backbone("same", "VGG16", model).fingerprint


def test_keras_own_cache_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(
        InputError,
        match=r"keras:MobileNetV3Small are not on this.*no_top_v2.h5.*@FILE.*headstart fetch",
    ):
        backbones.load("keras:MobileNetV3Small", offline=True)
    model = model_of("MobileNetV3Small", 224)
    (tmp_path / "models").mkdir()
    published(model, tmp_path / "models" / family.ARCHITECTURES["MobileNetV3Small"].file)
    found = backbones.load("keras:MobileNetV3Small", offline=True)
    assert found.fingerprint == family.backbone("same", "MobileNetV3Small", model).fingerprint


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["EfficientNetB0", "ResNet50", "InceptionV3"])
def test_weights_that_keras_downloads_give_what_keras_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, architecture: str
) -> None:
    """The networks that Keras makes for them are not all those that it makes without weights."""
    size = (SMALL | LARGE)[architecture][0]
    read_small(monkeypatch, {architecture: size})
    model = network(architecture, size)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.adapt_mean.assign([0.5, 0.4, 0.3])
            layer.adapt_variance.assign([0.2, 0.3, 0.4])
            layer.finalize_state()
    file = tmp_path / "published.h5"
    published(model, file)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *_, **__: str(file))
    make = getattr(keras.applications, architecture)
    theirs = make(include_top=False, weights="imagenet", input_shape=(size, size, 3))
    settle(theirs, architecture)
    published(theirs, file)
    theirs.save_weights(tmp_path / "saved.weights.h5")
    for each in ("published.h5", "saved.weights.h5"):
        backbone = backbones.load(f"keras:{architecture}@{tmp_path / each}")
        pixels = pixels_for(backbone)
        given = ready(pixels.numpy().astype(np.float32), architecture)
        expected = answers(theirs, given).mean(axis=(1, 2))
        with torch.no_grad():
            found = backbone.module(pixels).numpy()
        unit = np.abs(expected).max()
        # Eighty layers make more of the last bits; a missing division would be seen at once.
        np.testing.assert_allclose(found / unit, expected / unit, atol=1e-3)


@pytest.mark.parametrize("architecture", ["VGG16", "EfficientNetB0"])
def test_weights_of_a_whole_model_from_before_keras_3(tmp_path: Path, architecture: str) -> None:
    """A network that was made without the weights of ImageNet has no second scaling either."""
    model = model_of(architecture, 224)
    model.save(tmp_path / "m.h5")
    found = backbones.load(f"keras:{architecture}@{tmp_path / 'm.h5'}")
    assert found.fingerprint == family.backbone("same", architecture, model).fingerprint


@pytest.mark.parametrize("train_batchnorm", [False, True])
def test_batchnorm_stands_still_unless_asked(train_batchnorm: bool) -> None:
    backbone = family.backbone("small", "MobileNetV3Small", model_of("MobileNetV3Small"))
    tail = backbone.cut(backbone.stages[-3].name).tail
    before = copy.deepcopy(tail)
    train_mode(tail, Recipe(epochs=1, train_batchnorm=train_batchnorm))
    shape = backbone.stages[-3].shape
    for _ in range(2):
        tail(torch.randn(4, *(side or 1 for side in shape)))
    moved = changed(tail, names_in(tail, tail), before)
    assert bool(moved) == train_batchnorm
    assert all("moving" in name for name in moved)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("vgg19.h5", "not those of 'VGG16'.*block4_conv1 has 3 x 3 x 256 x 256"),
        ("small.weights.h5", r"not those of 'VGG16'.*block1_conv1 has 3 x 3 x 3 x 16"),
        ("cut.weights.h5", "cannot be read as HDF5"),
        ("empty.h5", "cannot be read as HDF5"),
        ("empty.keras", "cannot be read as HDF5"),
        ("pickle.h5", "cannot be read as HDF5"),
        ("nothing.h5", "are not there"),
        ("other.h5", "cannot be read as HDF5"),
    ],
)
def test_weights_that_do_not_fit(tmp_path: Path, file: str, reason: str) -> None:
    if file == "vgg19.h5":
        published(model_of("VGG19"), tmp_path / file)
    elif "weights" in file:
        model_of("MobileNetV3Small").save_weights(tmp_path / file)
    if file == "cut.weights.h5":
        content = (tmp_path / file).read_bytes()
        (tmp_path / file).write_bytes(content[: len(content) // 2])
    elif file.startswith(("empty", "pickle")):
        (tmp_path / file).write_bytes(b"" if "empty" in file else b"\x80\x04K\x01.")
    elif file == "other.h5":
        with h5py.File(tmp_path / file, "w") as opened:
            opened["x"] = 1
    with pytest.raises(InputError, match=reason):
        backbones.load(f"keras:VGG16@{tmp_path / file}")


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("VGG16@", "names no file after '@'"),
        ("vgg61@w.h5", "no network called 'vgg61'.*close to it: .*VGG16"),
        ("@w.h5", "no network called ''.*it knows: VGG16, VGG19"),
        ("Quux", "no network called 'Quux'"),
    ],
)
def test_names_that_are_wrong(reference: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        backbones.load(f"keras:{reference}")


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("sys.modules['keras'] = None", "pip install 'headstart"),
        ("os.environ['KERAS_BACKEND'] = 'jax'", "KERAS_BACKEND=torch"),
        (
            "os.environ['KERAS_BACKEND'] = 'torch'; import keras; "
            "keras.config.set_image_data_format('channels_first')",
            "'torch' and 'channels_first'",
        ),
    ],
)
def test_a_keras_that_cannot_serve(before: str, reason: str) -> None:
    code = f"""
import os, sys
os.environ.pop("KERAS_BACKEND", None)
{before}
from headstart import backbones
try:
    backbones.load("keras:VGG16")
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("BackboneError")
    assert reason in done.stdout


def test_keras_is_imported_only_when_asked_for() -> None:
    code = """
import sys
from headstart import backbones, api
import headstart.run.climbing
backbones.load("efficientnet-lite0")
assert "keras" not in sys.modules and "h5py" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("size", [64, pytest.param(224, marks=pytest.mark.slow)])
@pytest.mark.parametrize("origin", ["timm", "keras"])
def test_the_same_weights_in_keras_and_in_timm_give_the_same_features(
    origin: str, size: int
) -> None:
    """VGG16, after its last pooling: every position, and their mean."""
    torch.manual_seed(0)
    theirs = timm.create("vgg16")
    model = model_of("VGG16", size)
    kernels = [each for each in theirs.features if isinstance(each, nn.Conv2d)]
    layers = [each for each in model.layers if each.weights]
    with torch.no_grad():
        for convolution, layer in zip(kernels, layers, strict=True):
            if origin == "timm":
                layer.kernel.assign(convolution.weight.permute(2, 3, 1, 0))
                layer.bias.assign(convolution.bias)
            else:
                convolution.weight.copy_(torch.from_numpy(layer.kernel.numpy()).permute(3, 2, 0, 1))
                convolution.bias.copy_(torch.from_numpy(layer.bias.numpy()))
    ours = {pool: family.backbone("VGG16", "VGG16", model, pool=pool) for pool in POOLS}
    scaled = torch.randn(2, size, size, 3)
    with torch.no_grad():
        maps = theirs.features(scaled.permute(0, 3, 1, 2))
        found = {pool: each.module.network(scaled) for pool, each in ours.items()}
    # Flattened, Keras has the channels of a position together, timm the positions of a channel.
    expected = {"mean": maps.mean((2, 3)), "flatten": maps.permute(0, 2, 3, 1).flatten(1)}
    for pool in POOLS:
        assert expected[pool].abs().max() > 1e-3
        unit = expected[pool].abs().max()
        torch.testing.assert_close(found[pool] / unit, expected[pool] / unit, atol=1e-4, rtol=0)
        torch.testing.assert_close(found[pool], expected[pool], atol=1e-4, rtol=1e-4)


def test_every_layer_is_a_module_with_its_own_weights() -> None:
    backbone = made("ResNet50")
    modules = [each for each in backbone.module.modules() if isinstance(each, LayerModule)]
    assert len(modules) == len(layer_names(model_of("ResNet50")))
    statistics = [name for name, _ in backbone.module.named_buffers() if "moving_mean" in name]
    assert len(statistics) == 53


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "cut"),
    [("fine-tuning", "block4_pool"), ("full-fine-tuning", None), ("from-scratch", None)],
)
def test_it_is_trained_and_stored_like_any_other(
    place: Place, monkeypatch: pytest.MonkeyPatch, strategy: str, cut: str | None
) -> None:
    read_small(monkeypatch, {"VGG16": 32})
    pictures(place.folder / "photos", 12)
    options = ["--backbone", saved(place.folder, "VGG16"), "--strategy", strategy, "--epochs", "2"]
    options += ["--cut", cut] if cut else []
    done = place.run("fit", "photos", "--out", "model", "--offline", "--json", *options)
    assert done.code == 0, done.err
    assert done.json["rungs"][-1]["strategy"] == strategy
    answers = place.run("predict", "model", "photos", "--json")
    assert answers.code == 0, answers.err
    assert len(answers.json["predictions"]) == 24


@pytest.mark.slow
def test_it_cannot_be_adapted_by_lora(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    read_small(monkeypatch, {"VGG16": 32})
    pictures(place.folder / "photos", 12)
    options = ("--backbone", saved(place.folder, "VGG16"), "--strategy", "lora")
    done = place.run("fit", "photos", "--out", "model", "--offline", *options)
    assert done.code == 2
    assert "LoRA adapts those alone" in done.err
    assert not list(place.folder.glob(".model*"))
    assert not (place.cache / "features").exists(), "it is refused before anything is computed"


def test_features_at_a_cut_and_a_description(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    read_small(monkeypatch, {"VGG16": 32})
    pictures(place.folder / "photos", 3)
    name = saved(place.folder, "VGG16")
    said = place.run("backbones", name, "--json").json
    assert (said["family"], said["features"]) == ("keras", 512)
    assert said["stages"][-1]["name"] == "block5_pool"
    for cut, size in (("block5_pool", 512), ("block3_pool", 4 * 4 * 256)):
        options = ("--backbone", name, "--cut", cut, "--offline", "--json")
        done = place.run("embed", "photos", "--out", f"{cut}.npz", *options)
        assert done.code == 0, done.err
        assert (done.json["rows"], done.json["features"]) == (6, size)
