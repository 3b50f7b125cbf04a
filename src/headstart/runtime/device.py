"""Where trunks run, and what they compute in."""

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.errors import InputError
from headstart.installed import installed
from headstart.runtime.engine import native_precision

if TYPE_CHECKING:
    import torch

DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""What is there where a driver of NVIDIA's, of Windows's Linux or of AMD's is loaded."""


def device(asked: str = "auto") -> str:
    """Where to compute: `cpu`, `cuda`, `cuda:N` or `mps`.

    Args:
        asked: one of them; `auto` is `cuda` where torch finds one, else `cpu`, and torch is loaded
            only where there may be one.

    Raises:
        InputError: there is no such device.
    """
    if asked == "cpu":
        return asked
    if asked == "auto" and "torch" not in sys.modules and not _possible():
        return "cpu"
    import torch

    if asked == "mps":
        if torch.backends.mps.is_available():
            return asked
        raise InputError(
            "--device is 'mps', but PyTorch finds no GPU of Apple's here; say --device cpu, or "
            "leave it out."
        )
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if asked == "auto":
        return "cuda" if there else "cpu"
    number = int(asked.partition(":")[2] or 0)
    if number >= there:
        have = "none is found" if not there else f"there are {there}, from cuda:0"
        raise InputError(
            f"--device is {asked!r}, but of devices that PyTorch can compute on with CUDA {have}; "
            "say --device cpu, or leave it out."
        )
    return asked


def by_torch(where: str) -> bool:
    """Whether PyTorch computes on a device; OpenVINO does on a CPU, where it is installed."""
    return where != "cpu" or not installed("openvino")


def precision(where: str) -> str:
    """What the engine on `where` computes in."""
    if where.startswith("cuda"):
        return "bfloat16"
    return "float32" if by_torch(where) else native_precision()


def synchronise(where: "torch.device") -> None:
    """Wait for all that was begun on a device."""
    import torch

    if where.type == "cuda":
        torch.cuda.synchronize(where)
    elif where.type == "mps":
        torch.mps.synchronize()


def out_of_memory(error: RuntimeError) -> bool:
    """Whether a device has too little memory; on mps PyTorch has no error of its own for that."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error)


def empty_cache(where: "torch.device") -> None:
    """Give a device back the memory that PyTorch holds and nothing uses."""
    import torch

    if where.type == "cuda":
        torch.cuda.empty_cache()
    elif where.type == "mps":
        torch.mps.empty_cache()


def _possible() -> bool:
    if version("torch").endswith("+cpu") or os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    if sys.platform == "darwin":
        return False
    return sys.platform != "linux" or any(Path(each).exists() for each in DRIVERS)
