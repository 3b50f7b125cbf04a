"""The compiled network on a CPU: one OpenVINO graph, fed without waiting for answers.

Every stream computes with one thread and images go one at a time, so an item's features do not
depend on how many cores there are or on which items are computed beside it.
"""

import copy
import ctypes
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import SimpleQueue
from threading import Lock
from weakref import WeakSet

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from headstart.runtime.engine import Done, Inputs, cores, native_precision
from headstart.runtime.gated import unfused
from headstart.runtime.openvino_core import core
from headstart.types import Unchecked

# OpenVINO's binding makes its table of types when it is first asked for an array, and releases the
# GIL meanwhile: of two threads that ask first, one waits for the table and the other for the GIL.
np.array(ov.Tensor(np.zeros(1, np.float32)).data)


class OpenVINOEngine:
    """An OpenVINO graph on the CPU, one single-threaded stream a core.

    An engine is of one run; runs in other threads take one `beside` it, and share what is
    compiled. It is compiled when first used, and again in a process that was forked, for the
    threads that compute stay behind in its parent.

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
        self._streams = _Streams(graph, batch, self.precision, blob)
        self._started: deque[Future[None]] = deque()

    def beside(self) -> "OpenVINOEngine":
        """The same compiled network for another run, at the same time."""
        other = copy.copy(self)
        other._started = deque()
        return other

    def export(self) -> bytes:
        """What was compiled, for `blob`; the same numbers come out, and it opens sooner."""
        return self._streams.export()

    def start(self, inputs: Inputs, done: Done) -> None:
        """See `Engine.start`."""
        self._started.append(self._streams.submit(inputs, done))
        if len(self._started) > 2 * cores():
            self._started.popleft().result()

    def compute(self, inputs: Inputs) -> NDArray[np.float32]:
        """See `Engine.compute`: what would wake a thread of a stream takes half a millisecond."""
        return self._streams.compute(inputs)

    def wait(self) -> None:
        """See `Engine.wait`."""
        started, self._started = self._started, deque()
        wait(started)
        for each in started:
            each.result()


class _Streams:
    """A compiled network, and a thread for each of its streams; may be used by many threads."""

    def __init__(self, graph: ov.Model, batch: int, precision: str, blob: bytes | None) -> None:
        self._graph, self._batch, self._precision, self._blob = graph, batch, precision, blob
        self._opening = Lock()
        self._compiled: ov.CompiledModel | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._idle: SimpleQueue[ov.InferRequest] = SimpleQueue()
        _OPEN.add(self)

    def submit(self, inputs: Inputs, done: Done) -> "Future[None]":
        with self._opening:
            self._open()
            assert self._threads is not None
            return self._threads.submit(_compute, self._idle, inputs, done)

    def compute(self, inputs: Inputs) -> NDArray[np.float32]:
        with self._opening:
            self._open()
            assert self._threads is not None
            # A foreign thread may be given a stream that is busy while another one is not.
            idle = self._idle.qsize() == cores()
            computing = None if idle else self._threads.submit(_answer, self._idle, inputs)
        return computing.result() if computing else _answer(self._idle, inputs)

    def export(self) -> bytes:
        with self._opening:
            self._open()
            assert self._compiled is not None
            stream = self._compiled.export_model()
        return stream if isinstance(stream, bytes) else stream.getvalue()

    def _open(self) -> None:
        if self._threads is not None:
            return
        self._compiled = self._imported() or self._compile()
        for _ in range(cores()):
            self._idle.put(self._compiled.create_infer_request())
        self._threads = ThreadPoolExecutor(cores(), "engine")

    def _compile(self) -> ov.CompiledModel:
        # A stored graph, or a saved model, may be from before `to_graph` did this.
        graph = unfused(self._graph)
        if len(graph.inputs) == 1:
            _, *shape = graph.input(0).partial_shape
            graph = graph.clone()
            graph.reshape([self._batch, *shape])
        return core().compile_model(graph, "CPU", self._settings())

    def _imported(self) -> ov.CompiledModel | None:
        if self._blob is None:
            return None
        try:
            return core().import_model(self._blob, "CPU", self._settings())
        except RuntimeError:  # Of another build of OpenVINO: it is compiled again.
            return None

    def _settings(self) -> Unchecked:
        streams = cores()
        return {
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams,
            "INFERENCE_PRECISION_HINT": {"bfloat16": "bf16", "float32": "f32"}[self._precision],
        }

    def leave_to_parent(self) -> None:
        """In a forked child: forget what the parent has, and never free it.

        Freeing it would wait for threads that are not in this process.
        """
        for kept in (self._idle, self._threads, self._compiled):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))
        self._opening, self._idle = Lock(), SimpleQueue()
        self._threads = self._compiled = None


_OPEN: "WeakSet[_Streams]" = WeakSet()


def _in_child() -> None:
    for streams in list(_OPEN):
        streams.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def _compute(idle: "SimpleQueue[ov.InferRequest]", inputs: Inputs, done: Done) -> None:
    done(_answer(idle, inputs))


def _answer(idle: "SimpleQueue[ov.InferRequest]", inputs: Inputs) -> NDArray[np.float32]:
    request = idle.get()
    try:
        request.infer(dict(enumerate(inputs)))
        return np.array(request.get_output_tensor(0).data, dtype=np.float32)
    finally:
        idle.put(request)
