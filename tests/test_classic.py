"""The recipe of the tutorials, run as Keras users write it and as one command."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from headstart.heads.mlp_training import plain_network
from tests.backbones.keras_models import network, read_small
from tests.runs import Place

import keras  # isort: skip

SIZE = 64
EPOCHS = 5
JITTER = 15
SHADES = {"dark": (40, 40, 60), "grey": (120, 130, 110), "light": (220, 200, 200)}
ITEMS = {"train": 32, "validation": 16, "test": 10}
Arrays = tuple[np.ndarray, np.ndarray]


def write(folder: Path) -> None:
    """Pictures of the network's own size, without loss: both read the same pixels."""
    random = np.random.default_rng(0)
    for split, each in ITEMS.items():
        for name, shade in SHADES.items():
            (folder / split / name).mkdir(parents=True)
            for number in range(each):
                colour = np.array(shade) + random.normal(0, JITTER, 3)
                pixels = np.clip(colour + random.normal(0, 40, (SIZE, SIZE, 3)), 0, 255)
                path = folder / split / name / f"{number}.png"
                Image.fromarray(pixels.astype(np.uint8)).save(path)


def read(folder: Path) -> Arrays:
    paths = sorted(folder.glob("*/*.png"))
    classes = sorted(SHADES)
    pixels = np.stack([np.asarray(Image.open(path)) for path in paths]).astype(np.float32)
    targets = np.eye(len(classes))[[classes.index(path.parent.name) for path in paths]]
    return keras.applications.vgg16.preprocess_input(pixels), targets


def top(model: Any, start: list[np.ndarray]) -> Any:
    """`Flatten`, `Dense(256, relu)` and `Dense(classes, softmax)` on a model, compiled."""
    whole = keras.Sequential(
        [
            model,
            keras.layers.Flatten(),
            keras.layers.Dense(256, activation="relu"),
            keras.layers.Dense(len(SHADES), activation="softmax"),
        ]
    )
    for layer, weight, bias in zip(whole.layers[-2:], start[::2], start[1::2], strict=True):
        layer.kernel.assign(weight.T)
        layer.bias.assign(bias)
    whole.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return whole


def curves(model: Any, train: Arrays, validation: Arrays, seed: int) -> dict[str, list[float]]:
    keras.utils.set_random_seed(seed)
    said = model.fit(*train, epochs=EPOCHS, validation_data=validation, verbose=0)
    return said.history


@pytest.mark.slow
def test_both_learn_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_small(monkeypatch, {"VGG16": SIZE})
    write(tmp_path / "photos")
    base = network("VGG16")
    base.save_weights(tmp_path / "vgg16.weights.h5")
    done = Place(tmp_path).run(
        *("fit", "photos", "--out", "model"),
        *("--backbone", "keras:VGG16@vgg16.weights.h5", "--pool", "flatten"),
        *("--head", "mlp:256", "--strategy", "feature-extraction", "--epochs", str(EPOCHS)),
        *("--offline", "--json"),
    )
    assert done.code == 0, done.err
    (rung,) = done.json["rungs"]
    size = 512 * (SIZE // 32) ** 2
    assert rung["trained_parameters"] == (size + 1) * 256 + (256 + 1) * len(SHADES)
    ours = rung["history"]

    torch.manual_seed(0)  # where headstart's head starts, of --seed 0
    start = [each.detach().numpy() for each in plain_network(size, 256, len(SHADES)).parameters()]
    train, validation = (read(tmp_path / "photos" / name) for name in ("train", "validation"))
    base.trainable = False
    theirs = [curves(top(base, start), train, validation, seed=0)]
    # A frozen base gives the same every time: without it, the same fit in other orders.
    seen = [(base.predict(items, verbose=0), answers) for items, answers in (train, validation)]
    theirs += [
        curves(top(keras.Input(seen[0][0].shape[1:]), start), *seen, seed=seed)
        for seed in range(1, 8)
    ]
    for name in ("loss", "val_loss"):
        runs = np.array([each[name] for each in theirs])
        noise = runs.std(axis=0, ddof=1)
        assert len(ours[name]) == EPOCHS
        assert (np.abs(ours[name] - runs.mean(axis=0)) < 4 * noise).all()
        assert runs[:, -1].mean() < 0.7 * runs[:, 0].mean()
