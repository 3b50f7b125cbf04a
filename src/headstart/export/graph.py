"""A saved model as one graph of ONNX: pixels or tokens in, answers out."""

import warnings
from inspect import Parameter, signature
from typing import Any

import onnx
import torch
from onnx import TensorProto, compose, helper
from torch import nn

from headstart.errors import InputError, first_line
from headstart.export.answer import FEATURES, answered
from headstart.export.metadata import metadata
from headstart.export.nodes import OPSET, Nodes, Side
from headstart.export.precision import Precision
from headstart.export.resize import resized
from headstart.predictors import Model
from headstart.preprocessing import ImagePreprocessing
from headstart.runtime.compile import example

PIXELS, IDS, MASK = "pixels", "ids", "mask"
"""Names of what goes into the graph."""

MOST = 1_900_000_000
"""Bytes of weights; a file of ONNX holds two gigabytes."""


def before(preprocessing: ImagePreprocessing) -> onnx.ModelProto:
    """A graph from images of any size, uint8 (N, H, W, 3), to those that the network takes.

    Raises:
        InputError: it cannot resize as the model does.
    """
    nodes = Nodes("image_")
    pixels = nodes.takes(PIXELS, TensorProto.UINT8, ["N", "H", "W", 3])
    small = resized(pixels, preprocessing)
    shape: list[Side] = ["N", preprocessing.height, preprocessing.width, 3]
    nodes.gives(small, "resized", TensorProto.UINT8, shape)
    return nodes.model("preprocessing")


def after(model: Model, width: int) -> onnx.ModelProto:
    """A graph from features (N, width) to answers; see `answered`."""
    size = sum(each.size * 4 for each in model.head.arrays.values())
    if size > MOST:
        raise InputError(
            f"The head takes {size / 1e9:.1f} GB, but a graph can hold 2 GB of it; fit again with "
            "--head linear."
        )
    return answered(model, width).model("answer")


def exported(model: Model, network: nn.Module) -> onnx.ModelProto:
    """The network of a model as a graph: from what it takes to features (N, D).

    Args:
        model: what is exported.
        network: from `network.module_of`.

    Raises:
        InputError: torch cannot export the network, or it is too large.
    """
    size = sum(each.numel() * each.element_size() for each in network.state_dict().values())
    size += sum(each.size * 4 for each in model.head.arrays.values())
    if size > MOST:
        raise InputError(
            f"Network and head have {size / 1e9:.1f} GB of weights, but a file of ONNX holds 2 GB; "
            "use --format openvino."
        )
    made = _network(model, network)
    for node in made.graph.node:  # Where in torch's code each came from, its paths included.
        del node.metadata_props[:]
        node.doc_string = ""
    del made.graph.value_info[:]
    return made


def whole(
    model: Model, network: onnx.ModelProto, precision: Precision = "float32"
) -> onnx.ModelProto:
    """A model as one graph.

    Args:
        model: what is exported.
        network: its network, from `exported`; not changed.
        precision: of that network, which the graph says.

    Raises:
        InputError: the head cannot be written as a graph.
    """
    made = compose.add_prefix(network, "network/")
    inputs = [each.name for each in made.graph.input]
    if isinstance(model.preprocessing, ImagePreprocessing):
        first = before(model.preprocessing)
        made = compose.merge_models(first, made, [("resized", inputs[0])])
    else:
        made = _renamed(made, dict(zip(inputs, (IDS, MASK), strict=True)))
    output = made.graph.output[0]
    width = output.type.tensor_type.shape.dim[1].dim_value
    made = compose.merge_models(made, after(model, width), [(output.name, FEATURES)])
    made.graph.name = "headstart"
    made.producer_name = "headstart"
    helper.set_model_props(made, metadata(model, precision))
    onnx.checker.check_model(made)
    return made


def _network(model: Model, network: nn.Module) -> onnx.ModelProto:
    inputs, shapes = example(model.preprocessing)
    kinds = {each.kind for each in signature(network.forward).parameters.values()}
    if Parameter.VAR_POSITIONAL in kinds:
        shapes = (shapes,)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            program = torch.export.export(network.eval(), inputs, dynamic_shapes=shapes)
            exported: Any = torch.onnx.export(
                program, dynamo=True, opset_version=OPSET, verbose=False
            )
        except Exception as error:  # It runs the network's own code: anything may go wrong.
            raise InputError(
                f"The network cannot be exported to ONNX ({type(error).__name__}: "
                f"{first_line(error)}); use --format openvino."
            ) from error
    made: onnx.ModelProto = exported.model_proto
    made.ir_version = 10
    return made


def _renamed(model: onnx.ModelProto, names: dict[str, str]) -> onnx.ModelProto:
    for each in model.graph.input:
        each.name = names.get(each.name, each.name)
    for node in model.graph.node:
        node.input[:] = [names.get(each, each) for each in node.input]
    return model
