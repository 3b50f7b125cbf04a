"""A channels-last network as a channels-first graph, for which OpenVINO's kernels are made.

Keras turns an image to channels first for every convolution and back again after it. Each transpose
is a pass over memory, and keeps OpenVINO from joining a convolution to what follows it. So a
transpose back is moved down the graph, past all that does not mind, until it meets one forth: both
go.
OpenVINO does so for TensorFlow's networks (TransposeSinking) but offers it for no others.
"""

from collections.abc import Iterable

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from headstart.types import Array

BACK = (0, 2, 3, 1)
"""To channels last: where each axis comes from."""

FORTH = (0, 3, 1, 2)

ALIKE = {
    "Abs", "Add", "Clamp", "Convert", "Divide", "Elu", "Erf", "Exp", "Gelu", "HSigmoid", "HSwish",
    "HardSigmoid", "Maximum", "Minimum", "Mish", "Multiply", "Negative", "Power", "Relu", "Selu",
    "Sigmoid", "SoftPlus", "Sqrt", "SquaredDifference", "Subtract", "Swish", "Tanh",
}  # fmt: skip
"""Operations that treat every number alike, wherever it stands."""

OVER_AXES = {"ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"}


def channels_first(graph: ov.Model) -> ov.Model:
    """The same function with fewer transposes, where they are as Keras has them; in place."""
    names = [output.get_names() for output in graph.outputs]
    for node in graph.get_ordered_ops():
        kind = node.get_type_name()
        if kind == "Transpose":
            _meet(node)
        elif kind in ALIKE:
            _past_alike(node)
        elif kind == "Concat":
            _past_concat(node)
        elif kind == "Pad":
            _past_pad(node)
        elif kind in OVER_AXES:
            _past_reduction(node)
    graph.validate_nodes_and_infer_types()
    for output, own in zip(graph.outputs, names, strict=True):
        output.get_tensor().set_names(own)
    return graph


def _meet(transpose: ov.Node) -> None:
    before = transpose.input_value(0).get_node()
    if _transposes(transpose, FORTH) and _transposes(before, BACK):
        _give(before.input_value(0), transpose.output(0).get_target_inputs())


def _past_alike(node: ov.Node) -> None:
    given = node.input_values()
    sources = [value.get_node() for value in given]
    transposed = [_transposes(each, BACK) for each in sources]
    if not any(transposed) or not all(
        transposed[at] or _fits(value) or _is_pixel(value) for at, value in enumerate(given)
    ):
        return
    for at, source in enumerate(sources):
        if transposed[at]:
            node.set_argument(at, source.input_value(0))
        elif not _fits(given[at]):
            node.set_argument(at, _transposed(given[at], FORTH))
        elif np.prod(source.shape) != 1:
            numbers = source.get_data()
            numbers = numbers.reshape((1,) * (len(BACK) - numbers.ndim) + numbers.shape)
            _set_constant(node, at, numbers.transpose(FORTH))
    _transpose_back(node)


def _past_concat(node: ov.Node) -> None:
    sources = [value.get_node() for value in node.input_values()]
    if not all(_transposes(each, BACK) for each in sources):
        return
    for at, source in enumerate(sources):
        node.set_argument(at, source.input_value(0))
    node.set_attribute("axis", BACK[node.get_attributes()["axis"]])
    _transpose_back(node)


def _past_pad(node: ov.Node) -> None:
    source, *ends = (value.get_node() for value in node.input_values()[:3])
    if not _transposes(source, BACK) or not all(map(_constant, ends)):
        return
    node.set_argument(0, source.input_value(0))
    for at, end in enumerate(ends, start=1):
        _set_constant(node, at, end.get_data()[list(FORTH)])
    _transpose_back(node)


def _past_reduction(node: ov.Node) -> None:
    source, axes = (value.get_node() for value in node.input_values())
    if not _transposes(source, BACK) or not _constant(axes):
        return
    over = {BACK[axis] for axis in np.atleast_1d(axes.get_data()).tolist()}
    kept = node.get_attributes()["keep_dims"]
    left = [axis for axis in BACK if axis not in over]
    if not kept and left != sorted(left):
        return
    node.set_argument(0, source.input_value(0))
    _set_constant(node, 1, np.array(sorted(over), np.int64))
    if kept:
        _transpose_back(node)


def _constant(node: ov.Node) -> bool:
    return bool(node.get_type_name() == "Constant")


def _fits(value: ov.Output) -> bool:
    """Whether it is constant, and goes with maps; numpy has no bfloat16."""
    if not _constant(value.get_node()) or value.get_element_type() == ov.Type.bf16:
        return False
    return len(value.get_node().shape) <= len(BACK)


def _is_pixel(value: ov.Output) -> bool:
    """Whether it is one number a channel (what weighs channels): transposed in no time."""
    shape = value.get_partial_shape()
    if shape.rank.is_dynamic or len(shape) != len(BACK):
        return False
    return bool(shape[1] == 1 and shape[2] == 1)


def _transposes(node: ov.Node, order: tuple[int, ...]) -> bool:
    if node.get_type_name() != "Transpose":
        return False
    given = node.input_value(1).get_node()
    return _constant(given) and tuple(given.get_data().tolist()) == order


def _set_constant(node: ov.Node, at: int, numbers: Array) -> None:
    node.set_argument(at, ops.constant(np.ascontiguousarray(numbers)).output(0))


def _transposed(value: ov.Output, order: tuple[int, ...]) -> ov.Output:
    return ops.transpose(value, ops.constant(np.array(order, np.int64))).output(0)


def _transpose_back(node: ov.Node) -> None:
    """Turn what `node` gives, for all that reads it."""
    readers = node.output(0).get_target_inputs()
    node.validate_and_infer_types()
    _give(_transposed(node.output(0), BACK), readers)


def _give(value: ov.Output, readers: Iterable[ov.Input]) -> None:
    for each in readers:
        each.replace_source_output(value)
