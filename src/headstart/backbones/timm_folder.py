"""A timm network as a folder in the hub's layout: config.json and model.safetensors."""

from pathlib import Path

from timm.models import save_for_hf

from headstart.backbones import hub, timm
from headstart.backbones.backbone import Backbone
from headstart.errors import BackboneError
from headstart.randomness import seeded

_ELSEWHERE = {"pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path"}
"""Arguments with which timm would load other weights than those in the folder."""


def load(name: str, folder: Path, *, pool: str = "auto") -> Backbone:
    """Load a folder.

    Args:
        name: what to call it.
        folder: its config.json names the `architecture`, and may have a `pretrained_cfg` with the
            preprocessing and licence, and `model_args` that the network is made with.
        pool: `auto` is the network's own.

    Raises:
        BackboneError: a file is missing or damaged, or timm has no such network.
    """
    config = hub.read_json(folder / "config.json")
    options = config.get("model_args") or {}
    if not isinstance(options, dict) or _ELSEWHERE & options.keys():
        raise BackboneError(
            f"The file {str(folder / 'config.json')!r} asks timm for more than a network "
            "(model_args); fetch the folder again."
        )
    architecture = config["architecture"]
    timm.check(architecture if isinstance(architecture, str) else repr(architecture))
    source = f"local-dir:{folder.resolve()}"
    with seeded(0):
        network = timm.make(source)
    timm.fill(network, timm.read_weights(folder / hub.WEIGHTS), source=repr(str(folder)))
    return timm.backbone(
        name,
        network,
        licence=timm.licence_of(network),
        pool=pool,
        initialiser=lambda: timm.make(source),
    )


def save(made: Backbone, folder: Path) -> None:
    """Write a backbone as `load` reads it."""
    network = made.module.get_submodule("network")
    known = {**timm.about(network), "license": made.licence}
    network.pretrained_cfg = known  # type: ignore[assignment]  # timm's own, neither of torch's
    save_for_hf(network, str(folder), safe_serialization=True)
