"""A model as one `.keras` file: the same answers, from Keras alone."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import headstart
from headstart import api
from headstart.backbones import keras as family
from headstart.errors import InputError
from headstart.model import Model
from tests.runs import pictures

keras = pytest.importorskip("keras")

SIZES = {"VGG16": 32, "MobileNetV3Small": 64, "DenseNet121": 32, "MobileNetV2": 32}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Small pictures: each architecture reads fewer pixels than it was trained on."""
    known = {
        name: family.Architecture(each.mode, each.file, SIZES.get(name, each.size))
        for name, each in family.ARCHITECTURES.items()
    }
    monkeypatch.setattr(family, "ARCHITECTURES", known)
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))


def weights(folder: Path, architecture: str) -> str:
    keras.utils.set_random_seed(1)
    file = folder / f"{architecture}.weights.h5"
    family.create(architecture).save_weights(file)
    return f"keras:{architecture}@{file}"


def fit(folder: Path, architecture: str, **options: object) -> Model:
    pictures(folder / "photos", 24)
    backbone = weights(folder, architecture)
    headstart.fit(folder / "photos", out=folder / "model", backbone=backbone, **options)
    return headstart.load(folder / "model")


@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("VGG16", {"head": "mlp:16", "epochs": 2, "pool": "flatten"}),
        ("MobileNetV3Small", {"pool": "max"}),
        pytest.param("MobileNetV2", {}, marks=pytest.mark.slow),
        pytest.param("DenseNet121", {"pool": "mean"}, marks=pytest.mark.slow),
    ],
)
def test_keras_alone_gives_the_same_answers(
    tmp_path: Path, architecture: str, options: dict[str, object]
) -> None:
    model = fit(tmp_path, architecture, **options)
    said = api.export(model, out=tmp_path / "out.keras", format="keras")
    size = SIZES[architecture]
    assert said["input"] == [size, size, 3]
    random = np.random.default_rng(3)
    given = random.integers(0, 256, (5, size, size, 3), dtype=np.uint8)
    expected = model.predict(list(given)).probabilities
    np.savez(tmp_path / "given.npz", given=given)
    code = f"""
import sys
import keras, numpy as np, torch
model = keras.models.load_model({str(tmp_path / "out.keras")!r})
given = np.load({str(tmp_path / "given.npz")!r})["given"]
with torch.no_grad():
    np.savez({str(tmp_path / "found.npz")!r}, found=model(given).cpu().numpy())
assert "headstart" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    with np.load(tmp_path / "found.npz") as kept:
        found = kept["found"]
    # The model may compute in bfloat16, and rounds features to 16 bits.
    np.testing.assert_allclose(found, expected, atol=0.05)
    assert said["difference"] < 1e-3
    with zipfile.ZipFile(tmp_path / "out.keras") as file:
        assert json.loads(file.read("classes.json")) == ["blue", "red"]
    assert not list(tmp_path.glob(".*"))


def test_what_was_fine_tuned_is_in_the_file(tmp_path: Path) -> None:
    model = fit(
        tmp_path,
        "MobileNetV3Small",
        strategy="fine-tuning",
        cut="expanded_conv_8_project_bn",
        epochs=2,
        train_batchnorm=True,
    )
    assert any(name.endswith("moving_mean") for name in model.weights)
    assert any(name.endswith("kernel") for name in model.weights)
    said = api.export(model, out=tmp_path / "out.keras", format="keras")
    assert said["difference"] < 1e-3


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    model = fit(tmp_path, "VGG16", head="knn")
    out = tmp_path / "out.keras"
    with pytest.raises(InputError, match="linear and mlp heads, but this model's is knn"):
        api.export(model, out=out, format="keras")
    with pytest.raises(InputError, match=r"must end with .keras"):
        api.export(model, out=tmp_path / "out.h5", format="keras")
    with pytest.raises(InputError, match=r"'onnxx', but it must be one of .*keras"):
        api.export(model, out=out, format="onnxx")
    with pytest.raises(InputError, match="folder '.*nowhere' is not there"):
        api.export(model, out=tmp_path / "nowhere" / "out.keras", format="keras")
    headstart.fit(tmp_path / "photos", out=tmp_path / "model", backbone=weights(tmp_path, "VGG16"))
    keras.utils.set_random_seed(2)
    family.create("VGG16").save_weights(tmp_path / "VGG16.weights.h5")
    with pytest.raises(InputError, match="not those that the model was trained from"):
        api.export(tmp_path / "model", out=out, format="keras")
    headstart.fit(tmp_path / "photos", out=tmp_path / "model")
    with pytest.raises(InputError, match=r"for models of keras: backbones.*'efficientnet-lite0'"):
        api.export(tmp_path / "model", out=out, format="keras")
    assert not list(tmp_path.glob("*.keras"))
