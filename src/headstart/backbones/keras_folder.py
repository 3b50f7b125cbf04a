"""A network of keras.applications as a folder: config.json, and weights as Keras saves them."""

import json
from pathlib import Path

from headstart.backbones import hub, keras, keras_weights
from headstart.backbones.backbone import Backbone
from headstart.errors import BackboneError

WEIGHTS = "model.weights.h5"


def load(name: str, folder: Path, *, pool: str = "auto") -> Backbone:
    """Load a folder.

    Args:
        name: what to call it.
        folder: its config.json names the `keras_application`.
        pool: `auto` is the mean over positions.

    Raises:
        BackboneError: a file is missing or damaged, or headstart knows no such network.
    """
    architecture = hub.read_json(folder / "config.json")["keras_application"]
    if not isinstance(architecture, str):
        raise BackboneError(
            f"The file {str(folder / 'config.json')!r} names no network; fetch the folder again."
        )
    model = keras.create(architecture)
    keras_weights.fill(model, folder / WEIGHTS, architecture)
    return keras.backbone(name, architecture, model, pool=pool)


def save(made: Backbone, folder: Path) -> None:
    """Write a backbone as `load` reads it."""
    about = {"keras_application": made.module.architecture}
    (folder / "config.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    keras.to_keras(made).save_weights(folder / WEIGHTS)
