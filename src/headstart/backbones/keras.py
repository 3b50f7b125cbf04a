"""Vision backbones from keras.applications, on Keras's torch backend.

Raises:
    BackboneError: on import, where Keras is missing, or runs on another backend.
"""

from __future__ import annotations

import difflib
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from headstart.backbones.backbone import Backbone, Parts
from headstart.backbones.fingerprint import fingerprint
from headstart.backbones.function import function
from headstart.backbones.graph import StageGraph, housed, stage_graph
from headstart.backbones.pooling import MapPool, check
from headstart.errors import BackboneError, first_line
from headstart.preprocessing import ImagePreprocessing
from headstart.randomness import seeded

os.environ.setdefault("KERAS_BACKEND", "torch")
try:
    import keras
except (ImportError, ValueError) as error:
    raise BackboneError(
        "A keras: backbone needs Keras 3; run: pip install 'headstart[keras]'"
        if getattr(error, "name", None) in ("keras", "h5py")
        else f"Keras cannot be imported on its backend {os.environ['KERAS_BACKEND']!r}; "
        "set KERAS_BACKEND=torch."
    ) from None
if keras.config.backend() != "torch" or keras.config.image_data_format() != "channels_last":
    raise BackboneError(
        f"Keras was set up with the backend {keras.config.backend()!r} and "
        f"{keras.config.image_data_format()!r}, but headstart needs 'torch' and 'channels_last'; "
        "set KERAS_BACKEND=torch, and change keras.json or what imports keras first."
    )

if keras.config.floatx() != "float32" or keras.config.dtype_policy().name != "float32":
    raise BackboneError(
        f"Keras was set up with numbers of the kind {keras.config.floatx()!r} and the policy "
        f"{keras.config.dtype_policy().name!r}, but headstart needs 'float32' for both; change "
        "keras.json or what imports keras first."
    )

from headstart.backbones import keras_weights
from headstart.backbones.keras_graph import put, torch_graph

