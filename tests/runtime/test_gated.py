"""A gated MLP is not what OpenVINO's CPU plugin would fuse, and answers as it did.

The fusion itself, and the crash, are seen only on a processor that computes bfloat16 in matrices
(AMX): elsewhere no LLMMLP and no QKVProjection is ever made. So the plugin's pattern is looked for.
"""

from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import timm
import torch
from openvino.passes import AnyInput, Manager, Matcher, MatcherPass, Or, WrapType
from torch import nn

from headstart.backbones import transformers
from headstart.preprocessing import Preprocessing
from headstart.runtime import compile
from headstart.runtime.gated import unfused
from headstart.runtime.graphs import round_trip
from headstart.runtime.openvino_engine import OpenVINOEngine
from tests.backbones.text_models import save
from tests.features.conftest import PICTURE

LAYERS = 2
# The plugin fuses multiples of 32 alone.
WIDE = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": LAYERS}
FEW = {"num_key_value_heads": 2, "head_dim": 32}
KINDS = {"llama": {}, "qwen2": {}, "qwen3": FEW, "mistral": FEW, "gemma": FEW}
IDS = torch.tensor([[5, 9, 11, 30], [7, 8, 12, 0], [50, 0, 0, 0], [6, 7, 8, 9]])
MASK = (IDS != 0).long()


class Pattern(MatcherPass):
    """As intel_cpu's MLPFusionPass has it for weights that are not compressed: mlp_fusion.cpp."""

    def __init__(self) -> None:
        super().__init__()
        self.found = 0
        given = AnyInput()
        gate_weight, up_weight, down_weight = (WrapType("opset13.Constant") for _ in range(3))
        gate = WrapType("opset13.MatMul", [given, gate_weight])
        up = WrapType("opset13.MatMul", [given, up_weight])
        active = Or([WrapType("opset13.Swish", [gate]), WrapType("opset13.Gelu", [gate])])
        product = WrapType("opset13.Multiply", [active, up])
        down = WrapType("opset13.MatMul", [product, down_weight])

        def count(matcher: Matcher) -> bool:
            values = matcher.get_pattern_value_map()
            for each in (gate, up, down):
                how = values[each].get_node().get_attributes()
                if how["transpose_a"] or not how["transpose_b"]:
                    return False
            wide, narrow = values[up_weight].get_shape()
            self.found += (
                len(values[given].get_partial_shape()) == 3
                and list(values[gate_weight].get_shape()) == [wide, narrow]
                and list(values[down_weight].get_shape()) == [narrow, wide]
                and wide % 32 == narrow % 32 == 0
            )
            return False

        self.register_matcher(Matcher(down, "MLPFusionPass"), count)


def fusible(graph: ov.Model) -> int:
    """How many gated MLPs the plugin would find."""
    manager, pattern = Manager(), Pattern()
    manager.register_pass(pattern)
    manager.run_passes(graph.clone())
    return pattern.found


def clamps(graph: ov.Model) -> set[str]:
    """Names of those that have no bounds."""
    return {
        node.get_friendly_name()
        for node in graph.get_ops()
        if node.get_type_name() == "Clamp" and node.get_attributes()["max"] == np.inf
    }


def compiled(graph: ov.Model, precision: str) -> ov.CompiledModel:
    streams = {"NUM_STREAMS": 2, "INFERENCE_NUM_THREADS": 2}
    return ov.Core().compile_model(graph, "CPU", streams | {"INFERENCE_PRECISION_HINT": precision})


def layers(model: ov.CompiledModel) -> list[dict[str, str]]:
    """What the plugin made of a graph: each layer's type, and what it stands for."""
    return [
        {name: node.get_rt_info()[name].value for name in ("layerType", "originalLayersNames")}
        for node in model.get_runtime_model().get_ops()
    ]


