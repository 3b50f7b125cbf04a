"""Models that are served, fitted once for the tests of this folder."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import headstart
from headstart.evaluation.conformal import Margin, Sets
from headstart.evaluation.decisions import NEVER, ClassThreshold
from tests.runs import Place, picture, pictures
from tests.serving.server import Server


@pytest.fixture(scope="package")
def place(tmp_path_factory, warm):
    """Models `photos`, `texts` and `numbers`, and `wary`, which decides and abstains."""
    place = Place(tmp_path_factory.mktemp("serving"), warm)
    folder = place.folder
    pictures(folder / "pictures", 12)
    place.texts("texts.csv", 12)
    place.numbers("numbers.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(place.cache))
        for data, name in (("pictures", "photos"), ("texts.csv", "texts")):
            headstart.fit(folder / data, out=folder / name, offline=True)
        number = headstart.fit(folder / "numbers.csv", offline=True).model
        replace(number, abstain=Margin(0.9, 1.5, 20)).save(folder / "numbers")
        model = headstart.load(folder / "photos")
        never = ClassThreshold(positive=0, threshold=NEVER, target="precision", wanted=0.9)
        replace(model, decision=never, abstain=Sets(0.9, (0.0, 0.0), 20)).save(folder / "wary")
        rng = np.random.default_rng(5)
        for at, colour in enumerate([(40, 60, 200), (200, 50, 40), (120, 60, 120)]):
            picture(rng, colour, (60, 80)).save(folder / f"new-{at}.jpg", quality=90)
            picture(rng, colour, (50, 30)).save(folder / f"new-{at}.png")
        yield place


@pytest.fixture(scope="package")
def folder(place) -> Path:
    return place.folder


@pytest.fixture(scope="package")
def images(folder) -> list[Path]:
    return sorted(folder.glob("new-*"))


@pytest.fixture(scope="package")
def server(place):
    """Four models, with limits that a test can reach."""
    names = ("photos", "texts", "numbers", "wary")
    limits = ("--max-items", "8", "--max-body", "1MB", "--max-pixels", "1000000")
    with Server(
        *(str(place.folder / name) for name in names),
        *limits,
        *("--max-characters", "5000", "--timeout", "5"),
        cache=place.cache,
    ) as running:
        yield running


@pytest.fixture(scope="package")
def answers(folder):
    """What `headstart predict` says of new images: probabilities by the name of a model."""
    models = {
        name: headstart.load(folder / name) for name in ("photos", "texts", "numbers", "wary")
    }
    return lambda name, items: models[name].predict(items)


@pytest.fixture
def copy(folder, tmp_path) -> Path:
    """A model that may be replaced."""
    return Path(shutil.copytree(folder / "photos", tmp_path / "model"))
