"""The network of a saved model in torch, for formats that are made from it."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from headstart import backbones
from headstart.backbones import Backbone
from headstart.backbones.staged import staged
from headstart.errors import InputError
from headstart.predictors import Model
from headstart.preprocessing import ImagePreprocessing

if TYPE_CHECKING:
    from torch import nn


def backbone_of(model: Model, format: str, *, offline: bool) -> Backbone:
    """What a model was trained from, at the size that it looks at.

    Args:
        model: a saved model.
        format: that it is wanted for.
        offline: download no weights.

    Raises:
        InputError: its weights are not found, or are no longer the same.
    """
    about = dict(model.about.get("backbone") or {})
    name, pool = str(about.get("name")), str(about.get("pool", "auto"))
    file = Path(name.partition("@")[2] or name)
    if ("@" in name or ":" not in name) and not file.exists() and backbones.entry_of(name) is None:
        raise InputError(
            f"{str(file)!r}, which the model was trained from, is not here, and --format {format} "
            "needs it; put it back, or run where it is."
        )
    found = backbones.load(name, offline=offline, pool=pool)
    size = model.preprocessing
    if isinstance(size, ImagePreprocessing) and found.resizer is not None:
        found = found.resized(size.height)
    if found.fingerprint != about.get("fingerprint"):
        raise InputError(
            f"The weights of {name!r} are not those that the model was trained from; put back the "
            "file that was there."
        )
    return replace(found, preprocessing=model.preprocessing)


def module_of(model: Model, format: str, *, offline: bool) -> "nn.Module":
    """A model's network, in evaluation mode: what `Cut.trunk` takes to features (N, D).

    Raises:
        InputError: see `backbone_of`.
    """
    import torch

    from headstart.training.network import SideBySide

    plain = backbone_of(model, format, offline=offline)
    first = staged(plain) if len(model.about["backbone"].get("blocks") or ()) > 1 else plain
    if not model.weights:
        return first.module.eval()
    weights = {name: torch.from_numpy(each) for name, each in model.weights.items()}
    tuned = plain.adapted(weights)
    if not model.about.get("averaged"):
        return tuned.eval()
    width = len(model.head.arrays["weight"]) - plain.features
    return SideBySide(first.module, width, tuned).eval()