def both(
    monkeypatch: pytest.MonkeyPatch, module: nn.Module, preprocessing: Preprocessing
) -> tuple[ov.Model, ov.Model]:
    """What `to_graph` gives, and before it what it gave once; as they are read from a folder."""
    given: list[ov.Model] = []

    def kept(graph: ov.Model) -> ov.Model:
        given.append(graph)
        return unfused(graph)

    with monkeypatch.context() as patch:
        patch.setattr(compile, "unfused", kept)
        graph = compile.to_graph(module, preprocessing)
    return round_trip(lambda: (given[0], None)).model, round_trip(lambda: (graph, None)).model


@pytest.mark.parametrize("kind", KINDS)
def test_a_decoder_has_nothing_to_fuse_and_answers_the_same(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = transformers.load(str(save(tmp_path / kind, kind, **WIDE, **KINDS[kind])))
    before, graph = both(monkeypatch, backbone.module, backbone.preprocessing)
    assert fusible(before) == LAYERS
    assert fusible(graph) == 0
    assert len(clamps(graph)) == LAYERS

    with torch.no_grad():
        expected = backbone.module(IDS, MASK).numpy()
    inputs = [IDS.numpy(), MASK.numpy()]
    exact = compiled(graph, "f32")(inputs)[0]
    np.testing.assert_allclose(exact, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(exact, compiled(before, "f32")(inputs)[0])

    made = compiled(graph, "bf16")
    coarse = made(inputs)[0]
    np.testing.assert_allclose(coarse, expected, atol=0.05 * np.abs(expected).max())
    for name in clamps(graph):
        assert any(name in each["originalLayersNames"].split(",") for each in layers(made))
    assert not {each["layerType"] for each in layers(made)} & {"LLMMLP", "QKVProjection"}


def test_a_graph_from_before_is_seen_to_when_it_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = transformers.load(str(save(tmp_path / "llama", "llama", **WIDE)))
    before, _ = both(monkeypatch, backbone.module, backbone.preprocessing)
    engine = OpenVINOEngine(before, 4, "bfloat16")
    made = layers(engine._streams._compile())
    names = [each["originalLayersNames"] for each in made]
    assert sum("Multiply_" in name and ",Clamp_" in name for name in names) == LAYERS
    assert fusible(before) == LAYERS, "the graph that was given is changed"


class Pictures(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.network(pixels.permute(0, 3, 1, 2).float() / 255)
        return answer


def vision(name: str) -> nn.Module:
    torch.manual_seed(0)
    small = {"img_size": 32, "patch_size": 16, "depth": LAYERS, "embed_dim": 128, "num_heads": 2}
    return Pictures(timm.create_model(name, num_classes=0, **small)).eval()


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_a_gated_network_for_pictures_too(monkeypatch: pytest.MonkeyPatch) -> None:
    before, graph = both(monkeypatch, vision("aimv2_large_patch14_224"), PICTURE)
    assert fusible(before) == LAYERS
    assert fusible(graph) == 0


def test_other_networks_are_left_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, graph: ov.Model
) -> None:
    bert = transformers.load(str(save(tmp_path / "bert", "bert", **WIDE)))
    for each in (
        both(monkeypatch, bert.module, bert.preprocessing)[0],
        both(monkeypatch, vision("vit_tiny_patch16_224"), PICTURE)[0],
        graph,  # Convolutions and SiLU.
    ):
        assert fusible(each) == 0
        assert unfused(each) is each


def test_what_is_no_number_does_not_become_one() -> None:
    """Else features of a network that overflows would be taken for good."""
    ops = ov.opset13
    given = ops.parameter([-1, -1, 32], np.float32)
    weights = np.eye(32, dtype=np.float32)
    product = ops.multiply(
        ops.swish(ops.matmul(given, ops.constant(weights), False, True)),
        ops.matmul(given, ops.constant(weights), False, True),
    )
    down = ops.matmul(product, ops.constant(weights), False, True)
    graph = round_trip(lambda: (unfused(ov.Model([down], [given])), None)).model
    assert len(clamps(graph)) == 1
    numbers = np.ones((1, 3, 32), np.float32)
    numbers[0, 1, 0], numbers[0, 2, 0] = np.nan, 1e30
    for precision in ("f32", "bf16"):
        answer = compiled(graph, precision)(numbers)[0]
        assert np.isfinite(answer).all(-1).tolist() == [[True, False, False]]
