"""Unpacks compressed request bodies as they are read, so that every route gets them as though they had come plain.

Nothing is unpacked ahead: whoever reads a body bounds what it stands for, in size and in time, like any other.
"""

from __future__ import annotations

import asyncio
import zlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.failures import MalformedBodyError, UnknownEncodingError

_GZIP, _ZLIB = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS
ENCODINGS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}
"""The forms by their names in Content-Encoding, as zlib tells them apart."""
PIECE = 262_144
"""Most bytes that are unpacked at a time."""
_INLINE_BYTES = 4_096
"""So few are unpacked on the event loop: a hop to a thread would cost more."""
_MOST_MEMBERS = 20_000
"""Of a gzip body, which may be several one after the other, as bgzip writes a large file; each costs some time."""


class UnpackBodyMiddleware:
    """Stands before all that reads bodies; what it raises while they do, `serving.errors` words."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a plain body. Raises UnknownEncodingError."""
        encoding = _encoding_of(scope) if scope["type"] == "http" else None
        if encoding is not None:
            receive = _Unpacked(receive, Unpacker(encoding))
        await self.app(scope, receive, send)


class _Unpacked:
    """What is received in place of a packed body."""

    def __init__(self, receive: Receive, unpacker: Unpacker) -> None:
        self._receive = receive
        self._unpacker = unpacker
        self._has_all = self._is_over = False

    async def __call__(self) -> Message:
        """The next piece. Raises MalformedBodyError."""
        if self._is_over:
            return await self._receive()  # waits for the caller to go
        while not (piece := await self._piece()):
            if self._has_all:
                self._unpacker.end()
                self._is_over = True
                return {"type": "http.request", "body": b"", "more_body": False}
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            self._unpacker.feed(message.get("body", b""))
            self._has_all = not message.get("more_body", False)
        return {"type": "http.request", "body": piece, "more_body": True}

    async def _piece(self) -> bytes:
        work = self._unpacker.next
        return work() if self._unpacker.expected <= _INLINE_BYTES else await asyncio.to_thread(work)


class Unpacker:
    """Packed bytes in, pieces of plain ones out."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._member = zlib.decompressobj(ENCODINGS[encoding])
        self._members, self._packed = 1, b""
        self._is_empty = True
        self.expected = 0
        """A hint of how much work the next piece is, in bytes."""

    def feed(self, packed: bytes) -> None:
        """Add bytes; those before must have been unpacked."""
        self._packed += packed
        self._is_empty = self._is_empty and not packed
        self.expected = len(self._packed)

    def next(self) -> bytes:
        """At most PIECE plain bytes; none where more packed ones are needed. Raises MalformedBodyError."""
        piece = b""
        while not piece and (self._packed or not self._member.eof):
            if self._member.eof:
                self._begin_another()
            packed = self._packed
            try:
                piece = self._member.decompress(packed, PIECE)
            except zlib.error as error:
                raise self._broken(str(error)) from None
            self._packed = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if not packed:
                break
        self.expected = max(len(self._packed), len(piece))
        return piece

    def end(self) -> None:
        """There is no more. Raises MalformedBodyError where there should be."""
        if not self._is_empty and not self._member.eof:
            raise self._broken("it ends too early")

    def _begin_another(self) -> None:
        self._members += 1
        if ENCODINGS[self._encoding] != _GZIP:
            raise self._broken("it goes on after its end")
        if self._members > _MOST_MEMBERS:
            raise self._broken(f"it is more than {_MOST_MEMBERS:,} gzip files in one")
        self._member = zlib.decompressobj(_GZIP)

    def _broken(self, why: str) -> MalformedBodyError:
        return MalformedBodyError(
            f"The body cannot be unpacked as {self._encoding}: {why}.", hint="Send it again, or plain."
        )


def _encoding_of(scope: Scope) -> str | None:
    """How a request's body is packed; None: it is plain. Raises UnknownEncodingError."""
    stated = b",".join([value for name, value in scope["headers"] if name == b"content-encoding"]).decode("latin-1")
    if not stated or scope["method"] in {"GET", "HEAD"}:
        return None
    found = [name for part in stated.split(",") if (name := part.strip().lower()) not in {"", "identity"}]
    if not found:
        return None
    if len(found) > 1 or found[0] not in ENCODINGS:
        raise UnknownEncodingError(
            f"The body is sent as {stated!r:.40}, which is not unpacked.",
            hint="Send it plain, or as one of these in Content-Encoding: gzip, deflate.",
        )
    return found[0]