Mode = Literal["caffe", "tf", "torch", "inside"]
POOLS = ("mean", "max", "flatten")
_POOL = "whole_to_vector"
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# What each mode of preprocess_input does, as `(pixel / 255 - mean) / std` in the order of RGB.
SCALES: Mapping[Mode, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "caffe": ((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255,) * 3),
    "tf": ((0.5,) * 3, (0.5,) * 3),
    "torch": _IMAGENET,
    "inside": ((0.0,) * 3, (1 / 255,) * 3),
}


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network of keras.applications.

    Attributes:
        mode: of its preprocess_input; `inside` where the network scales pixels itself.
        file: what Keras calls the file with its ImageNet weights, without the top.
        size: height and width of its input.
    """

    mode: Mode
    file: str
    size: int = 224


_KERNELS = "weights_tf_dim_ordering_tf_kernels_notop.h5"
ARCHITECTURES: Mapping[str, Architecture] = {
    "VGG16": Architecture("caffe", f"vgg16_{_KERNELS}"),
    "VGG19": Architecture("caffe", f"vgg19_{_KERNELS}"),
    "ResNet50": Architecture("caffe", f"resnet50_{_KERNELS}"),
    "ResNet101": Architecture("caffe", f"resnet101_{_KERNELS}"),
    "ResNet152": Architecture("caffe", f"resnet152_{_KERNELS}"),
    "ResNet50V2": Architecture("tf", f"resnet50v2_{_KERNELS}"),
    "InceptionV3": Architecture("tf", f"inception_v3_{_KERNELS}", 299),
    "Xception": Architecture("tf", f"xception_{_KERNELS}", 299),
    "MobileNet": Architecture("tf", "mobilenet_1_0_224_tf_no_top.h5"),
    "MobileNetV2": Architecture(
        "tf", "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
    ),
    "MobileNetV3Small": Architecture(
        "inside", "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"
    ),
    "MobileNetV3Large": Architecture(
        "inside", "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5"
    ),
    "DenseNet121": Architecture("torch", f"densenet121_{_KERNELS}"),
    "EfficientNetB0": Architecture("inside", "efficientnetb0_notop.h5"),
    "EfficientNetB1": Architecture("inside", "efficientnetb1_notop.h5", 240),
    "EfficientNetB2": Architecture("inside", "efficientnetb2_notop.h5", 260),
    "EfficientNetB3": Architecture("inside", "efficientnetb3_notop.h5", 300),
}


class ImageNetwork(nn.Module):
    """What preprocess_input does to uint8 (B, H, W, 3) pixels, then a network on (B, H, W, 3).

    Attributes:
        architecture: of which the network is, or a part.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, network: nn.Module, architecture: str) -> None:
        super().__init__()
        self.network = network
        self.architecture = architecture
        mode = find(architecture).mode
        self.backwards = mode == "caffe"
        for name, values in zip(("mean", "std"), SCALES[mode], strict=True):
            value = 255 * torch.tensor(values, dtype=torch.float64)
            self.register_buffer(name, value.float(), persistent=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Features (B, D), or the activation at a cut, of uint8 pixels (B, H, W, 3)."""
        scaled = (pixels.to(self.mean.dtype) - self.mean) / self.std
        output: torch.Tensor = self.network(scaled.flip(-1) if self.backwards else scaled)
        return output


def load(reference: str, *, offline: bool = True, pool: str = "auto") -> Backbone:
    """Load `ARCHITECTURE` with Keras's ImageNet weights, or `ARCHITECTURE@FILE`.

    Args:
        reference: for example `VGG16@vgg16.weights.h5`; see `keras_weights.fill` for the files
            that are read. Without a file it is Keras's own, from its cache.
        offline: download nothing.
        pool: `auto` is the mean over positions.

    Raises:
        BackboneError: no such architecture, no such file, or weights of another network.
    """
    name, at, file = reference.partition("@")
    architecture = find(name)
    if at and not file:
        raise BackboneError(
            f"The backbone 'keras:{reference}' names no file after '@'; write keras:NAME@FILE, or "
            "keras:NAME for Keras's own weights."
        )
    path = Path(file) if at else _own_weights(name, architecture, offline=offline)
    model = create(name)
    keras_weights.fill(model, path, name)
    made = backbone(f"keras:{reference}", name, model, pool=pool)
    return replace(made, files=(str(path.absolute()),))


def find(name: str) -> Architecture:
    """What is known of an architecture.

    Raises:
        BackboneError: there is none of that name.
    """
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    folded = {each.casefold(): each for each in ARCHITECTURES}
    close = difflib.get_close_matches(name.casefold(), folded, n=3)
    hint = ", ".join(folded[each] for each in close) or ", ".join(ARCHITECTURES)
    raise BackboneError(
        f"keras.applications has no network called {name!r} that headstart knows; "
        f"{'close to it' if close else 'it knows'}: {hint}."
    )


def create(name: str, size: tuple[int, int] | None = None) -> Any:
    """A network of keras.applications without its top, with random weights.

    Args:
        name: of the architecture.
        size: height and width of its input, where not its own.

    Raises:
        BackboneError: there is none of that name.
    """
    side = find(name).size
    make = getattr(keras.applications, name)
    return make(include_top=False, weights=None, input_shape=(*(size or (side, side)), 3))


def backbone(name: str, architecture: str, model: Any, *, pool: str = "auto") -> Backbone:
    """Make a backbone of a network of keras.applications.

    Args:
        name: what to call it.
        architecture: what `model` is.
        model: from `create`.
        pool: how the last feature map becomes one vector.

    Raises:
        BackboneError: it cannot pool so.
    """
    if pool != "auto":
        check(name, pool, POOLS)
    _, height, width, _ = model.input_shape
    graph = _stages(model, "mean" if pool == "auto" else pool)
    module = ImageNetwork(graph.network, architecture).eval()

    def split(index: int) -> tuple[nn.Module, nn.Module]:
        trunk, tail = graph.split(index)
        return ImageNetwork(trunk, architecture), tail

    def branch(indices: Sequence[int]) -> nn.Module:
        return ImageNetwork(graph.branch(indices), architecture)

    def resized(side: int) -> Backbone:
        with seeded(0):
            other = create(architecture, (side, side))
        other.set_weights(model.get_weights())
        return backbone(name, architecture, other, pool=pool)

    parts = Parts(
        module,
        split,
        lambda: _stages(_fresh(architecture, (height, width)), "mean").network,
        branch,
    )
    return Backbone(
        name=name,
        family="keras",
        modality="image",
        stages=graph.stages,
        preprocessing=_preprocessing(find(architecture).mode, height, width),
        parameters=sum(each.numel() for each in module.parameters()),
        gflops=sum(stage.gflops for stage in graph.stages),
        licence=None,
        fingerprint=fingerprint(module),
        function=function(module),
        features=int(graph.stages[-1].shape[0] or 0),
        pool=pool,
        parts=lambda: parts,
        branches=True,
        resizer=resized,
        channels_last=True,
    )


def to_keras(made: Backbone) -> Any:
    """A Keras model, without a top and without pooling, with the weights of a backbone."""
    size: Any = made.preprocessing
    model = create(str(made.module.architecture), (size.height, size.width))
    put(model, made.module.state_dict())
    return model


def _fresh(architecture: str, size: tuple[int, int]) -> Any:
    """A network whose random weights follow from torch's generator, not from Python's."""
    before = random.getstate()
    random.seed(int(torch.randint(2**31, ())))
    try:
        return create(architecture, size)
    finally:
        random.setstate(before)


def _stages(model: Any, pool: str) -> StageGraph:
    """Stages that are named after their last layer, as in `keras.Model(inputs, layer.output)`."""
    network = torch_graph(model, {_POOL: MapPool(pool, 3)})
    found = stage_graph(network, frozenset(), torch.zeros(1, *model.input_shape[1:]))
    last = next(str(n.target) for n in reversed(found.graph.nodes) if _is_layer(n.target))
    return housed(found, (*(str(end.target) for end in found.ends[:-1]), last))


def _is_layer(target: object) -> bool:
    return target not in ("output", "pixels", _POOL)


def _own_weights(name: str, architecture: Architecture, *, offline: bool) -> Path:
    """Keras's ImageNet weights, from its cache or, unless offline, downloaded by it."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    file = Path(home) / "models" / architecture.file
    if file.is_file():
        return file
    said = "are not on this machine; leave --offline out to download them"
    if not offline:
        try:
            getattr(keras.applications, name)(include_top=False, weights="imagenet")
        except Exception as error:  # Whatever goes wrong with a network, a disk or a hash.
            said = f"are not on this machine, and the download stopped ({first_line(error)})"
        if file.is_file():
            return file
    raise BackboneError(
        f"The weights of keras:{name} {said}; or put Keras's own file at {str(file)!r}; or name "
        f"a file that you have: keras:{name}@FILE; or run `headstart fetch keras:{name} --to DIR` "
        "on a machine with the network, bring DIR and say --backbone DIR."
    )


def _preprocessing(mode: Mode, height: int, width: int) -> ImagePreprocessing:
    mean, std = SCALES[mode]
    return ImagePreprocessing(
        height=height,
        width=width,
        crop_fraction=1.0,
        interpolation="bilinear",
        mean=mean,
        std=std,
        keep_aspect_ratio=False,
    )
