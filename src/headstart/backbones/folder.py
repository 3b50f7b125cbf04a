"""A folder in the hub's layout, to a backbone of the family that its configuration names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.backbones import hub

if TYPE_CHECKING:
    from headstart.backbones.backbone import Backbone


def load(reference: str, *, offline: bool = True, pool: str = "auto") -> Backbone:
    """Load `OWNER/NAME[@REVISION]`.

    Args:
        reference: what is there may be timm's or transformers'.
        offline: open no socket.
        pool: how what the last stage gives becomes one vector.

    Raises:
        BackboneError: it is not to be had, damaged, or of another kind.
    """
    return load_folder(f"hf:{reference}", hub.locate(reference, offline=offline), pool=pool)


def load_folder(name: str, folder: Path, *, pool: str = "auto") -> Backbone:
    """Load a folder in the hub's layout.

    Args:
        name: what to call it.
        folder: timm's, where config.json says `architecture`, Keras's, where it says
            `keras_application`, else transformers'.
        pool: how what the last stage gives becomes one vector.

    Raises:
        BackboneError: it is damaged, or of another kind.
    """
    about = hub.read_json(folder / "config.json")
    if "architecture" in about:
        from headstart.backbones import timm_folder

        return replace(timm_folder.load(name, folder, pool=pool), files=hub.files_of(folder))
    if "keras_application" in about:
        from headstart.backbones import keras_folder

        return replace(keras_folder.load(name, folder, pool=pool), files=hub.files_of(folder))
    from headstart.backbones import transformers

    return transformers.load_folder(name, folder, pool=pool)
