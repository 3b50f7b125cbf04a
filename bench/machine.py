"""The machine that is measured: two of its cores, and what they can do."""

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

Answer = TypeVar("Answer")

CORES = 2
PACKAGES = (
    "headstart",
    "torch",
    "timm",
    "keras",
    "transformers",
    "openvino",
    "pillow",
    "numpy",
    "pylance",
    "scikit-learn",
)
_FEATURES = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_tile",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "sve",
    "bf16",
)


def limit() -> None:
    """Keep this process, and those it starts, on two cores and off any GPU.

    To be called before torch or OpenVINO is imported: both count cores once.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    if not hasattr(os, "sched_setaffinity"):
        raise SystemExit("bench needs Linux: elsewhere a process cannot be kept on two cores.")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def alone(function: Callable[..., Answer], *args: Any) -> Answer:
    """Call a module's function in a fresh process, where no earlier measurement left threads."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


@contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder, with headstart's cache in it: every measurement starts cold."""
    before = os.environ.get("HEADSTART_CACHE")
    with TemporaryDirectory(prefix="headstart-bench-") as folder:
        os.environ["HEADSTART_CACHE"] = str(Path(folder) / "cache")
        try:
            yield Path(folder)
        finally:
            if before is None:
                del os.environ["HEADSTART_CACHE"]
            else:
                os.environ["HEADSTART_CACHE"] = before


def processor_seconds() -> float:
    """Processor time of this process, and of those it started that have ended."""
    return sum(os.times()[:4])


class OtherWork:
    """How much of this process's cores others take, from now on.

    Processes that this one started count as others until they have ended.
    """

    def __init__(self) -> None:
        self._cores = sorted(os.sched_getaffinity(0))
        self._began = self._now()

    def share(self) -> float:
        """From 0, none, to 1."""
        elapsed, busy, own = (b - a for a, b in zip(self._began, self._now(), strict=True))
        return max(0.0, (busy - own) / (elapsed * len(self._cores)))

    def _now(self) -> tuple[float, float, float]:
        return time.monotonic(), _busy_seconds(self._cores), processor_seconds()


def _busy_seconds(cores: Sequence[int]) -> float:
    """How long these cores have worked since the machine started, for whomever."""
    ticks = 0
    for line in Path("/proc/stat").read_text("ascii").splitlines():
        name, *counts = line.split()
        if name in {f"cpu{core}" for core in cores}:
            user, nice, system, _idle, _waiting, *interrupts = map(int, counts[:8])
            ticks += user + nice + system + sum(interrupts)
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_megabytes() -> float:
    """The most memory this process has held.

    Not `getrusage`: its `ru_maxrss` starts at what the parent process held.
    """
    status = Path("/proc/self/status").read_text("ascii", "replace")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def describe() -> dict[str, Any]:
    """Processor, precision and versions. Imports OpenVINO."""
    from headstart.runtime.engine import native_precision

    model, flags = _processor()
    return {
        "processor": model,
        "processor_features": [each for each in _FEATURES if each in flags],
        "precision": native_precision(),
        "cores": sorted(os.sched_getaffinity(0)),
        "cores_of_the_machine": os.cpu_count(),
        "load": [round(each, 2) for each in os.getloadavg()],
        "system": platform.platform(),
        "versions": {"python": platform.python_version()}
        | {package: version(package) for package in PACKAGES},
    }


def _processor() -> tuple[str, set[str]]:
    known: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
        key, _, value = line.partition(":")
        known.setdefault(key.strip(), value.strip())
    flags = known.get("flags") or known.get("Features") or ""
    return known.get("model name") or platform.machine(), set(flags.split())
