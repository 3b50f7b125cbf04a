"""What is known of a backbone is kept, and never of other files than those that are there."""

import contextlib
import json
import math
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import pytest
import torch

from headstart import backbones
from headstart.backbones import described
from headstart.errors import HeadstartError, InputError
from tests.backbones import text_models
from tests.training import small

PLAIN = {each.name for each in fields(backbones.Backbone)} - {"parts", "resizer", "described"}


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    """Files that a test has just written count as unchanged for long."""
    monkeypatch.setattr(described, "UNSETTLED", -math.inf)


@pytest.fixture
def folder(tmp_path):
    return text_models.save(tmp_path / "bert", "bert")


def load(name, tmp_path, **options):
    return backbones.load(str(name), offline=True, cache=tmp_path / "cache", **options)


def unread(monkeypatch):
    # The package has a function of the module's name.
    module = sys.modules["headstart.backbones.catalogue"]
    monkeypatch.setattr(module, "_read", lambda *_: pytest.fail("the network was read"))


@pytest.mark.parametrize("kind", ["image", "text"])
def test_it_is_what_the_network_says_of_itself(kind, tmp_path, monkeypatch):
    name = small.weights(tmp_path) if kind == "image" else small.texts(tmp_path, "bert")
    first = load(name, tmp_path)
    assert not first.described
    with monkeypatch.context() as patch:
        unread(patch)
        again = load(name, tmp_path)
        assert again.described
        assert all(getattr(again, each) == getattr(first, each) for each in PLAIN)
        assert again.cut(None).shape == first.cut(None).shape
    own, kept = first.module.state_dict(), again.module.state_dict()
    assert own.keys() == kept.keys()
    assert all(torch.equal(own[key], kept[key]) for key in own)


def test_threads_that_open_it_at_once_get_one_network(folder, tmp_path, monkeypatch):
    """What learns of one is found in the other by identity."""
    load(folder, tmp_path)
    module = sys.modules["headstart.backbones.catalogue"]
    read, both = module._read, threading.Barrier(2)

    def slow(*asked):
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.3)
        return read(*asked)

    monkeypatch.setattr(module, "_read", slow)
    again = load(folder, tmp_path)
    assert again.described
    with ThreadPoolExecutor(2) as pool:
        parts = [pool.submit(again.parts) for _ in range(2)]
        one, two = (each.result() for each in parts)
    assert one is two


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_another_file_is_another_backbone_whatever_its_times_say(name, folder, tmp_path):
    load(folder, tmp_path)
    path = folder / name
    times = path.stat()
    content = path.read_bytes()
    path.write_bytes(
        content[:-8] + bytes(8)
        if name == "model.safetensors"
        else content.replace(b'"num_attention_heads": 2', b'"num_attention_heads": 4').replace(
            b'"w7"', b'"x7"'
        )
    )
    assert path.stat().st_size == times.st_size
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert not load(folder, tmp_path).described


def test_a_large_file_that_was_replaced_is_another(tmp_path, monkeypatch):
    monkeypatch.setattr(described, "SMALL", 16)
    test_another_file_is_another_backbone_whatever_its_times_say(
        "model.safetensors", text_models.save(tmp_path / "bert", "bert"), tmp_path
    )


def test_a_file_that_came_or_went_counts(folder, tmp_path):
    load(folder, tmp_path)
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match="adapter"):
        load(folder, tmp_path)
    (folder / "adapter_config.json").unlink()
    assert load(folder, tmp_path).described
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"no model.safetensors"):
        load(folder, tmp_path)


def test_a_file_that_may_still_change_is_not_described(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(described, "UNSETTLED", 2.0)
    load(folder, tmp_path)
    assert not load(folder, tmp_path).described


def test_a_pool_and_another_version_have_their_own(folder, tmp_path, monkeypatch):
    load(folder, tmp_path)
    assert load(folder, tmp_path, pool="first").pool == "first"
    monkeypatch.setattr(described, "version_of", lambda _: "999")
    assert not load(folder, tmp_path).described


def test_a_relative_name_is_of_the_folder_that_one_is_in(tmp_path, monkeypatch):
    for place, kind in (("here", "bert"), ("there", "gpt2")):
        text_models.save(tmp_path / place / "bb", kind)
    found = []
    for place in ("here", "there", "here"):
        monkeypatch.chdir(tmp_path / place)
        found.append(load("bb", tmp_path))
    assert [each.described for each in found] == [False, False, True]
    assert found[0].fingerprint == found[2].fingerprint != found[1].fingerprint


@pytest.mark.parametrize("damage", [lambda text: text[:-5], lambda text: text.replace("16", "17")])
def test_a_damaged_description_is_made_anew(damage, folder, tmp_path):
    first = load(folder, tmp_path)
    (path,) = (tmp_path / "cache" / "backbones").iterdir()
    whole = path.read_text()
    path.write_text(damage(whole))
    again = load(folder, tmp_path)
    assert not again.described
    assert again.stages == first.stages
    assert path.read_text() == whole


def test_a_cache_that_takes_nothing_is_no_hindrance(folder, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    assert load(folder, tmp_path).features == 16


def test_files_that_change_between_description_and_use_are_an_error(folder, tmp_path):
    load(folder, tmp_path)
    kept = load(folder, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}))
    with pytest.raises(HeadstartError, match="changed while they were used"):
        _ = kept.module
    assert load(folder, tmp_path).module is not None


def test_another_size_is_described_too(tmp_path, monkeypatch):
    name = small.weights(tmp_path)
    first = load(name, tmp_path).resized(192)
    with monkeypatch.context() as patch:
        unread(patch)
        again = load(name, tmp_path).resized(192)
        assert again.described
        assert all(getattr(again, each) == getattr(first, each) for each in PLAIN)
    pixels = torch.zeros(1, 192, 192, 3, dtype=torch.uint8)
    with torch.no_grad():
        assert torch.equal(first.module(pixels), again.module(pixels))


def test_that_a_size_does_not_fit_is_kept(tmp_path, monkeypatch):
    name = small.weights(tmp_path, "test_vit")
    with pytest.raises(InputError, match="patches are 16 pixels wide"):
        load(name, tmp_path).resized(165)
    unread(monkeypatch)
    with pytest.raises(InputError, match="patches are 16 pixels wide"):
        load(name, tmp_path).resized(165)


def test_a_stage_that_is_not_there_is_named(folder, tmp_path):
    load(folder, tmp_path)
    again = load(folder, tmp_path)
    with pytest.raises(InputError, match=r"has no stage 'encoder.layer.9'"):
        again.cut("encoder.layer.9")


def test_describing_one_again_imports_no_torch(folder, tmp_path):
    load(folder, tmp_path)
    code = (
        "import sys; from headstart import api;"
        f"about = api.describe({str(folder)!r}, offline=True);"
        "print(about.stages[0].name, {'torch', 'transformers', 'timm'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HEADSTART_CACHE": str(tmp_path / "cache")},
    )
    assert done.stdout.split() == ["embeddings", "set()"]


def test_another_size_that_is_described_imports_no_torch(tmp_path):
    name = small.weights(tmp_path)
    load(name, tmp_path).resized(192)
    cache = str(tmp_path / "cache")
    code = (
        "import sys; from pathlib import Path; from headstart import backbones;"
        f"again = backbones.load({str(name)!r}, offline=True, cache=Path({cache!r}));"
        "print(again.resized(192).preprocessing.height, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["192", "False"]
