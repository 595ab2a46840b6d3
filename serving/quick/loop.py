"""uvloop, but for how it takes connections: `uvicorn --loop serving.quick.loop:new_event_loop`.

uvloop accepts one connection in a turn of the loop, and a turn under load takes milliseconds: of a thousand callers who
come at once the last would wait for seconds before their first request is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from ssl import SSLContext
from typing import Any

import uvloop

MORE = 63
"""Connections that are taken in one turn beside uvloop's own; few enough to leave some to other workers."""
Factory = Callable[[], asyncio.BaseProtocol]


class Loop(uvloop.Loop):
    """An event loop that takes what waits at a port, not one connection of it."""

    async def create_server(  # type: ignore[override]
        self, protocol_factory: Factory, *given: Any, ssl: SSLContext | None = None, **options: Any
    ) -> asyncio.AbstractServer:
        """The server that uvloop makes; whenever it takes a connection, those that wait behind it come in too."""
        behind = _Behind(self, protocol_factory, ssl)
        server: asyncio.AbstractServer = await super().create_server(behind.first, *given, ssl=ssl, **options)
        behind.server = server
        return server


def new_event_loop() -> Loop:
    """What uvicorn runs in."""
    return Loop()


class _Behind:
    """The connections that wait behind the one which uvloop takes."""

    def __init__(self, loop: Loop, factory: Factory, ssl: SSLContext | None) -> None:
        self.server: Any = None
        self._loop, self._factory, self._ssl = loop, factory, ssl
        self._entering: set[asyncio.Task[Any]] = set()
        self._is_due = False

    def first(self) -> asyncio.BaseProtocol:
        """The protocol for the connection that uvloop takes."""
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._take)
        return self._factory()

    def _take(self) -> None:
        self._is_due = False
        for listening in self.server.sockets if self.server is not None else ():
            with socket.socket(fileno=os.dup(listening.fileno())) as port, contextlib.suppress(OSError):
                for _ in range(MORE):
                    self._enter(port.accept()[0])

    def _enter(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._factory, connection, ssl=self._ssl))
        self._entering.add(task)
        task.add_done_callback(self._entered)

    def _entered(self, task: asyncio.Task[Any]) -> None:
        self._entering.discard(task)
        if not task.cancelled():
            task.exception()  # a handshake of TLS that failed: uvloop closed the connection, and nobody waits
