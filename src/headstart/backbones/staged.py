"""What every stage of a frozen network says of an item, beside its last features.

A linear probe of several stages is often better than one of the last alone, and costs nothing
more than the forward pass (Evci et al. 2022, "Head2Toe: Utilizing Intermediate Representations for
Better Transfer Learning").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from headstart.backbones.backbone import Backbone, Block, Parts, Stage

WIDEST = 4096
"""Most numbers that the stages add to the features."""

TAPS = 8
"""Most stages that are pooled."""

LEVELS = 3
"""A network whose shape changes so often is tapped where it does, another at even distances."""


def staged(backbone: Backbone) -> Backbone:
    """The same network with wider features: `blocks` lists what they consist of.

    The first block are the features of `backbone` itself. Where there is no stage to pool, or the
    network cannot give it, this is `backbone`.
    """
    ways = _ways(backbone)
    if not backbone.branches or not ways:
        return backbone
    blocks = [Block("", "", backbone.features)]
    for at, names in ways.items():
        stage = backbone.stages[at]
        blocks += [Block(stage.name, name, _width(backbone, stage)) for name in names]
    width = sum(block.width for block in blocks)
    *stages, last = backbone.stages
    return replace(
        backbone,
        stages=(*stages, replace(last, shape=(width,))),
        features=width,
        parts=cache(lambda: _parts(backbone, ways)),
        blocks=tuple(blocks),
        resizer=None,
    )


def _parts(backbone: Backbone, ways: Mapping[int, Sequence[str]]) -> Parts:
    from headstart.backbones.pooling import MapPool, MeanPool, Staged

    parts, pools = backbone.parts(), []
    for at, names in ways.items():
        stage = backbone.stages[at]
        axis = _channels(backbone, stage)
        prefix = backbone.prefix_tokens if len(stage.shape) == 2 else 0
        text = backbone.modality == "text"
        pools.append([MeanPool() if text else MapPool(name, axis, prefix) for name in names])
    assert parts.brancher is not None
    return replace(parts, module=Staged(parts.brancher(list(ways)), pools).eval())


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
