"""headstart's server beside LitServe and BentoML, around the same network, in one run."""

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench import serving
from bench.machine import alone, scratch
from bench.peers import environments
from bench.peers.driver import end
from bench.result import Figure, Result
from bench.serving import CLIENTS, KINDS, SECONDS
from bench.session import models

SCRIPTS = Path(__file__).parent / "peers" / "servers"
WORKERS = 2
"""Processes of each other tool, one thread each: the cores that all are measured on."""

READY = 120.0
"""Seconds in which a server has to answer for the first time."""


def run(quick: bool = False) -> Result:
    """Photos of 500x375, and short texts; headstart first and last, and the mean of both counts."""
    seconds = 1.0 if quick else SECONDS
    figures: list[Figure] = []
    with scratch() as folder:
        for what, model, items in models(folder):
            export = folder / f"{what} export"
            alone(write_export, model, export)
            figures += _measured(what, model, export, items, seconds)
    return Result(
        "servers",
        "one item a request, clients on the same cores, each with one connection",
        tuple(figures),
        {"seconds": seconds, "workers of the other tools": WORKERS},
    )


def write_export(model: Path, out: Path) -> None:
    """The network that the other tools are put around, with what comes before and after it."""
    from headstart.api import export

    export(model, out=out, format="openvino", offline=True)


def _measured(
    what: str, model: Path, export: Path, items: Sequence[Any], seconds: float
) -> Iterator[Figure]:
    own = ("headstart", partial(serving.server, model), KINDS[what])
    ways: tuple[tuple[str, Callable[[], AbstractContextManager[int]], str], ...] = (
        own,
        ("LitServe", partial(_lit_serve, export), "application/json"),
        ("BentoML", partial(_bento_ml, export), "application/json"),
        own,
    )
    took: dict[tuple[str, int], list[list[float]]] = {}
    for name, serve, kind in ways:
        with serve() as port:
            for clients in CLIENTS:
                times = serving.load(port, kind, items, clients, seconds)
                took.setdefault((name, clients), []).append(times)
    for (name, clients), rounds in took.items():
        rate = float(np.mean([len(each) / seconds for each in rounds]))
        yield Figure(f"{what}, {name}, {clients} clients", rate, "items/s")
        for share in (50, 95, 99):
            late = float(np.mean([np.percentile(each, share) for each in rounds]))
            yield Figure(f"{what}, {name}, {clients} clients: p{share}", late, "ms")


def _lit_serve(export: Path) -> AbstractContextManager[int]:
    python, port = environments.python("servers"), _free()
    script = str(SCRIPTS / "lit_serve.py")
    return _started([str(python), script, str(export), str(port), str(WORKERS)], port, "/health")


def _bento_ml(export: Path) -> AbstractContextManager[int]:
    python, port = environments.python("servers"), _free()
    where = ["--host", "127.0.0.1", "--port", str(port)]
    command = [str(python), "-m", "bentoml", "serve", "bento_ml:Service", *where]
    settings = {"EXPORT": str(export), "WORKERS": str(WORKERS), "BENTOML_DO_NOT_TRACK": "True"}
    return _started(command, port, "/readyz", **settings)


@contextmanager
def _started(command: list[str], port: int, ready: str, **environment: str) -> Iterator[int]:
    """A server while the block runs, once it answers at all."""
    process = subprocess.Popen(
        command,
        cwd=SCRIPTS,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + READY
        while not _answers(port, ready):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{' '.join(command)} does not start")
            time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        end(process)  # Also workers that it left: they would compute beside the next one.


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _free() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
