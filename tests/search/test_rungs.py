"""Which ways there are to adapt a backbone, and which are refused before anything is computed."""

import pytest

from headstart import backbones
from headstart.backbones import Backbone
from headstart.errors import InputError
from headstart.search.rungs import refuse_unadaptable, rungs_of, usual_cut
from headstart.spec import FitSpec


def of(name: str) -> Backbone:
    return backbones.load(name, offline=True)


@pytest.mark.parametrize("kind", ["text", "image"])
def test_what_a_climb_tries_is_not_refused(names, kind):
    backbone = of(names[kind])
    for rung in rungs_of(backbone):
        refuse_unadaptable(backbone, FitSpec(strategy=rung.strategy, cut=rung.cut))
    assert backbone.state_hash() == backbone.fingerprint, "it is tried on a copy"


@pytest.mark.parametrize("strategy", ["auto", "feature-extraction", "from-scratch"])
def test_these_cut_nothing(names, strategy):
    spec = FitSpec(strategy=strategy)
    refuse_unadaptable(of(names["image"]), spec)
    if strategy != "auto":
        assert usual_cut(of(names["image"]), spec) is None


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("text", {"strategy": "fine-tuning", "cut": "nowhere"}, "has no stage 'nowhere'"),
        ("text", {"strategy": "fine-tuning", "cut": "encoder.layer.2"}, "the last stage"),
        ("image", {"strategy": "lora"}, "LoRA adapts those alone"),
    ],
)
def test_what_a_backbone_does_not_allow(names, kind, options, said):
    with pytest.raises(InputError, match=said):
        refuse_unadaptable(of(names[kind]), FitSpec(**options))
