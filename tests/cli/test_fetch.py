"""`headstart fetch`: what it writes is the same backbone, and stands alone."""

import json
from pathlib import Path

import numpy as np
import pytest
import timm as library
import torch
from timm.models import save_for_hf

from headstart import backbones
from headstart.backbones import fetch as fetching
from headstart.backbones import timm_folder
from headstart.errors import HeadstartError, InputError
from tests.backbones.fake_hub import FakeHub
from tests.backbones.keras_models import saved
from tests.backbones.text_models import save
from tests.runs import Place, pictures


def features(backbone: backbones.Backbone) -> torch.Tensor:
    with torch.inference_mode():
        if backbone.modality == "text":
            ids = torch.tensor([[5, 9, 11, 30]])
            return backbone.module(ids, torch.ones_like(ids))
        size = backbone.preprocessing
        pixels = torch.arange(size.height * size.width * 3).view(1, size.height, size.width, 3)
        return backbone.module((pixels % 251).to(torch.uint8))


def equal(one: backbones.Backbone, other: backbones.Backbone) -> None:
    for name in ("fingerprint", "preprocessing", "licence", "pool", "modality", "stages"):
        assert getattr(one, name) == getattr(other, name)
    assert torch.equal(features(one), features(other))


@pytest.fixture
def resnet(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = library.create_model("test_resnet", pretrained_cfg_overlay={"license": "mit"})
    save_for_hf(network, str(tmp_path / "resnet"), safe_serialization=True)
    return tmp_path / "resnet"


@pytest.mark.parametrize("name", ["efficientnet-lite0", "minilm-l6"])
def test_weights_of_a_package(tmp_path: Path, headstart_in_here, name: str) -> None:
    code, out, err = headstart_in_here("fetch", name, "--to", str(tmp_path / "net"), "--json")
    assert (code, err) == (0, "")
    folder = tmp_path / "net"
    about = json.loads(out)
    assert about["folder"] == str(folder)
    assert (about["name"], about["licence"]) == (name, "Apache-2.0")
    assert about["bytes"] == sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    equal(backbones.load(str(folder), offline=True), backbones.load(name))
    assert 'license: "Apache-2.0"' in (folder / "README.md").read_text()
    modes = {each.stat().st_mode for each in folder.rglob("*") if each.is_file()}
    assert len(modes) == 1  # safetensors makes files that nobody else may read


def test_a_network_of_keras(tmp_path: Path, headstart_in_here) -> None:
    name = saved(tmp_path, "MobileNetV3Small")
    code, out, err = headstart_in_here("fetch", name, "--to", str(tmp_path / "net"), "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["licence"] is None
    files = sorted(each.name for each in (tmp_path / "net").iterdir())
    assert files == ["README.md", "config.json", "model.weights.h5"]
    original = backbones.load(name)
    equal(backbones.load(str(tmp_path / "net"), offline=True), original)
    own = f"keras:MobileNetV3Small@{tmp_path / 'net' / 'model.weights.h5'}"
    equal(backbones.load(own, offline=True), original)
    again = headstart_in_here("fetch", str(tmp_path / "net"), "--to", str(tmp_path / "more"))
    assert again[0] == 0
    equal(backbones.load(str(tmp_path / "more"), offline=True), original)
    (tmp_path / "net" / "config.json").write_text('{"keras_application": 3}')
    code, _, err = headstart_in_here("backbones", str(tmp_path / "net"))
    assert code == 2
    assert "names no network; fetch the folder again" in err


def test_a_network_of_timms(tmp_path: Path, hub: FakeHub, resnet: Path, headstart_in_here) -> None:
    hub.put("timm/test_resnet.r160_in1k", resnet)
    code, out, _ = headstart_in_here("fetch", "timm:test_resnet", "--to", str(tmp_path / "net"))
    assert code == 0
    assert "apache-2.0" in out
    assert "--backbone DIR" in out
    hub.asked.clear()
    equal(backbones.load(str(tmp_path / "net")), backbones.load("timm:test_resnet", offline=True))
    assert hub.asked == []


def test_a_text_network_of_the_hub(tmp_path: Path, hub: FakeHub, headstart_in_here) -> None:
    bert = save(tmp_path / "bert", "bert")
    (bert / "README.md").write_text("---\nlicense: mit\n---\n")
    (bert / "sentence_bert_config.json").write_text('{"max_seq_length": 12}')
    (bert / "1_Pooling").mkdir()
    (bert / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    hub.put("someone/tiny", bert)
    code, out, err = headstart_in_here("fetch", "someone/tiny", "--to", str(tmp_path / "net"))
    assert code == 0
    assert "mit" in out
    assert "Fetching" in err  # the download's progress
    loaded = backbones.load(str(tmp_path / "net"))
    equal(loaded, backbones.load("hf:someone/tiny", offline=True))
    assert (loaded.licence, loaded.pool, loaded.preprocessing.max_tokens) == ("mit", "first", 12)


@pytest.mark.parametrize("kind", ["gpt2", "distilbert", "roberta", "llama", "modernbert"])
def test_every_kind_of_text_network(tmp_path: Path, kind: str) -> None:
    made = save(tmp_path / "made", kind)
    fetched = fetching.fetch(str(made), tmp_path / "net", offline=True)
    assert fetched.name == str(made)
    equal(backbones.load(str(tmp_path / "net")), backbones.load(str(made)))


def test_a_network_made_with_options(tmp_path: Path) -> None:
    network = library.create_model("vit_tiny_patch16_224", img_size=48, depth=2, num_classes=3)
    save_for_hf(network, str(tmp_path / "vit"), safe_serialization=True)
    one = fetching.fetch(str(tmp_path / "vit"), tmp_path / "one")
    two = fetching.fetch(str(tmp_path / "one"), tmp_path / "two")
    assert (two.preprocessing.height, two.preprocessing.width) == (48, 48)
    equal(one, two)
    (tmp_path / "one").rename(tmp_path / "moved")
    moved = backbones.load(str(tmp_path / "moved"))
    assert moved.random_weights(1).keys() == two.module.state_dict().keys()


def test_weights_of_ones_own_have_no_licence_of_others(tmp_path: Path, resnet: Path) -> None:
    name = f"timm:test_resnet@{resnet / 'model.safetensors'}"
    assert fetching.fetch(name, tmp_path / "net").licence is None
    assert "license:" not in (tmp_path / "net" / "README.md").read_text()


def test_a_licence_with_a_line_break_stays_one_line(tmp_path: Path, resnet: Path) -> None:
    config = json.loads((resnet / "config.json").read_text())
    config["pretrained_cfg"]["license"] = 'mine\ntags: "x"'
    (resnet / "config.json").write_text(json.dumps(config))
    assert fetching.fetch(str(resnet), tmp_path / "net").licence == 'mine\ntags: "x"'


@pytest.mark.parametrize("made", ["a folder", "a file", "above"])
def test_what_is_there_is_not_overwritten(tmp_path: Path, headstart_in_here, made: str) -> None:
    target, said = tmp_path / "net", "is a file"
    if made == "a folder":
        target.mkdir()
        (target / "mine.txt").write_text("mine")
        said = "is not empty"
    elif made == "a file":
        target.write_text("mine")
    else:
        target, said = tmp_path / "no" / "where", "make it first."
    before = sorted(tmp_path.rglob("*"))
    code, out, err = headstart_in_here("fetch", "efficientnet-lite0", "--to", str(target))
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_folder_is_filled(tmp_path: Path, resnet: Path) -> None:
    (tmp_path / "net").mkdir()
    fetching.fetch(str(resnet), tmp_path / "net")
    assert (tmp_path / "net" / "model.safetensors").is_file()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_nothing_is_left_of_what_failed(
    tmp_path: Path, resnet: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def save(made: object, folder: Path) -> None:
        (folder / "config.json").write_text("{")
        raise error

    monkeypatch.setattr(timm_folder, "save", save)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(error):
        fetching.fetch(str(resnet), tmp_path / "net")
    assert sorted(tmp_path.iterdir()) == before


def test_what_was_written_is_read_again(
    tmp_path: Path, resnet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = timm_folder.save

    def save(made: backbones.Backbone, folder: Path) -> None:
        with torch.no_grad():
            made.module.network.conv1[0].weight.add_(1)
        whole(made, folder)

    monkeypatch.setattr(timm_folder, "save", save)
    with pytest.raises(HeadstartError, match="another one when it is read"):
        fetching.fetch(str(resnet), tmp_path / "net")
    assert not (tmp_path / "net").exists()


def test_a_family_that_cannot_be_written(
    tmp_path: Path, resnet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "SAVERS", {})
    with pytest.raises(InputError, match="of the family timm, which headstart cannot write"):
        fetching.fetch(str(resnet), tmp_path / "net")


def test_the_list_says_what_is_here(hub: FakeHub, headstart_in_here, tmp_path: Path) -> None:
    code, out, err = headstart_in_here("backbones", "--json")
    listed = {each["name"]: each for each in json.loads(out)}
    assert (code, err) == (0, "")
    assert [name for name, each in listed.items() if each["here"]] == [
        "efficientnet-lite0",
        "minilm-l6",
    ]
    hub.put("openai-community/gpt2", save(tmp_path / "gpt2", "gpt2"))
    assert headstart_in_here("backbones", "gpt2", "--json")[0] == 0
    hub.asked.clear()
    out = headstart_in_here("backbones")[1]
    (line,) = (line for line in out.splitlines() if line.startswith("gpt2 "))
    assert " here " in line
    assert "huggingface.co/timm/vgg16.tv_in1k" in out
    assert max(map(len, out.splitlines())) <= 80
    assert hub.asked == []


@pytest.mark.slow
def test_a_model_of_a_backbone_by_name_stands_alone(place: Place, hub: FakeHub) -> None:
    """From a name, and from its folder without the hub: the same features, and a whole model."""
    hub.put("someone/tiny", save(place.folder / "bert", "bert"))
    rows = (f"w{i} w{i + 1},{'ab'[i % 2]}" for i in range(16))
    place.table("texts.csv", "text,label", *rows)
    name = "hf:someone/tiny"
    assert place.run("fetch", name, "--to", "net").code == 0
    for backbone, out in ((name, "a"), ("net", "b")):
        done = place.run("fit", "texts.csv", "--backbone", backbone, "--out", out)
        assert done.code == 0, done.err
        done = place.run("embed", "texts.csv", "--backbone", backbone, "--out", f"{out}.npz")
        assert done.code == 0, done.err
    one, two = (np.load(place.folder / f"{out}.npz") for out in "ab")
    assert np.array_equal(one["feature"], two["feature"])
    about = [json.loads((place.folder / out / "model.json").read_text()) for out in "ab"]
    assert about[0]["backbone"]["fingerprint"] == about[1]["backbone"]["fingerprint"]
    assert [each["backbone"]["name"] for each in about] == [name, "net"]
    hub.asked.clear()
    (place.folder / "net").rename(place.folder / "gone")
    for out in "ab":
        assert place.run("predict", out, "texts.csv").code == 0
    assert hub.asked == []


@pytest.mark.slow
def test_a_picture_network_by_folder_in_a_fit(place: Place, resnet: Path) -> None:
    pictures(place.folder / "photos", 12)
    done = place.run("fit", "photos", "--backbone", str(resnet), "--out", "model", "--offline")
    assert done.code == 0, done.err
    assert "licence mit" in done.out
