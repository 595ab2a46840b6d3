"""Writes the record of every change: who, what, before, after, when, from where.

The entry is written before the change: what cannot be recorded does not happen. A change that then fails is recorded
as `<action>.failed`.
"""

from __future__ import annotations

import getpass
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from millrace.errors import MillraceError
from millrace.stores.audit_log import MongoAuditLog

Result = TypeVar("Result")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Actor:
    """Who makes a change, and from where."""

    who: str
    kind: str
    address: str | None = None
    request_id: str | None = None


SERVICE = Actor("service", "service")
"""The service, where nobody asked it."""


def at_the_shell() -> Actor:
    """The person at this machine's command line, by the name that the system knows."""
    return Actor(getpass.getuser(), "shell")


class AuditTrail:
    """Records changes, and makes them."""

    def __init__(self, store: MongoAuditLog) -> None:
        self._store = store

    def change(
        self,
        actor: Actor,
        action: str,
        target: str,
        work: Callable[[], Result],
        before: Any = None,
        after: Any = None,
    ) -> Result:
        """Record a change, then do it. Raises StorageError, and does nothing, where it cannot be recorded."""
        entry = {**asdict(actor), "action": action, "target": target, "before": before, "after": after}
        self._store.append(entry)
        try:
            return work()
        except Exception as error:
            self._note({**entry, "action": f"{action}.failed", "error": str(error)})
            raise

    def event(self, actor: Actor, action: str, target: str, **about: Any) -> None:
        """Record something that happened, such as a failed login."""
        self._store.append({**asdict(actor), "action": action, "target": target, **about})

    def _note(self, entry: dict[str, Any]) -> None:
        try:
            self._store.append(entry)
        except MillraceError as error:
            log.error("the failure of %s on %s was not recorded: %s", entry["action"], entry["target"], error)
