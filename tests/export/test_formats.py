"""A saved model as a folder for onnxruntime or OpenVINO: the same answers, without headstart."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import openvino
import pytest
from PIL import Image

import headstart
from headstart import api
from headstart.errors import InputError

FORMATS = ("onnx", "openvino")

ALONE = (
    "import sys; from importlib.machinery import PathFinder as F; found = F.find_spec\n"
    "allowed = lambda name: name.partition('.')[0] not in ('headstart', 'torch', 'transformers')\n"
    "F.find_spec = lambda name, *a, **k: found(name, *a, **k) if allowed(name) else None\n"
    "sys.argv = sys.argv[1:]; exec(open(sys.argv[0]).read())\n"
    "assert not {'headstart', 'torch'} & set(sys.modules)\n"
)
"""Runs a script in a process that can import neither headstart nor torch."""


def script(folder: Path) -> str:
    """The program in an export's README."""
    page = (folder / "README.md").read_text("utf-8")
    return re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1)


def asked(folder: Path, *items: str) -> list[dict]:
    """What that program prints of items."""
    (folder / "ask.py").write_text(script(folder), "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", ALONE, "ask.py", *items],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def held(said: list[dict], model: Path, items: list[str]) -> None:
    """Hold what the program prints beside what headstart answers."""
    answers = headstart.load(model).predict(items)
    assert [each["item"] for each in said] == items
    if answers.values is not None:
        found = np.array([each["value"] for each in said])
        np.testing.assert_allclose(found, answers.values, rtol=0.02, atol=0.1)
        return
    shares = np.array([list(each["probabilities"].values()) for each in said])
    np.testing.assert_allclose(shares, answers.probabilities, atol=0.02)
    assert [list(each["probabilities"]) for each in said] == [list(answers.classes)] * len(said)
    told = [tuple(e["answer"]) if isinstance(e["answer"], list) else e["answer"] for e in said]
    assert told == list(answers.labels)


@pytest.fixture(scope="module")
def exported(here, fit):
    """A model of images in each format: where, and what was said."""
    places = {format: here.folder / f"photos as {format}" for format in FORMATS}
    return {
        format: (out, api.export(fit("photos"), out=out, format=format, offline=True))
        for format, out in places.items()
    }


@pytest.mark.parametrize("format", FORMATS)
def test_images(here, fit, exported, tmp_path, format):
    model, (out, said) = fit("photos"), exported[format]
    gate = said.to_json()["gate"]
    # Names of items stay at home: others get this folder.
    worst = gate["worst"]
    assert {**json.loads((out / "gate.json").read_text()), "worst": worst} == gate
    assert len(worst) == 5
    written = (out / "gate.json").read_text() + (out / "README.md").read_text()
    assert not any(name in written for name in worst)
    assert gate["items"] > 5
    assert gate["network"] < 1e-4
    assert gate["median"] < 1e-3
    assert gate["accuracy"] == gate["expected"] == 1
    assert len(gate["unusual"]) == len(gate["rounding"]) == 6
    assert len(script(out).splitlines()) <= 30
    # One that is turned by its EXIF block, one that is see-through, and one of sixteen bits.
    image = Image.open(next((here.folder / "photos" / "red").iterdir()))
    turned = Image.Exif()
    turned[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=turned, quality=95)
    image.putalpha(120)
    image.save(tmp_path / "see-through.png")
    deep = (np.linspace(0, 65_535, 60 * 80).reshape(60, 80)).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    files = [*sorted((here.folder / "photos").rglob("*.jpg"))[:2], *tmp_path.glob("*.*g")]
    items = list(map(str, files))
    assert len(items) == 5
    held(asked(out, *items), model, items)
    assert not list(out.parent.glob(".headstart*"))


@pytest.mark.parametrize("format", [pytest.param("onnx", marks=pytest.mark.slow), "openvino"])
def test_texts(fit, tmp_path, format):
    model, out = fit("texts.csv"), tmp_path / "out"
    said = api.export(model, out=out, format=format, offline=True)
    assert said.facts["gate"]["network"] < 1e-4
    assert said.facts["gate"]["largest"] < 1e-3
    assert len(script(out).splitlines()) <= 30
    items = ["the cat is old", "a gearbox", "words " * 900, "¡Grüße!"]
    held(asked(out, *items), model, items)


