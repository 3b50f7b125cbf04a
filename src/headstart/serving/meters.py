"""What Prometheus is told: requests, items, batches, time, and how many items wait."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder in which workers of one server add up their figures."""

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Meters:
    """The figures of a process, or of all workers of a server where they share a folder."""

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self) -> None:
        self._folder = os.environ.get(SHARED)
        if self._folder:
            _forget_dead(Path(self._folder))
        self._registry = own = CollectorRegistry()
        self._requests = Counter(
            "headstart_requests", "Requests by path and status.", ("path", "status"), registry=own
        )
        self._seconds = Histogram(
            "headstart_request_seconds",
            "Seconds from the head of a request to the end of its answer.",
            ("path",),
            buckets=SECONDS,
            registry=own,
        )
        self._items = Counter(
            "headstart_items", "Items by outcome.", ("model", "outcome"), registry=own
        )
        self._batches = Histogram(
            "headstart_batch_items",
            "Items that were computed together.",
            ("model",),
            buckets=BATCHES,
            registry=own,
        )
        self._waiting = Gauge(
            "headstart_queue_items",
            "Items that wait.",
            ("model",),
            registry=own,
            multiprocess_mode="livesum",
        )
        self._loads = Counter(
            "headstart_model_loads",
            "Models that were put in a folder's place.",
            ("model", "outcome"),
            registry=own,
        )
        self._depths: dict[str, Callable[[], int]] = {}

    def queue(self, model: str, depth: Callable[[], int]) -> None:
        """Say how to find out how many items wait for a model."""
        self._depths[model] = depth

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def items(self, model: str, errors: Sequence[str | None], of: int) -> None:
        """Count items, those with an error apart."""
        failed = sum(each is not None for each in errors)
        self._items.labels(model, "answered").inc(of - failed)
        self._items.labels(model, "error").inc(failed)

    def batch(self, model: str, items: int) -> None:
        """Count a batch."""
        self._batches.labels(model).observe(items)
        self._depth(model)

    def loaded(self, model: str, well: bool) -> None:
        """Count a model that was taken over, or could not be."""
        self._loads.labels(model, "served" if well else "refused").inc()

    def text(self) -> bytes:
        """Every figure in Prometheus' text format."""
        for model in self._depths:
            self._depth(model)
        if not self._folder:
            return generate_latest(self._registry)
        whole = CollectorRegistry()
        MultiProcessCollector(whole, self._folder)  # type: ignore[no-untyped-call]
        return generate_latest(whole)

    def _depth(self, model: str) -> None:
        self._waiting.labels(model).set(self._depths[model]())


def _forget_dead(folder: Path) -> None:
    """Remove what workers that were killed said to be waiting for them."""
    for path in folder.glob("gauge_live*_*.db"):
        pid = path.stem.rpartition("_")[2]
        if pid.isdecimal() and not _runs(int(pid)):
            with suppress(OSError):
                path.unlink()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
