"""The plain recipe, as a good tutorial teaches it: timm, PyTorch eager, a DataLoader."""

from collections.abc import Callable, Sequence
from pathlib import Path

import timm
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

BATCH = 32
WORKERS = 2

Transform = Callable[[Image.Image], torch.Tensor]


class Photos(Dataset[torch.Tensor]):
    """Files, decoded and transformed one by one."""

    def __init__(self, paths: Sequence[Path], transform: Transform) -> None:
        self._paths = paths
        self._transform = transform

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        with Image.open(self._paths[index]) as image:
            return self._transform(image.convert("RGB"))


def network(architecture: str, weights: dict[str, torch.Tensor]) -> tuple[nn.Module, Transform]:
    """A timm network that gives features, and timm's own evaluation transform for it."""
    model = timm.create_model(architecture)
    model.load_state_dict(weights)
    model.reset_classifier(0)
    return model.eval(), transform(model)


def transform(model: nn.Module) -> Transform:
    """timm's evaluation transform."""
    made: Transform = timm.data.create_transform(**timm.data.resolve_data_config(model=model))
    return made


@torch.inference_mode()
def features(model: nn.Module, transform: Transform, paths: Sequence[Path]) -> torch.Tensor:
    """Features (photos, D)."""
    loader = DataLoader(Photos(paths, transform), batch_size=BATCH, num_workers=WORKERS)
    return torch.cat([model(batch) for batch in loader])
