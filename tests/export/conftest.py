"""Models of small data, fitted once for the tests of this folder."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import headstart
from tests.runs import Place, pictures


def textured(folder: Path, each: int) -> Path:
    """Images far larger than a network's input, in two colours that a fine pattern hides."""
    random = np.random.default_rng(0)
    for name, period in (("coarse", 90.0), ("fine", 6.0)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            turned = random.uniform(0.2, 1.3)
            rows, columns = np.mgrid[:720, :960] * 2 * np.pi / (period * random.uniform(0.8, 1.25))
            wave = np.sin(rows * np.sin(turned) + columns * np.cos(turned))[:, :, None]
            colour = np.array([140, 110, 60]) + random.normal(0, 15, 3)
            pixels = colour + 60 * wave + random.normal(0, 45, (720, 960, 3))
            image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            image.save(folder / name / f"{number}.png", compress_level=1)
    return folder


@pytest.fixture(scope="package")
def here(tmp_path_factory, warm):
    """A folder with data of several kinds, and its cache in the environment."""
    place = Place(tmp_path_factory.mktemp("exported"), warm)
    pictures(place.folder / "photos", 12)
    textured(place.folder / "textures", 8)
    place.texts("texts.csv", 12)
    place.tags("tags.csv")
    place.numbers("numbers.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(place.cache))
        patch.chdir(place.folder)
        yield place


@pytest.fixture(scope="package")
def fit(here):
    """Folders of models by the name of their data and their options, each fitted once."""
    made = {}

    def fitted(name: str, **options: object) -> Path:
        out = here.folder / f"model of {name} {options}"
        if out not in made:
            chosen = {"strategy": "feature-extraction", **options}
            headstart.fit(here.folder / name, out=out, offline=True, **chosen)
            made[out] = out
        return made[out]

    return fitted
