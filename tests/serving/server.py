"""`headstart serve` as people start it: a process of its own, at a port that is free."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import httpx

WAIT = 90


class Server:
    """A server that runs while the block does.

    Args:
        arguments: of `headstart serve`, without the port.
        cache: where networks are compiled.
        environment: more variables.
    """

    def __init__(self, *arguments: str, cache: Path, **environment: str) -> None:
        self._arguments, self._cache, self._more = arguments, cache, environment
        self.lines: list[str] = []
        self.errors: list[str] = []

    def __enter__(self) -> "Server":
        self.process = subprocess.Popen(
            [sys.executable, "-m", "headstart", "serve", *self._arguments, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "HEADSTART_CACHE": str(self._cache), **self._more},
        )
        found: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._readers = [
            threading.Thread(target=_read, args=(self.process.stdout, self.lines, found)),
            threading.Thread(target=_read, args=(self.process.stderr, self.errors, None)),
        ]
        for each in self._readers:
            each.start()
        with contextlib.suppress(queue.Empty):
            self.address = found.get(timeout=WAIT)
        if not getattr(self, "address", ""):
            self.__exit__(None, None, None)
            raise AssertionError(f"the server did not start: {self.errors}")
        self.client = httpx.Client(base_url=self.address, timeout=60, trust_env=False)
        until = time.monotonic() + WAIT
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if self.client.get("v2/health/ready").status_code == 200:
                    return self
            time.sleep(0.05)
        self.__exit__(None, None, None)
        raise AssertionError(f"the server did not become ready: {self.errors}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if hasattr(self, "client"):
            self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for each in self._readers:
            each.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def stop(self) -> None:
        """Send SIGTERM, and remember when."""
        self.stopped = time.monotonic()
        self.process.send_signal(signal.SIGTERM)

    def fresh(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=60, trust_env=False)

    def metrics(self) -> dict[str, float]:
        lines = self.client.get("metrics").text.splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}


def _read(stream, lines: list[str], found: "queue.SimpleQueue[str] | None") -> None:
    for line in stream:
        lines.append(line)
        if found is not None and line.startswith("At http"):
            found.put(line.split()[1])
    if found is not None:
        found.put("")


def until(condition, seconds: float = 60) -> Iterator[None]:
    """Wait for a condition: `for _ in until(...)` runs what it holds while it is not so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        yield
        time.sleep(0.05)
