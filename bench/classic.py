"""The classic recipe: Keras `fit` as everyone writes it, and the same as one command of headstart.

VGG16 without its top, frozen; Flatten, Dense(256, relu), Dense(classes, softmax); Adam; five
epochs with validation. The weights are random: no time and no comparison hangs on which they are.
"""

import csv
import os
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import alone, scratch
from bench.result import Figure, Result

EPOCHS = 5
ITEMS = {"train": 400, "validation": 100, "test": 10}
"""Of each of the two classes."""

BAR = 15
ALIKE = 0.05
_WEIGHTS = "vgg16.weights.h5"


def run(quick: bool = False) -> Result:
    """Each in a process of its own, from importing to the last epoch; headstart also tests."""
    items = {"train": 8, "validation": 4, "test": 4} if quick else ITEMS
    with scratch() as folder:
        _write(folder / "photos", items)
        alone(write_weights, folder / _WEIGHTS)
        theirs = alone(keras_fit, folder)
        ours = alone(headstart_fit, folder)
        again = alone(headstart_fit, folder)
    return Result(
        "classic",
        "VGG16, frozen, with Dense(256): five epochs with validation",
        (
            Figure("Keras fit", theirs["seconds"], "s"),
            Figure("headstart fit", ours["seconds"], "s"),
            Figure("Keras fit / headstart fit", theirs["seconds"] / ours["seconds"], "x", BAR),
            Figure(
                "the same, headstart again, from its store",
                theirs["seconds"] / again["seconds"],
                "x",
            ),
            Figure("Keras fit, one epoch", theirs["seconds"] / EPOCHS, "s"),
            Figure("validation loss, the last, Keras", theirs["val_loss"][-1]),
            Figure("validation loss, the last, headstart", ours["val_loss"][-1]),
            Figure("validation loss, the lowest, Keras", min(theirs["val_loss"])),
            Figure("validation loss, the lowest, headstart", min(ours["val_loss"])),
            Figure(
                "lowest validation losses, headstart over Keras",
                min(ours["val_loss"]) / min(theirs["val_loss"]) - 1,
                at_most=None if quick else ALIKE,
            ),
        ),
        {
            "photos": f"{items['train']} + {items['validation']} of each class, 300x300",
            "Keras, losses by epoch": _rounded(theirs["loss"]),
            "Keras, validation losses by epoch": _rounded(theirs["val_loss"]),
            "headstart, losses by epoch": _rounded(ours["loss"]),
            "headstart, validation losses by epoch": _rounded(ours["val_loss"]),
            "headstart, seconds": {k: round(v, 2) for k, v in ours["steps"].items()},
        },
    )


def keras_fit(folder: Path) -> dict[str, Any]:
    """What the tutorials do."""
    began = time.perf_counter()
    os.environ["KERAS_BACKEND"] = "torch"
    import keras
    from keras.applications import VGG16
    from keras.applications.vgg16 import preprocess_input
    from keras.layers import Dense, Flatten

    def read(split: str) -> tuple[np.ndarray, np.ndarray]:
        paths = sorted((folder / "photos" / split).glob("*/*"))
        classes = sorted({path.parent.name for path in paths})
        pictures = [keras.utils.load_img(path, target_size=(224, 224)) for path in paths]
        pixels = np.stack([keras.utils.img_to_array(each) for each in pictures])
        labels = [classes.index(path.parent.name) for path in paths]
        return preprocess_input(pixels), keras.utils.to_categorical(labels)

    keras.utils.set_random_seed(0)
    base = VGG16(include_top=False, weights=folder / _WEIGHTS, input_shape=(224, 224, 3))
    base.trainable = False
    model = keras.Sequential(
        [base, Flatten(), Dense(256, activation="relu"), Dense(2, activation="softmax")]
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    said = model.fit(*read("train"), epochs=EPOCHS, validation_data=read("validation"), verbose=0)
    return {"seconds": time.perf_counter() - began, **said.history}


def headstart_fit(folder: Path) -> dict[str, Any]:
    """The command of the guide, from Python."""
    began = time.perf_counter()
    import headstart

    run = headstart.fit(
        folder / "photos",
        backbone=f"keras:VGG16@{folder / _WEIGHTS}",
        pool="flatten",
        head="mlp:256",
        strategy="feature-extraction",
        epochs=EPOCHS,
        offline=True,
    )
    seconds = time.perf_counter() - began
    (rung,) = run.report.rungs
    return {"seconds": seconds, "steps": dict(run.report.seconds), **rung.history}


def write_weights(file: Path) -> None:
    """VGG16 without its top, with random weights, as `save_weights` writes it."""
    from headstart.backbones import keras as family

    import keras  # isort: skip

    keras.utils.set_random_seed(0)
    family.create("VGG16").save_weights(file)


def _write(folder: Path, items: dict[str, int]) -> None:
    """Solar cells of which the experts were sure, a folder for each split and class."""
    from headstart.data.demo import solar_cells

    table = solar_cells(folder.with_name("solar"))
    with table.open(encoding="utf-8") as opened:
        rows = [row for row in csv.DictReader(opened) if float(row["p"]) in (0.0, 1.0)]
    splits = [split for split, count in items.items() for _ in range(count)]
    taken: Counter[str] = Counter()
    for row in rows:
        if taken[row["label"]] < len(splits):
            place = folder / splits[taken[row["label"]]] / row["label"]
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(table.parent / row["image"], place)
            taken[row["label"]] += 1


def _rounded(values: list[float]) -> list[float]:
    return [round(each, 4) for each in values]
