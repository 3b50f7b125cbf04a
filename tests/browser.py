"""Chromium, where there is one: the fixture `browser` of conftest.py starts it."""

import shutil

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)

in_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM: the page was not tried in a browser"),
]
"""Marks of a module whose tests need it."""
