"""What is always true, one test for each promise of the design, in its own words."""

import csv
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile
from torch import nn

import headstart
from headstart import data as reading
from headstart.data import images
from headstart.features.trunk import Trunk
from headstart.preprocessing import ImagePreprocessing
from headstart.progress import Silent
from headstart.registry import FAMILIES
from headstart.spec import FitSpec, ReadSpec
from headstart.training import feature_extraction
from headstart.training.examples import arrange
from tests.backbones.keras_models import saved
from tests.runs import COLOURS, Place, content, picture, pictures, timeless

# Family -> what it reads, in which data, and a maker of a backbone that is not the default one.
OF_FAMILY = {
    "timm": ("image", "photos", None),
    "transformers": ("text", "texts.csv", None),
    "keras": ("image", "photos", lambda folder: saved(folder, "MobileNetV3Small")),
}
SQUARE = ImagePreprocessing(
    height=32,
    width=32,
    crop_fraction=1.0,
    interpolation="bilinear",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory, warm):
    """`photos` and `texts.csv`, and a model of each; nobody changes them."""
    place = Place(tmp_path_factory.mktemp("shared"), warm)
    pictures(place.folder / "photos", 20)
    place.texts("texts.csv", 20)
    for data, model in (("photos", "of photos"), ("texts.csv", "of texts")):
        done = place.run("fit", data, "--out", model, "--offline")
        assert done.code == 0, done.err
    return place


def test_every_family_is_covered():
    assert set(OF_FAMILY) == set(FAMILIES.ours)


@pytest.mark.parametrize(
    "family",
    [
        pytest.param(each, marks=pytest.mark.slow if each == "keras" else ())
        for each in FAMILIES.ours
    ],
)
def test_frozen_means_frozen(shared, monkeypatch, family, tmp_path):
    """Parameters and buffers of a trunk hash the same before and after; dropout is off in it."""
    monkeypatch.setenv("HEADSTART_CACHE", str(shared.cache))
    modality, source, maker = OF_FAMILY[family]
    data = reading.read(shared.folder / source, ReadSpec())
    trunk = Trunk.load(maker and maker(tmp_path), modality, cut=None, offline=True)
    assert trunk.backbone.family == family
    before = trunk.backbone.state_hash()
    features = trunk.extract(data, Silent())
    assert trunk.graph is not None
    feature_extraction.fit(arrange(data, features, FitSpec()), FitSpec(), trunk)
    assert trunk.backbone.state_hash() == before == trunk.backbone.fingerprint
    assert not any(module.training for module in trunk.cut.trunk.modules())
    kinds = (nn.BatchNorm2d, nn.Dropout, nn.LayerNorm)
    assert any(
        isinstance(module, kinds) or getattr(module, "follows_data", False)
        for module in trunk.cut.trunk.modules()
    )


@pytest.mark.parametrize("source", ["photos", "texts.csv"])
def test_one_preprocessing(shared, source, monkeypatch):
    """Training and predict run the same decode, resize, crop and normalisation."""
    embedded = shared.run("embed", source, "--out", "features.npz", "--offline", "--json")
    assert embedded.json["store"]["misses"] == 0, "embed used other features than fit"
    with np.load(shared.folder / "features.npz") as found:
        features = found["feature"]
    model = headstart.load(shared.folder / ("of photos" if source == "photos" else "of texts"))
    data = reading.read(shared.folder / source, ReadSpec())
    monkeypatch.setenv("HEADSTART_CACHE", str(shared.cache))
    trunk = Trunk.load(None, data.modality, cut=None, offline=True)
    every = trunk.staged().extract(data, Silent())
    assert every.misses == 0
    assert np.array_equal(every.vectors()[:, : trunk.size], features)
    answered = model.answer(data)
    expected = model.probabilities(model.head.scores(every.vectors()[:, : model.width]))
    # The last bits are those of matrix products of different sizes.
    assert np.allclose(answered.probabilities, expected, rtol=1e-4, atol=1e-6)


def test_one_preprocessing_whatever_the_picture_comes_as(shared):
    """A path, a PIL image and an array of one picture get one answer."""
    model = headstart.load(shared.folder / "of photos")
    path = shared.folder / "photos" / "red" / "0-0.jpg"
    with Image.open(path) as opened:
        shares = [
            model.predict([given]).probabilities
            for given in (path, path.read_bytes(), opened.copy(), np.asarray(opened))
        ]
    assert np.array_equal(shares[0], shares[1])
    assert np.array_equal(shares[2], shares[3])
    assert np.allclose(shares[0], shares[2], atol=0.02)


