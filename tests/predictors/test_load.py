"""What is read is what was written, or it is refused."""

import json
import os
import pickle
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save

import headstart
from tests.predictors.folders import describe, swap


def test_a_model_of_an_older_headstart_knows_no_items(model, here):
    arrays = load_file(model / "model.safetensors")
    assert arrays.pop("trained").shape[1] == 16
    swap(model, "model.safetensors", save(arrays))
    about = json.loads((model / "model.json").read_text())
    del about["trained_items"]
    (model / "model.json").write_text(json.dumps(about))
    describe(model)
    assert headstart.load(model).trained is None
    assert headstart.evaluate(model, here / "photos", offline=True).counts["trained_on"] == 0


@pytest.mark.parametrize("wrong", [np.zeros((3, 8), np.uint8), np.zeros((3, 16), np.float32)])
def test_a_list_of_items_that_is_none_is_refused(model, wrong):
    arrays = load_file(model / "model.safetensors")
    swap(model, "model.safetensors", save(arrays | {"trained": wrong}))
    with pytest.raises(headstart.InputError, match="items it was trained on"):
        headstart.load(model)


FILES = ["compiled/network.bin", "compiled/network.xml", "model.safetensors"]


@pytest.mark.parametrize("where", [0, -1], ids=["first", "last"])
@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_in_a_file_is_found_and_named(model, name, where):
    raw = bytearray((model / name).read_bytes())
    raw[where] ^= 1
    (model / name).write_bytes(raw)
    with pytest.raises(headstart.InputError, match=f"{name}.*damaged"):
        headstart.load(model)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_found_and_named(model, name):
    os.truncate(model / name, (model / name).stat().st_size // 2)
    with pytest.raises(headstart.InputError, match=f"{name}.*damaged"):
        headstart.load(model)


@pytest.mark.parametrize("name", [*FILES, "model.json"])
def test_a_missing_file_is_named(model, name):
    (model / name).unlink()
    with pytest.raises(headstart.InputError, match=name):
        headstart.load(model)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_the_description_leaves_out_is_not_trusted(model, name):
    files = json.loads((model / "model.json").read_text())["files"]
    del files[name]
    describe(model, files=files)
    with pytest.raises(headstart.InputError, match=f"{name}.*not whole"):
        headstart.load(model)


def test_the_tokenizer_of_texts_is_guarded_too(fit, here, tmp_path):
    fit("texts.csv")
    model = Path(shutil.copytree(here / "model of texts.csv", tmp_path / "model"))
    with (model / "tokenizer.json").open("a") as file:
        file.write(" ")
    with pytest.raises(headstart.InputError, match=r"tokenizer.json.*damaged"):
        headstart.load(model)
    (model / "tokenizer.json").unlink()
    with pytest.raises(headstart.InputError, match=r"lacks 'tokenizer.json'"):
        headstart.load(model)


def test_a_changed_description_does_not_match_its_seal(model):
    text = (model / "model.json").read_text()
    (model / "model.json").write_text(text.replace('"blue"', '"green"'))
    with pytest.raises(headstart.InputError, match=r"model.json.*seal"):
        headstart.load(model)


@pytest.mark.parametrize("schema", [0, 5, "1", None])
def test_another_schema_is_refused(model, schema):
    describe(model, schema=schema)
    with pytest.raises(headstart.InputError, match=f"has schema {schema!r}"):
        headstart.load(model)


@pytest.mark.parametrize("name", ["../secret", "compiled/../../secret", "/secret", "model.pkl"])
def test_files_outside_the_model_are_refused_unread(model, name):
    """Were it read, the sum would tell what is in it."""
    os.mkfifo(model.parent / "secret")
    name = name.replace("/secret", str(model.parent / "secret")) if name[0] == "/" else name
    files = json.loads((model / "model.json").read_text())["files"]
    describe(model, files=files | {name: "0" * 64})
    with pytest.raises(headstart.InputError, match=f"may not have: '{name}'"):
        headstart.load(model)


class Evil:
    def __reduce__(self):
        return Path("evil").touch, ()


@pytest.mark.parametrize("name", ["model.safetensors", "compiled/network.xml"])
def test_a_pickle_in_a_files_place_is_refused_unrun(model, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    swap(model, name, pickle.dumps(Evil()))
    with pytest.raises(headstart.InputError, match="cannot be read"):
        headstart.load(model)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("name", ["model.pkl", "pytorch_model.bin", "modeling.py"])
def test_a_pickle_or_code_beside_the_files_is_ignored(model, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    code = b"import pathlib; pathlib.Path('evil').touch()"
    (model / name).write_bytes(code if name.endswith(".py") else pickle.dumps(Evil()))
    describe(model, auto_map={"AutoModel": "modeling.Evil"})
    headstart.load(model).predict([np.zeros((64, 64, 3), np.uint8)])
    assert not (tmp_path / "evil").exists()


def _safetensors(shape: list[int], end: int, length: int | None = None) -> bytes:
    entry = {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}
    header = json.dumps({"weight": entry}).encode()
    return struct.pack("<Q", length or len(header)) + header + b"\0" * 8


@pytest.mark.parametrize(
    "raw",
    [
        _safetensors([10**12], 4 * 10**12),
        _safetensors([2], 4 * 10**12),
        _safetensors([10**12], 8),
        _safetensors([2**62, 2**62], 8),
        _safetensors([2], 8, length=2**62),
        _safetensors([2], 8, length=90_000_000),
        b"",
    ],
    ids=["both", "offsets", "shape", "overflow", "header", "long header", "empty"],
)
def test_a_header_that_lies_about_sizes_is_refused(model, raw):
    swap(model, "model.safetensors", raw)
    with pytest.raises(headstart.InputError, match="cannot be read"):
        headstart.load(model)


def test_a_head_that_does_not_fit_is_refused(fit, here, model):
    fit("texts.csv")
    swap(model, "model.safetensors", (here / "model of texts.csv/model.safetensors").read_bytes())
    with pytest.raises(headstart.InputError, match="cannot be read"):
        headstart.load(model)


@pytest.mark.parametrize("name", ["photos", "nowhere"])
def test_what_is_no_model_is_said_to_be_none(here, name):
    with pytest.raises(headstart.InputError, match=f"{name}' is not a headstart model"):
        headstart.load(here / name)


ABSURD = {
    "task": [None, "", 7, ["classification"], "regression"],
    "modality": [None, "sound", {}, "text"],
    "classes": [None, [], ["a"], ["a", "a"], ["a", 7], "ab", {"a": 1}, ["a", None]],
    "head": [None, {}, {"name": None, "settings": {}}, {"name": "linear", "settings": None},
             {"name": "linear", "settings": {}}, {"name": "linear", "settings": {"task": "x"}}],
    "temperature": [None, 0, -1, "1", True, [1], 1e400],
    "precision": [None, "int1", 16],
    "width": [0, -1, "all", True, 1.5, 10**9],
    "preprocessing": [None, [], {}],
    "backbone": [None, [], {"name": None}],
    "metrics": [None, [], {"accuracy": None}, {"accuracy": {"value": "a"}}],
    "versions": [None, []],
    "seed": [None, -1, "0"],
    "schema": [True, 2.0, [2]],
}  # fmt: skip
CASES = [(key, value) for key, values in ABSURD.items() for value in values]


@pytest.mark.parametrize(("key", "value"), CASES, ids=str)
def test_absurd_values_under_a_good_seal_are_refused(model, key, value):
    describe(model, **{key: value})
    with pytest.raises(headstart.InputError):
        headstart.load(model)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("height", 0), ("height", None), ("width", 10**9), ("width", True), ("height", "224"),
        ("crop_fraction", 0), ("crop_fraction", 2), ("crop_fraction", None),
        ("interpolation", "none"), ("interpolation", ["bilinear"]), ("mean", [0, 0]),
        ("mean", None), ("std", [0, 1, 1]), ("std", ["a", 1, 1]), ("squash", 1),
        ("keep_aspect_ratio", 1), ("more", 1),
    ],
)  # fmt: skip
def test_absurd_preprocessing_of_images_is_refused(model, key, value):
    said = json.loads((model / "model.json").read_text())["preprocessing"]
    describe(model, preprocessing={**said, key: value})
    with pytest.raises(headstart.InputError, match="cannot be read"):
        headstart.load(model)


@pytest.fixture
def texts_model(fit, here, tmp_path):
    fit("texts.csv")
    return Path(shutil.copytree(here / "model of texts.csv", tmp_path / "texts"))


@pytest.mark.parametrize(
    ("key", "value"),
    [("max_tokens", 0), ("max_tokens", 1), ("max_tokens", None), ("max_tokens", "256"),
     ("max_tokens", 10**12), ("pad_id", -1), ("pad_id", None), ("pad_id", 10**12)],
)  # fmt: skip
def test_absurd_preprocessing_of_texts_is_refused(texts_model, key, value):
    said = json.loads((texts_model / "model.json").read_text())["preprocessing"]
    describe(texts_model, preprocessing={**said, key: value})
    with pytest.raises(headstart.InputError, match="cannot be read"):
        headstart.load(texts_model)


def test_a_tokenizer_that_may_take_for_ever_is_refused(texts_model):
    tokenizer = json.loads((texts_model / "tokenizer.json").read_text())
    split = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Removed"}
    tokenizer["pre_tokenizer"] = {**split, "invert": False}
    swap(texts_model, "tokenizer.json", json.dumps(tokenizer).encode())
    with pytest.raises(headstart.InputError, match="may take for ever"):
        headstart.load(texts_model)
