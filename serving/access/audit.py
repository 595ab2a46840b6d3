"""The record of changes that requests make; `millrace.accounts.trail` writes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from starlette.requests import HTTPConnection

from millrace.accounts.trail import SERVICE, Actor, AuditTrail
from millrace.stores.audit_log import MongoAuditLog
from serving.access.callers import address_of, identify
from serving.logs import request_id

Result = TypeVar("Result")


class Audit:
    """Records changes that requests make."""

    def __init__(self, store: MongoAuditLog) -> None:
        self.trail = AuditTrail(store)

    def change(
        self,
        request: HTTPConnection,
        action: str,
        target: str,
        work: Callable[[], Result],
        before: Any = None,
        after: Any = None,
    ) -> Result:
        """Record a change, then do it. Raises StorageError, and does nothing, where it cannot be recorded."""
        return self.trail.change(actor_of(request), action, target, work, before, after)

    def event(self, request: HTTPConnection, action: str, target: str, **about: Any) -> None:
        """Record something that happened, such as a failed login."""
        self.trail.event(actor_of(request), action, target, **about)

    def own(self, action: str, target: str, **about: Any) -> None:
        """Record what the service did by itself."""
        self.trail.event(SERVICE, action, target, **about)


def actor_of(request: HTTPConnection) -> Actor:
    """Who asks, as the record names them."""
    caller = identify(request)
    return Actor(caller.name, caller.kind, address_of(request), request_id.get())
