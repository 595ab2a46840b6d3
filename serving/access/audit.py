"""Writes the record of every change: who, what, before, after, when, from where.

The entry is written before the change: what cannot be recorded does not happen. A change that then fails is recorded
as `<action>.failed`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from starlette.requests import HTTPConnection

from millrace.errors import MillraceError
from millrace.stores.audit_log import MongoAuditLog
from serving.access.callers import address_of, identify
from serving.logs import request_id

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class Audit:
    """Records changes that requests make."""

    def __init__(self, store: MongoAuditLog) -> None:
        self._store = store

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
        entry = {**_who(request), "action": action, "target": target, "before": before, "after": after}
        self._store.append(entry)
        try:
            return work()
        except Exception as error:
            self._note({**entry, "action": f"{action}.failed", "error": str(error)})
            raise

    def event(self, request: HTTPConnection, action: str, target: str, **about: Any) -> None:
        """Record something that happened, such as a failed login."""
        self._store.append({**_who(request), "action": action, "target": target, **about})

    def own(self, action: str, target: str, **about: Any) -> None:
        """Record what the service did by itself."""
        self._store.append({"who": "service", "kind": "service", "address": None, "action": action, "target": target,
                            "request_id": None, **about})  # fmt: skip

    def _note(self, entry: dict[str, Any]) -> None:
        try:
            self._store.append(entry)
        except MillraceError as error:
            log.error("the failure of %s on %s was not recorded: %s", entry["action"], entry["target"], error)


def _who(request: HTTPConnection) -> dict[str, Any]:
    caller = identify(request)
    return {
        "who": caller.name,
        "kind": caller.kind,
        "address": address_of(request),
        "request_id": request_id.get(),
    }
