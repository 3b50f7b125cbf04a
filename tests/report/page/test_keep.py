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
    assert all(set(each) == {key} for each in kept.values())
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
    keeping.keep(at, data, found, [Finding("duplicates", "note", "", tuple(suspects), 9)])
    kept = json.loads((at / "gallery.json").read_text())
    assert kept[every[80]] == {"text": "text 80"}
    assert kept[every[35]] == {"text": "text 35"}
    nothing = folder(tmp_path / "n", made, found)
    keeping.keep(nothing, data, found)
    without = json.loads((nothing / "gallery.json").read_text())
    assert kept.keys() - without.keys() <= {every[n] for n in (*range(30, 36), 80)}
    assert kept.keys() - without.keys()
    shown = {digest: at for at, digest in enumerate(every) if digest in kept}
    assert all(kept[digest] == {"text": f"text {at}"} for digest, at in shown.items())


def test_what_has_no_page_is_said(place) -> None:
    nothing = place.run("report", "nowhere")
    assert nothing.code == 2
    assert "is not a headstart model" in nothing.err
