"""Turns between channels last and first are gone, and the answers are what they were."""

import numpy as np
import openvino as ov
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from headstart.runtime.channels import channels_first
from tests.graphs import answer, turns

CHANNELS = 4
BACK, FORTH = (0, 2, 3, 1), (0, 3, 1, 2)


class Convolution(nn.Module):
    """As Keras computes one: turned to channels first and back."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        turned: torch.Tensor = self.inside(maps.permute(FORTH)).permute(BACK)
        return turned


class Normalisation(nn.Module):
    """BatchNorm along the last axis."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.rand(CHANNELS) + 0.5)
        self.register_buffer("shift", torch.randn(1, 1, CHANNELS))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps * self.scale + self.shift


class Gated(nn.Module):
    """Squeeze and excitation: channels are weighed by their means over the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = Convolution()

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        means = self.inside(maps).mean((1, 2), keepdim=True)
        return maps * self.inside(means).sigmoid()


class Joined(nn.Module):
    """Two branches side by side, and a convolution of both."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = Convolution(), Convolution()
        self.last = nn.Conv2d(2 * CHANNELS, CHANNELS, 1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        both = torch.cat((self.one(maps), self.other(maps)), -1)
        turned: torch.Tensor = self.last(both.permute(FORTH)).permute(BACK)
        return turned


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inside = Convolution()

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps + self.inside(maps).relu()


class Padded(nn.Module):
    """More above than below, more on the left than on the right, as Keras's `same` may be."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return nn.functional.pad(maps, (0, 0, 2, 0, 1, 0))


class Averaged(nn.Module):
    """Minus the mean over channels: an axis that is not where the turn would put it."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps - maps.mean(-1, keepdim=True)


class Ending(nn.Module):
    """From pictures to one vector, or to maps with channels last."""

    def __init__(self, parts: list[type[nn.Module]], *, pooled: bool) -> None:
        super().__init__()
        self.parts = nn.Sequential(*(each() for each in [Convolution, *parts, Convolution]))
        self.pooled = pooled

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        maps = self.parts(maps)
        return maps.mean((1, 2)) if self.pooled else maps


PARTS = [
    Convolution, Normalisation, Gated, Joined, Residual, Padded, Averaged, nn.ReLU, nn.Hardswish,
    nn.SiLU, nn.ReLU6,
]  # fmt: skip


def graph_of(network: nn.Module, pixels: torch.Tensor) -> ov.Model:
    return ov.convert_model(torch.export.export(network, (pixels,)))


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@settings(max_examples=12, deadline=None)
@given(
    parts=st.lists(st.sampled_from(PARTS), max_size=5),
    pooled=st.booleans(),
    seed=st.integers(0, 100),
)
def test_the_same_answers_with_no_turn_but_the_first_and_the_last(
    parts: list[type[nn.Module]], pooled: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    network = Ending(parts, pooled=pooled).eval()
    pixels = torch.randn(2, 7, 9, CHANNELS)
    graph = graph_of(network, pixels)
    before, names = answer(graph, pixels), graph.output(0).get_names()
    graph = channels_first(graph)
    assert graph.output(0).get_names() == names
    np.testing.assert_allclose(answer(graph, pixels), before, rtol=1e-4, atol=1e-5)
    assert turns(graph) == (1 if pooled else 2)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_what_minds_the_order_keeps_its_turns() -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = Convolution()

        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            maps = self.inside(maps)
            # Over one side alone: what is left would stand in another order.
            return torch.cat((maps.flatten(1), maps.mean(1).flatten(1)), 1)

    torch.manual_seed(0)
    pixels = torch.randn(2, 5, 6, CHANNELS)
    graph = graph_of(Flat().eval(), pixels)
    before = answer(graph, pixels)
    np.testing.assert_allclose(answer(channels_first(graph), pixels), before, rtol=1e-5, atol=1e-6)
    assert turns(graph) == 2


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_numbers_that_numpy_does_not_have_stay_where_they_are() -> None:
    class Coarse(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = Convolution(), Convolution()
            self.register_buffer("scale", torch.rand(CHANNELS) + 0.5)

        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            scaled = self.first(maps).bfloat16() * self.scale.bfloat16()
            answer: torch.Tensor = self.last(scaled.float())
            return answer

    torch.manual_seed(0)
    pixels = torch.randn(2, 5, 6, CHANNELS)
    graph = graph_of(Coarse().eval(), pixels)
    before = answer(graph, pixels)
    np.testing.assert_allclose(answer(channels_first(graph), pixels), before, rtol=1e-2, atol=1e-2)
