import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from headstart.features import cache
from headstart.features.cache import StoreInfo

INFO = StoreInfo(
    name="x.lance",
    backbone="efficient[red]net",
    cut="blocks.6",
    rows=12_345,
    bytes=31_600_000,
    last_used=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
)


def test_show(headstart_in_here, monkeypatch, tmp_path):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "show", lambda root: [INFO])
    code, out, _ = headstart_in_here("cache")
    assert code == 0
    assert "efficient[red]net  blocks.6  12,345  31.6 MB" in out
    assert f"1 store, 31.6 MB in {tmp_path}" in out
    said = json.loads(headstart_in_here("cache", "show", "--json")[1])
    assert said["folder"] == str(tmp_path)
    assert said["show"][0]["rows"] == 12_345
    assert said["show"][0]["last_used"] == "2026-01-02T03:04:00+00:00"


def test_what_tells_stores_apart_is_shown(headstart_in_here, monkeypatch, tmp_path):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))
    views = ("whole", "whole flipped", "0.9000@0.1000,0.2000")
    stores = [replace(INFO, view=view, size="224 x 224", pool="mean") for view in views]
    monkeypatch.setattr(cache, "show", lambda root: stores)
    out = headstart_in_here("cache")[1]
    header, *rows = (line.split() for line in out.splitlines()[:4])
    assert header == ["backbone", "cut", "view", "items", "size", "last", "used"]
    assert len({tuple(row) for row in rows}) == 3
    said = json.loads(headstart_in_here("cache", "--json")[1])["show"]
    assert [each["view"] for each in said] == list(views)
    stores.append(replace(INFO, backbone="another", size="96 x 96", made_by="pillow 12"))
    assert headstart_in_here("cache")[1].splitlines()[0].split() == header
    stores[0] = replace(stores[0], size="448 x 448", weights="0a1b2c3d")
    header = headstart_in_here("cache")[1].splitlines()[0]
    assert header.split()[:5] == ["backbone", "cut", "pixels", "view", "weights"]


def test_an_empty_cache(headstart_in_here, monkeypatch, tmp_path):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "none"))
    assert headstart_in_here("cache")[:2] == (0, f"0 stores, 0 B in {tmp_path / 'none'}\n")


def test_prune_passes_its_limits_on(headstart_in_here, monkeypatch, tmp_path):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))
    asked = []
    monkeypatch.setattr(cache, "prune", lambda root, **limits: asked.append(limits) or [INFO])
    line = "cache prune --older-than-days 30 --max-size 1.5GB --backbone b"
    code, out, _ = headstart_in_here(*line.split())
    assert code == 0
    assert "removed 1 store, 31.6 MB" in out
    headstart_in_here("cache", "prune", "--all")
    assert asked == [
        {"older_than_days": 30.0, "max_bytes": 1_500_000_000, "backbone": "b"},
        {"older_than_days": None, "max_bytes": None, "backbone": None},
    ]


@pytest.mark.parametrize(
    "line",
    [
        "cache prune",
        "cache prune --all --max-size 1GB",
        "cache show --all",
        "cache --max-size 1GB",
        "cache wipe",
        "cache prune --max-size many",
        "cache prune --max-size 5",
        "cache prune --older-than-days -1",
        "cache prune --older-than-days nan",
    ],
)
def test_a_doubtful_command_removes_nothing(headstart_in_here, monkeypatch, line):
    monkeypatch.setattr(cache, "prune", lambda *_, **__: pytest.fail("pruned"))
    code, out, err = headstart_in_here(*line.split())
    assert (code, out) == (2, "")
    assert err.startswith("headstart: ")