def test_an_answer_does_not_depend_on_its_neighbours(shared):
    """An item has the same answer alone, in a crowd, in any order and twice."""
    model = headstart.load(shared.folder / "of texts")
    texts = [f"the cat number {n} " + "sat " * (n % 30) for n in range(150)]
    together = model.predict(texts).probabilities
    assert np.array_equal(model.predict(texts[::-1]).probabilities[::-1], together)
    assert np.array_equal(model.predict([texts[7]]).probabilities[0], together[7])
    assert np.array_equal(model.predict([texts[3]] * 5).probabilities, together[[3] * 5])


def test_class_order_is_sorted_once_from_the_training_labels(place):
    """Class order is sorted once from the training labels, written in the model, and checked."""
    place.texts("texts.csv", 12, *(f"a song {n},Äther" for n in range(12)))
    header, *lines = (place.folder / "texts.csv").read_text().splitlines()
    random.Random(1).shuffle(lines)
    place.table("shuffled.csv", header, *lines)
    for name in ("texts", "shuffled"):
        assert place.run("fit", f"{name}.csv", "--out", name, "--offline").code == 0
        about = json.loads((place.folder / name / "model.json").read_text())
        assert about["classes"] == ["animal", "car", "Äther"] == place.report(name)["classes"]
        answers = place.run("predict", name, "texts.csv", "--out", f"{name}.csv.csv")
        assert answers.code == 0
        with (place.folder / f"{name}.csv.csv").open() as file:
            assert next(csv.reader(file))[3:6] == ["p(animal)", "p(car)", "p(Äther)"]
    path = place.folder / "texts" / "model.json"
    path.write_text(path.read_text().replace('"animal",\n', '"beast",\n'))
    refused = place.run("predict", "texts", "texts.csv")
    assert refused.code == 2
    assert "does not match its own seal" in refused.err


def test_no_leak(place, monkeypatch):
    """Identical items (by content hash) stay on one side of every split; splits are stratified
    and seeded."""
    monkeypatch.setenv("HEADSTART_CACHE", str(place.cache))
    folder = pictures(place.folder / "photos", 20)
    for label in COLOURS:
        for path in sorted((folder / label).iterdir())[:8]:
            shutil.copy(path, path.with_stem(f"copy of {path.stem}"))
    data = reading.read(folder, ReadSpec())
    features = Trunk.load(None, "image", cut=None, offline=True).extract(data, Silent())
    digests = np.empty(len(data), "S16")
    digests[features.kept] = features.digests
    sides = []
    for seed in range(5):
        parts = arrange(data, features, FitSpec(seed=seed)).parts
        held = [set(digests[part.positions].tolist()) for part in parts.values()]
        assert sum(map(len, held)) == len(set.union(*held)) == 40
        assert sum(len(part) for part in parts.values()) == len(data)
        shares = [part.targets.mean() for part in parts.values()]
        assert min(shares) > 0.3
        assert max(shares) < 0.7
        sides.append(parts["test"].positions.tolist())
    assert len({str(side) for side in sides}) > 1
    again = arrange(data, features, FitSpec(seed=0)).parts["test"].positions.tolist()
    assert again == sides[0]


def test_no_leak_from_a_given_test_split(place):
    """What is in train and in test is left out of train, named and counted."""
    folder = pictures(place.folder / "photos" / "train", 12).parent
    pictures(folder / "test", 6, seed=1)
    shutil.copy(folder / "train" / "red" / "0-0.jpg", folder / "test" / "red" / "again.jpg")
    done = place.run("fit", "photos", "--out", "model", "--offline", "--json")
    assert done.code == 0, done.err
    assert [each["item"] for each in done.json["skipped"]] == ["train/red/0-0.jpg"]
    assert done.json["counts"]["test"] == 13
    assert any("more than one given split" in warning for warning in done.json["warnings"])


@pytest.mark.parametrize("head", ["linear", "mlp", "knn"])
def test_the_test_split_is_looked_at_once(place, head):
    """The test split is looked at once, after every choice is made: other test labels, the same
    model."""
    place.texts("train.csv", 12)
    place.texts("test.csv", 6, "one more cat,animal")
    right = (place.folder / "test.csv").read_text()
    swapped = right.replace("animal", "?").replace(",car", ",animal").replace("?", "car")
    (place.folder / "wrong.csv").write_text(swapped)
    options = ("--head", head, *(("--epochs", "20") if head == "mlp" else ()), "--offline")
    for name in ("test", "wrong"):
        done = place.run("fit", "train.csv", "--test", f"{name}.csv", "--out", name, *options)
        assert done.code == 0, done.err
    made = [content(place.folder / name) for name in ("test", "wrong")]
    assert made[0]["model.safetensors"] == made[1]["model.safetensors"]
    about = [
        json.loads((place.folder / name / "model.json").read_text()) for name in ("test", "wrong")
    ]
    assert about[0]["temperature"] == about[1]["temperature"]
    accuracy = [place.report(name)["test"]["accuracy"]["value"] for name in ("test", "wrong")]
    assert accuracy[0] > 0.7
    assert accuracy[1] < 0.3


