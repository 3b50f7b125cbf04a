import sys
import types

import pytest

import headstart
from headstart.cli.app import run


class Fake(types.ModuleType):
    """Stands for `headstart.api`: `fake.fit = ...` says what `api.fit` does."""


@pytest.fixture
def api(monkeypatch) -> Fake:
    fake = Fake("headstart.api")
    monkeypatch.setitem(sys.modules, "headstart.api", fake)
    monkeypatch.setattr(headstart, "api", fake, raising=False)
    return fake


@pytest.fixture
def headstart_in_here(capfd):
    """Run a command line in this process: gives its exit code, standard output and error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run(list(arguments))
        out, err = capfd.readouterr()
        return code, out, err

    return call
