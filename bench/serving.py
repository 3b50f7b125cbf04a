"""A server under load against `predict` itself: rate and latency, at 1 and 16 clients."""

import base64
import http.client
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import alone, scratch
from bench.result import Figure, Result
from bench.session import models

SECONDS = 10.0
CLIENTS = (1, 16)
SHARE = 0.8
"""Of `predict`'s own rate that a server has at 16 clients, at least."""
KINDS = {"photo": "application/octet-stream", "text": "text/plain"}
"""Of the body of a request."""
BEYOND = 5.0
"""Milliseconds that an answer to one client takes besides a session's, at most."""


def run(quick: bool = False) -> Result:
    """Photos of 500x375, and short texts; `predict` before and after each server."""
    seconds = 1.0 if quick else SECONDS
    figures: list[Figure] = []
    with scratch() as folder:
        for what, model, items in models(folder):
            figures += _measured(what, model, items, seconds)
    return Result(
        "serving",
        "one item a request, clients on the same cores, each with one connection",
        tuple(figures),
        {"seconds": seconds, "predict": "Model.predict of as many items as a second takes"},
    )


def _measured(what: str, model: Path, items: Sequence[Any], seconds: float) -> list[Figure]:
    before = alone(_predict, model, items, seconds)
    kind = KINDS[what]
    with server(model) as port:
        took = {clients: load(port, kind, items, clients, seconds) for clients in CLIENTS}
    after = alone(_predict, model, items, seconds)
    rate = (before["rate"] + after["rate"]) / 2
    one = (before["one"] + after["one"]) / 2
    figures = [
        Figure(f"{what}, predict", rate, "items/s"),
        Figure(f"{what}, a session, one item: median", one, "ms"),
    ]
    for clients, times in took.items():
        found = len(times) / seconds
        figures.append(Figure(f"{what}, {clients} clients", found, "items/s"))
        figures += [
            Figure(f"{what}, {clients} clients: p{share}", float(np.percentile(times, share)), "ms")
            for share in (50, 95, 99)
        ]
    share = len(took[16]) / seconds / rate
    beyond = float(np.median(took[1])) - one
    figures.append(Figure(f"{what}, share of predict's rate", share, "", at_least=SHARE))
    figures.append(Figure(f"{what}, one client beyond a session", beyond, "ms", at_most=BEYOND))
    return figures


def _predict(model: Path, items: Sequence[Any], seconds: float) -> dict[str, float]:
    """Items a second of one call, and the median of one item in a session, in milliseconds."""
    import headstart

    loaded = headstart.load(model)
    with loaded.session() as session:
        times = []
        until = time.perf_counter() + seconds / 4
        while not times or time.perf_counter() < until:
            began = time.perf_counter()
            session.predict(items[len(times) % len(items)])
            times.append(1000 * (time.perf_counter() - began))
    number = max(len(items), int(1000 / np.median(times)))
    # Of items that are the same one is computed; each of these is another.
    many = [_another(items[at % len(items)], at) for at in range(number)]
    done, began = 0, time.perf_counter()
    while time.perf_counter() < began + seconds:
        loaded.predict(many)
        done += number
    return {"rate": done / (time.perf_counter() - began), "one": float(np.median(times))}


def _another(item: Any, number: int) -> Any:
    """The same work, with another digest: what stands behind the end of a JPEG is not read."""
    if isinstance(item, bytes):
        return item + number.to_bytes(4, "big")
    words = item.split()
    return " ".join([*words[:-1], str(number)])


@contextmanager
def server(model: Path) -> Iterator[int]:
    """`headstart serve` while the block runs; gives its port."""
    command = [sys.executable, "-m", "headstart", "serve", str(model), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        assert process.stdout is not None
        line = next(each for each in process.stdout if each.startswith("At "))
        port = int(line.split()[1].rstrip("/").rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/v2/health/ready")
        if connection.getresponse().status != 200:
            raise AssertionError("the server is not ready")
        connection.close()
        yield port
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def load(port: int, kind: str, items: Sequence[Any], clients: int, seconds: float) -> list[float]:
    """Milliseconds of each answer, from clients in a process of their own.

    Args:
        port: of a server on this machine, which answers at `/predict`.
        kind: of the body; as `application/json` an item is `{"text": ...}`, or `{"image": BASE64}`.
        items: what is asked about.
        clients: how many ask at once, each with one connection.
        seconds: for how long.
    """
    found: list[float] = alone(_clients, port, kind, list(items), clients, seconds)
    return found


def _clients(
    port: int, kind: str, items: Sequence[Any], clients: int, seconds: float
) -> list[float]:
    took: queue.SimpleQueue[list[float]] = queue.SimpleQueue()
    start = threading.Barrier(clients)

    def ask(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        times: list[float] = []
        start.wait()
        for at in range(-2, 10**9):  # Those before 0 are not counted.
            # No two are the same: those would be computed once.
            item = _another(items[(first + at) % len(items)], first * 1_000_000 + at + 2)
            body = _body(item, kind)
            began = time.perf_counter()
            if at == 0:
                until = began + seconds
            if at > 0 and began > until:
                break
            connection.request("POST", "/predict", body, {"Content-Type": kind})
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                raise AssertionError(f"the server answered {response.status}")
            if at >= 0:
                times.append(1000 * (time.perf_counter() - began))
        connection.close()
        took.put(times)

    threads = [threading.Thread(target=ask, args=(7 * at,)) for at in range(clients)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    answers = [took.get_nowait() for _ in range(clients)]
    return [each for times in answers for each in times]


def _body(item: bytes | str, kind: str) -> bytes:
    if kind == "application/json":
        if isinstance(item, bytes):
            return json.dumps({"image": base64.b64encode(item).decode()}).encode()
        return json.dumps({"text": item}).encode()
    return item if isinstance(item, bytes) else item.encode()