@pytest.mark.parametrize("data", ["tags.csv", "numbers.csv"])
def test_several_labels_and_numbers(fit, tmp_path, data):
    model, out = fit(data), tmp_path / "out"
    said = api.export(model, out=out, format="openvino", offline=True)
    assert said.facts["gate"]["network"] < 1e-4
    items = ["red ball", "more more words", "round ball"]
    held(asked(out, *items), model, items)


def test_a_graph_says_what_it_is(exported):
    made = onnx.load(exported["onnx"][0] / "model.onnx")
    known = {each.key: each.value for each in made.metadata_props}
    graph = openvino.Core().read_model(exported["openvino"][0] / "model.xml")
    for about in (known, {name: graph.get_rt_info(name).value for name in known}):
        assert json.loads(about["classes"]) == ["blue", "red"]
        assert about["licence"] == "Apache-2.0"
        assert about["backbone"] == "efficientnet-lite0"
        assert "accuracy" in json.loads(about["metrics"])
        assert json.loads(about["preprocessing"])["modality"] == "image"
    assert [each.name for each in made.graph.input] == ["pixels"]
    assert [each.name for each in made.graph.output] == ["probabilities", "answer"]
    # Nothing of where it was made.
    assert str(Path(headstart.__file__).parent).encode() not in made.SerializeToString()


def test_data_that_is_named(here, fit, tmp_path):
    model = headstart.load(fit("photos"))
    with pytest.raises(InputError, match="a model in memory or of the hub has none of its own"):
        api.export(model, out=tmp_path / "out", format="openvino")
    labelled = api.export(
        model, out=tmp_path / "out", format="openvino", data=here.folder / "photos"
    )
    assert labelled.facts["gate"]["items"] == 24
    assert labelled.facts["gate"]["accuracy"] == 1
    # What an export wrote is replaced, behind a link too.
    (tmp_path / "link").symlink_to(tmp_path / "out")
    plain = api.export(
        model, out=tmp_path / "link", format="openvino", data=str(here.folder / "photos" / "red")
    )
    assert (tmp_path / "link").is_symlink()
    assert plain.path == str(tmp_path / "link")
    assert json.loads((tmp_path / "out" / "gate.json").read_text())["items"] == 12
    assert str(here.folder) not in (tmp_path / "out" / "README.md").read_text()
    assert plain.facts["gate"]["items"] == 12
    assert plain.facts["gate"]["accuracy"] is None
    with pytest.raises(InputError, match="--data holds 24 texts, but the model answers for images"):
        api.export(model, out=tmp_path / "new", format="openvino", data=here.folder / "texts.csv")
    assert not (tmp_path / "new").exists()


def test_items_that_changed_are_not_the_models_own(here, tmp_path):
    from tests.runs import pictures

    photos = pictures(tmp_path / "photos", 12)
    out = tmp_path / "model"
    headstart.fit(photos, out=out, offline=True, strategy="feature-extraction")
    whole = api.export(out, out=tmp_path / "a", format="openvino").facts["gate"]
    Image.new("RGB", (9, 9)).save(photos / next(iter(whole["worst"])))
    fewer = api.export(out, out=tmp_path / "b", format="openvino").facts["gate"]
    assert fewer["items"] == whole["items"] - 1
    assert fewer["source"] == f"{whole['source']}; 1 more is not what it was"
    photos.rename(tmp_path / "elsewhere")
    with pytest.raises(
        InputError, match=r"are not where they were \(.*photos\); name others with --data"
    ):
        api.export(out, out=tmp_path / "c", format="openvino")


def test_what_is_refused(here, fit, tmp_path):
    model = fit("photos")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    (tmp_path / "used").mkdir()
    for name in ("gate.json", "ask.py"):
        (tmp_path / "used" / name).touch()
    for out, said in (
        (tmp_path / "mine", "that is a folder; name a file, or a folder that an export wrote"),
        (tmp_path / "used", r"where an export lies with other files \('ask.py'\); move those"),
        (tmp_path / "a.onnx", "'a.onnx', but onnx writes a folder; name one"),
        (tmp_path / "nowhere" / "out", "is not there"),
    ):
        with pytest.raises(InputError, match=said):
            api.export(model, out=out, format="onnx", offline=True)
    assert (tmp_path / "mine" / "thesis.txt").exists()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="but openvino writes a folder; name another"):
        api.export(model, out=tmp_path / "file", format="openvino", offline=True)
