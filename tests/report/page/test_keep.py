"""What is kept of single items, and the page made again from it."""

import base64
import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from headstart.data import images
from headstart.report.page import keep as keeping
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
        pictures(place.folder / "data", 12)
        data = "data"
    else:
        place.texts("data.csv", 12)
        data = "data.csv"
    done = place.run("fit", data, "--out", "model", "--offline", "--test-size", "0.3", "--json")
    assert done.code == 0, done.err
    model = place.folder / "model"
    made = (model / "report.html").read_bytes()
    kept = json.loads((model / "gallery.json").read_text())
    assert kept
    key, shown = ("image", b"data:image/webp") if kind == "images" else ("text", b"number")
    assert all(set(each) == {key} for each in kept.values())
    assert shown in made
    if kind == "images":
        shutil.rmtree(place.folder / "data")
    else:
        (place.folder / "data.csv").unlink()
    (model / "report.html").unlink()
    model.rename(place.folder / "moved")
    again = place.run("report", "moved", "--json")
    assert again.code == 0, again.err
    assert again.json == {"page": str(place.folder / "moved" / "report.html"), "opened": False}
    assert (place.folder / "moved" / "report.html").read_bytes() == made
    private = place.run("report", "moved", "--private", "--out", "others.html")
    assert private.code == 0, private.err
    text = (place.folder / "others.html").read_bytes()
    assert shown not in text
    assert data.encode() not in text


def test_what_has_no_page_is_said(place) -> None:
    nothing = place.run("report", "nowhere")
    assert nothing.code == 2
    assert "is not a headstart model" in nothing.err
