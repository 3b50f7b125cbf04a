"""Connections that have said nothing yet: how long they are waited for."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

GRACE = 0.5
"""Seconds that a new connection has to send its request when the server stops."""
FIRST = 30.0
"""Seconds that a connection has to send the head of its first request."""


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that does not close a connection whose first request is on its way.

    uvicorn closes it when it stops, though the client, which was accepted, may have sent it; and
    waits for ever for one that sends nothing.
    """

    _last_call = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self.loop.call_later(FIRST, self._close_silent)

    @property
    def _silent(self) -> bool:
        """Whether no request has come; uvicorn says of its type that one always has."""
        cycle: object = self.cycle
        return cycle is None

    def shutdown(self) -> None:
        """Close when what was asked is answered; see `GRACE`."""
        if self._silent and not self._last_call:
            self._last_call = True
            self.loop.call_later(GRACE, self.shutdown)
        elif not self.transport.is_closing():
            super().shutdown()

    def _close_silent(self) -> None:
        if self._silent and not self.transport.is_closing():
            self.transport.close()
