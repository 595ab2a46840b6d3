"""API keys: a person makes keys for programs; an admin sees and ends everyone's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from millrace.errors import NotFoundError, RequestError, did_you_mean
from serving.access.callers import Caller, identify
from serving.access.failures import ForbiddenError
from serving.access.keys import new_key
from serving.access.permissions import GRANTABLE, Permission, require
from serving.answers import Answer, errors, now
from serving.deps import ServicesDep
from serving.logs import request_id

router = APIRouter(prefix="/api/v1/keys", tags=["access"], dependencies=[Depends(require(Permission.ACCOUNT))])
KeyId = Annotated[str, Path(pattern="^[0-9a-f]{12}$")]
_SHOWN = ("name", "owner", "scopes", "models", "plan", "created_at", "expires_at", "revoked_at", "last_used_at")


class NewKey(BaseModel):
    """A new key: what it is for, what it may do, on which models (none: all), how often, and for how long."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=64)
    scopes: list[Permission] = Field(default=[Permission.PREDICT], min_length=1, max_length=20)
    models: list[Annotated[str, Field(max_length=200)]] | None = Field(default=None, min_length=1, max_length=200)
    plan: str = "standard"
    days: float | None = Field(default=90, gt=0, le=3650, description="null: it does not expire.")


class KeyAnswer(Answer):
    """A new key; the key itself is shown this once."""

    key: str
    about: dict[str, Any]


class KeysAnswer(Answer):
    """Keys, newest first."""

    keys: list[dict[str, Any]]


@router.get("", responses=errors(401, 403, 422, 503))
def keys(
    request: Request,
    services: ServicesDep,
    everyone: bool = False,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> KeysAnswer:
    """List the own keys; an admin may ask for everyone's."""
    caller = identify(request)
    if everyone and not _rules(caller):
        raise ForbiddenError("Only an admin sees the keys of others.")
    found = services.access.accounts.keys(None if everyone else caller.name, limit)
    return KeysAnswer(timestamp=now(), request_id=request_id.get(), keys=[_shown(key) for key in found])


@router.post("", status_code=201, responses=errors(401, 403, 422, 503))
def create(given: NewKey, request: Request, services: ServicesDep) -> KeyAnswer:
    """Make a key that can do what its owner can, or less."""
    caller, access = identify(request), services.access
    _check(given, caller, access.plans)
    key, about = new_key(), _about(given, caller.name)
    document = {**about, "_id": key.id, "hash": key.digest}
    access.audit.change(
        request, "key.create", f"key:{key.id}", lambda: access.accounts.add_key(document), after=_recorded(about)
    )
    access.identities.forget()
    return KeyAnswer(timestamp=now(), request_id=request_id.get(), key=str(key), about=_shown(document))


@router.delete("/{key}", responses=errors(401, 403, 404, 422, 503))
def revoke(key: KeyId, request: Request, services: ServicesDep) -> Answer:
    """End a key; every worker notices within seconds."""
    caller, accounts = identify(request), services.access.accounts
    present = accounts.key(key)
    if present["owner"] != caller.name and not _rules(caller):
        raise NotFoundError(f"There is no key '{key}' of yours.", hint="GET /api/v1/keys lists them.")
    services.access.audit.change(
        request, "key.revoke", f"key:{key}", lambda: accounts.revoke_key(key), before=_recorded(present)
    )
    services.access.identities.forget()
    return Answer(timestamp=now(), request_id=request_id.get())


def _rules(caller: Caller) -> bool:
    return Permission.KEYS in caller.permissions


def _check(given: NewKey, caller: Caller, plans: list[str]) -> None:
    ungrantable = [scope for scope in given.scopes if scope not in GRANTABLE]
    if ungrantable:
        hint = f"Allowed: {', '.join(sorted(GRANTABLE))}."
        raise RequestError(f"A key cannot have the scope '{ungrantable[0]}'.", hint=hint)
    missing = [scope for scope in given.scopes if scope not in caller.permissions]
    if missing:
        raise ForbiddenError(f"{caller.name} cannot give the scope '{missing[0]}', which {caller.name} has not.")
    if given.plan not in plans:
        raise RequestError(f"There is no plan '{given.plan}'.", hint=did_you_mean(given.plan, plans))
    if given.plan != "standard" and not _rules(caller):
        raise ForbiddenError(f"Only an admin gives the plan '{given.plan}'.", hint="Leave it out: 'standard'.")


def _about(given: NewKey, owner: str) -> dict[str, Any]:
    moment = datetime.now(UTC)
    return {
        "name": given.name,
        "owner": owner,
        "scopes": sorted({scope.value for scope in given.scopes}),
        "models": sorted(set(given.models)) if given.models is not None else None,
        "plan": given.plan,
        "created_at": moment,
        "expires_at": moment + timedelta(days=given.days) if given.days is not None else None,
        "revoked_at": None,
        "last_used_at": None,
    }


def _recorded(about: dict[str, Any]) -> dict[str, Any]:
    return {name: about[name] for name in ("name", "owner", "scopes", "models", "plan", "expires_at")}


def _shown(key: dict[str, Any]) -> dict[str, Any]:
    return {"id": key["_id"], **{name: key.get(name) for name in _SHOWN}}
