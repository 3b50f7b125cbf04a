"""Networks of keras.applications with random weights, in the files that Keras makes of them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from headstart.backbones import keras as family

import keras  # isort: skip


def network(architecture: str, size: int | None = None, seed: int = 0) -> Any:
    """A network whose statistics are those of noise, so that its answers tell pictures apart.

    Args:
        architecture: of keras.applications.
        size: height and width of its input, where not its own.
        seed: of its weights.
    """
    keras.utils.set_random_seed(seed)
    model = family.create(architecture, (size, size) if size else None)
    settle(model, architecture, seed)
    return model


def settle(model: Any, architecture: str, seed: int = 0) -> None:
    """Give a network the statistics of noise."""
    norms = [each for each in model.layers if isinstance(each, keras.layers.BatchNormalization)]
    random = np.random.default_rng(seed)
    for each in norms:
        each.momentum = 0.0
        each.beta.assign(random.normal(0, 0.3, each.beta.shape))
    if norms:
        pixels = random.integers(0, 256, (8, *model.input_shape[1:])).astype(np.float32)
        with torch.no_grad():
            model(ready(pixels, architecture), training=True)
    for each in norms:
        each.momentum = 0.99


def ready(pixels: np.ndarray, architecture: str) -> np.ndarray:
    """What the architecture's preprocess_input makes of pixels."""
    mode = family.find(architecture).mode
    if mode == "inside":
        return pixels
    return keras.applications.imagenet_utils.preprocess_input(pixels.copy(), mode=mode)


def read_small(monkeypatch: pytest.MonkeyPatch, sizes: Mapping[str, int]) -> None:
    """Have architectures read fewer pixels than they were trained on."""
    known = {
        name: replace(each, size=sizes.get(name, each.size))
        for name, each in family.ARCHITECTURES.items()
    }
    monkeypatch.setattr(family, "ARCHITECTURES", known)


def published(model: Any, file: Path, *, top: bool = False) -> None:
    """Write the weights as in the files that keras.applications downloads."""
    with h5py.File(file, "w") as opened:
        layers = [each for each in model.layers if each.weights]
        names = [f"old_{number}" for number in range(len(layers))]
        for name, layer in zip(names, layers, strict=True):
            group = opened.create_group(name)
            group.attrs["weight_names"] = [
                f"{name}/{each.name}:0".encode() for each in layer.weights
            ]
            for each in layer.weights:
                group[f"{name}/{each.name}:0"] = each.numpy()
        if top:
            group = opened.create_group("predictions")
            group.attrs["weight_names"] = [b"predictions/kernel:0"]
            group["predictions/kernel:0"] = np.zeros((512, 1000), np.float32)
            names.append("predictions")
        opened.attrs["layer_names"] = [name.encode() for name in names]


def saved(folder: Path, architecture: str, size: int | None = None, seed: int = 0) -> str:
    """The name of a backbone whose weights were written to `folder` by `save_weights`."""
    file = folder / f"{architecture}.weights.h5"
    network(architecture, size, seed).save_weights(file)
    return f"keras:{architecture}@{file}"
