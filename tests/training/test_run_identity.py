"""What a checkpoint belongs to."""

from dataclasses import replace

from headstart.features.trunk import Trunk
from headstart.spec import FitSpec
from headstart.training.run_identity import run_identity
from tests.training.small import texts


def test_the_same_weights_used_otherwise_are_another_backbone(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    trunk = Trunk.load(texts(tmp_path, "bert"), "text", cut=None, offline=True)
    other = replace(trunk, backbone=replace(trunk.backbone, function="another"))
    mine, theirs = (
        run_identity("data", each, each.backbone.fingerprint, FitSpec()) for each in (trunk, other)
    )
    assert {name for name in mine if mine[name] != theirs[name]} == {"the backbone"}
    assert mine == run_identity("data", trunk, trunk.backbone.fingerprint, FitSpec(offline=True))
    free = FitSpec(learning_curve=True, corrections="x.csv", abstain=0.9)
    assert mine == run_identity("data", trunk, trunk.backbone.fingerprint, free)
