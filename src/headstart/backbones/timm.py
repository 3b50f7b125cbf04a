"""Vision backbones from timm: convolutional networks and vision transformers."""

from __future__ import annotations

import copy
import difflib
import inspect
import pickle
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import timm
import torch
from safetensors import SafetensorError
from timm.models import load_state_dict
from torch import nn

from headstart.backbones import hub, pooling
from headstart.backbones.backbone import Backbone, Parts
from headstart.backbones.fingerprint import fingerprint
from headstart.backbones.function import function
from headstart.backbones.graph import headless, stage_graph
from headstart.errors import BackboneError, InputError, first_line
from headstart.preprocessing import ImagePreprocessing, Interpolation
from headstart.randomness import seeded

# What torch.load and timm raise for a file that is cut short, or is something else.
_DAMAGE = (RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError, AttributeError)
State = dict[str, torch.Tensor]


class ImageNetwork(nn.Module):
    """`(pixel / 255 - mean) / std` of uint8 (B, H, W, 3) pixels, then a network on (B, 3, H, W)."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, network: nn.Module, preprocessing: ImagePreprocessing) -> None:
        super().__init__()
        self.network = network
        for name in ("mean", "std"):
            value = torch.tensor(getattr(preprocessing, name)).view(1, 3, 1, 1)
            self.register_buffer(name, value, persistent=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Features (B, D), or the activation at a cut, of uint8 pixels (B, H, W, 3)."""
        scaled = pixels.permute(0, 3, 1, 2).to(self.mean.dtype) / 255
        output: torch.Tensor = self.network((scaled - self.mean) / self.std)
        return output


def load(reference: str, *, offline: bool = True, pool: str = "auto") -> Backbone:
    """Load `ARCHITECTURE[.TAG][@FILE]`: a name that timm knows, and its weights.

    Args:
        reference: for example `resnet50.a1_in1k`, whose weights are on the hub, or
            `resnet50@resnet50.safetensors`; the file is safetensors, or a state dict saved with
            `torch.save`.
        offline: open no socket.
        pool: `auto` is the network's own.

    Raises:
        BackboneError: no such architecture, no such file, or weights of another network.
    """
    architecture, at, given = reference.partition("@")
    name = f"timm:{reference}"
    if at and not given:
        raise BackboneError(
            f"The backbone {name!r} names no weights behind its @; write timm:NAME@FILE with a "
            ".safetensors or .pth file, or timm:NAME for the published ones."
        )
    with seeded(0):
        network = create(architecture)
    if at:
        fill(network, read_weights(Path(given)), source=repr(given))
        made = backbone(name, network, pool=pool)
        return replace(made, files=(str(Path(given).absolute()),))
    config = about(network)
    repository = config.get("hf_hub_id")
    if not repository:
        raise BackboneError(
            f"timm knows the network {architecture!r}, but no published weights of it; name "
            f"yours: timm:{architecture}@FILE."
        )
    folder = hub.locate(str(repository), offline=offline, called=name, weights_alone=True)
    fill(network, read_weights(folder / hub.WEIGHTS), source=repr(str(repository)))
    made = backbone(name, network, licence=licence_of(network), pool=pool)
    return replace(made, files=hub.files_of(folder))


def about(network: nn.Module) -> Mapping[str, object]:
    """What timm knows of a network: where its weights are, its preprocessing and licence."""
    # torch types whatever a module has as a module or a tensor.
    known: Mapping[str, object] = network.pretrained_cfg  # type: ignore[assignment]
    return known


def licence_of(network: nn.Module) -> str | None:
    """The licence of its published weights, where they say."""
    licence = about(network).get("license")
    return licence if isinstance(licence, str) else None


def create(architecture: str, **options: object) -> nn.Module:
    """A timm network without its classifier, with random weights.

    Args:
        architecture: timm's name, with or without a tag (`vit_base_patch16_224.dino`).
        options: timm's own, such as `img_size`.

    Raises:
        BackboneError: timm has no such network.
    """
    check(architecture)
    return make(architecture, **options)


def check(architecture: str) -> None:
    """Refuse what is no name of timm's.

    Raises:
        BackboneError: says which names are close.
    """
    if not timm.is_model(architecture.partition(".")[0]):
        close = difflib.get_close_matches(architecture, timm.list_models(), n=3)
        hint = f"; close to it: {', '.join(close)}" if close else ""
        raise BackboneError(f"timm has no network called {architecture!r}{hint}.")


