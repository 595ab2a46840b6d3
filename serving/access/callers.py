"""Who is asking. The middleware finds it out once for each request; the rest of the service asks here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from starlette.requests import HTTPConnection
from starlette.types import Scope

from millrace.errors import MillraceError
from serving.access.addresses import counted_address
from serving.access.failures import NotSignedInError

_CALLER, _ADDRESS = "millrace.caller", "millrace.address"
Kind = Literal["anonymous", "user", "key"]


@dataclass(frozen=True)
class Caller:
    """One caller with what it may do; `models` is None where every model is meant.

    `refusal` says why a token or key does not count: it is raised where the route is not open to everybody.
    """

    name: str
    kind: Kind
    permissions: frozenset[Any] = frozenset()
    models: frozenset[str] | None = None
    plan: str | None = None
    role: str | None = None
    session: str | None = None
    expires: float = float("inf")
    refusal: MillraceError | None = None

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody in particular asks."""
        return self.kind == "anonymous"

    def counted_as(self, address: str) -> str:
        """Under which name its requests are counted."""
        return f"address:{counted_address(address)}" if self.kind == "anonymous" else f"{self.kind}:{self.name}"


def refused(why: str | MillraceError) -> Caller:
    """A caller whose token or key does not count."""
    return Caller("anonymous", "anonymous", refusal=NotSignedInError(why) if isinstance(why, str) else why)


_UNKNOWN = refused("The request did not come through the door.")


def identify(asked: Scope | HTTPConnection) -> Caller:
    """The caller of a request: a look into the scope, where the middleware put it."""
    scope = asked.scope if isinstance(asked, HTTPConnection) else asked
    caller: Caller = scope.get(_CALLER, _UNKNOWN)
    return caller


def address_of(asked: Scope | HTTPConnection) -> str:
    """The address that the request came from, behind the proxies that are trusted."""
    scope = asked.scope if isinstance(asked, HTTPConnection) else asked
    return str(scope.get(_ADDRESS) or (scope.get("client") or ("unknown",))[0])


def introduce(scope: Scope, caller: Caller, address: str) -> None:
    """Note who asks and from where."""
    scope[_CALLER], scope[_ADDRESS] = caller, address
