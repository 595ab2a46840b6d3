"""uvicorn's HTTP protocol with a short way in it: `uvicorn --http serving.quick.protocol:QuickProtocol`.

A request that is whole at once, or a moment later, on a connection with nothing else under way, is offered to the door
before the application is called. Parsing and all other requests are uvicorn's. The door comes by the state of the
application's lifespan; without one this is uvicorn's own protocol.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from serving.quick.bounded import BoundedProtocol

if TYPE_CHECKING:
    from serving.quick.door import QuickDoor
    from serving.quick.headers import Known
    from serving.runtime.admission import Place

STATE = "quick_door"
"""The key of the door in the lifespan's state."""
PATIENCE_SECONDS = 0.05
"""Many clients send the body after the headers; one that is slower takes the ordinary way, which bounds its time."""


class QuickProtocol(BoundedProtocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        plain = config.limit_concurrency is None and not config.root_path
        self._door: QuickDoor | None = app_state.get(STATE) if plain else None
        self._held = False
        """Whether the request that arrives is kept back from the application until it is whole."""
        self.waits = False
        """Whether the door has a request of this connection that it has not answered."""
        self._heard = False
        self._answered_at = 0.0
        self._keeper: TimerHandle | None = None
        self._patience: TimerHandle | None = None
        self._ordinary: Place | None = None
        self.body = b""
        self.seen: tuple[list[tuple[bytes, bytes]], Known | None] | None = None
        """The headers of the request before, which most clients repeat, and what the door read in them."""

    def data_received(self, data: bytes) -> None:
        """Parse; a request that is not whole by then is waited for, though not for long."""
        self._heard = True
        super().data_received(data)
        if self._held and self._patience is None and not self.transport.is_closing():
            self._patience = self.loop.call_later(PATIENCE_SECONDS, self._lose_patience)

    def connection_lost(self, exc: Exception | None) -> None:
        """End with the connection."""
        self._held = False
        self._end_ordinary(learn=False)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin a request; a pipelined one before is answered first, while all that it said is still here."""
        if self.waits and self._door is not None:
            self._door.flush()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Keep the request back when the door may want it."""
        self._held = self._may_be_quick()
        self.body = b""
        if self._held:
            self.end_head()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep the body with its request."""
        if not self._held:
            super().on_body(body)
            return
        self.body += body
        if self._door is not None and len(self.body) > self._door.most_bytes:
            self._let_go()

    def on_message_complete(self) -> None:
        """Offer the whole request to the door."""
        if not self._held:
            super().on_message_complete()
            return
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        taken = self._door is not None and self._door.take(self)
        if taken is True:
            self._held, self.waits = False, True
        else:
            self._go_the_ordinary_way(taken or self.app)

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way, also one that has not begun for the application."""
        return self._held or self.waits or super().is_busy

    def answer(self, content: bytes) -> None:
        """Send the answer to the request that the door took."""
        self.waits = False
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.transport.write(content)
        self._heard, self._answered_at = False, self.loop.time()
        if self._keeper is None:
            self._keeper = self.loop.call_later(self.timeout_keep_alive, self._look_whether_idle)

    def decline(self) -> None:
        """Give the request that the door took to the application after all."""
        self.waits = False
        if self.parser is not None and not self.transport.is_closing():
            self._go_the_ordinary_way(self.app)

    def on_response_complete(self) -> None:
        """Go on to the next request; the door learns how long the ordinary way took."""
        self._end_ordinary(learn=True)
        super().on_response_complete()

    def shutdown(self) -> None:
        """End when uvicorn does, after the answer that is owed."""
        if self.waits and self._door is not None:
            self._door.flush()
        if self._held:
            self._let_go()
        super().shutdown()

    def _may_be_quick(self) -> bool:
        return (
            self._door is not None
            and self.parser.get_method() == b"POST"
            and self._door.wants(self.url)
            and (self.cycle is None or self.cycle.response_complete)
            and not self.pipeline
            and not self.flow.write_paused
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and not self.expect_100_continue
            and not self.parser.should_upgrade()
        )

    def _lose_patience(self) -> None:
        self._patience = None
        if self._held and not self.transport.is_closing():
            self._let_go()

    def _go_the_ordinary_way(self, app: ASGIApp) -> None:
        """Begin the request as uvicorn does, answered by `app`."""
        if self._door is not None:
            self._ordinary = self._door.begin(self)
        ordinary, self.app = self.app, app
        self._let_go()
        self.app = ordinary
        super().on_message_complete()

    def _end_ordinary(self, *, learn: bool) -> None:
        if self._ordinary is not None and self._door is not None:
            self._door.ordinary.end(self._ordinary, learn=learn)
        self._ordinary = None

    def _let_go(self) -> None:
        """Begin the ordinary way, with what has arrived of the body."""
        self._held = False
        super().on_headers_complete()
        if self.body:
            super().on_body(self.body)

    def _look_whether_idle(self) -> None:
        """Close a connection that was silent since its last answer; one timer serves for many answers."""
        self._keeper = None
        if self._heard or self.transport.is_closing():
            return
        left = self._answered_at + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            self.timeout_keep_alive_handler()
        else:
            self._keeper = self.loop.call_later(left, self._look_whether_idle)