def make(source: str, **options: object) -> nn.Module:
    """What `create` gives, also of a folder (`local-dir:FOLDER`), whose weights are not read.

    Raises:
        BackboneError: timm cannot make it.
    """
    try:
        network: nn.Module = timm.create_model(source, num_classes=0, **options)
    except Exception as error:  # Networks raise what they like for options that are not theirs.
        said = first_line(error)
        raise BackboneError(f"timm cannot make the network {source!r} ({said}).") from None
    return network.eval()


def read_weights(file: Path) -> State:
    """Read a state dict, without running anything that is in the file.

    Raises:
        BackboneError: the file is missing, damaged, or holds something else than tensors.
    """
    if not file.is_file():
        raise BackboneError(f"The weights {str(file)!r} are not there, or not a file.")
    try:
        state: State = load_state_dict(str(file), device="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, *_DAMAGE) as error:
        raise BackboneError(
            f"The weights {str(file)!r} cannot be read as tensors alone, without running code "
            f"({type(error).__name__}); give a safetensors file, or a state dict saved with "
            "torch.save."
        ) from None
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise BackboneError(f"The weights {str(file)!r} are not a state dict (names to tensors).")
    return state


def fill(network: nn.Module, state: State, *, source: str) -> None:
    """Put weights in a network; those of a classifier are left out, all others must fit.

    Weights under the names that the network's authors gave them are put under timm's.

    Raises:
        BackboneError: a tensor is missing, left over or of another shape.
    """
    wrong = _unlike(network, state)
    if wrong and (renamed := _renamed(network, state)) and not _unlike(network, renamed):
        state, wrong = renamed, ""
    if wrong:
        raise BackboneError(
            f"The weights {source} are not those of {about(network)['architecture']!r}: {wrong}."
        )
    network.load_state_dict(_headless(network, state))


def _headless(network: nn.Module, state: State) -> State:
    """Without the classifiers: the one for the answer, and those that only help in training."""
    classifier = about(network).get("classifier") or ()
    heads = (classifier,) if isinstance(classifier, str) else classifier
    assert isinstance(heads, (tuple, list))
    return {
        name: value
        for name, value in state.items()
        if name.rpartition(".")[0] not in heads and not name.startswith("AuxLogits.")
    }


def _unlike(network: nn.Module, state: State) -> str:
    """What is wrong with a state dict; empty where it fits."""
    kept, expected = _headless(network, state), network.state_dict()
    # Weights older than that counter lack it; PyTorch then starts it at nought.
    needed = {name for name in expected if not name.endswith(".num_batches_tracked")}
    missing, extra = sorted(needed - kept.keys()), sorted(kept.keys() - expected.keys())
    shaped = [k for k in expected if k in kept and expected[k].shape != kept[k].shape]
    for names, what in ((missing, "missing"), (extra, "left over"), (shaped, "of another shape")):
        if names:
            return f"{len(names)} tensors are {what}, such as {', '.join(map(repr, names[:3]))}"
    return ""


def _renamed(network: nn.Module, state: State) -> State | None:
    """The state dict through timm's own filter for the network, where that computes nothing.

    timm would also resample weights that were trained for another size of image; here those are
    weights of another network.
    """
    module = sys.modules[type(network).__module__]
    for name in ("checkpoint_filter_fn", "_filter_fn", "_filter_torchvision_pretrained"):
        convert = getattr(module, name, None)
        if convert is None:
            continue
        takes = len(inspect.signature(convert).parameters)
        try:
            renamed: State = convert(*(dict(state), network)[: min(takes, 2)])
        except (IndexError, *_DAMAGE):
            continue
        given = {each.data_ptr() for each in state.values()}
        return renamed if all(each.data_ptr() in given for each in renamed.values()) else None
    return None


def backbone(
    name: str,
    network: nn.Module,
    *,
    licence: str | None = None,
    size: tuple[int, int] | None = None,
    pool: str = "auto",
    initialiser: Callable[[], nn.Module] | None = None,
) -> Backbone:
    """Make a backbone of a timm network that has no classifier.

    Args:
        name: what to call it.
        network: from `create`.
        licence: of its weights.
        size: height and width of its input, where not those that it was pretrained with.
        pool: how what the last stage gives becomes one vector; `auto` is the network's own way,
            with what it has between the last stage and its classifier.
        initialiser: makes the same network with random weights; from the architecture's name
            where None.

    Raises:
        BackboneError: the network does not read colour images, or cannot pool so.
    """
    given, what = network, function(network)
    preprocessing = _preprocessing(name, network, size)
    item = torch.zeros(1, 3, preprocessing.height, preprocessing.width)
    architecture = str(about(network)["architecture"])
    fresh = initialiser or (lambda: create(architecture))
    opened = _opened(network)
    network.eval()
    if pool != "auto":
        network = headless(network, opened, _pool(name, network, item, pool))
    graph = stage_graph(network, opened, item)
    if len(graph.stages[-1].shape) != 1:
        raise BackboneError(f"The backbone {name!r} does not give one vector for an image.")
    module = ImageNetwork(network, preprocessing).eval()

    def split(index: int) -> tuple[nn.Module, nn.Module]:
        trunk, tail = graph.split(index)
        return ImageNetwork(trunk, preprocessing), tail

    def branch(indices: Sequence[int]) -> nn.Module:
        return ImageNetwork(graph.branch(indices), preprocessing)

    def resized(side: int) -> Backbone:
        with seeded(0):
            network = _resized(copy.deepcopy(given), side)
        return backbone(
            name,
            network,
            licence=licence,
            size=(side, side),
            pool=pool,
            initialiser=lambda: _resized(fresh(), side),
        )

    parts = Parts(module, split, fresh, branch if len(graph.stages) > 1 else None)
    return Backbone(
        name=name,
        family="timm",
        modality="image",
        stages=graph.stages,
        preprocessing=preprocessing,
        parameters=sum(each.numel() for each in network.parameters()),
        gflops=sum(stage.gflops for stage in graph.stages),
        licence=licence,
        fingerprint=fingerprint(module),
        function=what,
        features=int(graph.stages[-1].shape[0] or 0),
        pool=pool,
        parts=lambda: parts,
        branches=parts.brancher is not None,
        resizer=resized,
        channels_last=getattr(network, "output_fmt", "NCHW") == "NHWC",
        prefix_tokens=int(getattr(network, "num_prefix_tokens", 0)),
    )


def _resized(network: nn.Module, side: int) -> nn.Module:
    """With position embeddings for images of another size, where it has any.

    Raises:
        ValueError: its patches would leave an edge of the image out.
    """
    patch = getattr(getattr(network, "patch_embed", None), "patch_size", (1, 1))
    across = int(patch[0] if isinstance(patch, tuple | list) else patch)
    if side % across:
        below = side // across * across
        fit = f"; {below} and {below + across} fit" if below else ""
        raise ValueError(f"its patches are {across} pixels wide{fit}")
    if hasattr(network, "set_input_size"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Of its own slow ways.
            network.set_input_size((side, side))  # type: ignore[operator]  # a method, not a tensor
    return network


def _pool(name: str, network: nn.Module, item: torch.Tensor, pool: str) -> pooling.MapPool:
    """The pool for what `forward_features` gives: a map (B, C, H, W) or (B, H, W, C), or tokens."""
    with torch.no_grad():
        shape = network.forward_features(item).shape  # type: ignore[operator]  # a method as well
    tokens = len(shape) == 3
    prefix = int(getattr(network, "num_prefix_tokens", 0)) if tokens else 0
    can = ["mean", "max", "flatten"] if tokens or len(shape) == 4 else []
    pooling.check(name, pool, [*can, "first"] if prefix else can)
    channels_last = tokens or getattr(network, "output_fmt", "NCHW") == "NHWC"
    return pooling.MapPool(pool, len(shape) - 1 if channels_last else 1, prefix)


def _opened(network: nn.Module) -> frozenset[str]:
    """The containers that timm's own list of feature levels looks inside (`blocks`, `features`)."""
    # torch types whatever a module has as a module or a tensor.
    levels = [str(level["module"]) for level in network.feature_info]  # type: ignore[union-attr]
    tops = {level.partition(".")[0] for level in levels if "." in level}
    children = dict(network.named_children())
    return frozenset(top for top in tops if isinstance(children.get(top), nn.Sequential))


def _preprocessing(
    name: str, network: nn.Module, size: tuple[int, int] | None
) -> ImagePreprocessing:
    try:
        config = timm.data.resolve_data_config(model=network)
        channels, height, width = config["input_size"]
        if channels != 3:
            raise BackboneError(
                f"The backbone {name!r} reads {channels} channels, not colour images."
            )
        if config["interpolation"] not in get_args(Interpolation):
            raise ValueError(f"it interpolates {config['interpolation']!r}")
        height, width = size or (height, width)
        return ImagePreprocessing(
            height=int(height),
            width=int(width),
            crop_fraction=float(config["crop_pct"]),
            interpolation=config["interpolation"],
            mean=_per_channel(config["mean"]),
            std=_per_channel(config["std"]),
        )
    except (LookupError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise BackboneError(
            f"The preprocessing that comes with the backbone {name!r} cannot be used ({error})."
        ) from None


def _per_channel(values: Iterable[float]) -> tuple[float, float, float]:
    red, green, blue = map(float, values)
    return red, green, blue
