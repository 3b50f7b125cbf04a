"""Class activation maps: what each position of a network's last map adds to an answer, exactly.

Zhou et al. 2016, "Learning Deep Features for Discriminative Localization". Where a linear head
takes the means of a feature map, its score is a sum over positions. What other features add (those
of earlier stages, which tell texture more than place) and the bias are spread evenly, so that a map
adds up to the score. The sum is exact, the place is not: a position of a late map sees much of the
image, and deleting what is marked may change less than deleting what occlusion marks.
"""

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
class Located:
    """Some of the features: the means of a feature map.

    Attributes:
        start: the first of them.
        width: how many, which are channels of the map.
        shape: of an item's map, three axes.
        channels: which of these holds the channels.
    """

    start: int
    width: int
    shape: tuple[int, int, int]
    channels: int


@dataclass(frozen=True)
class Mapped:
    """A graph that gives maps beside the features, in one row: features, then each map.

    Attributes:
        graph: any number of images to rows.
        width: of the features.
        located: the features that are means of a map, one for each map.
    """

    graph: "ov.Model"
    width: int
    located: tuple[Located, ...]

    def heat(
        self, row: Array, weight: Floats, bias: Floats, shape: tuple[int, int]
    ) -> Array | None:
        """What each place adds to `features @ weight + bias`, of one image.

        Args:
            row: of the graph's output.
            weight: (features, targets).
            bias: (targets,).
            shape: height and width of the image.

        Returns:
            float32 (targets, height, width), which add up to the scores; None where the features
            are not those of the maps.
        """
        features, after = row[: self.width].astype(np.float64), self.width
        total = np.zeros((len(bias), *shape))
        for each in self.located:
            size = int(np.prod(each.shape))
            values = row[after : after + size].reshape(each.shape).astype(np.float64)
            values, after = np.moveaxis(values, each.channels, 0), after + size
            own = slice(each.start, each.start + each.width)
            apart = np.abs(values.mean(axis=(1, 2)) - features[own]).max()
            if apart > APART * max(1e-3, np.abs(features[own]).max()):
                return None
            sums = np.tensordot(weight[own].T, values, 1) / values[0].size
            total += np.stack([_enlarged(one, shape) for one in sums])
        rest = features @ weight + bias - total.sum(axis=(1, 2))
        total += rest[:, None, None] / (shape[0] * shape[1])
        return total.astype(np.float32)


def mapped(graph: "ov.Model", width: int | None, shape: tuple[int, int]) -> Mapped | None:
    """The graph that gives the last maps; None where no features are means of maps.

    Args:
        graph: a trunk, from images to features.
        width: how many of its features count, from the first; all where None.
        shape: height and width of an image.
    """
    from openvino import Model, opset13

    graph = graph.clone()
    graph.reshape([-1, *shape, 3])
    output = graph.output(0).get_node().input_value(0)
    length = _width(output) if width is None else width
    found = [(a, each) for a, each in _found(output, 0) if a.start + a.width <= length]
    if not found:
        return None
    # Of a network and its stages the map of fewest positions is the last.
    fewest = min(int(np.prod(a.shape)) // a.width for a, _ in found)
    last = [(a, each) for a, each in found if np.prod(a.shape) // a.width == fewest]
    features = opset13.slice(output, [0], [length], [1], [1])
    flat = [opset13.reshape(each, [0, -1], special_zero=True) for _, each in last]
    row = opset13.concat([features, *flat], 1)
    model = Model([row.output(0)], graph.get_parameters(), "maps")
    return Mapped(model, length, tuple(a for a, _ in last))


def _found(output: "ov.Output", start: int) -> "list[tuple[Located, ov.Output]]":
    """The features that are means of maps, from a number on, and the maps."""
    node = output.get_node()
    if node.get_type_name() == "Concat":
        parts = node.input_values()
        starts = np.cumsum([start, *map(_width, parts)]).tolist()
        return [one for at, part in zip(starts, parts, strict=False) for one in _found(part, at)]
    if node.get_type_name() == "Slice":
        begin = node.input_value(1).get_node()
        if begin.get_type_name() != "Constant" or begin.get_data().any():
            return []
        end = start + _width(output)
        before = _found(node.input_value(0), start)
        return [one for one in before if one[0].start + one[0].width <= end]
    return _mean_of(output, start)


def _mean_of(output: "ov.Output", start: int) -> "list[tuple[Located, ov.Output]]":
    node = output.get_node()
    while node.get_type_name() in ALIKE:
        node = node.input_value(0).get_node()
    if node.get_type_name() != "ReduceMean":
        return []
    source, axes = node.input_value(0), node.input_value(1).get_node()
    sides = list(source.get_partial_shape())[1:]
    if len(sides) != 3 or any(side.is_dynamic for side in sides):
        return []
    over = {int(axis) % 4 for axis in np.atleast_1d(axes.get_data())}
    channels = 0 if over == {2, 3} else 2 if over == {1, 2} else None
    shape = (sides[0].get_length(), sides[1].get_length(), sides[2].get_length())
    if channels is None or shape[channels] != _width(output):
        return []
    return [(Located(start, shape[channels], shape, channels), source)]


def _width(output: "ov.Output") -> int:
    return int(output.get_partial_shape()[1].get_length())


def _enlarged(sums: Floats, shape: tuple[int, int]) -> Array:
    """What positions add, over the parts of an image that they stand for."""
    from PIL import Image

    small = Image.fromarray(sums.astype(np.float32))
    large = np.asarray(small.resize(shape[::-1], Image.Resampling.BILINEAR))
    return large * (sums.size / (shape[0] * shape[1]))
