import subprocess
import sys
from pathlib import Path

import pytest

from headstart import backbones
from headstart.errors import InputError


def test_defaults() -> None:
    assert backbones.default_for("image") == "efficientnet-lite0"
    assert backbones.default_for("text") == "minilm-l6"


@pytest.mark.parametrize("entry", backbones.catalogue(), ids=lambda entry: entry.name)
def test_an_entry_says_what_the_network_is(entry: backbones.Entry) -> None:
    backbone = backbones.load(entry.name, offline=True)
    for name in ("name", "modality", "family", "licence", "parameters", "features"):
        assert getattr(backbone, name) == getattr(entry, name)
    assert backbone.gflops == pytest.approx(entry.gflops, rel=1e-3)
    assert entry.description.endswith(".")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("efficientnet-lite", "perhaps you mean efficientnet-lite0"),
        ("minilm", "perhaps you mean minilm-l6"),
        ("xyz", "there are efficientnet-lite0, minilm-l6"),
        ("", "No backbone is called ''"),
        ("keras:VGG16", "No backbone is called 'keras:VGG16'"),
        ("/nowhere/at/all", "No backbone is called"),
        ("bad\nname\x1b[31m", r"'bad\\nname\\x1b\[31m'"),
    ],
)
def test_a_name_that_is_wrong(name: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        backbones.load(name)


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"without config.json"):
        backbones.load(str(tmp_path))


def test_another_packages_family(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "other-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[headstart.backbones]\nmine = other_family:load\n")
    (tmp_path / "other_family.py").write_text(
        "def load(reference, *, offline, pool):\n    return 'my ' + reference\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert backbones.load("mine:net") == "my net"


def test_the_catalogue_imports_nothing_heavy() -> None:
    code = (
        "import sys; from headstart import backbones; backbones.catalogue();"
        "print(sorted({'torch', 'timm', 'transformers', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
