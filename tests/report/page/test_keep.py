"""What is kept of single items, and the page made again from it."""

import base64
import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from headstart.data import images
from headstart.data.dataset import Dataset
from headstart.explanations import ImageExplanation, TextExplanation, Word
from headstart.findings import Finding, Suspect
from headstart.report.page import keep as keeping
from tests.report.page.stories import digests, folder, story
from tests.runs import pictures


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


def test_a_thumbnail_is_all_of_an_upright_image(files) -> None:
    wide = np.zeros((40, 400, 3), np.uint8)
    wide[:, :200] = (250, 0, 0)
    at = files / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter: it is to be shown 400 high
    Image.fromarray(wide).save(at, quality=95, exif=exif)
    small = images.thumbnail(images.load(str(at)), 100)
    assert small.shape == (100, 10, 3)
    assert small[10, 5, 0] > 200 > 50 > small[90, 5, 0]
    assert images.thumbnail(wide, 1000).shape == wide.shape
    uri = keeping.data_uri(small)
    back = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert (back.size, back.format) == ((10, 100), "WEBP")


@pytest.mark.parametrize("kind", ["images", "texts"])
def test_the_page_can_be_made_again_when_the_data_is_gone(place, kind) -> None:
    if kind == "images":
        data = "my-photos"
        pictures(place.folder / data, 12)
    else:
        data = "my-texts.csv"
        place.texts(data, 12)
    done = place.run("fit", data, "--out", "model", "--offline", "--test-size", "0.3", "--json")
    assert done.code == 0, done.err
    model = place.folder / "model"
    made = (model / "report.html").read_bytes()
    kept = json.loads((model / "gallery.json").read_text())
    assert kept
    key, shown = ("image", rb"data:image/webp") if kind == "images" else ("text", rb"number \d")
    why = {"heat", "explains"} if kind == "images" else {"words", "explains"}
    assert {frozenset(each) for each in kept.values()} == {
        frozenset({key}),
        frozenset({key} | why),
    }
    assert re.search(shown, made)
    if kind == "images":
        shutil.rmtree(place.folder / data)
    else:
        (place.folder / data).unlink()
    (model / "report.html").unlink()
    model.rename(place.folder / "moved")
    again = place.run("report", "moved", "--json")
    assert again.code == 0, again.err
    assert again.json == {"page": str(place.folder / "moved" / "report.html"), "opened": False}
    assert (place.folder / "moved" / "report.html").read_bytes() == made
    private = place.run("report", "moved", "--private", "--out", "others.html")
    assert private.code == 0, private.err
    text = (place.folder / "others.html").read_bytes()
    assert not re.search(shown, text)
    assert data.encode() not in text


def test_items_of_findings_are_kept(tmp_path) -> None:
    made, found = story("classification")
    at = folder(tmp_path / "m", made, found)
    data = Dataset("text", [f"text {n}" for n in range(90)], list(found.names))
    every = digests(found)
    suspects = [
        Suspect(n, f"{n}.jpg", every[n], "cat", beside="80.jpg", beside_digest=every[80])
        for n in range(30, 39)
    ]
    items = keeping.shown(at, found)
    assert [found.digests[each.position].ljust(16, b"\0").hex() for each in items] == [
        each.digest for each in items
    ]
    beside = keeping.suspects([Finding("duplicates", "note", "", tuple(suspects), 9)], found)
    keeping.keep(at, data, items, beside)
    kept = json.loads((at / "gallery.json").read_text())
    assert kept[every[80]] == {"text": "text 80"}
    assert kept[every[35]] == {"text": "text 35"}
    nothing = folder(tmp_path / "n", made, found)
    keeping.keep(nothing, data, keeping.shown(nothing, found), {})
    without = json.loads((nothing / "gallery.json").read_text())
    assert kept.keys() - without.keys() <= {every[n] for n in (*range(30, 36), 80)}
    assert kept.keys() - without.keys()
    shown = {digest: at for at, digest in enumerate(every) if digest in kept}
    assert all(kept[digest] == {"text": f"text {at}"} for digest, at in shown.items())


def test_an_explanation_is_kept_as_the_page_shows_it(tmp_path) -> None:
    made, found = story("classification")
    at = folder(tmp_path / "m", made, found)
    text = "good " * 200
    data = Dataset("text", [text] * 90, list(found.names))
    words = tuple(Word("good", 5 * n, 5 * n + 4, 1.0 if n % 2 else -0.05) for n in range(200))
    items = keeping.shown(at, found)
    first = items[0]
    assert first.explains in made.classes
    explained = {first.position: TextExplanation("a", first.explains, 0.9, text, words)}
    keeping.keep(at, data, items, {}, explained)
    kept = json.loads((at / "gallery.json").read_text())
    assert kept[first.digest]["explains"] == first.explains
    said = "".join(part for part, _ in kept[first.digest]["words"])
    assert said == text[:600] + "…"
    assert {(part, weight) for part, weight in kept[first.digest]["words"] if weight} == {
        ("good", 1.0)
    }
    assert set(kept[items[1].digest]) == {"text"}
    heat = np.zeros((300, 400), np.float32)
    heat[:50, :50] = 1
    pixels = np.full((300, 400, 3), 90, np.uint8)
    image = ImageExplanation("a", None, 3.0, heat, pixels, (400, 300), "occlusion")
    photos = Dataset("image", [pixels] * 90, list(found.names))
    keeping.keep(at, photos, items, {}, {first.position: image})
    about = json.loads((at / "gallery.json").read_text())[first.digest]
    drawn = Image.open(io.BytesIO(base64.b64decode(about["heat"].partition(",")[2])))
    thumbnail = Image.open(io.BytesIO(base64.b64decode(about["image"].partition(",")[2])))
    assert drawn.size == thumbnail.size == (176, 132)
    red, _, blue = drawn.convert("RGB").getpixel((5, 5))
    assert red > blue + 50
    assert about["explains"] is None


def test_what_has_no_page_is_said(place) -> None:
    nothing = place.run("report", "nowhere")
    assert nothing.code == 2
    assert "is not a headstart model" in nothing.err
