"""Trunks compile for OpenVINO with any batch size and length, and answer as in PyTorch."""

from pathlib import Path

import numpy as np
import openvino
import pytest
import torch
from torch.export import Dim

from headstart import backbones
from headstart.backbones import timm, transformers
from headstart.backbones.backbone import Backbone
from tests.backbones.text_models import save


def _check(backbone: Backbone, stage: str | None, batches: list[tuple[torch.Tensor, ...]]) -> None:
    trunk = backbone.cut(stage).trunk
    batch = Dim("batch", min=1, max=1024)
    axes = {0: batch}
    if backbone.modality == "text":
        axes[1] = Dim("length", min=2, max=backbone.preprocessing.max_tokens)
    with torch.no_grad():
        program = torch.export.export(
            trunk, batches[0], dynamic_shapes=tuple(axes for _ in batches[0])
        )
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = openvino.compile_model(openvino.convert_model(program), "CPU", settings)
    for inputs in batches:
        with torch.no_grad():
            expected = trunk(*inputs).numpy()
        found = compiled([each.numpy() for each in inputs])[0]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def _pictures(size: int) -> list[tuple[torch.Tensor, ...]]:
    generator = torch.manual_seed(0)
    return [
        (torch.randint(0, 256, (n, size, size, 3), dtype=torch.uint8, generator=generator),)
        for n in (2, 1, 3)
    ]


def _texts(vocabulary: int) -> list[tuple[torch.Tensor, ...]]:
    generator = torch.manual_seed(0)
    batches = []
    for count, length in ((3, 11), (1, 5), (2, 30)):
        ids = torch.randint(4, vocabulary, (count, length), generator=generator)
        mask = torch.ones_like(ids)
        mask[-1, 4:] = 0
        batches.append((ids * mask, mask))
    return batches


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["blocks.4", None])
def test_lite0(stage: str | None) -> None:
    _check(backbones.load("efficientnet-lite0"), stage, _pictures(224))


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["encoder.layer.2", None])
def test_minilm(stage: str | None) -> None:
    _check(backbones.load("minilm-l6"), stage, _texts(30_000))


@pytest.mark.parametrize(
    ("kind", "stage"),
    [
        ("bert", "encoder.layer.0"),
        ("gpt2", None),
        pytest.param("gpt2", "h.0", marks=pytest.mark.slow),
        pytest.param("roberta", "encoder.layer.0", marks=pytest.mark.slow),
        pytest.param("distilbert", "transformer.layer.0", marks=pytest.mark.slow),
        pytest.param("llama", "layers.0", marks=pytest.mark.slow),
    ],
)
def test_texts(tmp_path: Path, kind: str, stage: str | None) -> None:
    _check(transformers.load(str(save(tmp_path / "m", kind))), stage, _texts(60))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "size", "stage"),
    [
        ("resnet18", 64, "layer2"),
        ("vit_tiny_patch16_224", 32, "blocks.3"),
        ("swin_tiny_patch4_window7_224", 56, "layers.1"),
        ("convnext_atto", 64, "stages.1"),
    ],
)
def test_pictures(architecture: str, size: int, stage: str) -> None:
    torch.manual_seed(0)
    sized = {"img_size": size} if architecture.startswith(("vit", "swin")) else {}
    network = timm.create(architecture, **sized)
    backbone = timm.backbone(architecture, network, size=(size, size))
    for each in (stage, None):
        _check(backbone, each, _pictures(size))
