"""Features of several stages: what they are, and that the others stay what they were."""

import numpy as np
import pytest
import torch

from headstart.backbones import load, timm
from headstart.backbones.backbone import Backbone
from headstart.backbones.pooling import HALF, MapPool, MeanPool, Staged
from headstart.backbones.staged import TAPS, WIDEST, staged
from headstart.runtime import compile
from headstart.runtime.openvino_engine import OpenVINOEngine
from tests.training import small

VISION = ["test_efficientnet", "vit_tiny_patch16_224", "test_resnet", "test_convnext"]
TEXT = ["bert", "distilbert", "gpt2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("backbones")


def inputs(backbone: Backbone) -> tuple[torch.Tensor, ...]:
    made = torch.Generator().manual_seed(0)
    if backbone.modality == "text":
        ids = torch.randint(3, 9, (3, 7), generator=made)
        mask = torch.ones_like(ids)
        mask[1, 4:] = 0
        return ids, mask
    size = (3, backbone.preprocessing.height, backbone.preprocessing.width, 3)
    return (torch.randint(0, 256, size, dtype=torch.uint8, generator=made),)


def of(name: str, folder) -> Backbone:
    if name in TEXT:
        return load(small.texts(folder, name), offline=True)
    return load(small.weights(folder, name), offline=True)


@pytest.mark.parametrize("name", [*VISION, *TEXT])
def test_the_first_features_are_the_networks_own(name, folder):
    backbone = of(name, folder)
    wide = staged(backbone)
    given = inputs(backbone)
    with torch.inference_mode():
        own, all_of_them = backbone.module(*given), wide.module(*given)
    assert torch.equal(own, all_of_them[:, : backbone.features])
    assert wide.blocks[0].width == backbone.features
    assert sum(block.width for block in wide.blocks) == wide.features == all_of_them.shape[1]
    assert wide.fingerprint == backbone.fingerprint
    assert wide.pool == backbone.pool
    assert wide.cut().shape == (wide.features,)


@pytest.mark.parametrize("name", [*VISION, *TEXT])
def test_each_block_is_the_pooled_output_of_its_stage(name, folder):
    """As a trunk that ends there gives it."""
    backbone = of(name, folder)
    wide = staged(backbone)
    given = inputs(backbone)
    at = backbone.features
    with torch.no_grad():
        features = wide.module(*given)
        for block in wide.blocks[1:]:
            output = backbone.cut(block.stage).trunk(*given)
            if backbone.modality == "text":
                pooled = MeanPool()(output, given[1])
            elif output.ndim == 3:
                tokens = output[:, backbone.prefix_tokens :]
                pooled = tokens.mean(1) if block.pool == "mean" else tokens.amax(1)
            else:
                axes = (1, 2) if backbone.channels_last else (2, 3)
                pooled = output.mean(axes) if block.pool == "mean" else output.amax(axes)
            mine = features[:, at : at + block.width]
            assert torch.allclose(mine, pooled, rtol=1e-4, atol=1e-4)
            at += block.width
    assert at == features.shape[1]


@pytest.mark.parametrize("name", ["test_efficientnet", "bert"])
def test_the_compiled_network_gives_the_same(name, folder):
    wide = staged(of(name, folder))
    given = inputs(wide)
    graph = compile.to_graph(wide.module, wide.preprocessing)
    engine = OpenVINOEngine(graph, len(given[0]), "float32")
    answers: list[np.ndarray] = []
    engine.start(tuple(each.numpy() for each in given), answers.append)
    engine.wait()
    with torch.inference_mode():
        expected = wide.module(*given).numpy()
    np.testing.assert_allclose(answers[0], expected, rtol=1e-3, atol=1e-3)


def test_the_stages_of_the_default_networks():
    image, text = (staged(load(name, offline=True)) for name in ("efficientnet-lite0", "minilm-l6"))
    assert [block.name for block in text.blocks] == [
        "the last stage",
        "embeddings (mean)",
        *(f"encoder.layer.{number} (mean)" for number in range(5)),
    ]
    assert len({block.stage for block in image.blocks}) == 1 + TAPS
    assert image.features - 1280 <= WIDEST


def test_nothing_is_too_large_for_what_is_stored():
    class Large(torch.nn.Module):
        def forward(self, items):
            return torch.full((len(items), 4, 5, 5), -1e6), torch.ones(len(items), 3)

    found = Staged(Large(), [[MapPool("mean", 1), MapPool("max", 1)]])(torch.zeros(2))
    assert found.tolist() == [[1.0] * 3 + [-HALF] * 8] * 2
    assert np.isfinite(found.numpy().astype(np.float16)).all()


def test_a_network_in_one_piece_stays_as_it_is(folder, monkeypatch):
    monkeypatch.setattr("headstart.backbones.graph._trace", lambda *_: 1 / 0)
    torch.manual_seed(0)
    backbone = timm.backbone("whole", timm.create("test_resnet"))
    assert len(backbone.stages) == 1
    assert staged(backbone) is backbone
