"""Bounds every body that a route reads by way of the framework, in size and in time.

The routes of predictions bound theirs by themselves as well (`serving.body`, `serving.uploads`), because they read
before, or much more.
"""

from __future__ import annotations

import asyncio
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.body import refuse_announced, slow_body, too_large

LARGE = ("/predict/file", "/api/v1/tables")
"""The ends of the addresses that take files."""


class BodyLimitMiddleware:
    """Stands before the routes; what it raises while a route reads, `serving.errors` words."""

    def __init__(self, app: ASGIApp, most_bytes: int, seconds: float) -> None:
        self.app = app
        self._most_bytes = most_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a body that has an end."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"} or scope["path"].endswith(LARGE):
            await self.app(scope, receive, send)
            return
        refuse_announced(scope["headers"], self._most_bytes)
        until, arrived, is_whole = time.monotonic() + self._seconds, 0, False

        async def bounded() -> Message:
            nonlocal arrived, is_whole
            if is_whole:
                return await receive()  # waits for the caller to go
            try:
                async with asyncio.timeout(until - time.monotonic()):
                    message = await receive()
            except TimeoutError:
                raise slow_body(self._seconds) from None
            arrived += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if arrived > self._most_bytes:
                raise too_large(self._most_bytes)
            return message

        await self.app(scope, bounded, send)
