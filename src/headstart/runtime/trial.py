"""A graph is first compiled, and first asked, in a process of its own.

Compilers of networks have faults that end the process, or give other numbers, on one kind of
processor for one kind of network. So what this machine has not compiled yet is compiled in a child
that loads no torch, and answers beside what the network itself gave. The verdict and what was
compiled are kept in the cache: a later start reads them, and pays nothing.
"""

import contextlib
import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from headstart.atomic import whole_folder
from headstart.errors import HeadstartError
from headstart.runtime import graphs
from headstart.runtime.engine import cores
from headstart.runtime.graphs import Graph
from headstart.runtime.openvino_core import core
from headstart.runtime.openvino_engine import OpenVINOEngine
from headstart.runtime.reference import APART
from headstart.types import Unchecked

FORMAT = 1
"""Raised when what is kept is read otherwise."""

KEPT = 1 << 30
"""Bytes of compiled networks that are kept; the least recently used go first."""

SECONDS = 900
"""After so long a child counts as dead."""

PROCESSOR = ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")

CRASHES = {
    -getattr(signal, name)
    for name in ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGTRAP")
    if hasattr(signal, name)
}


@dataclass(frozen=True)
class Verdict:
    """What became of a trial.

    Attributes:
        fault: what went wrong, in words; None where nothing did.
        blob: what was compiled, where there was room to keep it.
    """

    fault: str | None
    blob: bytes | None = None


def engine(graph: Graph, batch: int, precision: str, root: Path | None) -> OpenVINOEngine:
    """An engine in a precision; in float32, with a note, where the graph is not sound in that.

    Args:
        graph: the network.
        batch: rows of every call.
        precision: what the processor does best.
        root: the cache folder; None keeps nothing.

    Raises:
        HeadstartError: it is sound in no precision.
    """
    faults: list[str] = []
    for each in dict.fromkeys((precision, "float32")):
        verdict = judge(graph, batch, each, root)
        if verdict.fault is None:
            note = f"The network is computed in {each}: {' '.join(faults)}" if faults else None
            return OpenVINOEngine(graph.model, batch, each, blob=verdict.blob, note=note)
        faults.append(f"in {each} {verdict.fault}.")
    raise HeadstartError(
        f"The network cannot be computed on this processor: {' '.join(faults)} Please report this, "
        "with the backbone and the version of openvino; another backbone may do."
    )


def judge(graph: Graph, batch: int, precision: str, root: Path | None) -> Verdict:
    """The verdict on a graph: from the cache, or by a trial."""
    folder = None if root is None else kept_in(root) / _name(graph, batch, precision)
    kept = None if folder is None else _read(folder)
    if kept is not None:
        return kept
    with TemporaryDirectory() as temporary:
        job = Path(temporary)
        graphs.write(graph.model, job / "network.xml")
        if graph.reference is not None:
            graphs.write_reference(graph.reference, job)
        (job / "job.json").write_text(json.dumps({"batch": batch, "precision": precision}))
        fault = _run(job, graph, precision)
        if fault is _NO_CHILD:
            return Verdict(None)
        blob = (job / "network.blob").read_bytes() if fault is None else None
    verdict = Verdict(fault, blob)
    if folder is not None:
        _keep(folder, verdict)
    return verdict


def kept_in(root: Path) -> Path:
    """Where verdicts are, in a cache folder."""
    return root / "compiled"


_NO_CHILD = "no child"


def _run(job: Path, graph: Graph, precision: str) -> str | None:
    """What is wrong with a graph; None where nothing is; `_NO_CHILD` where none could be asked."""
    try:
        done = subprocess.run(
            _command(job),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(each or "." for each in sys.path)},
        )
    except subprocess.TimeoutExpired:
        return f"its compilation does not end within {SECONDS} s"
    except (OSError, ValueError):
        return _NO_CHILD
    if not (job / f"{precision}.npy").exists():
        if done.returncode in CRASHES or done.returncode > 0xFF:
            return f"its compilation ends the process ({_ending(done.returncode)})"
        return _NO_CHILD
    for each in (precision, "float32"):
        answer = job / f"{each}.npy"
        if graph.reference is None or not answer.exists():
            continue
        furthest = graph.reference.distance(np.load(answer, allow_pickle=False))
        if not furthest <= APART[each]:
            return f"it does not answer as the network itself ({furthest:.2g} apart in {each})"
    return None


