"""Where trunks run: what was asked for, or a sentence."""

import pytest
import torch

import headstart
from headstart.errors import InputError
from headstart.features.trunk import Trunk
from headstart.runtime import device as devices
from headstart.spec import EmbedSpec, FitSpec
from tests.training.small import sentences, texts


def test_the_processor_can_always_be_asked_for(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert devices.device("cpu") == "cpu"
    assert devices.device("auto") == "cuda"
    assert [devices.device(each) for each in ("cuda", "cuda:0", "cuda:1")] == [
        "cuda",
        "cuda:0",
        "cuda:1",
    ]
    assert devices.by_torch("cuda:1")
    assert not devices.by_torch("cpu")
    assert devices.precision("cuda:1") == "bfloat16"
    with pytest.raises(InputError, match="--device is 'cuda:2'.*there are 2, from cuda:0"):
        devices.device("cuda:2")


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.device("auto") == "cpu"
    with pytest.raises(InputError, match="none is found; say --device cpu, or leave it out"):
        devices.device("cuda")


@pytest.mark.parametrize("kind", [FitSpec, EmbedSpec])
@pytest.mark.parametrize(
    "name", ["gpu", "cuda:", "cuda:01", "cuda:-1", "cuda:x", "CUDA", "mps:0", ""]
)
def test_what_is_no_name_of_a_device_is_refused(kind, name):
    with pytest.raises(InputError, match="--device is .*, but it must be auto, cpu, mps, cuda"):
        kind(device=name)


def test_a_device_is_used_and_told(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    name = texts(tmp_path, "bert")
    there = {device: Trunk.load(name, "text", cut=None, offline=True, device=device).where
             for device in ("auto", "cuda:0", "cpu")}  # fmt: skip
    assert there == {"auto": "cuda", "cuda:0": "cuda:0", "cpu": "cpu"}
    monkeypatch.undo()
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    items, labels = sentences(24)
    run = headstart.fit(items, labels, backbone=name, offline=True, device="cpu")
    assert run.trunk.where == run.report.backbone_facts["device"] == "cpu"


@pytest.mark.parametrize("kind", ["cuda", "mps", "cpu"])
def test_a_device_is_waited_for_and_emptied_by_its_own_library(monkeypatch, kind):
    called: list[str] = []
    for library in ("cuda", "mps"):
        for name in ("synchronize", "empty_cache"):
            monkeypatch.setattr(
                getattr(torch, library), name, lambda *_, of=f"{library} {name}": called.append(of)
            )
    devices.synchronise(torch.device(kind))
    devices.empty_cache(torch.device(kind))
    assert called == ([] if kind == "cpu" else [f"{kind} synchronize", f"{kind} empty_cache"])


def test_out_of_memory_has_many_names():
    assert devices.out_of_memory(torch.OutOfMemoryError())
    assert devices.out_of_memory(RuntimeError("MPS backend out of memory"))
    assert not devices.out_of_memory(RuntimeError("the shapes do not match"))
