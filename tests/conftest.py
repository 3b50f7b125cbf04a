"""Whole runs that several test files share."""

import os
import signal

import pytest
from filelock import FileLock

from tests.backbones.fake_hub import FakeHub
from tests.browser import CHROMIUM
from tests.runs import Forks, Place, pictures

# A shell that starts the tests in the background has them, and what they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def warm(tmp_path_factory, tried):
    """A cache that holds the networks' graphs and no features: converting takes seconds.

    Made by the first worker that needs it, for all.
    """
    folder = tried.with_name("warm")
    with FileLock(folder.with_suffix(".lock")):
        if (folder / "whole").exists():
            return folder / "cache"
        place = Place(folder)
        pictures(folder / "photos", 12)
        place.texts("texts.csv", 12)
        for data in ("photos", "texts.csv"):
            assert place.run("embed", data, "--out", "x.npz", "--offline").code == 0
        (place.cache / "compiled").symlink_to(tried)
        (folder / "whole").touch()
    return folder / "cache"


@pytest.fixture(scope="session", autouse=True)
def tried(tmp_path_factory):
    """Verdicts on compiled networks are shared: each test would start a child for its own."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "compiled"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headstart.runtime.trial.kept_in", lambda _: folder)
        yield folder


@pytest.fixture
def place(tmp_path, warm):
    """An empty folder with a cache of its own, where command lines are run in this process."""
    return Place(tmp_path, warm)


@pytest.fixture(scope="module")
def browser():
    """Chromium, for modules that are marked `tests.browser.in_browser`."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as tool:
        started = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def forks(tmp_path_factory):
    """Runs command lines in processes of their own, without the seconds of their imports."""
    with Forks(tmp_path_factory.mktemp("forks")) as running:
        yield running


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub without repositories, that this process takes for the real one; its cache is empty."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with FakeHub() as made:
        template = f"{made.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        for name, value in (
            ("ENDPOINT", made.address),
            ("HUGGINGFACE_CO_URL_TEMPLATE", template),
            ("HF_HUB_CACHE", str(tmp_path / "hub")),
            ("HF_TOKEN_PATH", str(tmp_path / "token")),
            ("HF_HUB_DISABLE_XET", True),
        ):
            monkeypatch.setattr(f"huggingface_hub.constants.{name}", value)
        yield made
