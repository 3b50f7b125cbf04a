"""A small real network, compiled, and small real pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from headstart.data.dataset import Dataset
from headstart.features.store import Store, StoreKey
from headstart.preprocessing import ImagePreprocessing
from headstart.runtime import compile, graphs
from headstart.runtime.openvino_engine import OpenVINOEngine

SIZE = 8
PICTURE = ImagePreprocessing(
    height=32,
    width=32,
    crop_fraction=1.0,
    interpolation="bilinear",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)


class SmallTrunk(nn.Module):
    """Convolutions, BatchNorm, dropout and pooling: what a trunk is made of."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, bias=False),
            nn.BatchNorm2d(16),
            nn.SiLU(),
            nn.Dropout(0.5),
            nn.Conv2d(16, SIZE, 3, stride=2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.layers((pixels.permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5)


@pytest.fixture(scope="session")
def trunk() -> SmallTrunk:
    return SmallTrunk().eval()


@pytest.fixture(scope="session")
def graph(trunk, tmp_path_factory):
    root = tmp_path_factory.mktemp("graphs")
    return graphs.graph(root, "small", lambda: compile.converted(trunk, PICTURE)).model


@pytest.fixture
def engine(graph):
    return lambda: OpenVINOEngine(graph, 1, "float32")


def pictures(folder: Path, count: int, seed: int = 0) -> Dataset:
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        path = folder / f"{number:04}.png"
        Image.fromarray(random.integers(0, 256, (40, 48, 3), np.uint8)).save(path)
        paths.append(str(path))
    return Dataset("image", paths, [Path(p).name for p in paths])


def key(**changes: str) -> StoreKey:
    fields = {
        "backbone": "small",
        "pool": "auto",
        "fingerprint": "0" * 64,
        "function": "1" * 64,
        "cut": "layers.6",
        "preprocessing": repr(PICTURE),
        "view": "whole",
        "dtype": "float32",
        "made_by": "tests",
    }
    return StoreKey(**(fields | changes))


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "cache", key(), (SIZE,))
