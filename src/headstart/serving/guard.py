"""What holds for every request: who may ask, what is counted, and what no answer may allow."""

import hmac
import socket
import time
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headstart.serving.meters import Meters
from headstart.serving.replies import refusal

OPEN = ("/", "/docs", "/openapi.json", "/v2/health/live", "/v2/health/ready")
"""Paths that need no token: they tell nothing of the models, and a probe has none."""

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Of every answer that says nothing else."""


@dataclass
class State:
    """Whether the process has been asked to stop."""

    draining: bool = False


class Guard:
    """ASGI middleware around the whole application.

    Args:
        app: what answers.
        token: that a request must bring.
        host: that the server listens at.
        meters: what is counted.
        state: whether the process has been asked to stop.
    """

    def __init__(
        self, app: ASGIApp, *, token: str | None, host: str, meters: Meters, state: State
    ) -> None:
        self._app, self._meters, self._state = app, meters, state
        self._token = None if token is None else f"Bearer {token}".encode("ascii")
        self._host = host.casefold() if token is None and is_loopback(host) else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if self._state.draining:
                    headers["connection"] = "close"
            await send(message)

        try:
            if self._is_of_another_name(scope):
                refused = refusal(
                    "Without a token only this machine is answered, by its own names: ask "
                    "127.0.0.1 or localhost, or set HEADSTART_TOKEN.",
                    421,
                )
                await refused(scope, receive, sending)
            elif self._may(scope):
                await self._app(scope, receive, sending)
            else:
                refused = refusal("A token is needed: Authorization: Bearer TOKEN.", 401)
                refused.headers["www-authenticate"] = "Bearer"
                await refused(scope, receive, sending)
        finally:
            path = getattr(scope.get("route"), "path", "other")
            self._meters.request(path, status or 500, time.perf_counter() - began)

    def _is_of_another_name(self, scope: Scope) -> bool:
        """Whether a local server was asked by a name that is not this machine's.

        A stranger's page may have its own name lead to this machine ("DNS rebinding"): the browser
        then takes what answers for a part of that page.
        """
        if self._host is None or scope["path"] in OPEN:
            return False
        try:
            name = urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname
        except ValueError:
            return True
        if name is None:
            return False
        name = name.rstrip(".")
        return name != self._host and not _is_own_name(name)

    def _may(self, scope: Scope) -> bool:
        if self._token is None or scope["path"] in OPEN:
            return True
        given = Headers(scope=scope).get("authorization", "").encode("utf-8", "replace")
        scheme, _, rest = given.partition(b" ")
        return hmac.compare_digest(scheme.capitalize() + b" " + rest.strip(), self._token)


def is_loopback(host: str) -> bool:
    """Whether an address, or that of a name, is one that only this machine reaches."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0]
        address = ip_address(str(found).partition("%")[0])
    except (OSError, ValueError):
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _is_own_name(name: str) -> bool:
    """Whether a name leads to this machine everywhere, or is a number, which has no owner."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
