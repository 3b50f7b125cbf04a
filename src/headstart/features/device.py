"""Where trunks run, and what they compute in."""

import os
import sys
from importlib.metadata import version
from pathlib import Path

from headstart.features.engine import native_precision

DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""What is there where a driver of NVIDIA's, of Windows's Linux or of AMD's is loaded."""


def device() -> str:
    """`cuda` where torch finds one, else `cpu`; torch is loaded only where there may be one."""
    if "torch" not in sys.modules and not _possible():
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def precision(where: str) -> str:
    """What the engine on `where` computes in."""
    return "bfloat16" if where == "cuda" else native_precision()


def _possible() -> bool:
    if version("torch").endswith("+cpu") or os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    if sys.platform == "darwin":
        return False
    return sys.platform != "linux" or any(Path(each).exists() for each in DRIVERS)
