"""A model of a keras: backbone as one `.keras` file, for `keras.models.load_model` alone.

The file takes pixels from 0 to 255, (B, height, width, 3), and gives probabilities, or values:
preprocessing, backbone, pooling and head are layers that come with Keras.
"""

import json
import zipfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from headstart import backbones
from headstart.atomic import whole
from headstart.backbones import Backbone
from headstart.backbones import keras as family
from headstart.backbones.backbone import Block
from headstart.backbones.keras_graph import put
from headstart.errors import HeadstartError, InputError
from headstart.export.network import backbone_of
from headstart.export.written import Answers, Ask, Asked, Written
from headstart.heads.contract import centre_of
from headstart.predictors import Model
from headstart.preprocessing import ImagePreprocessing

# After the family's module, which chooses the backend.
import keras  # isort: skip

CHECKED = 4
"""Random images on which the file and the model must agree."""

TOLERANCE = 0.002
"""Largest difference of a probability, or of a value as a share of the largest one's distance
from the mean, at least one spread."""

HEADS = ("linear", "mlp")


def write(model: Model, out: Path, *, offline: bool = False) -> Written:
    """Write `out`; the names of the classes are in it too, in order, as `classes.json`.

    And where the model has one, its `decision.json` or `abstain.json`, as in model.json.

    Args:
        model: of a keras: backbone, with a linear or mlp head.
        out: ends in `.keras`.
        offline: download no weights.

    Returns:
        The `input` that the file takes, the `crop` of an image that the model looks at, the
        largest `difference` from the model's answers in float32, and by how much the `rounding`
        of the precision that it computes in on this machine changes those.

    Raises:
        InputError: the model is of another family or head, its backbone's weights are not found
            or are no longer the same, or the name of the file is wrong.
        HeadstartError: the file does not answer like the model.
    """
    if out.suffix != ".keras":
        raise InputError(f"--out is {out.name!r}, but it must end with .keras.")
    if model.head.name not in HEADS:
        raise InputError(
            f"--format keras is for linear and mlp heads, but this model's is {model.head.name}; "
            "fit again with --head linear."
        )
    network = _whole(model, _backbone(model, offline=offline))
    parts = {"decision": model.decision, "abstain": model.abstain}
    decided = {name: each for name, each in parts.items() if each is not None}
    with whole(out) as unfinished:
        network.save(unfinished)
        with zipfile.ZipFile(unfinished, "a") as file:
            file.writestr("classes.json", json.dumps(list(model.classes)))
            for name, each in decided.items():
                file.writestr(f"{name}.json", json.dumps(each.to_json()))
        difference, rounding = _differences(model, unfinished)
        if not difference <= TOLERANCE:
            raise HeadstartError(
                f"The Keras file does not answer like the model: they differ by {difference:.3g}; "
                "nothing was written. Please report this, with the backbone and the versions of "
                "keras, torch and openvino."
            )
    size = model.preprocessing
    assert isinstance(size, ImagePreprocessing)
    facts = {
        "input": [size.height, size.width, 3],
        "crop": size.crop_fraction,
        "difference": difference,
        "rounding": rounding,
    }
    notes = tuple(_notes(size.crop_fraction, difference, rounding, decided))
    return Written(facts, notes, _asking(out, model), resizes=False)


def _asking(file: Path, model: Model) -> Ask:
    network = keras.models.load_model(file)

    def answer(given: Asked) -> Answers:
        with torch.no_grad():
            found = network(given[0]).cpu().numpy()
        return Answers(found[:, 0] if model.task == "regression" else found)

    return answer


def _notes(
    crop: float, difference: float, rounding: float, decided: Collection[str]
) -> Iterator[str]:
    yield f"The file answers like the model, to {difference:.1g}."
    if rounding:
        yield (
            "That is in 32-bit floats. On this machine the model computes in bfloat16, which "
            f"changed its answers to the same random images by up to {rounding:.1g}."
        )
    for name in decided:
        yield (
            "The file gives probabilities, or values; how the model answers from them is in it as "
            f"{name}.json, which Keras does not apply."
        )
    if crop < 1:
        yield (
            f"The model looks at the middle of an image, {crop:.0%} of it across and down; cut "
            "that out before you resize it for Keras."
        )


def _backbone(model: Model, *, offline: bool) -> Backbone:
    """What the model was trained from."""
    name = str((model.about.get("backbone") or {}).get("name"))
    refusal = InputError(
        f"--format keras is for models of keras: backbones; this model's backbone is {name!r}."
    )
    if not name.startswith("keras:") and (":" in name or backbones.entry_of(name) is not None):
        raise refusal
    found = backbone_of(model, "keras", offline=offline)
    if found.family != "keras":
        raise refusal
    return found


