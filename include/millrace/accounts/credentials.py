"""Sets, removes and rotates stored credentials; each change is recorded, and no record holds a value."""

from __future__ import annotations

from typing import Any

from millrace.accounts.trail import Actor, AuditTrail
from millrace.stores.credentials import MongoCredentials, check_credential


class Credentials:
    """The stored credentials of one installation."""

    def __init__(self, store: MongoCredentials, trail: AuditTrail) -> None:
        self._store = store
        self._trail = trail

    def listed(self) -> list[dict[str, Any]]:
        """All of them without their values."""
        return self._store.listed()

    def set(self, actor: Actor, name: str, value: str) -> dict[str, Any]:
        """Keep a value; what is known of it afterwards. Raises RequestError."""
        check_credential(name, value)
        before = self._store.about(name)
        self._trail.change(
            actor, "credential.set", f"credential:{name}", lambda: self._store.set(name, value, actor.who), before
        )
        return self._store.about(name) or {}

    def remove(self, actor: Actor, name: str) -> None:
        """Forget one. Raises NotFoundError."""
        before = self._store.about(name)
        self._trail.change(actor, "credential.remove", f"credential:{name}", lambda: self._store.remove(name), before)

    def rotate(self, actor: Actor) -> int:
        """Encrypt all anew under the first key; how many."""
        return self._trail.change(actor, "credential.rotate", "credential:*", self._store.rotate)
