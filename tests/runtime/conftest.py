"""The small network of `tests/features`."""

from tests.features.conftest import engine, graph, trunk

__all__ = ["engine", "graph", "trunk"]
