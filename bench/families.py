"""Networks that people name, from local files with random weights, all the way to a prediction.

Each is loaded, cut in the middle (trunk, then tail, must equal the whole), its features are
extracted and compared in speed with PyTorch eager, a head is trained, the model saved, loaded and
asked. What is timed is features: decoded or tokenised items through the compiled network and into
the store, against the same items, ready in memory, through the network in eager float32.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bench.machine import alone, scratch
from bench.photos import write_photos
from bench.result import Figure, Result

ITEMS = 128
WORDS = 48
BATCH = 16
ALIKE = 1e-4
"""Largest difference of trunk-then-tail and the whole, as a share of the largest feature."""


@dataclass(frozen=True)
class Network:
    """What is measured.

    Attributes:
        write: writes random weights into a folder, and gives the backbone's name.
    """

    name: str
    modality: Literal["image", "text"]
    write: Callable[[Path, str], str]


def timm_network(folder: Path, architecture: str) -> str:
    """A network of timm."""
    import timm
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    network = timm.create_model(architecture)
    # Statistics as training leaves them: with none, random layers let features grow without end.
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network.train()(torch.randn(2, *network.default_cfg["input_size"]))
    file = folder / f"{architecture}.safetensors"
    weights = network.state_dict()
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, file)
    return f"timm:{architecture}@{file}"


def keras_network(folder: Path, architecture: str) -> str:
    """A network of keras.applications."""
    os.environ["KERAS_BACKEND"] = "torch"
    from headstart.backbones import keras as family

    import keras  # isort: skip

    keras.utils.set_random_seed(0)
    file = folder / f"{architecture}.weights.h5"
    family.create(architecture).save_weights(file)
    return f"keras:{architecture}@{file}"


def transformers_network(folder: Path, kind: str, **settings: Any) -> str:
    """A network of transformers, of the usual size unless its configuration says otherwise."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **settings)
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    words = {word: number for number, word in enumerate(("[PAD]", "[UNK]", *_vocabulary()))}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return str(folder)


NETWORKS = {
    "VGG16, timm": Network("vgg16", "image", timm_network),
    "VGG19, timm": Network("vgg19", "image", timm_network),
    "ResNet-50, timm": Network("resnet50", "image", timm_network),
    "Inception v3, timm": Network("inception_v3", "image", timm_network),
    "ConvNeXt tiny, timm": Network("convnext_tiny", "image", timm_network),
    "ViT base, timm": Network("vit_base_patch16_224", "image", timm_network),
    "VGG16, Keras": Network("VGG16", "image", keras_network),
    "VGG19, Keras": Network("VGG19", "image", keras_network),
    "ResNet-50, Keras": Network("ResNet50", "image", keras_network),
    "Inception v3, Keras": Network("InceptionV3", "image", keras_network),
    "BERT base": Network("bert", "text", transformers_network),
    "DistilBERT": Network("distilbert", "text", transformers_network),
    "GPT-2": Network("gpt2", "text", transformers_network),
    "OPT 125M": Network("opt", "text", transformers_network),
}


def run(quick: bool = False) -> Result:
    """Each network in a process of its own."""
    names = ("ResNet-50, timm", "DistilBERT") if quick else tuple(NETWORKS)
    items = 12 if quick else ITEMS
    figures: list[Figure] = []
    settings: dict[str, Any] = {"items": f"{items} photos of 500x375, or texts of {WORDS} words"}
    for name in names:
        with scratch() as folder:
            found = alone(measure, name, folder, items)
        figures += [
            Figure(f"{name}: features", found["rate"], "items/s"),
            Figure(f"{name}: over eager", found["rate"] / found["eager"], "x"),
            Figure(f"{name}: trunk, then tail", found["apart"], at_most=ALIKE),
        ]
        settings[name] = (
            f"{found['parameters'] / 1e6:.1f} M parameters, {found['gflops']:.1f} GFLOPs an item, "
            f"cut after {found['cut']}"
        )
    return Result(
        "families", "networks with random weights, from local files", tuple(figures), settings
    )


def measure(name: str, folder: Path, items: int) -> dict[str, Any]:
    """Everything that is done with one network."""
    import torch

    import headstart
    from headstart import data
    from headstart.features.trunk import Trunk
    from headstart.progress import Silent
    from headstart.spec import ReadSpec
    from headstart.training.items import decoded

    network = NETWORKS[name]
    (folder / "weights").mkdir()
    backbone = network.write(folder / "weights", network.name)
    source = (_photos if network.modality == "image" else _texts)(folder, items)
    dataset = data.read(source, ReadSpec())

    trunk = Trunk.load(backbone, network.modality, cut=None, offline=True)
    trunk.extract(dataset.select(np.arange(2)), Silent())  # converts the graph
    features = trunk.extract(dataset, Silent())
    stages = trunk.backbone.stages
    cut = trunk.backbone.cut(stages[len(stages) // 2].name)
    ready = decoded(dataset, trunk.backbone.preprocessing)
    batches = [ready.plain(np.arange(at, min(at + BATCH, items))) for at in range(0, items, BATCH)]
    with torch.inference_mode():
        trunk.backbone.module(*batches[0])
        began = time.perf_counter()
        for batch in batches:
            trunk.backbone.module(*batch)
        eager = time.perf_counter() - began
        few = ready.plain(np.arange(2))
        whole = trunk.backbone.module(*few)
        parts = cut.tail(cut.trunk(*few), *few[1:])
        apart = float((parts - whole).abs().max() / whole.abs().max())

    headstart.fit(source, backbone=backbone, out=folder / "model", offline=True)
    answers = headstart.load(folder / "model").predict(list(dataset.items)[:2])
    if len(answers) != 2 or features.misses != items - 2:
        raise AssertionError(f"{name}: {len(answers)} answers, {features.misses} computed")
    return {
        "rate": features.misses / features.seconds,
        "eager": items / eager,
        "apart": apart,
        "cut": cut.stage,
        "parameters": trunk.backbone.parameters,
        "gflops": trunk.backbone.gflops,
    }


def _photos(folder: Path, items: int) -> Path:
    for number, name in enumerate("ab"):
        write_photos(folder / "photos" / name, items // 2, seed=number)
    return folder / "photos"


def _vocabulary() -> list[str]:
    return [f"word{number}" for number in range(2000)]


def _texts(folder: Path, items: int) -> Path:
    random = np.random.default_rng(0)
    lines = [" ".join(random.choice(_vocabulary(), WORDS)) for _ in range(items)]
    rows = "".join(f"{line},{'ab'[number % 2]}\n" for number, line in enumerate(lines))
    (folder / "texts.csv").write_text(f"text,label\n{rows}", "utf-8")
    return folder / "texts.csv"
