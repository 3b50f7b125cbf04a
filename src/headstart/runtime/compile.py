"""A torch trunk becomes an OpenVINO graph, for a CPU."""

import warnings
from typing import Any

import openvino as ov
import torch
from torch import nn

from headstart.errors import InputError
from headstart.preprocessing import ImagePreprocessing, Preprocessing
from headstart.runtime.channels import channels_first
from headstart.runtime.gated import unfused
from headstart.runtime.reference import Reference, inputs_for


def to_graph(trunk: nn.Module, preprocessing: Preprocessing) -> ov.Model:
    """The trunk as an OpenVINO graph, with any number of rows (and tokens).

    Raises:
        InputError: torch cannot export the network, or OpenVINO lacks an operation of it.
    """
    inputs, shapes = example(preprocessing)
    trunk.eval()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            program = torch.export.export(trunk, inputs, dynamic_shapes=shapes)
            graph = ov.convert_model(program)
        except Exception as error:  # Both run the network's own code: anything may go wrong.
            lines = [line.strip("- ") for line in str(error).splitlines() if line.strip()]
            # OpenVINO names the operation that it lacks in the last line, torch the reason first.
            reason = lines[-1 if "convert" in str(error) else 0] if lines else ""
            raise InputError(
                "The backbone cannot be compiled for the CPU "
                f"({type(error).__name__}: {reason[:200]}); use another backbone."
            ) from error
    if isinstance(preprocessing, ImagePreprocessing):
        graph = channels_first(graph)
    return unfused(graph)


def converted(trunk: nn.Module, preprocessing: Preprocessing) -> tuple[ov.Model, Reference]:
    """`to_graph`, and what the trunk itself gives for a few inputs.

    Raises:
        InputError: see `to_graph`.
    """
    graph = to_graph(trunk, preprocessing)
    inputs = inputs_for(preprocessing)
    where = next((each.device for each in trunk.parameters()), torch.device("cpu"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # Of more, the last bits depend on how many: it is saved.
    try:
        with torch.inference_mode():
            output = trunk(*(torch.from_numpy(each).to(where) for each in inputs))
    finally:
        torch.set_num_threads(threads)
    return graph, Reference(inputs, output.float().cpu().numpy())


def example(preprocessing: Preprocessing) -> tuple[tuple[torch.Tensor, ...], tuple[Any, ...]]:
    """Inputs of a trunk, and which of their axes may have other lengths, for `torch.export`."""
    rows = torch.export.Dim("rows", min=1, max=4096)
    if isinstance(preprocessing, ImagePreprocessing):
        pixels = torch.zeros(2, preprocessing.height, preprocessing.width, 3, dtype=torch.uint8)
        return (pixels,), ({0: rows},)
    tokens = torch.export.Dim("tokens", min=2, max=preprocessing.max_tokens)
    ids = torch.ones(2, min(16, preprocessing.max_tokens), dtype=torch.int64)
    shape = {0: rows, 1: tokens}
    return (ids, torch.ones_like(ids)), (shape, shape)
