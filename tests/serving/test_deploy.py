"""What a small place to serve in needs: the requirements file says it all."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.serving.server import Server

DEPLOY = Path(__file__).parents[2] / "deploy"
LARGEST = 600e6
"""Bytes of all that is installed."""

BLOCK = """
import json, os, sys
class Missing:
    blocked = frozenset(json.loads(os.environ["BLOCKED"]))
    def find_spec(self, name, path=None, target=None):
        if path is None and name in self.blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
"""


def pinned() -> dict[str, str]:
    lines = (DEPLOY / "requirements-serve.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """Variables that hide every package but those that are pinned, and headstart."""
    there = {*pinned(), "headstart"}
    blocked = [
        top
        for top, owners in packages_distributions().items()
        if not any(canonicalize_name(each) in there for each in owners)
    ]
    assert {"torch", "sklearn", "pyarrow", "transformers"} <= set(blocked)
    (tmp_path / "sitecustomize.py").write_text(BLOCK)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    return {"PYTHONPATH": path, "BLOCKED": json.dumps(blocked)}


def test_it_is_whole_and_small():
    """Whatever a pinned package requires is pinned too, and headstart allows the versions."""
    listed, size = pinned(), 0
    for name in listed:
        found = distribution(name)
        for each in map(Requirement, found.requires or ()):
            if each.marker is None or each.marker.evaluate({"extra": ""}):
                assert canonicalize_name(each.name) in listed, f"{name} requires {each.name}"
        files = (file.locate() for file in found.files or ())
        size += sum(file.stat().st_size for file in files if file.exists())
    assert size < LARGEST
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]
    required = project["dependencies"] + project["optional-dependencies"]["serve"]
    for each in map(Requirement, required):
        version = listed.get(canonicalize_name(each.name))
        assert version is None or each.specifier.contains(version), each
    for each in map(Requirement, project["optional-dependencies"]["serve"]):
        assert canonicalize_name(each.name) in listed


def test_a_model_is_served_with_nothing_else(place, images, environment):
    names = [str(place.folder / name) for name in ("photos", "texts", "numbers", "wary")]
    with Server(*names, cache=place.cache, **environment) as server:
        for name in ("photos", "wary"):
            found = server.client.post(
                f"models/{name}/predict?explain=1", content=images[0].read_bytes()
            )
            assert found.status_code == 200, found.text
        for name in ("texts", "numbers"):
            found = server.client.post(f"models/{name}/predict?explain=1", json={"text": "a cat"})
            assert found.status_code == 200, found.text
        assert server.client.get("metrics").status_code == 200
        assert server.errors == []


def test_predict_answers_with_nothing_else(place, images, environment):
    done = subprocess.run(
        [sys.executable, "-m", "headstart", "predict", "photos", images[0].name],
        cwd=place.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "HEADSTART_CACHE": str(place.cache), **environment},
    )
    assert done.returncode == 0, done.stderr
    assert ",blue," in done.stdout


def test_the_files_name_what_there_is():
    docker = (DEPLOY / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (.+) \S+$", docker, re.M)
    assert all((DEPLOY.parent / each).exists() for line in copied for each in line.split())
    for text in (docker, (DEPLOY / "headstart.service").read_text()):
        assert "serve" in text
        assert "HEADSTART_CACHE" in text
