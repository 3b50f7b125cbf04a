"""Exports with smaller numbers: weights of 16 bits, or a network of 8-bit integers."""

import contextlib
import io
import logging
import os
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError, first_line
from headstart.export.written import Asked
from headstart.installed import installed

Precision = Literal["float32", "float16", "int8"]

PRECISIONS: tuple[Precision, ...] = get_args(Precision)

MOST = 300
"""Items whose activations say which range the integers stand for."""

MOST_BYTES = 1 << 30
"""Of their pixels, which are all in memory then."""

LARGE = 256
"""Numbers from which on an array is worth storing in 16 bits."""

ATTENTION = {"Softmax", "ScaledDotProductAttention", "Attention"}
"""Operations of OpenVINO and of ONNX that mark a transformer; few other networks have one."""


def refuse_missing() -> None:
    """Refuse what int8 needs and is not installed.

    Raises:
        InputError: says how to install it.
    """
    if not installed("nncf"):
        raise InputError("--precision int8 needs nncf: run `pip install 'headstart[int8]'`.")


def quantised(network: Any, given: Sequence[Asked], names: Sequence[str] | None = None) -> Any:
    """A network whose matrix products are of 8-bit integers (through NNCF).

    Args:
        network: a graph of OpenVINO or of ONNX; changed where it is OpenVINO's.
        given: inputs that it is calibrated on.
        names: of the inputs, for a graph of ONNX.

    Raises:
        InputError: NNCF cannot quantise this network.
    """
    # Else it reports to its makers where OpenVINO's package for that was imported before headstart.
    os.environ.setdefault("NNCF_CI", "1")
    import nncf

    nncf.set_log_level(logging.ERROR)
    inputs: list[Any] = [
        each if names is None else dict(zip(names, each, strict=True)) for each in given
    ]
    kinds = _kinds(network)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # It draws its progress.
            return nncf.quantize(
                network,
                nncf.Dataset(inputs),
                subset_size=len(inputs),
                preset=nncf.QuantizationPreset.MIXED,
                model_type=nncf.ModelType.TRANSFORMER if kinds & ATTENTION else None,
            )
    except MemoryError:
        raise
    except Exception as error:  # Of many kinds: each part of NNCF raises its own.
        raise InputError(
            f"The network cannot be quantised ({type(error).__name__}: {first_line(error)}); use "
            "--precision float32."
        ) from error


def halved(network: Any) -> Any:
    """A network whose large weights are stored in 16 bits; it computes in 32 as before.

    An array with a number that 16 bits do not hold, such as a mask, stays as it is.

    Args:
        network: a graph of OpenVINO or of ONNX; changed in place.
    """
    return (_halved_onnx if hasattr(network, "graph") else _halved_openvino)(network)


def _halved_onnx(model: Any) -> Any:
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    given = {each.name for each in model.graph.input}
    for each in model.graph.initializer:
        if each.data_type != TensorProto.FLOAT or each.name in given:
            continue
        name, half = each.name, _half(numpy_helper.to_array(each))
        if half is not None:
            each.CopyFrom(numpy_helper.from_array(half, f"{name}/half"))
            casts.append(helper.make_node("Cast", [each.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _halved_openvino(model: Any) -> Any:
    from openvino import Type, opset13

    for each in model.get_ordered_ops():
        if each.get_type_name() != "Constant" or each.get_element_type() != Type.f32:
            continue
        half = _half(each.data)
        if half is not None:
            readers = list(each.output(0).get_target_inputs())
            whole = opset13.convert(opset13.constant(half), "f32")
            for reader in readers:
                reader.replace_source_output(whole.output(0))
    return model


def _half(values: NDArray[np.float32]) -> NDArray[np.float16] | None:
    """None where it is not worth it, or a number does not fit."""
    if values.size < LARGE:
        return None
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    return None if (np.isinf(half) & np.isfinite(values)).any() else half


def _kinds(network: Any) -> set[str]:
    if hasattr(network, "graph"):
        return {node.op_type for node in network.graph.node}
    return {node.get_type_name() for node in network.get_ops()}
