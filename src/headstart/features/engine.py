"""The compiled network on a CPU: one OpenVINO graph, fed without waiting for answers.

Every stream computes with one thread and images go one at a time, so an item's features do not
depend on how many cores there are or on which items are computed beside it.
"""

import os
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from headstart.features.gated import unfused

CPU_BATCH = {"image": 1, "text": 4}
"""Rows of a call: an image fills a core, short texts do not."""

Inputs = tuple[NDArray[np.generic], ...]
Done = Callable[[NDArray[np.float32]], None]


class Engine(Protocol):
    """A network that takes batches and answers in its own time."""

    batch: int
    precision: str
    note: str | None

    def start(self, inputs: Inputs, done: Done) -> None:
        """Compute `inputs` (each `batch` rows); call `done` with the output, from any thread.

        Waits while the engine is full, so that what is held in memory stays small.
        """
        ...

    def wait(self) -> None:
        """Return when every started batch is done.

        Raises:
            RuntimeError: a batch failed.
        """
        ...


def cores() -> int:
    """Processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def native_precision() -> str:
    """`bfloat16` where the processor computes in it, `float32` otherwise."""
    able = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bfloat16" if "BF16" in able else "float32"


class OpenVINOEngine:
    """An OpenVINO graph on the CPU, one single-threaded stream a core.

    Args:
        graph: the network; its first input is uint8 images (batch, height, width, 3), or its
            two inputs are token ids and mask (batch, length).
        batch: rows of every call.
        precision: `bfloat16` or `float32`; by default what the processor does best.
        blob: what `export` gave of the same graph, batch, precision and kind of machine.
        note: what a person should know of it.
    """

    def __init__(
        self,
        graph: ov.Model,
        batch: int,
        precision: str | None = None,
        *,
        blob: bytes | None = None,
        note: str | None = None,
    ) -> None:
        self.batch = batch
        self.precision = precision or native_precision()
        self.note = note
        self._compiled = self._imported(blob) or self._compile(graph)
        self._queue = ov.AsyncInferQueue(self._compiled, cores())
        self._queue.set_callback(_deliver)

    def _compile(self, graph: ov.Model) -> ov.CompiledModel:
        # A stored graph, or a saved model, may be from before `to_graph` did this.
        graph = unfused(graph)
        if len(graph.inputs) == 1:
            _, *shape = graph.input(0).partial_shape
            graph = graph.clone()
            graph.reshape([self.batch, *shape])
        return ov.Core().compile_model(graph, "CPU", self._settings())

    def _imported(self, blob: bytes | None) -> ov.CompiledModel | None:
        if blob is None:
            return None
        try:
            return ov.Core().import_model(blob, "CPU", self._settings())
        except RuntimeError:  # Of another build of OpenVINO: it is compiled again.
            return None

    def _settings(self) -> dict[str, Any]:
        streams = cores()
        return {
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams,
            "INFERENCE_PRECISION_HINT": {"bfloat16": "bf16", "float32": "f32"}[self.precision],
        }

    def export(self) -> bytes:
        """What was compiled, for `blob`; the same numbers come out, and it opens sooner."""
        stream = self._compiled.export_model()
        return stream if isinstance(stream, bytes) else stream.getvalue()

    def start(self, inputs: Inputs, done: Done) -> None:
        """See `Engine.start`."""
        self._queue.start_async(dict(enumerate(inputs)), done)

    def wait(self) -> None:
        """See `Engine.wait`."""
        self._queue.wait_all()


def _deliver(request: ov.InferRequest, done: Done) -> None:
    done(np.array(request.get_output_tensor(0).data, dtype=np.float32))
