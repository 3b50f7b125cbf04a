"""Runs on small data, fitted once for the tests of this folder."""

import shutil
from pathlib import Path

import pytest

import headstart
from tests.runs import Place, pictures


@pytest.fixture(scope="package")
def here(tmp_path_factory, warm):
    """A folder with data of three kinds, and its cache in the environment."""
    place = Place(tmp_path_factory.mktemp("models"), warm)
    pictures(place.folder / "photos", 12)
    place.texts("texts.csv", 12)
    place.numbers("numbers.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(place.cache))
        yield place.folder


@pytest.fixture(scope="package")
def fit(here):
    """Runs by the name of their data, fitted once; each is saved beside it."""
    runs = {}

    def fitted(name: str) -> headstart.Run:
        if name not in runs:
            out = here / f"model of {name}"
            runs[name] = headstart.fit(here / name, out=out, offline=True)
        return runs[name]

    return fitted


@pytest.fixture
def run(fit):
    return fit("photos")


@pytest.fixture
def model(run, here, tmp_path):
    """A model's folder that may be spoiled."""
    return Path(shutil.copytree(here / "model of photos", tmp_path / "model"))
