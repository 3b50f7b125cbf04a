"""Models of small data, fitted once for the tests of this folder."""

import pytest

import headstart
from tests.runs import Place, pictures


@pytest.fixture(scope="package")
def here(tmp_path_factory, warm):
    """A folder with data of several kinds, and its cache in the environment."""
    place = Place(tmp_path_factory.mktemp("explained"), warm)
    pictures(place.folder / "photos", 12)
    place.texts("texts.csv", 12)
    place.tags("tags.csv")
    place.numbers("numbers.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(place.cache))
        yield place


@pytest.fixture(scope="package")
def fit(here):
    """Folders of models by the name of their data, each fitted once."""
    models = {}

    def fitted(name, **options):
        out = here.folder / f"model of {name} {options}"
        if out not in models:
            headstart.fit(
                here.folder / name,
                out=out,
                offline=True,
                strategy="feature-extraction",
                **options,
            )
            models[out] = headstart.load(out)
        return models[out]

    return fitted
