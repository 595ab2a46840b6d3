"""The short way for a row whose model takes its time: the application for one request that the door let in.

Unlike a compiled model's, its answer comes later, so uvicorn keeps the connection's order as for any application; but
nothing stands between it and the model's queue. What does not go smoothly goes on to the ordinary application, which
words what is wrong; only that the model has too much to do is said here.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from millrace.errors import MillraceError
from serving.access.callers import introduce
from serving.access.middleware import HSTS
from serving.failures import OverloadedError
from serving.logs import current_scope, request_id
from serving.quick.answers import Bodies, Refusals

if TYPE_CHECKING:
    from serving.quick.asked import Asked
    from serving.runtime.loaded_model import LoadedModel, Predictions

log = logging.getLogger(__name__)
Headers = tuple[tuple[bytes, bytes], ...]
_JSON = ((b"content-type", b"application/json"),)
_LATER = ((b"retry-after", b"1"),)


class Waiting:
    """One request; `predicted` gives its answer, `note` is told the status, and `ordinary` is the whole service."""

    def __init__(
        self,
        asked: Asked,
        ordinary: ASGIApp,
        security: Headers,
        predicted: Callable[[Asked], Awaitable[tuple[LoadedModel, Predictions]]],
        note: Callable[[Asked, int], None],
    ) -> None:
        self._asked, self._ordinary, self._security = asked, ordinary, security
        self._predicted, self._note = predicted, note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        asked = self._asked
        introduce(scope, asked.caller, asked.address)
        request_id.set(asked.request_id)  # the task is this request's own, and so is its context
        current_scope.set(scope)
        try:
            model, found = await self._predicted(asked)
            body = Bodies(model, found).of(0, asked.request_id, probabilities=asked.target.probabilities)
        except OverloadedError as error:
            await self._send(send, 503, Refusals(error).of(asked.request_id), scope)
            return
        except MillraceError:
            await self._ordinary(scope, receive, send)
            return
        except Exception:
            log.exception("a request could not be answered on the short way")
            await self._ordinary(scope, receive, send)
            return
        await self._send(send, 200, body, scope)

    async def _send(self, send: Send, status: int, body: bytes, scope: Scope) -> None:
        is_secure = self._asked.known.is_secure or scope.get("scheme") == "https"
        headers = [
            *_JSON,
            *(_LATER if status == 503 else ()),
            *self._security,
            *(((b"strict-transport-security", HSTS.encode()),) if is_secure else ()),
            (b"x-request-id", self._asked.request_id.encode("ascii")),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        self._note(self._asked, status)
