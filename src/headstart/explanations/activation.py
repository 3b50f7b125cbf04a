"""Class activation maps: what each position of a network's maps adds to an answer, exactly.

Zhou et al. 2016, "Learning Deep Features for Discriminative Localization". Where a linear head
takes means of feature maps, its score is a sum over positions; of a maximum the position that has
it counts alone. The bias is shared by all positions alike, so that a map adds up to the score.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headstart.types import Array, Floats

if TYPE_CHECKING:
    import openvino as ov

ALIKE = {"Clamp", "Convert", "Gather", "Reshape", "Squeeze", "Unsqueeze"}
"""What may stand between a pooled map and the features. A gather may choose others: whether the
features are those of the map is checked once they are computed."""

APART = 0.02
"""How far a feature may be from its map's, as a share of the largest: precisions round."""


@dataclass(frozen=True)
class Pooled:
    """Some of the features, and the map that they are pooled from.

    Attributes:
        how: `mean` or `max`, over all positions.
        width: features, which are channels of the map.
        shape: of an item's map, three axes.
        channels: which of these holds the channels.
        map: index of the map; several features may be pooled from one.
    """

    how: str
    width: int
    shape: tuple[int, int, int]
    channels: int
    map: int


@dataclass(frozen=True)
class Mapped:
    """A graph that gives the maps beside the features, in one row: features, then every map.

    Attributes:
        graph: any number of images to rows.
        width: of the features.
        parts: what the features consist of, in their order.
    """

    graph: "ov.Model"
    width: int
    parts: tuple[Pooled, ...]

    def contributions(
        self, row: Array, weight: Floats, bias: Floats
    ) -> list[tuple[Pooled, Floats]] | None:
        """What each position adds to `features @ weight + bias`, of one image.

        Args:
            row: of the graph's output.
            weight: (features, targets).
            bias: (targets,).

        Returns:
            Of each part (targets, height, width); all of them add up to the score. None where
            the features are not those of the maps.
        """
        maps = self._maps(row[self.width :])
        share, start = bias / len(self.parts), 0
        found = []
        for part in self.parts:
            values = maps[part.map].reshape(part.width, -1)
            features = row[start : start + part.width].astype(np.float64)
            pooled = values.mean(axis=1) if part.how == "mean" else values.max(axis=1)
            if np.abs(pooled - features).max() > APART * max(1e-3, np.abs(features).max()):
                return None
            own = weight[start : start + part.width]
            count = values.shape[1]
            if part.how == "mean":
                sums = own.T @ values / count
            else:  # Positions that have the maximum together share what it adds.
                there = values == pooled[:, None]
                sums = (own * (pooled / there.sum(axis=1))[:, None]).T @ there
            sums += share[:, None] / count
            found.append((part, sums.reshape(-1, *maps[part.map].shape[1:])))
            start += part.width
        return found

    def _maps(self, row: Array) -> list[Floats]:
        """Each map, channels first."""
        found: list[Floats] = []
        start = 0
        for part in self.parts:
            if part.map < len(found):
                continue
            end = start + int(np.prod(part.shape))
            values = row[start:end].reshape(part.shape).astype(np.float64)
            found.append(np.moveaxis(values, part.channels, 0))
            start = end
        return found


def mapped(graph: "ov.Model", width: int | None, shape: tuple[int, int]) -> Mapped | None:
    """The graph that gives the maps; None where features are anything but pooled maps.

    Args:
        graph: a trunk, from images to features.
        width: how many of its features count, from the first; all where None.
        shape: height and width of an image.
    """
    from openvino import Model, opset13

    graph = graph.clone()
    graph.reshape([-1, *shape, 3])
    output = graph.output(0).get_node().input_value(0)
    length = output.get_partial_shape()[1].get_length() if width is None else width
    sources: list[ov.Output] = []
    parts = _parts(output, sources)
    parts = parts and _first(parts, length)
    if not parts or sum(part.width for part in parts) != length:
        return None
    used = max(part.map for part in parts) + 1
    begin, end, step, axis = [0], [length], [1], [1]
    features = opset13.slice(output, begin, end, step, axis)
    flat = [opset13.reshape(each, [0, -1], special_zero=True) for each in sources[:used]]
    row = opset13.concat([features, *flat], 1)
    return Mapped(Model([row.output(0)], graph.get_parameters(), "maps"), length, tuple(parts))


def _parts(output: "ov.Output", sources: "list[ov.Output]") -> list[Pooled] | None:
    """What features consist of; the maps go to `sources`."""
    node = output.get_node()
    kind = node.get_type_name()
    if kind == "Concat":
        every = [_parts(each, sources) for each in node.input_values()]
        return None if None in every else [part for parts in every for part in parts or ()]
    if kind == "Slice":
        before = _parts(node.input_value(0), sources)
        start, end = (node.input_value(at).get_node() for at in (1, 2))
        if before is None or any(each.get_type_name() != "Constant" for each in (start, end)):
            return None
        return _first(before, int(end.get_data()[0])) if not start.get_data().any() else None
    return _pooled(output, sources)


def _first(parts: Iterable[Pooled], width: int) -> list[Pooled]:
    """The parts within so many features."""
    kept: list[Pooled] = []
    for part in parts:
        if sum(each.width for each in kept) + part.width > width:
            break
        kept.append(part)
    return kept


def _pooled(output: "ov.Output", sources: "list[ov.Output]") -> list[Pooled] | None:
    node = output.get_node()
    while node.get_type_name() in ALIKE:
        node = node.input_value(0).get_node()
    how = {"ReduceMean": "mean", "ReduceMax": "max"}.get(node.get_type_name())
    if how is None:
        return None
    source, axes = node.input_value(0), node.input_value(1).get_node()
    shape = source.get_partial_shape()
    if len(shape) != 4 or any(side.is_dynamic for side in list(shape)[1:]):
        return None
    over = sorted(int(axis) % 4 for axis in np.atleast_1d(axes.get_data()))
    channels = {(2, 3): 0, (1, 2): 2}.get(tuple(over))
    if channels is None:
        return None
    sides = tuple(side.get_length() for side in list(shape)[1:])
    return [Pooled(how, sides[channels], sides, channels, _index(source, sources))]


def _index(source: "ov.Output", sources: "list[ov.Output]") -> int:
    for at, each in enumerate(sources):
        if each.get_node() == source.get_node() and each.get_index() == source.get_index():
            return at
    sources.append(source)
    return len(sources) - 1


def heat(found: Sequence[tuple[Pooled, Floats]], shape: tuple[int, int]) -> Array:
    """Contributions as one map of an image (height, width); float32 (targets, height, width).

    What a position adds is spread over the part of the image that it stands for; the sum stays.
    """
    from PIL import Image

    total = np.zeros((len(found[0][1]), *shape))
    for _, sums in found:
        area = sums[0].size / (shape[0] * shape[1])
        for target, each in zip(total, sums, strict=True):
            small = Image.fromarray(each.astype(np.float32))
            target += np.asarray(small.resize(shape[::-1], Image.Resampling.BILINEAR)) * area
    return total.astype(np.float32)
