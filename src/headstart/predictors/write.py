"""A model becomes a folder with no pickle in it.

model.json          what it is: task, classes in order, preprocessing, backbone, cut, metrics,
                    versions, the SHA-256 of every other file that matters, and its own
model.safetensors   the head (`head.`), what was trained of the backbone (`backbone.`), and the
                    digests of the items it was trained on (`trained`)
compiled/           network.xml, network.bin: preprocessing and backbone, up to the features;
                    reference.safetensors: a few inputs and what the trained network gave for them
tokenizer.json      for texts
README.md           the model card
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headstart import sealed
from headstart.card import card
from headstart.errors import InputError
from headstart.installed import installed
from headstart.preprocessing import TextPreprocessing
from headstart.runtime import graphs
from headstart.types import Unchecked

if TYPE_CHECKING:
    from headstart.predictors.model import Model

HEAD, BACKBONE, TRAINED = "head.", "backbone.", "trained"
"""What arrays in `model.safetensors` are called."""


def refuse_without_openvino() -> None:
    """Refuse to make a folder, which holds a compiled network, where nothing compiles it.

    Raises:
        InputError: says what to install.
    """
    if not installed("openvino"):
        raise InputError(
            "A model is saved with its network compiled by OpenVINO, which is not installed: run "
            "`pip install openvino`, or leave out --out and use the model from Python."
        )


def write(model: "Model", folder: Path) -> None:
    """Write a model's folder in one step; a model that was there is replaced.

    Raises:
        InputError: something else is there, or OpenVINO is not installed.
        OSError: the disk refuses; what was there stays.
    """
    refuse_without_openvino()
    sealed.save(folder, _about(model), card, partial(_write, model), sealed.ANSWERS)


def _write(model: "Model", folder: Path) -> None:
    from safetensors.numpy import save

    assert model.graph is not None
    (folder / "compiled").mkdir()
    graphs.write(model.graph, folder / "compiled" / "network.xml")
    if model.reference is not None:
        graphs.write_reference(model.reference, folder / "compiled")
    # Not save_file: that one makes a file that nobody else may read.
    arrays = {f"{HEAD}{name}": array for name, array in model.head.arrays.items()}
    arrays |= {f"{BACKBONE}{name}": array for name, array in model.weights.items()}
    if model.trained is not None:
        arrays[TRAINED] = model.trained
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    (folder / "model.safetensors").write_bytes(save(arrays))
    if isinstance(model.preprocessing, TextPreprocessing):
        (folder / "tokenizer.json").write_text(model.preprocessing.tokenizer, "utf-8")


def _about(model: "Model") -> Unchecked:
    return {
        "task": model.task,
        "modality": model.modality,
        "classes": list(model.classes),
        "preprocessing": model.preprocessing.to_json(),
        "head": {"name": model.head.name, "settings": model.head.settings},
        "temperature": model.temperature,
        "precision": model.precision,
        "width": model.width,
        **_decided(model),
        **({} if model.trained is None else {"trained_items": len(model.trained)}),
        **model.about,
    }


def _decided(model: "Model") -> Unchecked:
    """How it answers, where an older headstart would not: it refuses that schema."""
    said: Unchecked = {}
    if model.decision is not None:
        said["decision"] = model.decision.to_json()
    if model.abstain is not None:
        said["abstain"] = model.abstain.to_json()
    return {"schema": sealed.DECIDES, **said} if said else {}
