"""Why a model answers as it does, for the page: few items, briefly, as far as it is cheap."""

import json

import numpy as np
import pytest

import headstart
from headstart.data import from_memory
from headstart.data.images import all_at
from headstart.explanations import ImageExplanation
from headstart.preprocessing import TextPreprocessing
from headstart.progress import Silent
from headstart.report.page.keep import Item
from headstart.run import explained as explaining
from headstart.run.explained import MOST, explained
from tests.runs import pictures

IMAGES = all_at(224, 224)
TEXTS = TextPreprocessing(tokenizer="{}", max_tokens=256, pad_id=0)


def items(number):
    return [Item(f"{n:032x}", n, "red") for n in range(number)]


def affordable(preprocessing, number, gflops, item="two words", asked=18):
    data = from_memory([item] * number, ["a"] * number)
    return explaining._affordable(preprocessing, data, items(asked), gflops)


def test_more_items_and_lighter_networks_afford_more():
    light = [affordable(IMAGES, number, 0.8) for number in (40, 2_600, 50_000)]
    assert light == sorted(light)
    assert light[-1] == MOST
    heavy = [affordable(IMAGES, number, 100.0) for number in (40, 2_600, 50_000)]
    assert heavy[0] == 0 < heavy[1]
    assert heavy == sorted(heavy)
    assert all(one <= other for one, other in zip(heavy, light, strict=True))
    assert affordable(IMAGES, 50_000, 0.8, asked=2) == 2


def test_short_texts_afford_more_than_long_ones():
    assert affordable(TEXTS, 600, 6.0) == MOST
    assert affordable(TEXTS, 600, 6.0, "word " * 300) == 1


@pytest.fixture(scope="module")
def photos(place):
    """Photographs whose last ones are labelled wrong, and a model of them."""
    pictures(place.folder / "photos", 24)
    pictures(place.folder / "photos", 4, seed=5, classes={"red": (40, 60, 200)})
    options = ("--strategy", "feature-extraction", "--offline", "--json")
    done = place.run("fit", "photos", "--out", "of-photos", "--test-size", "0.4", *options)
    assert done.code == 0, done.err
    return place.folder / "of-photos"


def test_the_surest_mistake_has_a_heat_map(photos):
    kept = json.loads((photos / "gallery.json").read_text())
    answers = json.loads((photos / "report.json").read_text())["counts"]
    explained_ones = [each for each in kept.values() if "heat" in each]
    assert 1 <= len(explained_ones) <= MOST
    assert answers["test"] > len(explained_ones)
    assert all(each["heat"].startswith("data:image/webp") for each in explained_ones)
    assert {each["explains"] for each in explained_ones} <= {"blue", "red"}
    page = (photos / "report.html").read_text()
    assert page.count("What counts for") >= len(explained_ones)


def test_what_is_explained_is_what_was_asked_for(photos):
    model = headstart.load(photos)
    rng = np.random.default_rng(0)
    data = from_memory([rng.integers(0, 255, (40, 60, 3), np.uint8) for _ in range(3)])
    wanted = [Item("a", 2, "blue"), Item("b", 0, "red")]
    found, untold = explained(model, data, wanted, 0.1, Silent())
    assert untold == ()
    assert {at: each.target for at, each in found.items()} == {2: "blue", 0: "red"}
    assert all(isinstance(each, ImageExplanation) for each in found.values())
    again, _ = explained(model, data, wanted, 0.1, Silent())
    assert all(np.array_equal(found[at].heat, again[at].heat) for at in found)


def test_what_goes_wrong_is_a_warning_and_the_unreadable_are_left_out(photos, tmp_path):
    model = headstart.load(photos)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    good = next((photos.parent / "photos" / "red").iterdir())
    data = from_memory([str(broken), str(good)])
    found, untold = explained(model, data, items(2), 0.1, Silent())
    assert list(found) == [1]
    assert untold == ()
    unknown = [Item("a", 1, "a class that it has not")]
    found, untold = explained(model, data, unknown, 0.1, Silent())
    assert found == {}
    assert untold[0].startswith("The page has no explanations: The class")


def test_texts_are_marked_and_figures_of_folds_are_not_explained(place):
    place.texts("said.csv", 24, *(f"the brakes of car {n},animal" for n in range(4)))
    options = ("--strategy", "feature-extraction", "--offline", "--json")
    for name, more in (("of-texts", ("--test-size", "0.4")), ("of-folds", ("--folds", "3"))):
        done = place.run("fit", "said.csv", "--out", name, *more, *options)
        assert done.code == 0, done.err
    kept = json.loads((place.folder / "of-texts" / "gallery.json").read_text())
    marked = [each for each in kept.values() if "words" in each]
    assert marked
    for each in marked:
        assert "".join(part for part, _ in each["words"]) == each["text"]
        assert max(abs(weight) for _, weight in each["words"]) == 1
    folds = json.loads((place.folder / "of-folds" / "gallery.json").read_text())
    assert folds
    assert not any("words" in each for each in folds.values())


def test_a_number_is_explained_too(place):
    place.numbers("numbers.csv", 40)
    done = place.run("fit", "numbers.csv", "--out", "of-numbers", "--offline", "--json")
    assert done.code == 0, done.err
    kept = json.loads((place.folder / "of-numbers" / "gallery.json").read_text())
    marked = [each for each in kept.values() if "words" in each]
    assert marked
    assert all(each["explains"] is None for each in marked)
    assert "a larger number" in (place.folder / "of-numbers" / "report.html").read_text()
