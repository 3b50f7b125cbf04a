"""What OpenVINO graphs give and are made of."""

import numpy as np
import openvino as ov
import torch


def answer(graph: ov.Model, pixels: torch.Tensor) -> np.ndarray:
    """In 32-bit floats."""
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    return ov.Core().compile_model(graph, "CPU", settings)(pixels.numpy())[0]


def turns(graph: ov.Model) -> int:
    """How often maps are turned; what has one pixel costs nothing to turn."""
    turned = [each for each in graph.get_ops() if each.get_type_name() == "Transpose"]
    return sum(sum(side == 1 for side in each.get_output_partial_shape(0)) < 2 for each in turned)
