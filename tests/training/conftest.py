"""A cache and small backbones, for a module's tests."""

import pytest

from tests.training.small import texts, weights


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def names(tmp_path_factory, cache):
    folder = tmp_path_factory.mktemp("backbones")
    return {"image": weights(folder), "text": texts(folder, "bert")}
