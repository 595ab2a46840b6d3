"""API keys: a person makes keys for programs; an admin sees and ends everyone's."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from millrace.accounts.keys import Grant
from millrace.accounts.roles import GRANTABLE, Permission
from millrace.accounts.settings import STANDARD
from millrace.errors import NotFoundError
from serving.access.audit import actor_of
from serving.access.callers import Caller, identify
from serving.access.failures import ForbiddenError
from serving.access.permissions import require
from serving.answers import Answer, errors, now
from serving.deps import ServicesDep
from serving.logs import request_id
from serving.paging import Before, next_before

router = APIRouter(prefix="/api/v1/keys", tags=["access"], dependencies=[Depends(require(Permission.ACCOUNT))])
KeyId = Annotated[str, Path(pattern="^[0-9a-f]{12}$")]


class NewKey(BaseModel):
    """A new key: what it is for, what it may do, on which models (none: all), how often, and for how long."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=64)
    scopes: list[Permission] = Field(default=[Permission.PREDICT], min_length=1, max_length=20)
    models: list[Annotated[str, Field(max_length=200)]] | None = Field(default=None, min_length=1, max_length=200)
    plan: str = STANDARD
    days: float | None = Field(default=90, gt=0, le=3650, description="null: it does not expire.")


class KeyAnswer(Answer):
    """A new key; the key itself is shown this once."""

    key: str
    about: dict[str, Any]


class KeysAnswer(Answer):
    """Keys, newest first; `next_before` asks for the next page."""

    keys: list[dict[str, Any]]
    next_before: str | None = None


@router.get("", responses=errors(401, 403, 422, 503))
def keys(
    request: Request,
    services: ServicesDep,
    everyone: bool = False,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    before: Before | None = None,
) -> KeysAnswer:
    """List the own keys; an admin may ask for everyone's."""
    caller = identify(request)
    if everyone and not _rules(caller):
        raise ForbiddenError("Only an admin sees the keys of others.")
    found = services.access.keys.listed(None if everyone else caller.name, limit, before)
    following = next_before(found, limit, "created_at")
    return KeysAnswer(timestamp=now(), request_id=request_id.get(), keys=found, next_before=following)


@router.post("", status_code=201, responses=errors(401, 403, 422, 503))
def create(given: NewKey, request: Request, services: ServicesDep) -> KeyAnswer:
    """Make a key that can do what its owner can, or less."""
    caller, access = identify(request), services.access
    _check(given, caller, access.options.plan_names)
    key, about = access.keys.create(actor_of(request), caller.name, Grant(**given.model_dump()))
    access.identities.forget()
    return KeyAnswer(timestamp=now(), request_id=request_id.get(), key=str(key), about=about)


@router.delete("/{key}", responses=errors(401, 403, 404, 422, 503))
def revoke(key: KeyId, request: Request, services: ServicesDep) -> Answer:
    """End a key; every worker notices within seconds."""
    caller, access = identify(request), services.access
    if access.accounts.key(key)["owner"] != caller.name and not _rules(caller):
        raise NotFoundError(f"There is no key '{key}' of yours.", hint="GET /api/v1/keys lists them.")
    access.keys.revoke(actor_of(request), key)
    access.identities.forget()
    return Answer(timestamp=now(), request_id=request_id.get())


def _rules(caller: Caller) -> bool:
    return Permission.KEYS in caller.permissions


def _check(given: NewKey, caller: Caller, plans: list[str]) -> None:
    missing = [scope for scope in given.scopes if scope in GRANTABLE and scope not in caller.permissions]
    if missing:
        raise ForbiddenError(f"{caller.name} cannot give the scope '{missing[0]}', which {caller.name} has not.")
    if given.plan in plans and given.plan != STANDARD and not _rules(caller):
        raise ForbiddenError(f"Only an admin gives the plan '{given.plan}'.", hint="Leave it out: 'standard'.")
