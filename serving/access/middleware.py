"""The door: finds out who asks and from where, counts the request, and lets it in.

A plain ASGI middleware. What a caller may do is judged at the route.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from millrace.errors import MillraceError
from serving.access.addresses import counted_address, real_address
from serving.access.callers import Caller, introduce, refused
from serving.access.failures import ForbiddenError
from serving.access.parts import Access
from serving.errors import error_answer

_UNCOUNTED = ("/health", "/v2/health", "/console/", "/docs/assets/")
HSTS = "max-age=31536000"


class AccessMiddleware:
    """Stands before all routes, behind the one that gives a request its id."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer why not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        token, forwarded, is_secure = self._read(scope)
        send = _secured(send) if is_secure else send
        try:
            await self._enter(scope, token, self._address(scope, forwarded))
            await self.app(scope, receive, send)
        except MillraceError as error:  # answered here, so that it gets the headers of CORS too
            await error_answer(error, scope["method"], scope["path"])(scope, receive, send)

    async def _enter(self, scope: Scope, token: str | None, address: str) -> None:
        access = self._access
        introduce(scope, access.anonymous, address)
        if access.allowed and address not in access.allowed:
            raise ForbiddenError(f"The address {address} may not come in.")
        if scope["path"].startswith(_UNCOUNTED):
            return
        caller = access.anonymous if token is None else await self._caller(token, address)
        introduce(scope, caller, address)
        await access.rates.count(caller.counted_as(address), access.limit_of(caller))

    async def _caller(self, token: str, address: str) -> Caller:
        access = self._access
        known = access.identities.remembered(token)
        if known is not None:
            return known

        async def unknown() -> None:
            await access.rates.count(f"unknown:{counted_address(address)}", access.anonymous_limit)

        if not access.lookups.well_formed(token):
            return refused("The token or key does not count: it is malformed, forged or expired.")
        return await access.identities.caller(token, unknown)

    def _address(self, scope: Scope, forwarded: str | None) -> str:
        peer = str((scope.get("client") or ("unknown",))[0])
        return real_address(peer, forwarded, self._access.proxies) if self._access.proxies else peer

    def _read(self, scope: Scope) -> tuple[str | None, str | None, bool]:
        """The token, the forwarded addresses, and whether the caller came by TLS."""
        token = forwarded = protocol = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                token = bearer_of(value) or token
            elif name == b"x-api-key":
                token = token or value.decode("latin-1")
            elif name == b"x-forwarded-for":
                # A proxy may add a header of its own instead of adding to the caller's: all of them count, in order.
                forwarded = f"{forwarded},{value.decode('latin-1')}" if forwarded else value.decode("latin-1")
            elif name == b"x-forwarded-proto":
                protocol = value
        behind_proxy = bool(self._access.proxies) and str((scope.get("client") or ("",))[0]) in self._access.proxies
        return token, forwarded, scope.get("scheme") == "https" or (behind_proxy and protocol == b"https")


def bearer_of(value: bytes) -> str | None:
    """The token of an Authorization header; None for another scheme."""
    kind, _, token = value.decode("latin-1").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def _secured(send: Send) -> Send:
    async def with_hsts(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("Strict-Transport-Security", HSTS)
        await send(message)

    return with_hsts
