"""A model as one `.keras` file: the same answers, from Keras alone."""

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import headstart
from headstart import api
from headstart.errors import InputError
from headstart.predictors import Model
from headstart.training.assemble import about, assemble
from headstart.training.averaged import averaged
from tests.backbones.keras_models import read_small, saved
from tests.runs import pictures
from tests.training import small

SIZES = {"VGG16": 32, "MobileNetV3Small": 64, "MobileNetV2": 32}

WITHOUT_HEADSTART = """
import sys
sys.modules["headstart"] = None
import keras, numpy as np
model = keras.models.load_model("out.keras", safe_mode=True)
with np.load("given.npz") as given:
    np.savez("found.npz", found=model.predict(given["given"], verbose=0))
"""


@pytest.fixture(autouse=True)
def small_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    read_small(monkeypatch, SIZES)
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))


def fit(folder: Path, architecture: str, **options: object) -> Model:
    pictures(folder / "photos", 24)
    backbone = saved(folder, architecture)
    headstart.fit(folder / "photos", out=folder / "model", backbone=backbone, **options)
    return headstart.load(folder / "model")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("VGG16", {"head": "mlp:16", "epochs": 80, "pool": "flatten"}),
        ("VGG16", {"size": 48}),
        ("MobileNetV3Small", {"pool": "max"}),
        ("MobileNetV2", {"pool": "mean"}),
    ],
)
def test_keras_alone_gives_the_same_answers(
    tmp_path: Path, architecture: str, options: dict[str, object]
) -> None:
    model = fit(tmp_path, architecture, **options)
    said = api.export(tmp_path / "model", out=tmp_path / "out.keras", format="keras")
    size = options.get("size", SIZES[architecture])
    assert said.facts["input"] == [size, size, 3]
    random = np.random.default_rng(3)
    colours = random.integers(0, 200, (8, 1, 1, 3))
    given = (colours + random.integers(0, 56, (8, size, size, 3))).astype(np.uint8)
    # In float32, as Keras computes; features are rounded to 16 bits all the same.
    expected = replace(model, precision="float32").predict(list(given)).probabilities
    assert np.ptp(expected[:, 0]) > 0.1
    np.savez(tmp_path / "given.npz", given=given)
    subprocess.run([sys.executable, "-c", WITHOUT_HEADSTART], check=True, cwd=tmp_path)
    with np.load(tmp_path / "found.npz") as kept:
        found = kept["found"]
    np.testing.assert_allclose(found, expected, atol=5e-3)
    assert (found.argmax(1) == expected.argmax(1)).all()
    assert said.facts["difference"] < 1e-3
    assert said.facts["gate"]["network"] < 1e-3
    with zipfile.ZipFile(tmp_path / "out.keras") as file:
        assert json.loads(file.read("classes.json")) == ["blue", "red"]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.slow
def test_what_was_trained_of_the_backbone_is_in_the_file(tmp_path: Path) -> None:
    model = fit(tmp_path, "MobileNetV3Small", strategy="from-scratch", epochs=2)
    assert any(name.endswith("moving_mean") for name in model.weights)
    assert any(name.endswith("kernel") for name in model.weights)
    said = api.export(tmp_path / "model", out=tmp_path / "out.keras", format="keras")
    assert said.facts["difference"] < 1e-3


@pytest.mark.slow
def test_a_rung_averaged_with_feature_extraction(tmp_path: Path) -> None:
    """Both networks are in the file."""
    given = small.ready(saved(tmp_path, "MobileNetV2"), *small.pictures(60), epochs=1)
    mean = averaged(*small.both(given, "full-fine-tuning"), 0)
    assert mean is not None
    model = assemble(mean, given.data)
    model = replace(model, about=about(mean, 0))
    said = api.export(model, out=tmp_path / "out.keras", format="keras", data=given.data)
    assert said.facts["difference"] < 1e-3


@pytest.mark.slow
def test_what_cannot_be_exported(tmp_path: Path) -> None:
    fit(tmp_path, "VGG16", head="knn")
    model = tmp_path / "model"
    out = tmp_path / "out.keras"
    with pytest.raises(InputError, match="linear and mlp heads, but this model's is knn"):
        api.export(model, out=out, format="keras")
    with pytest.raises(InputError, match=r"must end with .keras"):
        api.export(model, out=tmp_path / "out.h5", format="keras")
    with pytest.raises(InputError, match=r"'onnxx', but it must be one of .*keras"):
        api.export(model, out=out, format="onnxx")
    with pytest.raises(InputError, match="folder '.*nowhere' is not there"):
        api.export(model, out=tmp_path / "nowhere" / "out.keras", format="keras")
    headstart.fit(tmp_path / "photos", out=tmp_path / "model", backbone=saved(tmp_path, "VGG16"))
    saved(tmp_path, "VGG16", seed=2)
    with pytest.raises(InputError, match="not those that the model was trained from"):
        api.export(tmp_path / "model", out=out, format="keras")
    headstart.fit(tmp_path / "photos", out=tmp_path / "model")
    with pytest.raises(InputError, match=r"for models of keras: backbones.*'efficientnet-lite0'"):
        api.export(tmp_path / "model", out=out, format="keras")
    assert not list(tmp_path.glob("*.keras"))
