"""uvicorn's HTTP protocol with the bounds that it leaves to a proxy: how much may arrive, and for how long, in vain.

A head that does not end, or a connection on which no request begins, is given up; fields behind a body are no headers;
and a connection is closed for its silence only after what arrived meanwhile was read. It knows nothing of predictions.
"""

from __future__ import annotations

from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 65_536
"""So much may arrive without a request that begins or goes on: a head, or the fields behind a body."""
HEAD_SECONDS = 20.0
"""A connection has so long for each request to begin, and its head twice as long at most."""
LAST_LOOK_SECONDS = 0.05
_TOO_LARGE = b"The head of the request is too large."


class _Dropped(list[tuple[bytes, bytes]]):
    """Where the fields behind a body go: a sender could else add to what a proxy in front has checked."""

    def append(self, _: tuple[bytes, bytes], /) -> None:
        """Keep nothing."""


_DROPPED = _Dropped()


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    head: list[tuple[bytes, bytes]]
    """The headers of the request, once they have all come."""
    _begun = _moved = False
    _loose = 0
    _watch: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to watch the connection."""
        super().connection_made(transport)
        self._watch_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """End with the connection."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; whoever sends on and on without a request that gets further is sent away."""
        self._moved = False
        super().data_received(data)
        if self._moved:
            self._loose = 0
        else:
            self._loose += len(data)
            if self._loose > HEAD_BYTES and not self.transport.is_closing():
                self._refuse_head()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._begun = self._moved = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head has ended."""
        super().on_headers_complete()
        self.end_head()

    def on_body(self, body: bytes) -> None:
        """The request goes on."""
        self._moved = True
        super().on_body(body)

    def end_head(self) -> None:
        """Take no further headers."""
        if not self.parser.should_upgrade():  # uvicorn looks at those of an upgrade again
            self.head, self.headers = self.headers, _DROPPED

    def timeout_keep_alive_handler(self) -> None:
        """Close after one more turn of the event loop: where it stood still, a request may have come in time."""
        self.timeout_keep_alive_task = self.loop.call_later(LAST_LOOK_SECONDS, super().timeout_keep_alive_handler)

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way, whose time is bounded by whoever answers it."""
        return self.cycle is not None and not self.cycle.response_complete

    def _watch_on(self) -> None:
        self._watch = self.loop.call_later(max(HEAD_SECONDS, self.timeout_keep_alive), self._look)

    def _look(self) -> None:
        """Close a connection on which no request began since the last look."""
        if self.transport.is_closing() or self not in self.connections:  # a websocket leaves them
            return
        if self._begun or self.is_busy:
            self._begun = False
            self._watch_on()
        else:
            self.transport.close()

    def _refuse_head(self) -> None:
        lines: list[Any] = [b"HTTP/1.1 431 Request Header Fields Too Large", b"content-type: text/plain; charset=utf-8"]
        lines += [b"content-length: %d" % len(_TOO_LARGE), b"connection: close", b"", _TOO_LARGE]
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()
