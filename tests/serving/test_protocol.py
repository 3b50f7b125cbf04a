"""Connections that say next to nothing are closed, however they go about it."""

import asyncio

import pytest
import uvicorn
from uvicorn.server import ServerState

from headstart.serving import protocol

ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n"


async def answer(scope, receive, send) -> None:
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
    )
    await send({"type": "http.response.body"})


async def dribbled(first: bytes) -> None:
    """Send something, then a byte now and then, until the connection is closed."""
    config = uvicorn.Config(answer, http=protocol.PatientProtocol, log_config=None)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: protocol.PatientProtocol(config, state, {}, loop), "127.0.0.1", 0
    )
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(first)
        while not reader.at_eof():
            writer.write(b"a")
            try:
                await asyncio.wait_for(reader.read(1000), 0.05)
            except TimeoutError:
                continue
            except ConnectionError:
                break
        writer.close()
    assert not state.connections


@pytest.mark.parametrize("first", [b"", ASK, LARGE], ids=["nothing", "an answer", "a refused body"])
def test_a_byte_now_and_then_does_not_hold_a_connection(first, monkeypatch) -> None:
    monkeypatch.setattr(protocol, "HEAD", 0.3)
    asyncio.run(asyncio.wait_for(dribbled(first), 20))
