"""What every stage of a frozen network says of an item, beside its last features.

A linear probe of several stages is often better than one of the last alone, and costs nothing
more than the forward pass (Evci et al. 2022, "Head2Toe: Utilizing Intermediate Representations for
Better Transfer Learning").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn

from headstart.backbones.backbone import Backbone, Block, Stage
from headstart.backbones.pooling import MapPool, MeanPool

WIDEST = 4096
"""Most numbers that the stages add to the features."""

TAPS = 8
"""Most stages that are pooled."""

HALF = 6e4
"""Features are stored in half precision, and hidden states may be larger than it holds."""

LEVELS = 3
"""A network whose shape changes so often is tapped where it does, another at even distances."""


class Staged(nn.Module):
    """Features (B, D) of a network, then the pooled outputs of some of its stages, in one vector.

    Args:
        network: gives the outputs of the stages, first stage first, then the features.
        pools: of each stage, those that are applied to it.
    """

    def __init__(self, network: nn.Module, pools: Sequence[Sequence[nn.Module]]) -> None:
        super().__init__()
        self.network = network
        self.pools = nn.ModuleList(nn.ModuleList(each) for each in pools)

    def forward(self, items: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """See the class; what the network takes: pixels, or token ids and their mask."""
        given = () if mask is None else (mask,)
        *outputs, features = self.network(items, *given)
        parts = [features]
        for output, pools in zip(outputs, self.pools, strict=True):
            assert isinstance(pools, nn.ModuleList)
            pooled = [pool(output, *given) for pool in pools]
            parts += [each.clamp(-HALF, HALF) for each in pooled]
        return torch.cat(parts, 1)


def staged(backbone: Backbone) -> Backbone:
    """The same network with wider features: `blocks` lists what they consist of.

    The first block are the features of `backbone` itself. Where there is no stage to pool, or the
    network cannot give it, this is `backbone`.
    """
    ways = _ways(backbone)
    if backbone.brancher is None or not ways:
        return backbone
    text = backbone.modality == "text"
    blocks, pools = [Block("", "", backbone.features)], []
    for at, names in ways.items():
        stage = backbone.stages[at]
        axis = _channels(backbone, stage)
        prefix = backbone.prefix_tokens if len(stage.shape) == 2 else 0
        pools.append([MeanPool() if text else MapPool(name, axis, prefix) for name in names])
        blocks += [Block(stage.name, name, _width(backbone, stage)) for name in names]
    width = sum(block.width for block in blocks)
    *stages, last = backbone.stages
    return replace(
        backbone,
        stages=(*stages, replace(last, shape=(width,))),
        features=width,
        module=Staged(backbone.brancher(list(ways)), pools).eval(),
        blocks=tuple(blocks),
        resizer=None,
    )


def _ways(backbone: Backbone) -> dict[int, list[str]]:
    """How each stage that is tapped is pooled, by its index; the last stages first get room."""
    chosen, room = {}, WIDEST
    for at in reversed(_taps(backbone.stages)):
        width = _width(backbone, backbone.stages[at])
        names = ["mean"] if backbone.modality == "text" else ["mean", "max"]
        names = names[: room // width]
        if not names:
            break
        chosen[at] = names
        room -= width * len(names)
    return dict(sorted(chosen.items()))


def _taps(stages: Sequence[Stage]) -> list[int]:
    """Indices of stages, in order: the last one of every shape, or some at even distances."""
    inner = [at for at, stage in enumerate(stages[:-1]) if len(stage.shape) > 1]
    changes = [at for at in inner if stages[at].shape != stages[at + 1].shape]
    if len(changes) >= LEVELS:
        return changes[-TAPS:]
    if len(inner) <= TAPS:
        return inner
    # The last is left out of even distances: it is next to the features.
    return [inner[len(inner) * number // TAPS] for number in range(TAPS)]


def _width(backbone: Backbone, stage: Stage) -> int:
    return int(stage.shape[_channels(backbone, stage) - 1] or 0)


def _channels(backbone: Backbone, stage: Stage) -> int:
    """The axis of a batch of tokens or maps that holds channels."""
    shape = stage.shape
    if len(shape) == 2:
        return 2
    if shape[1] == shape[2] != shape[0]:
        return 1
    if shape[0] == shape[1] != shape[2]:
        return 3
    return 3 if backbone.channels_last else 1
