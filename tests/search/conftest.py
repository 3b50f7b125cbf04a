"""The cache and small backbones of the training tests, for those of the search."""

from tests.training.conftest import cache, names

__all__ = ["cache", "names"]
