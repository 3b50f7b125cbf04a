"""Backbones from the hub: one on this machine stands for the real one, which no test can reach."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import timm as library
import torch
from timm.models import save_for_hf

from headstart import backbones
from headstart.backbones import hub as hubs
from headstart.errors import InputError
from headstart.randomness import seeded
from tests.backbones.fake_hub import FakeHub
from tests.backbones.text_models import save
from tests.test_init import NO_SOCKETS

IDS = torch.tensor([[5, 9, 11, 30]])


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    return save(tmp_path / "bert", "bert")


@pytest.fixture
def resnet(tmp_path: Path) -> Path:
    """What timm publishes: with its classifier, and its own preprocessing and licence."""
    torch.manual_seed(0)
    network = library.create_model(
        "resnet10t", pretrained_cfg_overlay={"license": "mit", "crop_pct": 0.9, "mean": (0.1,) * 3}
    )
    save_for_hf(network, str(tmp_path / "resnet"), safe_serialization=True)
    return tmp_path / "resnet"


@pytest.mark.parametrize("name", ["hf:someone/tiny", "someone/tiny"])
def test_downloaded_once_and_then_found_without_a_request(
    bert: Path, hub: FakeHub, name: str
) -> None:
    hub.put("someone/tiny", bert)
    first = backbones.load(name)
    assert first.name == name
    assert any(path.endswith("/model.safetensors") for _, path, _ in hub.asked)
    hub.asked.clear()
    for offline in (False, True):
        assert backbones.load(name, offline=offline).fingerprint == first.fingerprint
    assert hub.asked == []
    assert first.fingerprint == backbones.load(str(bert)).fingerprint


@pytest.mark.parametrize("family", ["hf", "timm"])
def test_a_training_in_another_thread_goes_on_while_it_is_downloaded(
    family: str, bert: Path, resnet: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_timm = family == "timm"
    hub.put("timm/resnet10t.c3_in1k" if of_timm else "me/bert", resnet if of_timm else bert)
    stepped, download = threading.Event(), hubs._download

    def step() -> None:
        with seeded(1):
            stepped.set()

    def waiting(*asked: str | None) -> Path:
        threading.Thread(target=step, daemon=True).start()
        assert stepped.wait(30), "the random numbers are lent to the download"
        return download(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(hubs, "_download", waiting)
    backbones.load("timm:resnet10t" if of_timm else "hf:me/bert")
    assert stepped.is_set()


@pytest.mark.parametrize("name", ["efficientnet-lite0", "minilm-l6", "bert", "resnet"])
def test_loading_draws_nothing_that_a_training_would_have_drawn(
    name: str, bert: Path, resnet: Path
) -> None:
    state = torch.random.get_rng_state()
    backbones.load({"bert": str(bert), "resnet": str(resnet)}.get(name, name), offline=True)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_weights_come_last_and_other_forms_of_them_never(bert: Path, hub: FakeHub) -> None:
    for name in ("pytorch_model.bin", "tf_model.h5", "flax_model.msgpack", "onnx/model.onnx"):
        (bert / name).parent.mkdir(exist_ok=True)
        (bert / name).write_bytes(b"not asked for")
    hub.put("someone/tiny", bert)
    backbones.load("hf:someone/tiny")
    files = [path.rpartition("/")[2] for method, path, _ in hub.asked if method == "HEAD"]
    assert files[-1] == "model.safetensors"
    assert sorted(files) == ["config.json", "model.safetensors", "tokenizer.json"]


def test_a_revision_is_pinned(bert: Path, hub: FakeHub, tmp_path: Path) -> None:
    old = hub.put("someone/tiny", bert)
    other = save(tmp_path / "other", "bert", hidden_size=32)
    hub.put("someone/tiny", other)
    hub.put("someone/tiny", other, "refs/pr/3")
    assert backbones.load(f"hf:someone/tiny@{old}").features == 16
    assert backbones.load("hf:someone/tiny").features == 32
    assert backbones.load("hf:someone/tiny@refs/pr/3", offline=False).features == 32
    hub.asked.clear()
    assert backbones.load(f"someone/tiny@{old}", offline=True).name == f"someone/tiny@{old}"
    assert backbones.load("hf:someone/tiny@refs/pr/3", offline=True).features == 32
    assert hub.asked == []
    with pytest.raises(InputError, match="the hub has no such revision"):
        backbones.load("hf:someone/tiny@v9")


def test_a_damaged_download_is_refused_and_fetched_again(
    bert: Path, hub: FakeHub, tmp_path: Path
) -> None:
    hub.put("someone/tiny", bert)
    hub.damaged.add("model.safetensors")
    with pytest.raises(InputError, match=r"damaged: model.safetensors has not the SHA-256"):
        backbones.load("hf:someone/tiny")
    with pytest.raises(InputError, match="is not on this machine"):
        backbones.load("hf:someone/tiny", offline=True)
    hub.damaged.clear()
    expected = backbones.load(str(bert)).fingerprint
    assert backbones.load("hf:someone/tiny").fingerprint == expected


def test_a_connection_that_breaks_goes_on_where_it_was(
    bert: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between tries
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1000)
    hub.put("someone/tiny", bert)
    hub.stops_after = 15_000
    assert (bert / "model.safetensors").stat().st_size > 2 * hub.stops_after
    expected = backbones.load(str(bert)).fingerprint
    assert backbones.load("hf:someone/tiny").fingerprint == expected
    asked = [asked for _, path, asked in hub.asked if path.endswith("/model.safetensors")]
    assert asked[-2:] == ["bytes=15000-", "bytes=30000-"]


def test_a_connection_that_always_breaks(
    bert: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    hub.put("someone/tiny", bert)
    hub.stops_after = 15_000
    with pytest.raises(InputError, match=r"download stopped \(.*run it again"):
        backbones.load("hf:someone/tiny")
    assert not hubs.is_cached("someone/tiny")
    hub.stops_after = None
    assert backbones.load("hf:someone/tiny").features == 16


def test_a_killed_download_without_the_rest_is_not_taken(bert: Path, hub: FakeHub) -> None:
    """Another program may have fetched config and weights alone."""
    tokenizer = (bert / "tokenizer.json").read_bytes()
    (bert / "tokenizer.json").unlink()
    hub.put("someone/tiny", bert)
    with pytest.raises(InputError, match="has no tokenizer, so it cannot be a backbone"):
        backbones.load("hf:someone/tiny")
    assert not hubs.is_cached("someone/tiny")
    (bert / "tokenizer.json").write_bytes(tokenizer)
    hub.put("someone/tiny", bert)
    assert backbones.load("hf:someone/tiny").features == 16
    assert hubs.is_cached("someone/tiny")


def test_a_repository_that_is_not_there(hub: FakeHub) -> None:
    with pytest.raises(InputError, match=r"'hf:someone/none' .*hub has no such repository; or run"):
        backbones.load("hf:someone/none")


def test_a_hub_that_cannot_be_reached(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(InputError) as error:
        backbones.load("hf:someone/tiny")
    said = str(error.value)
    assert "'hf:someone/tiny' is not on this machine, and the hub cannot be reached" in said
    assert "headstart fetch hf:someone/tiny --to DIR" in said
    assert "name a folder or a file of its weights" in said
    assert "\n" not in said


def test_a_hub_that_is_down(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    hub.down = True
    with pytest.raises(InputError, match="'hf:someone/tiny' is not on this machine, and the"):
        backbones.load("hf:someone/tiny")


def test_offline_says_how_to_get_it(hub: FakeHub) -> None:
    with pytest.raises(InputError) as error:
        backbones.load("vgg16", offline=True)
    assert str(error.value) == (
        "The backbone 'timm:vgg16.tv_in1k' is not on this machine; leave --offline out to "
        "download; or run `headstart fetch timm:vgg16.tv_in1k --to DIR` on a machine with the "
        "network, bring DIR and say --backbone DIR; or name a folder or a file of its weights "
        "that you have."
    )
    assert hub.asked == []


@pytest.mark.parametrize(
    "name", ["hf:", "hf:tiny", "hf:../a", "hf:a/b@", "hf:a/b@../../c", "hf:a/b@c/w.pth"]
)
def test_what_names_no_repository(hub: FakeHub, name: str) -> None:
    with pytest.raises(InputError, match="names no repository of the hub"):
        backbones.load(name)
    assert hub.asked == []


def test_remote_code_is_refused(bert: Path, hub: FakeHub) -> None:
    config = json.loads((bert / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "evil.Evil"}
    (bert / "config.json").write_text(json.dumps(config))
    (bert / "evil.py").write_text("raise SystemExit('this ran')\n")
    hub.put("someone/tiny", bert)
    with pytest.raises(InputError, match="auto_map in config.json"):
        backbones.load("hf:someone/tiny")
    assert not any("evil" in path for _, path, _ in hub.asked)


def test_pickled_weights_are_not_downloaded(bert: Path, hub: FakeHub) -> None:
    (bert / "model.safetensors").rename(bert / "pytorch_model.bin")
    hub.put("someone/tiny", bert)
    with pytest.raises(
        InputError, match=r"no model.safetensors.*pickle.*hf:someone/tiny@refs/pr/NUMBER"
    ):
        backbones.load("hf:someone/tiny")
    assert not any("pytorch_model" in path for _, path, _ in hub.asked)


def test_weights_in_parts(bert: Path, hub: FakeHub, tmp_path: Path) -> None:
    import transformers

    whole = backbones.load(str(bert))
    parts = tmp_path / "parts"
    transformers.AutoModel.from_pretrained(bert).save_pretrained(parts, max_shard_size="6KB")
    (parts / "tokenizer.json").write_bytes((bert / "tokenizer.json").read_bytes())
    assert len(list(parts.glob("model-*-of-*.safetensors"))) > 1
    hub.put("someone/tiny", parts)
    assert backbones.load("hf:someone/tiny").fingerprint == whole.fingerprint
    next((tmp_path / "hub").rglob("model-00002-of-*.safetensors")).unlink()
    assert not hubs.is_cached("someone/tiny")


def test_a_network_of_timms_by_its_repository(resnet: Path, hub: FakeHub) -> None:
    hub.put("someone/resnet", resnet)
    loaded = backbones.load("hf:someone/resnet")
    assert (loaded.family, loaded.licence, loaded.features) == ("timm", "mit", 512)
    assert loaded.preprocessing.crop_fraction == 0.9
    assert loaded.preprocessing.mean == (0.1,) * 3
    folder = backbones.load(str(resnet))
    assert folder.name == str(resnet)
    assert folder.fingerprint == loaded.fingerprint


def test_a_network_of_timms_by_its_name(resnet: Path, hub: FakeHub, tmp_path: Path) -> None:
    """Other programs keep the weights alone: timm needs nothing else from its own repositories."""
    (resnet / "config.json").unlink()
    hub.put("timm/resnet10t.c3_in1k", resnet)
    loaded = backbones.load("timm:resnet10t")
    assert loaded.name == "timm:resnet10t"
    assert loaded.licence == library.get_pretrained_cfg("resnet10t").license
    hub.asked.clear()
    assert backbones.load("timm:resnet10t.c3_in1k", offline=True).licence == loaded.licence
    assert hub.asked == []
    assert hubs.is_cached("timm/resnet10t.c3_in1k", weights_alone=True)
    assert not hubs.is_cached("timm/resnet10t.c3_in1k")


@pytest.mark.parametrize(
    "options", [{"pretrained": True}, {"checkpoint_path": "evil.pth"}, ["pretrained"]]
)
def test_a_folder_of_timms_that_asks_for_more(resnet: Path, options: object) -> None:
    config = json.loads((resnet / "config.json").read_text())
    (resnet / "config.json").write_text(json.dumps(config | {"model_args": options}))
    with pytest.raises(InputError, match="more than a network"):
        backbones.load(str(resnet))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"architecture": "resnet9000"}, "timm has no network called 'resnet9000'"),
        ({"architecture": ["resnet10t"]}, "timm has no network called"),
        ({"architecture": "hf-hub:someone/evil"}, "timm has no network called"),
        ({"model_args": {"no_such": 1}}, "timm cannot make the network"),
        ({"pretrained_cfg": 3}, "timm cannot make the network"),
        ({"pretrained_cfg": {"mean": "grey"}}, "'fc.bias', 'fc.weight'"),
        ({"architecture": "resnet18"}, "not those of 'resnet18': .* missing, such as"),
    ],
)
def test_a_folder_of_timms_that_is_wrong(
    resnet: Path, change: dict[str, object], reason: str
) -> None:
    config = json.loads((resnet / "config.json").read_text())
    (resnet / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(InputError, match=reason):
        backbones.load(str(resnet))


@pytest.mark.parametrize(
    "change", [{"mean": "grey"}, {"std": [1]}, {"crop_pct": "big"}, {"interpolation": "random"}]
)
def test_preprocessing_that_is_wrong(resnet: Path, change: dict[str, object]) -> None:
    config = json.loads((resnet / "config.json").read_text())
    config["pretrained_cfg"] |= change
    (resnet / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="preprocessing that comes with the backbone"):
        backbones.load(str(resnet))


@pytest.mark.slow
def test_offline_opens_no_socket(bert: Path, hub: FakeHub, tmp_path: Path) -> None:
    hub.put("someone/tiny", bert)
    backbones.load("hf:someone/tiny")
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(NO_SOCKETS)
    log = tmp_path / "sockets.log"
    without = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    environment = {
        **{name: value for name, value in os.environ.items() if name not in without},
        "PYTHONPATH": f"{tmp_path / 'guard'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        "HF_HUB_CACHE": str(tmp_path / "hub"),
        "SOCKETS": str(log),
    }
    for line, code, said in (
        ("backbones someone/tiny --offline", 0, "encoder.layer.2"),
        ("fetch hf:someone/tiny --to carried --offline", 0, "parameters"),
        ("fetch vgg16 --to vgg --offline", 2, "headstart fetch timm:vgg16.tv_in1k --to DIR"),
        ("backbones", 0, "bert-base-uncased"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "headstart", *line.split()],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert said in done.stdout + done.stderr
        assert not log.exists(), log.read_text()