def _whole(model: Model, made: Backbone) -> Any:
    """From pixels to answers, as one Keras model."""
    network = family.to_keras(made)
    _, height, width, _ = network.input_shape
    pixels = keras.Input((height, width, 3), name="pixels")
    ready = _preprocess(pixels, family.find(str(made.module.architecture)).mode)
    blocks = [Block(**each) for each in model.about["backbone"].get("blocks", [])[1:]]
    if not model.about.get("averaged"):
        put(network, model.weights)
        features = _features(network, made.pool, blocks, ready)
    else:
        tuned = family.to_keras(made)
        put(tuned, model.weights)
        tuned.name = f"{network.name}_tuned"
        both = _features(network, made.pool, blocks, ready), _features(tuned, made.pool, [], ready)
        features = keras.layers.Concatenate(name="both")(list(both))
    return keras.Model(pixels, _head(model, features), name="headstart")


def _features(network: Any, pool: str, blocks: Sequence[Block], ready: Any) -> Any:
    """What a network gives of preprocessed pixels: its last stage pooled, then the blocks."""
    pools = {
        "max": keras.layers.GlobalMaxPooling2D,
        "flatten": keras.layers.Flatten,
    }
    stages = list(dict.fromkeys(block.stage for block in blocks))
    if stages:
        maps = [network.get_layer(stage).output for stage in stages]
        network = keras.Model(network.input, [*maps, network.output], name=network.name)
    *maps, last = network(ready) if stages else [network(ready)]
    found = dict(zip(stages, maps, strict=True))
    average = keras.layers.GlobalAveragePooling2D
    features = pools.get(pool, average)()(last)
    if blocks:
        # Names of Keras's layers may be those of the network's own.
        parts = [pools.get(each.pool, average)()(found[each.stage]) for each in blocks]
        features = keras.layers.Concatenate()([features, *parts])
    return features


def _preprocess(pixels: Any, mode: family.Mode) -> Any:
    """What preprocess_input does, as a layer that a file can hold without code of its own."""
    if mode == "inside":
        return pixels
    if mode == "tf":
        return keras.layers.Rescaling(1 / 127.5, offset=-1, name="preprocess")(pixels)
    mean, std = (255 * np.array(values) for values in family.SCALES[mode])
    if mode == "torch":
        return keras.layers.Normalization(mean=mean, variance=std**2, name="preprocess")(pixels)
    backwards = keras.layers.Conv2D(3, 1, trainable=False, name="preprocess")
    ready = backwards(pixels)
    backwards.set_weights([np.eye(3)[None, None, ::-1], -mean[::-1]])
    return ready


def _head(model: Model, features: Any) -> Any:
    arrays = model.head.arrays
    activation = {"classification": "softmax", "multilabel": "sigmoid"}.get(model.task, "linear")
    name = "standardised" if model.task == "regression" else "probabilities"
    last = "" if model.head.name == "linear" else "2"
    if model.head.name == "mlp":
        features = _dense(features, arrays["weight1"], arrays["bias1"], "relu", "hidden")
    weight, bias = (arrays[f"{each}{last}"] / model.temperature for each in ("weight", "bias"))
    given = _dense(features, weight, bias, activation, name)
    if model.task != "regression":
        return given
    centre, spread = centre_of(model.head.name, model.head.settings)
    # In float64: numbers such as years and times need its digits.
    unit = keras.layers.Rescaling(spread, offset=centre, dtype="float64", name="values")
    return unit(given)


def _dense(
    features: Any, weight: NDArray[Any], bias: NDArray[Any], activation: str, name: str
) -> Any:
    layer = keras.layers.Dense(len(bias), activation=activation, name=name)
    given = layer(features)
    layer.set_weights([weight, bias])
    return given


def _differences(model: Model, file: Path) -> tuple[float, float]:
    """The largest on random images: file and model in float32; model in float32 and its own."""
    preprocessing = model.preprocessing
    assert isinstance(preprocessing, ImagePreprocessing)
    random = np.random.default_rng(0)
    shape = (CHECKED, preprocessing.height, preprocessing.width, 3)
    # Of many colours and contrasts: noise alone looks the same to a network.
    low, high = np.sort(random.integers(0, 256, (2, CHECKED, 1, 1, 3)), axis=0)
    pictures = random.integers(low, high + 1, shape).astype(np.uint8)
    exact = _answers(replace(model, precision="float32"), pictures)
    with torch.no_grad():
        given = keras.models.load_model(file)(pictures)
    largest = 1.0
    if model.task == "regression":
        centre, spread = centre_of(model.head.name, model.head.settings)
        given, largest = given[:, 0], max(spread, float(np.abs(exact - centre).max()))
    found = float(np.abs(given.cpu().numpy() - exact).max()) / largest
    return found, float(np.abs(_answers(model, pictures) - exact).max()) / largest


def _answers(model: Model, pictures: NDArray[np.uint8]) -> NDArray[Any]:
    """Probabilities, or values, of images that have the network's size already."""
    found: list[NDArray[np.float32]] = []
    engine = model.engine
    for picture in pictures:
        engine.start((picture[None],), found.append)
        engine.wait()
    scores = model.head.scores(np.concatenate(found)[:, : model.width])
    return scores if model.task == "regression" else model.probabilities(scores)