@pytest.mark.slow
@pytest.mark.parametrize("source", ["photos", "texts.csv"])
def test_the_same_seed_gives_the_same_model(shared, tmp_path, source):
    """The same seed gives the same model: two processes, two cold caches, the same bytes."""
    for name in ("first", "second"):
        place = Place(shared.folder)
        place.cache = tmp_path / f"cache of {name}"
        out = str(tmp_path / name)
        done = place.process("fit", source, "--out", out, "--offline", "--seed", "7")
        assert done.code == 0, done.err
    assert content(tmp_path / "first") == content(tmp_path / "second")
    reports = [json.loads((tmp_path / n / "report.json").read_text()) for n in ("first", "second")]
    assert timeless(reports[0]) == timeless(reports[1])


@pytest.mark.parametrize("head", ["linear", "mlp", "knn"])
def test_the_same_seed_gives_the_same_head(place, head):
    """The same seed gives the same model whatever order the store is in; another seed does not."""
    place.texts("texts.csv", 12)
    options = ("--head", head, *(("--epochs", "20") if head == "mlp" else ()), "--offline")
    for name, seed in (("first", "3"), ("second", "3"), ("third", "4")):
        done = place.run("fit", "texts.csv", "--out", name, "--seed", seed, *options)
        assert done.code == 0, done.err
        shutil.rmtree(place.cache / "features")
    first, second, third = (content(place.folder / n) for n in ("first", "second", "third"))
    assert first == second
    assert first["model.safetensors"] != third["model.safetensors"]


def _fit(place: Place, source: str = "photos", **more: str) -> dict[str, int]:
    options = [word for name, value in more.items() for word in (f"--{name}", value)]
    done = place.run("fit", source, "--out", "model", "--offline", "--json", *options)
    assert done.code == 0, done.err
    return done.json["store"]


def test_the_store_is_keyed_by_content(place):
    """The hash of the item's bytes names the row. A grown data set computes what is new. Nothing
    stale can be read."""
    folder = pictures(place.folder / "photos", 12)
    assert _fit(place) == {"hits": 0, "misses": 24}
    assert _fit(place, seed="1", head="knn") == {"hits": 24, "misses": 0}
    folder.rename(place.folder / "renamed")
    for path in (place.folder / "renamed" / "red").iterdir():
        path.rename(path.with_stem(f"other {path.stem}"))
        os.utime(path.with_stem(f"other {path.stem}"), (0, 0))
    assert _fit(place, "renamed") == {"hits": 24, "misses": 0}
    pictures(place.folder / "renamed", 2, seed=5)
    assert _fit(place, "renamed") == {"hits": 24, "misses": 4}
    # The same name, size and time, other pixels.
    path = place.folder / "renamed" / "red" / "5-0.jpg"
    stamp = path.stat().st_mtime
    picture(np.random.default_rng(9), COLOURS["blue"]).save(path)
    os.utime(path, (stamp, stamp))
    assert _fit(place, "renamed") == {"hits": 27, "misses": 1}


def test_the_store_is_named_by_the_network_and_the_cut(place):
    """(weights hash, architecture, cut, preprocessing, view, dtype) names the store."""
    pictures(place.folder / "photos", 2)
    for cut in ("conv_head", "blocks.6"):
        done = place.run("embed", "photos", "--out", "a.npz", "--cut", cut, "--offline", "--json")
        assert done.json["store"] == {"hits": 0, "misses": 4}
    assert len(list((place.cache / "features").glob("*.lance"))) == 2


