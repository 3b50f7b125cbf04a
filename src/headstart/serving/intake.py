"""Bodies of requests, read within limits of size, of time, and of memory for all of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

from headstart.serving.refusal import Refused
from headstart.wording import size

AT_ONCE = 8
"""Bodies of the largest size that are held at once, at most."""


class Intake:
    """Reads bodies on the event loop, so a client that sends slowly holds no thread.

    Args:
        most: bytes of a body.
        seconds: that a body may take.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._held = 0

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """The body; what it takes counts as held until the block is left.

        Raises:
            Refused: it is too large (413), too slow (408), or there is no room for it now (429).
        """
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self._most:
            raise self._too_large()
        own = bytearray()
        try:
            await self._read(request, own)
            yield bytes(own)
        finally:
            self._held -= len(own)

    async def _read(self, request: Request, own: bytearray) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                async for chunk in request.stream():
                    own += chunk
                    self._held += len(chunk)
                    if len(own) > self._most:
                        raise self._too_large()
                    if self._held > AT_ONCE * self._most:
                        raise Refused(429, "The server is busy.", {"Retry-After": "1"})
        except TimeoutError as error:
            raise Refused(
                408, f"The body did not arrive within {self._seconds:g} seconds."
            ) from error
        except ClientDisconnect as error:
            raise Refused(400, "The client went away.") from error

    def _too_large(self) -> Refused:
        return Refused(413, f"The body is larger than the {size(self._most)} allowed.")
