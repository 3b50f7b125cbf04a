import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import transformers as library
from timm.models import save_for_hf

from headstart import backbones, registry
from headstart.backbones import snapshot, timm, transformers
from headstart.backbones.pooling import MeanPool
from headstart.errors import InputError
from headstart.preprocessing import TextPreprocessing
from tests.backbones.fake_hub import FakeHub
from tests.backbones.text_models import save


def test_defaults() -> None:
    assert backbones.default_for("image") == "efficientnet-lite0"
    assert backbones.default_for("text") == "minilm-l6"


PACKAGES = [each for each in backbones.catalogue() if each.reference.startswith("package:")]
TIMM = [each for each in backbones.catalogue() if each.reference.startswith("timm:")]
HUB = [each for each in backbones.catalogue() if each.reference.startswith("hf:")]
# What the repositories' own configurations say, which no test can fetch.
CONFIGS = {
    "bert-base-uncased": library.BertConfig(),
    "distilbert": library.DistilBertConfig(),
    "gpt2": library.GPT2Config(),
    "opt-125m": library.OPTConfig(),
    "roberta-base": library.RobertaConfig(
        vocab_size=50_265, max_position_embeddings=514, type_vocab_size=1
    ),
}


def same(entry: backbones.Entry, backbone: backbones.Backbone) -> None:
    for name in ("modality", "family", "parameters", "features"):
        assert getattr(backbone, name) == getattr(entry, name)
    assert backbone.gflops == pytest.approx(entry.gflops, rel=1e-3)


def named(entries: list[backbones.Entry], quick: set[str]) -> list[Any]:
    """Entries as parameters; the large ones take long."""
    return [
        pytest.param(each, id=each.name, marks=() if each.name in quick else pytest.mark.slow)
        for each in entries
    ]


def test_the_names_that_people_know_are_there() -> None:
    names = {entry.name for entry in backbones.catalogue()}
    assert names == {
        *("vgg16", "vgg19", "resnet18", "resnet50", "inception_v3", "densenet121", "mobilenetv3"),
        *("efficientnet_b0", "convnext_tiny", "vit_small", "vit_base", "swin_tiny"),
        *("efficientnet-lite0", "bert-base-uncased", "distilbert", "minilm-l6", "roberta-base"),
        *("gpt2", "opt-125m"),
    }
    assert len(PACKAGES) + len(TIMM) + len(HUB) == len(names)


@pytest.mark.parametrize("entry", backbones.catalogue(), ids=lambda entry: entry.name)
def test_an_entry_is_for_people(entry: backbones.Entry) -> None:
    assert entry.description.endswith(".")
    family, _, reference = entry.reference.partition(":")
    if family != "package":
        repository = reference if family == "hf" else f"timm/{reference}"
        assert entry.source == f"https://huggingface.co/{repository}"


@pytest.mark.parametrize("entry", PACKAGES, ids=lambda entry: entry.name)
def test_an_entry_of_a_package_says_what_the_network_is(entry: backbones.Entry) -> None:
    backbone = backbones.load(entry.name, offline=True)
    same(entry, backbone)
    assert (backbone.name, backbone.licence) == (entry.name, entry.licence)
    assert backbones.is_cached(entry)


@pytest.mark.parametrize("entry", named(TIMM, {"resnet18", "mobilenetv3", "efficientnet_b0"}))
def test_an_entry_of_timms_says_what_the_network_is(entry: backbones.Entry) -> None:
    network = timm.create(entry.reference.removeprefix("timm:"))
    backbone = timm.backbone(entry.name, network)
    same(entry, backbone)
    config = network.pretrained_cfg
    assert config["license"] == entry.licence.lower()
    assert f"https://huggingface.co/{config['hf_hub_id']}" == entry.source
    size = backbone.preprocessing
    assert entry.input == f"{size.height} x {size.width} pixels"


