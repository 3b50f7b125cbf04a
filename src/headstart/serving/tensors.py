"""The Open Inference Protocol, version 2: tensors in JSON, in and out."""

from collections.abc import Sequence
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.data.corrections import written
from headstart.data.dataset import Modality
from headstart.serving.items import Items, item_of, within
from headstart.serving.refusal import Refused
from headstart.spec import ServeSpec
from headstart.types import Array, JsonObject
from headstart.wording import shown

if TYPE_CHECKING:
    from headstart.predictors import Predictions
    from headstart.serving.served import Answered, Ready

Asked = tuple[Items, str | None, tuple[str, ...] | None]
"""The items, what the client calls the request, and the outputs that are wanted (None: all)."""

PIXELS, IMAGES, TEXTS = "pixels", "images", "texts"


def metadata(name: str, ready: "Ready") -> JsonObject:
    """What a model takes and gives."""
    model = ready.model
    number = len(model.classes)
    if model.modality == "image":
        inputs = [_tensor(IMAGES, "BYTES", -1), _tensor(PIXELS, "UINT8", -1, -1, -1, 3)]
    else:
        inputs = [_tensor(TEXTS, "BYTES", -1)]
    if model.task == "regression":
        outputs = [_tensor("values", "FP64", -1)]
        if model.abstain is not None:
            outputs.append(_tensor("intervals", "FP64", -1, 2))
    else:
        outputs = [_tensor("labels", "BYTES", -1), _tensor("probabilities", "FP32", -1, number)]
        if model.abstain is not None:
            outputs.append(_tensor("sets", "BYTES", -1))
    outputs.append(_tensor("errors", "BYTES", -1))
    return {
        "name": name,
        "versions": [ready.version],
        "platform": "headstart_openvino",
        "inputs": inputs,
        "outputs": outputs,
        "parameters": {
            "task": model.task,
            "modality": model.modality,
            "classes": list(model.classes),
        },
    }


def _tensor(name: str, datatype: str, *shape: int) -> JsonObject:
    return {"name": name, "datatype": datatype, "shape": list(shape)}


def asked(given: Any, modality: Modality, limits: ServeSpec) -> Asked:
    """What a body asks for: one input tensor, of bytes or of pixels.

    Raises:
        Refused: it is no such body.
    """
    if not isinstance(given, dict):
        raise Refused(422, 'Send a JSON object with "inputs".')
    id = given.get("id")
    if id is not None and not isinstance(id, str):
        raise Refused(422, '"id" is not a string.')
    inputs = given.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise Refused(422, '"inputs" must be a list of one tensor.')
    tensor = inputs[0]
    shape = _shape(tensor.get("shape"))
    kind = tensor.get("datatype")
    if kind == "BYTES":
        strings = within(_strings(tensor.get("data"), shape), limits)
        values = [item_of(each, modality) for each in strings]
    elif kind == "UINT8" and modality == "image":
        values = list(within(_pixels(tensor.get("data"), shape, limits), limits))
    else:
        taken = "BYTES or UINT8" if modality == "image" else "BYTES"
        raise Refused(422, f"The datatype must be {taken}, not {shown(str(kind))[:40]!r}.")
    return Items.numbered(values), id, _wanted(given.get("outputs"))


def _shape(shape: Any) -> tuple[int, ...]:
    if (
        not isinstance(shape, list)
        or not 1 <= len(shape) <= 4
        or not all(type(side) is int and 0 <= side < 2**31 for side in shape)
    ):
        raise Refused(422, '"shape" must be a list of one to four whole numbers.')
    return tuple(shape)


def _strings(data: Any, shape: tuple[int, ...]) -> list[Any]:
    if shape[1:] not in ((), (1,)):
        raise Refused(422, "A tensor of BYTES must have the shape [items].")
    if not isinstance(data, list):
        raise Refused(422, '"data" is not a list.')
    if len(data) != shape[0]:
        raise Refused(422, f'"data" has {len(data):,} values, but the shape says {shape[0]:,}.')
    return [each[0] if isinstance(each, list) and len(each) == 1 else each for each in data]


def _pixels(data: Any, shape: tuple[int, ...], limits: ServeSpec) -> Array:
    if len(shape) != 4 or shape[3] != 3 or not prod(shape):
        raise Refused(422, "A tensor of pixels must have the shape [items, height, width, 3].")
    if shape[1] * shape[2] > limits.max_pixels:
        raise Refused(
            413,
            f"{shape[2]:,} x {shape[1]:,} pixels are more than the {limits.max_pixels:,} allowed.",
        )
    if not isinstance(data, list):
        raise Refused(422, '"data" is not a list.')
    # Not by NumPy: it makes all of a list as wide as its longest string before one can look.
    for _ in shape[1:]:
        if set(map(type, data)) == {list}:
            data = list(chain.from_iterable(data))
    if set(map(type, data)) != {int} or len(data) != prod(shape):
        raise Refused(422, f'"data" is not {prod(shape):,} whole numbers, as the shape says.')
    try:
        raw = bytes(data)
    except ValueError as error:
        raise Refused(422, '"data" has numbers that are not from 0 to 255.') from error
    return np.frombuffer(raw, np.uint8).reshape(shape)


def _wanted(outputs: Any) -> tuple[str, ...] | None:
    if outputs is None or outputs == []:
        return None
    if not isinstance(outputs, list) or not all(
        isinstance(each, dict) and isinstance(each.get("name"), str) for each in outputs
    ):
        raise Refused(422, '"outputs" must be a list of objects with a "name".')
    return tuple(each["name"] for each in outputs)


def answer(
    name: str, answered: "Answered", id: str | None, wanted: tuple[str, ...] | None
) -> JsonObject:
    """The answer to `/infer`; an item that has none has an error, and zeros elsewhere.

    Raises:
        Refused: there is no such output.
    """
    outputs = {str(each["name"]): each for each in _outputs(answered.predictions)}
    unknown = next((each for each in wanted or () if each not in outputs), None)
    if unknown is not None:
        raise Refused(
            422, f"There is no output {shown(unknown)[:80]!r}; there are {', '.join(outputs)}."
        )
    said: JsonObject = {"model_name": name, "model_version": answered.by.version}
    if id is not None:
        said["id"] = id
    said["outputs"] = [outputs[each] for each in wanted or outputs]
    return said


def _outputs(found: "Predictions") -> list[JsonObject]:
    errors = list(found.errors) or [None] * len(found)
    outputs: list[JsonObject] = []
    if found.values is not None:
        outputs.append(_numbers("values", "FP64", found.values))
        if found.intervals is not None:
            outputs.append(_numbers("intervals", "FP64", found.intervals))
    if found.probabilities is not None:
        outputs.append(_texts("labels", [written(label) for label in found.labels]))
        outputs.append(_numbers("probabilities", "FP32", found.probabilities))
        if found.sets is not None:
            outputs.append(_texts("sets", [written(each) for each in found.sets]))
    outputs.append(_texts("errors", [each or "" for each in errors]))
    return outputs


def _numbers(name: str, datatype: str, values: Array) -> JsonObject:
    kept = np.nan_to_num(values, nan=0.0)
    return {**_tensor(name, datatype, *values.shape), "data": kept.ravel().tolist()}


def _texts(name: str, values: Sequence[str]) -> JsonObject:
    return {**_tensor(name, "BYTES", len(values)), "data": list(values)}
