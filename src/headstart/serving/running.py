"""A server as one process or several: it listens, and stops without losing a request."""

import asyncio
import logging
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING

from headstart.errors import InputError
from headstart.installed import installed
from headstart.located import located
from headstart.spec import ServeSpec
from headstart.wording import quoted

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from headstart.serving.guard import State
    from headstart.serving.served import Served

BACKLOG = 2048
"""Connections that may wait to be taken."""
FILES = 65_536
"""Files that may be open at once, where the system lets us: every connection is one."""
NEEDED = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")


def named(models: Sequence[str]) -> dict[str, Path]:
    """Folders of models by the names that they are served as.

    Args:
        models: `FOLDER`, served as what it is called, or `NAME=FOLDER`; a folder may be
            `hf:OWNER/NAME[@REVISION]`, which is then fetched once.

    Raises:
        InputError: a name cannot be part of an address, or is there twice; a model of the hub is
            not to be had.
    """
    found: dict[str, Path] = {}
    for each in models:
        before, equals, after = each.partition("=")
        own = bool(equals) and not Path(each).exists()
        name, folder = (before, after) if own else (Path(each).resolve().name or "model", each)
        plain = re.sub(r"[^A-Za-z0-9_.-]", "-", name)
        if (own and plain != name) or not plain.strip("."):
            raise InputError(
                f"{quoted(name)} cannot be the name of a model; write NAME=FOLDER, with letters, "
                "digits, -, _ and . in NAME."
            )
        if plain in found:
            raise InputError(
                f"Two models would be served as {quoted(plain)}; name them: NAME=FOLDER."
            )
        found[plain] = located(folder)
    return found


@dataclass(frozen=True)
class Factory:
    """Makes the application of a process; it can be sent to another one."""

    folders: Mapping[str, Path]
    spec: ServeSpec

    def __call__(self) -> "FastAPI":
        """The application; its models are opened when it starts."""
        from headstart.serving.app import application
        from headstart.serving.guard import State
        from headstart.serving.meters import Meters

        _keep_quiet()
        meters, state = Meters(), State()

        @asynccontextmanager
        async def models() -> AsyncIterator[dict[str, "Served"]]:
            from headstart.serving.served import Served

            served = {
                name: Served(name, folder, self.spec, meters)
                for name, folder in self.folders.items()
            }
            drain_on_sigterm(state, self.spec.drain)
            yield served
            for each in served.values():
                each.close()

        return application(self.spec, meters, state, models())


def _keep_quiet() -> None:
    """What a client sends wrong is for the client to know, and is no line in the log."""
    for name in ("python_multipart", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.ERROR)


def drain_on_sigterm(state: "State", seconds: float) -> None:
    """From SIGTERM on be not ready, and end some seconds later; from a second one, at once.

    Whoever sends requests has the time to see it and to send them elsewhere; what was accepted is
    answered in any case.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

    def end(number: int, frame: FrameType | None) -> None:
        if callable(before):
            before(number, frame)

    def drain(number: int, frame: FrameType | None) -> None:
        if state.draining or not seconds:
            state.draining = True
            end(number, frame)
            return
        state.draining = True
        loop.call_soon_threadsafe(loop.call_later, seconds, end, number, None)

    signal.signal(signal.SIGTERM, drain)


def serve(
    models: Sequence[str], spec: ServeSpec, say: Callable[[str, Mapping[str, str]], None]
) -> None:
    """Serve models until the process is asked to stop.

    Args:
        models: see `named`.
        spec: where it listens, and what it takes on.
        say: is told the address, and what each model is, once connections are taken.

    Raises:
        InputError: a model cannot be read, the address cannot be listened at, or the extra is
            missing.
    """
    if not all(installed(each) for each in NEEDED):
        raise InputError("headstart serve needs an extra: pip install 'headstart[serve]'")
    from headstart import predictors

    folders = named(models)
    with _bound(spec) as listening:
        # Each is read before anything is served, so that what is wrong is said at once.
        about = {name: repr(predictors.load(folder)) for name, folder in folders.items()}
        _allow_connections()
        listening.listen(BACKLOG)
        host, port = listening.getsockname()[:2]
        _warn(host, spec)
        say(f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/", about)
        run = _run_one if spec.workers == 1 else _run_several
        run(Factory(folders, spec), spec, listening)


def _bound(spec: ServeSpec) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            spec.host, spec.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
        except OSError:
            made.close()
            raise
    except (OSError, UnicodeError) as error:
        raise InputError(
            f"Nothing can listen at {spec.host} port {spec.port} ({error}); choose another with "
            "--host or --port."
        ) from error
    return made


def _allow_connections() -> None:
    """Each connection is an open file, of which most systems allow 1,024 unless one asks."""
    try:
        import resource
    except ImportError:  # on Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _warn(host: str, spec: ServeSpec) -> None:
    from headstart.serving.guard import is_loopback

    if spec.token is None and not is_loopback(host):
        print(
            f"headstart: whoever reaches {host} may ask, for no token is set; set HEADSTART_TOKEN.",
            file=sys.stderr,
        )


def _config(factory: Factory, spec: ServeSpec) -> "uvicorn.Config":
    import uvicorn

    from headstart.serving.protocol import PatientProtocol

    return uvicorn.Config(
        factory,
        factory=True,
        workers=spec.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http=PatientProtocol,
        backlog=BACKLOG,
        ws="none",
        lifespan="on",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(2 * spec.timeout) + 5,
        timeout_worker_healthcheck=30,
    )


def _run_one(factory: Factory, spec: ServeSpec, listening: socket.socket) -> None:
    import uvicorn

    # What uvicorn does with a signal when all is answered is to send it once more.
    before = {each: signal.signal(each, _ignore) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        uvicorn.Server(_config(factory, spec)).run([listening])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_several(factory: Factory, spec: ServeSpec, listening: socket.socket) -> None:
    from headstart.serving.workers import Workers

    # The name is that of `meters.SHARED`, which cannot be imported: the library that is imported
    # with it looks for the variable when it is.
    with TemporaryDirectory(prefix="headstart-serve-") as figures:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = figures
        Workers(_config(factory, spec), [listening]).run()


def _ignore(number: int, frame: FrameType | None) -> None:
    """Nothing is left to do."""
