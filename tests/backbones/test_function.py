"""The same weights that are used otherwise are another network."""

import functools
import json
import shutil
import subprocess
import sys

import pytest
import timm
import torch
from torch import nn

from headstart import backbones
from headstart.backbones.fingerprint import fingerprint
from headstart.backbones.function import function
from tests.backbones import text_models


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return text_models.save(tmp_path_factory.mktemp("bert"), "bert")


def changed(folder, to, **changes):
    """The backbone in a copy of a folder with other settings beside the same weights."""
    shutil.copytree(folder, to)
    config = json.loads((to / "config.json").read_text())
    (to / "config.json").write_text(json.dumps({**config, **changes}))
    return backbones.load(str(to))


@pytest.mark.parametrize(
    "change",
    [
        {"num_attention_heads": 4},
        {"hidden_act": "relu"},
        {"layer_norm_eps": 1e-3},
        {"pad_token_id": 1},
    ],
)
def test_another_setting_is_another_function_of_the_same_weights(folder, tmp_path, change):
    usual = backbones.load(str(folder))
    other = changed(folder, tmp_path / "other", **change)
    assert other.fingerprint == usual.fingerprint
    assert other.function != usual.function


@pytest.mark.parametrize(
    "change",
    [
        {"_name_or_path": "elsewhere"},
        {"transformers_version": "1.0"},
        {"id2label": {"0": "bad", "1": "good"}},
        {"architectures": ["BertForMaskedLM"]},
    ],
)
def test_what_a_network_is_called_is_not_what_it_does(folder, tmp_path, change):
    assert (
        changed(folder, tmp_path / "other", **change).function
        == backbones.load(str(folder)).function
    )


@pytest.mark.parametrize(
    "change", [{"act_layer": nn.Tanh}, {"norm_layer": functools.partial(nn.LayerNorm, eps=1e-3)}]
)
def test_settings_of_a_vision_network_count(change):
    made = []
    for options in ({}, {}, change):
        torch.manual_seed(0)
        made.append(timm.create_model("test_vit", num_classes=0, **options).eval())
    first, again, other = made
    assert fingerprint(first) == fingerprint(again) == fingerprint(other)
    assert function(first) == function(again) != function(other)


class Small(nn.Module):
    """With every kind of thing that decides what a module gives."""

    def __init__(self, number=2, name="sum", act=torch.relu, scale=(1.0, 2.0), drop=()):
        super().__init__()
        self.number, self.name, self.act, self.drop = number, name, act, set(drop)
        self.register_buffer("scale", torch.tensor(scale), persistent=False)
        self.weight = nn.Parameter(torch.zeros(2))


def made_inside(factor):
    return lambda values: factor * values


@pytest.mark.parametrize(
    "change",
    [
        {"number": 3},
        {"number": 2.0},
        {"name": "mean"},
        {"act": torch.tanh},
        {"act": functools.partial(torch.clamp, min=0)},
        {"act": made_inside(2)},
        {"act": nn.functional.gelu},
        {"scale": (1.0, 3.0)},
        {"drop": ("a",)},
    ],
)
def test_what_a_module_holds_counts(change):
    assert function(Small()) == function(Small())
    assert function(Small(**change)) == function(Small(**change))
    assert function(Small(**change)) != function(Small())


def test_what_a_function_was_made_with_counts():
    two, again, three = (Small(act=made_inside(factor)) for factor in (2, 2, 3))
    assert function(two) == function(again) != function(three)


def test_training_and_weights_do_not_count():
    """`fingerprint` names those."""
    one, two = Small(), Small().train()
    with torch.no_grad():
        two.weight.add_(1)
    one.eval().register_forward_hook(lambda *_: None)
    assert function(one) == function(two)


def test_traced_code_counts():
    class Twice(nn.Module):
        def forward(self, values):
            return 2 * values

    class Thrice(nn.Module):
        def forward(self, values):
            return 3 * values

    twice, again, thrice = (torch.fx.symbolic_trace(kind()) for kind in (Twice, Twice, Thrice))
    assert function(twice) == function(again) != function(thrice)


def test_another_process_gives_the_same_name(folder):
    code = f"from headstart import backbones; print(backbones.load({str(folder)!r}).function)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == backbones.load(str(folder)).function
