"""`headstart export`, and what it says when it cannot."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backbones.keras_models import read_small, saved
from tests.runs import Place, pictures


@pytest.fixture
def trained(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place with a `model` of a small VGG16."""
    read_small(monkeypatch, {"VGG16": 32})
    pictures(place.folder / "photos", 12)
    options = ("--backbone", saved(place.folder, "VGG16"), "--offline")
    done = place.run("fit", "photos", "--out", "model", *options)
    assert done.code == 0, done.err
    return place


@pytest.mark.slow
def test_a_keras_file(trained: Place) -> None:
    command = ("export", "model", "--format", "keras", "--out", "a.keras", "--offline")
    said = trained.run(*command)
    assert said.code == 0, said.err
    assert said.out.startswith("Written: a.keras\nThe file answers like the model, to ")
    again = trained.run(*command, "--json")
    about = json.loads(again.out)
    assert (about["path"], about["format"], about["classes"]) == (
        "a.keras",
        "keras",
        ["blue", "red"],
    )
    assert about["input"] == [32, 32, 3]
    assert about["difference"] < 1e-3
    assert about["crop"] == 1
    precision = json.loads((trained.folder / "model" / "model.json").read_text())["precision"]
    assert (about["rounding"] > 0) == (precision == "bfloat16")
    assert ("computes in bfloat16" in said.out) == (precision == "bfloat16")


@pytest.mark.slow
def test_a_part_of_the_picture_is_said(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    read_small(monkeypatch, {"VGG16": 32})
    pictures(place.folder / "photos", 12)
    options = ("--backbone", saved(place.folder, "VGG16"), "--offline", "--crop", "0.5")
    assert place.run("fit", "photos", "--out", "model", *options).code == 0
    said = place.run("export", "model", "--format", "keras", "--out", "a.keras", "--offline")
    assert "looks at the middle of an image, 50% of it" in said.out


def test_what_is_wrong_is_one_sentence(place: Place) -> None:
    pictures(place.folder / "photos", 12)
    assert place.run("fit", "photos", "--out", "model", "--offline").code == 0
    for options, said in (
        (("--format", "keras", "--out", "a.keras"), "is for models of keras: backbones"),
        (("--format", "onnxx", "--out", "a.onnx"), "--format is 'onnxx', but it must be one of"),
        (("--format", "keras", "--out", "a.h5"), "must end with .keras"),
        (("--format", "keras", "--out", "photos"), "that is a folder; name a file"),
    ):
        done = place.run("export", "model", *options)
        assert (done.code, done.out) == (2, "")
        assert said in done.err
        assert done.err.count("\n") == 1


def test_without_keras_it_says_how_to_get_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['keras'] = None; from headstart.cli.app import run; "
        "sys.exit(run(['backbones', 'keras:VGG16']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("headstart: A keras: backbone needs Keras 3")
    assert "pip install 'headstart[keras]'" in done.stderr
