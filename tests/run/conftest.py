"""Cache and small backbones of the training tests; a folder that the tests of a module share."""

import pytest

from tests.runs import Place
from tests.training.conftest import cache, names

__all__ = ["cache", "names"]


@pytest.fixture(scope="module")
def place(tmp_path_factory, warm):
    """As in every test, but for a module, and its cache is that of this process too."""
    place = Place(tmp_path_factory.mktemp("run"), warm)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(place.cache))
        yield place
