"""Makes and ends API keys; each change is recorded before it is made."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from millrace.accounts.api_keys import ApiKey, new_key
from millrace.accounts.roles import GRANTABLE, ROLES, Permission, Role
from millrace.accounts.settings import STANDARD
from millrace.accounts.trail import Actor, AuditTrail
from millrace.errors import RequestError, did_you_mean
from millrace.stores.accounts import MongoAccounts
from millrace.stores.mongo import Document
from millrace.stores.users import no_such_user

_SHOWN = ("name", "owner", "scopes", "models", "plan", "created_at", "expires_at", "revoked_at", "last_used_at")
_RECORDED = ("name", "owner", "scopes", "models", "plan", "expires_at")


@dataclass(frozen=True)
class Grant:
    """What a new key is for: its scopes, the models (None: all), how often, and how many days (None: no end)."""

    name: str
    scopes: Collection[str] = (Permission.PREDICT,)
    models: Collection[str] | None = None
    plan: str = STANDARD
    days: float | None = 90


class Keys:
    """The API keys of one installation."""

    def __init__(self, accounts: MongoAccounts, trail: AuditTrail, plans: Collection[str]) -> None:
        self._accounts = accounts
        self._trail = trail
        self._plans = plans

    def listed(self, owner: str | None, limit: int, before: datetime | None = None) -> list[dict[str, Any]]:
        """The newest keys of a user, or of all; those made before a moment."""
        return [shown(key) for key in self._accounts.keys(owner, limit, before)]

    def create(self, actor: Actor, owner: str, grant: Grant) -> tuple[ApiKey, dict[str, Any]]:
        """Make a key that can do what its owner can, or less; the key itself is not kept. Raises RequestError."""
        self._check(owner, grant)
        key = new_key()
        document = {**_about(grant, owner), "_id": key.id, "hash": key.digest}
        self._trail.change(
            actor, "key.create", f"key:{key.id}", lambda: self._accounts.add_key(document), after=_recorded(document)
        )
        return key, shown(document)

    def revoke(self, actor: Actor, key_id: str) -> None:
        """End a key. Raises NotFoundError."""
        present = self._accounts.key(key_id)
        self._trail.change(
            actor, "key.revoke", f"key:{key_id}", lambda: self._accounts.revoke_key(key_id), before=_recorded(present)
        )

    def _check(self, owner: str, grant: Grant) -> None:
        ungrantable = sorted(set(grant.scopes) - GRANTABLE)
        if ungrantable:
            raise RequestError(
                f"A key cannot have the scope '{ungrantable[0]}'.", hint=did_you_mean(ungrantable[0], GRANTABLE)
            )
        if grant.plan not in self._plans:
            raise RequestError(f"There is no plan '{grant.plan}'.", hint=did_you_mean(grant.plan, self._plans))
        user = self._accounts.user(owner)
        if user is None:
            raise no_such_user(owner)
        missing = sorted(set(grant.scopes) - ROLES[Role(user["role"])])
        if missing:
            raise RequestError(
                f"{owner} is {user['role']} and has not the permission '{missing[0]}'; nor can a key of {owner}.",
                hint="Leave that scope out, or choose another owner.",
            )


def _about(grant: Grant, owner: str) -> Document:
    moment = datetime.now(UTC)
    return {
        "name": grant.name,
        "owner": owner,
        "scopes": sorted({str(scope) for scope in grant.scopes}),
        "models": sorted(set(grant.models)) if grant.models is not None else None,
        "plan": grant.plan,
        "created_at": moment,
        "expires_at": moment + timedelta(days=grant.days) if grant.days is not None else None,
        "revoked_at": None,
        "last_used_at": None,
    }


def _recorded(about: Document) -> dict[str, Any]:
    return {name: about[name] for name in _RECORDED}


def shown(key: Document) -> dict[str, Any]:
    """A key as people see it: without its hash."""
    return {"id": key["_id"], **{name: key.get(name) for name in _SHOWN}}