def _command(job: Path) -> list[str]:
    return [sys.executable, "-P", "-m", "headstart.runtime.trial", str(job)]


def _ending(code: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"code {code:#x}"


def _name(graph: Graph, batch: int, precision: str) -> str:
    processor = (core().get_property("CPU", name) for name in PROCESSOR)
    about = [
        *(FORMAT, graph.digest, batch, precision, cores(), ov.__version__),
        *(*processor, platform.machine(), _abilities()),
    ]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:32]


def _abilities() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def _read(folder: Path) -> Verdict | None:
    try:
        kept = json.loads((folder / "verdict.json").read_text("utf-8"))
        fault, expected = kept["fault"], kept["blob"]
        os.utime(folder)
    except (OSError, ValueError, LookupError, TypeError):
        return None
    blob = None
    if expected is not None:
        with contextlib.suppress(OSError):
            blob = (folder / "network.blob").read_bytes()
        if blob is None or hashlib.sha256(blob).hexdigest() != expected:
            return None
    return Verdict(fault, blob)


def _keep(folder: Path, verdict: Verdict) -> None:
    """In one step; without room for it the next start asks again."""
    blob = verdict.blob if verdict.blob and len(verdict.blob) <= KEPT // 4 else None
    about: Unchecked = {"fault": verdict.fault, "blob": None}
    with contextlib.suppress(OSError):
        with whole_folder(folder) as unfinished:
            unfinished.mkdir()
            if blob is not None:
                about["blob"] = hashlib.sha256(blob).hexdigest()
                (unfinished / "network.blob").write_bytes(blob)
            (unfinished / "verdict.json").write_text(json.dumps(about), "utf-8")
        _make_room(folder.parent)


def _make_room(root: Path) -> None:
    """Remove what was compiled, least recently used first; verdicts are small, and stay."""
    blobs = sorted(root.glob("*/network.blob"), key=lambda each: each.parent.stat().st_mtime)
    taken = sum(each.stat().st_size for each in blobs)
    for each in blobs[:-1]:
        if taken <= KEPT:
            return
        taken -= each.stat().st_size
        shutil.rmtree(each.parent, ignore_errors=True)


def _try(job: Path) -> None:
    """The child: compile, answer, and leave both in the folder."""
    _die_quietly()
    settings = json.loads((job / "job.json").read_text("utf-8"))
    graph = core().read_model(job / "network.xml")
    reference = graphs.read_reference(job)
    # What float32 gives tells a fault of the conversion from what rounding does.
    for precision in dict.fromkeys((settings["precision"], "float32")):
        opened = OpenVINOEngine(graph, settings["batch"], precision)
        answer = np.empty(0, np.float32) if reference is None else _answer(opened, reference.inputs)
        if precision == settings["precision"]:
            (job / "network.blob").write_bytes(opened.export())
        np.save(job / f"{precision}.npy", answer, allow_pickle=False)
        del opened


def _die_quietly() -> None:
    """No file of what was in memory; and where memory runs out, before whoever asked."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _answer(opened: OpenVINOEngine, inputs: tuple[NDArray[np.generic], ...]) -> NDArray[np.float32]:
    """The features of the rows of a reference, a batch at a time."""
    rows = len(inputs[0])
    found: list[NDArray[np.float32]] = []
    for at in range(0, rows, opened.batch):
        which = np.minimum(np.arange(at, at + opened.batch), rows - 1)
        opened.start(tuple(each[which] for each in inputs), found.append)
        opened.wait()
    return np.concatenate(found)[:rows]


if __name__ == "__main__":
    _try(Path(sys.argv[1]))
