"""Small backbones with random weights, and items for them, ready to be trained on."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from headstart.backbones import timm
from headstart.data import from_memory
from headstart.data.dataset import Dataset
from headstart.evaluation import judge
from headstart.features.extract import Features
from headstart.features.trunk import Trunk
from headstart.heads.linear import LinearHead
from headstart.progress import Silent
from headstart.spec import FitSpec
from headstart.training import feature_extraction
from headstart.training.adapt import adapt
from headstart.training.adapted import Adapted
from headstart.training.candidate import Source, candidate_of
from headstart.training.examples import Examples, Part, arrange
from tests.backbones import text_models

WORDS = {"a": ("w1", "w2", "w3"), "b": ("w7", "w8", "w2")}


@dataclass(frozen=True)
class Small:
    """All that a rung above the first begins with."""

    data: Dataset
    trunk: Trunk
    features: Features
    examples: Examples
    first: Adapted
    spec: FitSpec


def weights(folder: Path, architecture: str = "test_efficientnet") -> str:
    """The name of a timm backbone with random weights, which it saves in a file."""
    torch.manual_seed(0)
    network = timm.create(architecture)
    with torch.no_grad():
        for each in network.parameters():
            each.add_(0.02 * torch.randn_like(each))
    file = folder / f"{architecture}.safetensors"
    save_file({name: each.contiguous() for name, each in network.state_dict().items()}, file)
    return f"timm:{architecture}@{file}"


def texts(folder: Path, kind: str) -> str:
    """The folder of a transformers backbone with random weights."""
    return str(text_models.save(folder / kind, kind))


def pictures(items: int, seed: int = 0) -> tuple[list[Any], list[str]]:
    """Noise with stripes, across or down."""
    random = np.random.default_rng(seed)
    labels = ["across" if n % 2 else "down" for n in range(items)]
    found = []
    for label in labels:
        wave = 60 * np.sin(np.arange(48) / random.uniform(1.5, 3.0))
        stripes = wave[:, None] if label == "across" else wave[None, :]
        noisy = 128 + stripes + random.normal(0, 40, (48, 48))
        found.append(np.repeat(noisy.clip(0, 255).astype(np.uint8)[:, :, None], 3, axis=2))
    return found, labels


def sentences(items: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """A few words of two topics that share one."""
    random = np.random.default_rng(seed)
    labels = ["a" if n % 2 else "b" for n in range(items)]
    return [
        " ".join(random.choice(WORDS[label], random.integers(2, 9))) for label in labels
    ], labels


def ready(backbone: str, items: Any, labels: Any, task: str = "classification", **options: Any):
    """Extract, split and train the first rung."""
    data = from_memory(items, labels, task)
    if "epochs" in options and not {"budget", "baseline"} & set(options):
        options = {"strategy": "fine-tuning", **options}
    spec = FitSpec(**options)
    trunk = Trunk.load(backbone, data.modality, cut=None, offline=True, device=spec.device)
    features = trunk.extract(data, Silent())
    examples = arrange(data, features, spec)
    first = feature_extraction.fit(examples, spec, trunk)
    return Small(data, trunk, features, examples, first, spec)


def source(small: Small) -> Source:
    """What its candidates learn from."""
    start = small.first.start
    linear = start if isinstance(start, LinearHead) else None
    return Source(small.data, small.trunk, small.examples, linear)


def candidate(small: Small, strategy: str, cut: str | None = None):
    """A strategy with its usual recipe."""
    return candidate_of(strategy, cut, small.trunk, small.examples, small.spec)


def trained(small: Small, strategy: str, cut: str | None = None) -> Adapted:
    """The same, trained."""
    return adapt(candidate(small, strategy, cut), source(small))


def unjudged(small: Small) -> Small:
    """The same without validation items: whatever was learnt last is kept."""
    none = small.examples.parts["validation"]
    none = Part(none.features[:0], none.targets[:0], none.positions[:0])
    parts = {**small.examples.parts, "validation": none}
    return replace(small, examples=replace(small.examples, parts=parts))


def both(small: Small, strategy: str, cut: str | None = None) -> tuple[Adapted, Adapted]:
    """Feature extraction from several stages; and a rung, its last weights whatever they are."""
    wide = small.trunk.staged()
    features = wide.extract(small.data, Silent()).vectors()
    parts = {
        name: replace(part, features=features[part.positions])
        for name, part in small.examples.parts.items()
    }
    examples = replace(small.examples, parts=parts)
    first = feature_extraction.fit(examples, small.spec, small.trunk, wide)
    start = small.first.start
    tuned = trained(unjudged(small), strategy, cut)
    validation = small.examples.parts["validation"]
    scores = start.scores(validation.features)  # any will do
    judged = judge(small.examples.task, scores, validation.targets, small.examples.classes, 0)
    return first, replace(tuned, examples=small.examples, judged=judged)