def test_nothing_is_dropped_in_silence(place):
    """An unreadable item is skipped, named with its reason, counted; `--strict` makes it an error.
    Never a black picture in its place, never LOAD_TRUNCATED_IMAGES."""
    folder = pictures(place.folder / "photos", 12)
    whole = (folder / "red" / "0-0.jpg").read_bytes()
    (folder / "red" / "0-0.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    (folder / "blue" / "notes.doc").write_text("mine")
    (folder / "loose.jpg").write_bytes(whole)
    done = place.run("fit", "photos", "--out", "model", "--offline", "--json")
    assert done.code == 0, done.err
    skipped = {each["item"]: each["reason"] for each in done.json["skipped"]}
    assert set(skipped) == {"red/0-0.jpg", "blue/notes.doc", "loose.jpg"}
    assert "truncated" in skipped["red/0-0.jpg"]
    counts = done.json["counts"]
    files = sum(1 for path in folder.rglob("*") if path.is_file())
    assert sum(counts.values()) == files
    assert counts["skipped"] == 3
    for command in (("fit", "photos", "--out", "strict"), ("predict", "model", "photos")):
        strict = place.run(*command, "--strict")
        assert strict.code == 2
        assert "--strict" in strict.err
    assert not (place.folder / "strict").exists()
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def _pixels(image: Image.Image, path: Path, **options) -> np.ndarray:
    image.save(path, **options)
    return images.decode(images.load(path), SQUARE).pixels.astype(int)


def test_images(tmp_path):
    """EXIF orientation applied; transparency laid on white; CMYK, 16-bit, palette and greyscale
    converted (16-bit scaled, not clipped); the first frame of an animation, with a warning."""
    rows, columns = np.mgrid[0:48, 0:64]
    smooth = np.stack([rows * 5, columns * 4, 255 - rows * 2], -1).astype(np.uint8)
    image = Image.fromarray(smooth)
    upright = _pixels(image, tmp_path / "plain.png")
    turns = [None, *Image.Transpose]
    undone = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    for orientation, turn in undone.items():
        exif = Image.Exif()
        exif[0x112] = orientation
        stored = image if turn is None else image.transpose(turns[turn + 1])
        pixels = _pixels(stored, tmp_path / f"{orientation}.png", exif=exif)
        assert np.abs(pixels - upright).max() <= 1, orientation
    half = image.convert("RGBA")
    half.putalpha(Image.fromarray(np.where(columns < 32, 0, 255).astype(np.uint8)))
    laid = _pixels(half, tmp_path / "half.png")
    assert (laid[:, :14] == 255).all()
    assert np.array_equal(laid[:, 20:], upright[:, 20:])
    cmyk = _pixels(image.convert("CMYK"), tmp_path / "cmyk.tif")
    assert np.abs(cmyk - upright).mean() < 8
    grey = np.asarray(image.convert("L"))
    shades = _pixels(Image.fromarray(grey), tmp_path / "grey.png")
    deep = _pixels(Image.fromarray(grey.astype(np.uint16) * 257), tmp_path / "deep.png")
    assert np.abs(deep - shades).max() <= 1
    few = image.quantize(200)
    assert np.abs(_pixels(few, tmp_path / "few.png") - upright).mean() < 8
    image.save(tmp_path / "a.gif", save_all=True, append_images=[Image.new("RGB", image.size)])
    first = images.decode(images.load(tmp_path / "a.gif"), SQUARE)
    assert np.abs(first.pixels.astype(int) - upright).mean() < 12
    assert "first frame" in first.warning


def test_texts(place):
    """Empty ones skipped; long ones truncated, and counted."""
    place.texts("texts.csv", 12, ",car", '"  ",car', *(f"{'oil ' * 900}{n},car" for n in range(3)))
    done = place.run("fit", "texts.csv", "--out", "model", "--offline", "--json")
    assert done.code == 0, done.err
    assert [each["item"] for each in done.json["skipped"]] == ["texts.csv:26", "texts.csv:27"]
    assert any(warning.startswith("3 texts: truncated") for warning in done.json["warnings"])


def test_no_socket_is_opened_unasked(shared, monkeypatch, tmp_path):
    """No network unless the user named something remote and not offline."""

    def refuse(*_):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for source in ("photos", "texts.csv"):
        done = shared.run("fit", source, "--out", str(tmp_path / source))
        assert done.code == 0, done.err
        done = shared.run("predict", str(tmp_path / source), source)
        assert done.code == 0, done.err


def test_there_is_never_a_pickle(shared):
    """Never a pickle, anywhere: nothing in a model or a store can be unpickled."""
    files = [path for path in shared.folder.rglob("*") if path.is_file()]
    made = [path for path in files if path.suffix not in (".jpg", ".csv", ".npz")]
    assert len(made) > 20
    assert not [path for path in made if path.read_bytes()[:2] in (b"\x80\x04", b"\x80\x05")]


@pytest.mark.slow
def test_ctrl_c_leaves_the_store_whole(place):
    """Long work shows progress; Ctrl-C leaves the store and checkpoints whole."""
    pictures(place.folder / "photos", 600)
    command = [sys.executable, "-m", "headstart", "fit", "photos", "--out", "model", "--offline"]
    environment = {**os.environ, "HEADSTART_CACHE": str(place.cache), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, cwd=place.folder, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        until = time.monotonic() + 120
        while not list((place.cache / "features").glob("*.lance")) and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "stopped; finished work is kept" in said
    assert "Traceback" not in said
    assert not (place.folder / "model").exists()
    store = _fit(place)
    assert store["hits"] > 0
    assert store["hits"] + store["misses"] == 1200
    assert not place.report()["skipped"]
