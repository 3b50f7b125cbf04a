"""A network computed by PyTorch: on a GPU, and on a CPU where OpenVINO is not installed."""

import copy
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from headstart.runtime.engine import Done, Inputs
from headstart.runtime.halved import RowLimit

BATCH = {"cuda": 128, "mps": 64, "cpu": 16}
"""Rows of a call, by kind of device."""

SLOW = (
    "OpenVINO is not installed, so PyTorch computes the network, which takes several times as "
    "long; `pip install openvino` installs it."
)


class TorchEngine:
    """A trunk in evaluation mode; batches run one after another, whichever thread they come from.

    On CUDA it goes through torch.compile. A batch that the device's memory does not hold is
    computed in halves, and so are those after it.

    Args:
        trunk: takes the inputs of a batch, gives its features; stays where it is.
        where: a torch device.
        batch: rows of every call; None: what suits the device.
        precision: `bfloat16` (autocast) or `float32`.
        compiled: whether to go through torch.compile; None: on CUDA.
    """

    def __init__(
        self,
        trunk: nn.Module,
        where: str,
        batch: int | None = None,
        precision: str = "bfloat16",
        *,
        compiled: bool | None = None,
    ) -> None:
        self._where = torch.device(where)
        kind = self._where.type
        self.batch = BATCH[kind] if batch is None else batch
        self.precision = precision
        self.note: str | None = SLOW if kind == "cpu" else None
        trunk = copy.deepcopy(trunk).eval().to(self._where)
        trunk.to(memory_format=torch.channels_last)
        compiled = kind == "cuda" if compiled is None else compiled
        self._trunk = torch.compile(trunk) if compiled else trunk
        self._limit = RowLimit(self._where)
        self._one = Lock()

    def start(self, inputs: Inputs, done: Done) -> None:
        """See `Engine.start`."""
        done(self.compute(inputs))

    def compute(self, inputs: Inputs) -> NDArray[np.float32]:
        """See `Engine.compute`."""
        with self._one:
            parts = self._limit.each(
                len(inputs[0]), lambda part: self._computed(tuple(each[part] for each in inputs))
            )
        return np.concatenate(parts)

    def wait(self) -> None:
        """See `Engine.wait`: every `start` has already waited."""

    def beside(self) -> "TorchEngine":
        """See `Engine.beside`: itself."""
        return self

    def _computed(self, inputs: Inputs) -> NDArray[np.float32]:
        lower = self.precision == "bfloat16"
        with (
            torch.inference_mode(),
            torch.autocast(self._where.type, torch.bfloat16, enabled=lower),
        ):
            tensors = [torch.from_numpy(array).to(self._where) for array in inputs]
            output = self._trunk(*tensors)
            features: NDArray[np.float32] = output.float().cpu().numpy()
        return features