@pytest.mark.parametrize("entry", named(HUB, set()))
def test_an_entry_of_the_hub_says_what_the_network_is(entry: backbones.Entry) -> None:
    network = library.AutoModel.from_config(CONFIGS[entry.name])
    network.pooler = None
    preprocessing = TextPreprocessing(tokenizer="", max_tokens=512, pad_id=0)
    same(entry, transformers.backbone(entry.name, network, preprocessing, pool=MeanPool()))
    assert entry.input == f"{snapshot.text_limit(network, Path('/nowhere'))} tokens"


def test_a_short_name_is_the_full_name_and_its_licence(hub: FakeHub, tmp_path: Path) -> None:
    (entry,) = (each for each in TIMM if each.name == "mobilenetv3")
    assert not backbones.is_cached(entry)
    network = timm.create(entry.reference.removeprefix("timm:"))
    save_for_hf(network, str(tmp_path / "net"), safe_serialization=True)
    hub.put(entry.source.removeprefix("https://huggingface.co/"), tmp_path / "net")
    loaded = backbones.load("mobilenetv3")
    assert (loaded.name, loaded.licence) == ("mobilenetv3", "Apache-2.0")
    hub.asked.clear()
    assert backbones.is_cached(entry)
    assert loaded.fingerprint == backbones.load(entry.reference, offline=True).fingerprint
    own = backbones.load(f"mobilenetv3@{tmp_path / 'net' / 'model.safetensors'}", offline=True)
    assert own.fingerprint == loaded.fingerprint
    assert own.name.startswith("mobilenetv3@")
    assert own.licence is None
    assert hub.asked == []


def test_a_short_name_of_the_hub_with_a_revision(hub: FakeHub, tmp_path: Path) -> None:
    first = hub.put("openai-community/gpt2", save(tmp_path / "one", "gpt2"))
    hub.put("openai-community/gpt2", save(tmp_path / "two", "gpt2", n_layer=2))
    assert len(backbones.load("gpt2").stages) == 3
    pinned = backbones.load(f"gpt2@{first}")
    assert len(pinned.stages) == 4
    assert pinned.name == f"gpt2@{first}"


def test_the_packages_take_no_other_weights() -> None:
    with pytest.raises(InputError, match="need the name of their network: timm:NAME@FILE"):
        backbones.load("efficientnet-lite0@w.pth")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("efficientnet-lite", "perhaps you mean efficientnet-lite0"),
        ("minilm", "perhaps you mean minilm-l6"),
        ("resnet34", "perhaps you mean resnet"),
        ("xyz", "there are short names, hf:OWNER/NAME, timm:NAME, keras:NAME, and folders"),
        ("", "No backbone is called ''"),
        ("other:VGG16", "No backbone is called 'other:VGG16'"),
        ("/nowhere/at/all", "No backbone is called"),
        ("bad\nname\x1b[31m", r"'bad\\nname\\x1b\[31m'"),
        ("weights/resnet18.pth", "say whose they are: timm:NETWORK@weights/resnet18.pth"),
        ("resnet18.safetensors", "say whose they are"),
        ("vgg16.weights.h5", "keras:NETWORK@vgg16.weights.h5, with a network that keras knows"),
        ("vgg16.keras", "keras:NETWORK@vgg16.keras"),
    ],
)
def test_a_name_that_is_wrong(hub: FakeHub, name: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        backbones.load(name)
    assert hub.asked == []


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"without config.json"):
        backbones.load(str(tmp_path))


def test_another_packages_family(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "other-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[headstart.families]\nmine = other_family:load\n")
    (tmp_path / "other_family.py").write_text(
        "def load(reference, *, offline, pool):\n    return 'my ' + reference\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_others", registry._others.__wrapped__)
    assert backbones.load("mine:net") == "my net"
    assert backbones.ways() == ("hf:OWNER/NAME", "timm:NAME", "keras:NAME", "mine:NAME")


def test_the_catalogue_imports_nothing_heavy() -> None:
    code = (
        "import sys; from headstart import backbones;"
        "[backbones.is_cached(each) for each in backbones.catalogue()]; backbones.ways();"
        "print(sorted({'torch', 'timm', 'transformers', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
