"""Serves an application with the server of `manage.py serve`, on a free local port."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp

from web.server import Config, Drain, Limits, Server

ENOUGH_S = 120.0


class _Server(Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do not replace the signal handlers of the test run."""
        yield


@asynccontextmanager
async def listening(
    app: ASGIApp, limits: Limits | None = None, **settings: Any
) -> AsyncIterator[str]:
    """Serve a started application; yield host and port."""
    async with served(app, limits, **settings) as (address, _):
        yield address


@asynccontextmanager
async def served(
    app: ASGIApp,
    limits: Limits | None = None,
    drain: Drain | None = None,
    *,
    sockets: list[socket.socket] | None = None,
    siblings: Sequence[socket.socket] = (),
    **settings: Any,
) -> AsyncIterator[tuple[str, Server]]:
    """Serve a started application; yield host and port, and the server."""
    address_known: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def note_address(address: str) -> None:
        address_known.set_result(address)

    given = {"host": "127.0.0.1", "port": 0, "lifespan": "off", **settings}
    config = Config(app, limits or Limits(), **given)
    server = _Server(config, note_address, drain, siblings)
    running = asyncio.create_task(server.serve(sockets))
    try:
        yield await asyncio.wait_for(address_known, ENOUGH_S), server
    finally:
        server.should_exit = True
        await running


@dataclass
class Wire:
    """A raw connection of a client."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Write bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def rest(self) -> bytes:
        """Read until the server closes the connection."""
        return await asyncio.wait_for(self.reader.read(), ENOUGH_S)

    async def head(self) -> str:
        """Read a response up to the end of its headers; return the text."""
        read = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), ENOUGH_S)
        return read.decode("latin1")


@asynccontextmanager
async def wire(address: str, **settings: Any) -> AsyncIterator[Wire]:
    """Open a raw connection."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), **settings)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()
