"""Networks of every family, adapted in every way, as ONNX and as OpenVINO."""

from dataclasses import replace

import pytest

from headstart import api
from headstart.training.assemble import about, assemble
from headstart.training.averaged import averaged
from tests.backbones.keras_models import read_small, saved
from tests.training import small


def checked(adapted, given, out, formats=("onnx", "openvino")):
    model = replace(assemble(adapted, given.data), about=about(adapted, 0))
    for format in formats:
        said = api.export(model, out=out / format, format=format, data=given.data, offline=True)
        gate = said.facts["gate"]
        assert gate["network"] < 2e-4
        # A level of brightness that is rounded otherwise tells with random weights.
        assert gate["median"] < 1e-3
        assert gate["same"] == 1


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "strategy"),
    [
        ("test_efficientnet", "fine-tuning"),
        ("vit_tiny_patch16_224", "lora"),
        ("test_resnet", "full-fine-tuning"),
        ("test_convnext", "from-scratch"),
    ],
)
def test_images(tmp_path, architecture, strategy):
    given = small.ready(small.weights(tmp_path, architecture), *small.pictures(40), epochs=1)
    checked(small.trained(given, strategy), given, tmp_path)


@pytest.mark.parametrize(
    ("kind", "strategy"),
    [
        pytest.param("bert", "lora", marks=pytest.mark.slow),
        pytest.param("distilbert", "fine-tuning", marks=pytest.mark.slow),
        pytest.param("gpt2", "full-fine-tuning", marks=pytest.mark.slow),
        pytest.param("llama", "lora", marks=pytest.mark.slow),
        pytest.param("modernbert", "fine-tuning", marks=pytest.mark.slow),
    ],
)
def test_texts(tmp_path, kind, strategy):
    given = small.ready(small.texts(tmp_path, kind), *small.sentences(40), epochs=1)
    checked(small.trained(given, strategy), given, tmp_path)


@pytest.mark.slow
def test_a_rung_averaged_with_feature_extraction_of_several_stages(tmp_path):
    """Both networks are in the graph."""
    given = small.ready(small.weights(tmp_path), *small.pictures(60), epochs=1)
    mean = averaged(*small.both(given, "fine-tuning"), 0)
    assert mean is not None
    assert mean.averaged_with.trunk.backbone.blocks
    checked(mean, given, tmp_path)


@pytest.mark.slow
def test_a_keras_network(tmp_path, monkeypatch):
    read_small(monkeypatch, {"MobileNetV2": 32})
    given = small.ready(saved(tmp_path, "MobileNetV2"), *small.pictures(40), epochs=1)
    checked(small.trained(given, "full-fine-tuning"), given, tmp_path)
