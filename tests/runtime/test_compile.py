import pytest
import torch
from torch import nn

from headstart.errors import InputError
from headstart.preprocessing import ImagePreprocessing
from headstart.runtime import compile

SQUARE = ImagePreprocessing(
    height=8,
    width=8,
    crop_fraction=1.0,
    interpolation="bilinear",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)


class Moody(nn.Module):
    """Looks at its input to decide what to do: torch cannot export that."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.float() if pixels.sum() > 3 else -pixels.float()


def test_a_network_that_cannot_be_compiled_is_refused_in_a_sentence():
    with pytest.raises(InputError, match=r"cannot be compiled for the CPU .*; use another"):
        compile.to_graph(Moody(), SQUARE)
