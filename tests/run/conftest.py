"""The cache and small backbones of the training tests."""

from tests.training.conftest import cache, names

__all__ = ["cache", "names"]
