"""One name for what a network does with its weights.

The same weights under another number of attention heads, another activation or another epsilon are
another network. A state dict shows nothing of that; the tree of modules does.
"""

import hashlib
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import partial
from types import CellType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn

_OF_EVERY_MODULE = {*vars(nn.Module()), "training"}

_ABOUT = {
    "pretrained_cfg",
    "default_cfg",
    "generation_config",
    "name_or_path",
    "warnings_issued",
}
"""Attributes of modules that say where they came from, and what else could be done with them."""

_NAMES = {
    "name",
    "_name_or_path",
    "_commit_hash",
    "transformers_version",
    "architectures",
    "dtype",
    "torch_dtype",
    "id2label",
    "label2id",
    "use_cache",
    "trainable",
}
"""What in a configuration says where it came from or what it was for, not what is done."""


def function(network: nn.Module) -> str:
    """SHA-256, in hex, of what a network computes, given its parameters.

    Covers, module by module, its place, its class, its settings (numbers, words, configurations,
    functions by name), its code where it was traced, and the buffers that no state dict holds. The
    code of classes is not covered: that follows from the versions of the libraries.
    """
    digest = hashlib.sha256()
    stored = network.state_dict().keys()
    for path, module in network.named_modules(remove_duplicate=False):
        digest.update(f"{path}\0{_name(type(module))}\0{_settings(module)}\n".encode())
    for path, buffer in network.named_buffers():
        if path not in stored:
            digest.update(f"{path}\0{_plain(buffer)}\n".encode())
    return digest.hexdigest()


def _settings(module: nn.Module) -> str:
    if isinstance(module, fx.GraphModule):
        return module.code
    known = _OF_EVERY_MODULE | _ABOUT
    return _plain({name: value for name, value in vars(module).items() if name not in known})


def _plain(value: object) -> str:
    """A text that is the same for equal settings, whatever the process."""
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return f"{type(value).__name__}:{value!r}"
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return _numbers(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{_plain(k)}={_plain(v)}" for k, v in value.items())) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_plain, value)) + "]"
    if isinstance(value, Set):
        return "{" + ",".join(sorted(map(_plain, value))) + "}"
    return _object(value)


def _object(value: object) -> str:
    kind = _name(type(value))
    if isinstance(value, nn.Module) and not hasattr(value, "get_config"):
        return kind  # It has a place of its own in the tree.
    if isinstance(value, Enum):
        return f"{kind}.{value.name}"
    if isinstance(value, partial):
        return f"partial({_plain(value.func)},{_plain(value.args)},{_plain(value.keywords)})"
    if isinstance(value, (torch.dtype, torch.device)):
        return str(value)
    if callable(value) and hasattr(value, "__qualname__"):
        return _callable(value)
    for method in ("to_dict", "get_config"):  # transformers' configurations, Keras's layers
        if hasattr(value, method):
            return f"{kind}({_plain(_nameless(getattr(value, method)()))})"
    if is_dataclass(value):
        return f"{kind}({_plain({each.name: getattr(value, each.name) for each in fields(value)})})"
    return kind


def _nameless(configuration: object) -> object:
    if not isinstance(configuration, Mapping):
        return configuration
    return {k: _nameless(v) for k, v in configuration.items() if k not in _NAMES}


def _callable(value: Any) -> str:
    name = _name(value)
    code = getattr(value, "__code__", None)
    if code is None or "<" not in name:
        return name
    # One that was made inside another: its name does not tell it from its like.
    held = [_held(cell) for cell in value.__closure__ or ()]
    constants = [each for each in code.co_consts if not hasattr(each, "co_code")]
    return (
        f"{name}({code.co_code.hex()},{_plain(constants)},{_plain(code.co_names)},{_plain(held)})"
    )


def _held(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # Nothing yet.
        return None


def _name(value: Any) -> str:
    return f"{getattr(value, '__module__', '')}.{value.__qualname__}"


def _numbers(value: torch.Tensor | NDArray[np.generic]) -> str:
    array = value.detach().cpu().contiguous() if isinstance(value, torch.Tensor) else value
    shape = tuple(array.shape)
    if isinstance(array, torch.Tensor):
        content = array.reshape(-1).view(torch.uint8).numpy().tobytes()
    else:
        content = np.ascontiguousarray(array).tobytes()
    return f"{array.dtype}{shape}{hashlib.sha256(content).hexdigest()}"
