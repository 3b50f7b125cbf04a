"""Connections that have said nothing yet: how long they are waited for."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

GRACE = 0.5
"""Seconds that a new connection has to send its request when the server stops."""
HEAD = 30.0
"""Seconds that a connection has to send the head of a request, from the last answer on."""


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that does not close a connection whose first request is on its way.

    uvicorn closes it when it stops, though the client, which was accepted, may have sent it; and
    waits for ever for one that sends nothing, or a byte now and then: of the head of a request, or
    of a body that was refused.
    """

    _last_call = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        super().on_response_complete()
        self._await_head()

    def _await_head(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(HEAD, self._close_idle)

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

    def _close_idle(self) -> None:
        if (self._silent or self.cycle.response_complete) and not self.transport.is_closing():
            self.transport.close()
