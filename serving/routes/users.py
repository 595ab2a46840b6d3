"""The users: admins make, change and remove them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from millrace.accounts.roles import Permission, Role
from millrace.accounts.users import NAME
from serving.access.audit import actor_of
from serving.access.permissions import require
from serving.answers import Answer, errors, now
from serving.deps import ServicesDep
from serving.logs import request_id

router = APIRouter(prefix="/api/v1/users", tags=["access"], dependencies=[Depends(require(Permission.USERS))])
Name = Annotated[str, Path(pattern=NAME)]


class NewUser(BaseModel):
    """A new user. Without a password, a reset token lets the user choose one."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=NAME)
    role: Role = Role.VIEWER
    password: SecretStr | None = None


class UserChange(BaseModel):
    """What changes of a user."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    disabled: bool | None = None


class UserAnswer(Answer):
    """One user."""

    user: dict[str, Any]


class UsersAnswer(Answer):
    """Users by name; `next_after` asks for the next page."""

    users: list[dict[str, Any]]
    next_after: str | None = None


class ResetAnswer(Answer):
    """A reset token, shown this once."""

    token: str
    expires_at: str


@router.get("", responses=errors(401, 403, 422, 503))
def users(
    services: ServicesDep, limit: Annotated[int, Query(ge=1, le=200)] = 50, after: Annotated[str, Query()] = ""
) -> UsersAnswer:
    """List the users."""
    found = services.access.users.listed(limit, after)
    following = found[-1]["name"] if len(found) == limit else None
    return UsersAnswer(timestamp=now(), request_id=request_id.get(), users=found, next_after=following)


@router.post("", status_code=201, responses=errors(401, 403, 409, 422, 503))
def create(given: NewUser, request: Request, services: ServicesDep) -> UserAnswer:
    """Make a user."""
    password = given.password.get_secret_value() if given.password else None
    return _answer(services.access.users.create(actor_of(request), given.name, given.role, password))


@router.patch("/{user}", responses=errors(401, 403, 404, 409, 422, 503))
def change(user: Name, given: UserChange, request: Request, services: ServicesDep) -> UserAnswer:
    """Give a user another role, or close or open the account. One admin always stays."""
    values = given.model_dump(exclude_none=True, mode="json")
    changed = services.access.users.change(actor_of(request), user, values)
    services.access.identities.forget()
    return _answer(changed)


@router.delete("/{user}", responses=errors(401, 403, 404, 409, 422, 503))
def delete(user: Name, request: Request, services: ServicesDep) -> Answer:
    """Remove a user; the user's keys and sessions end."""
    services.access.users.delete(actor_of(request), user)
    services.access.identities.forget()
    return Answer(timestamp=now(), request_id=request_id.get())


@router.post("/{user}/reset-token", status_code=201, responses=errors(401, 403, 404, 422, 503))
def reset_token(user: Name, request: Request, services: ServicesDep) -> ResetAnswer:
    """Make a token with which the user chooses a new password, once."""
    minutes = services.access.options.serving_reset_minutes
    token, ends = services.access.users.reset_token(actor_of(request), user, minutes)
    return ResetAnswer(timestamp=now(), request_id=request_id.get(), token=token, expires_at=ends.isoformat())


def _answer(user: dict[str, Any]) -> UserAnswer:
    return UserAnswer(timestamp=now(), request_id=request_id.get(), user=user)
