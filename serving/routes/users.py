"""The users: admins make, change and remove them."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from millrace.errors import ConflictError
from millrace.stores.accounts import no_such_user
from serving.access.first_admin import new_user
from serving.access.passwords import check_rules
from serving.access.permissions import Permission, Role, require
from serving.answers import Answer, errors, now
from serving.deps import Services, ServicesDep
from serving.logs import request_id

router = APIRouter(prefix="/api/v1/users", tags=["access"], dependencies=[Depends(require(Permission.USERS))])
NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
Name = Annotated[str, Path(pattern=NAME)]
_SHOWN = ("role", "disabled", "created_at", "password_changed_at")


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
    found = [_shown(user) for user in services.access.accounts.users(limit, after)]
    following = found[-1]["name"] if len(found) == limit else None
    return UsersAnswer(timestamp=now(), request_id=request_id.get(), users=found, next_after=following)


@router.post("", status_code=201, responses=errors(401, 403, 409, 422, 503))
def create(given: NewUser, request: Request, services: ServicesDep) -> UserAnswer:
    """Make a user."""
    password = given.password.get_secret_value() if given.password else None
    if password is not None:
        check_rules(password, given.name)
    accounts = services.access.accounts
    if accounts.user(given.name) is not None:
        raise ConflictError(f"There is a user '{given.name}' already.", hint="Choose another name.")
    user = new_user(given.name, given.role.value, password)
    services.access.audit.change(
        request, "user.create", f"user:{given.name}", lambda: accounts.create_user(user), after={"role": given.role}
    )
    return _answer(_shown(user))


@router.patch("/{user}", responses=errors(401, 403, 404, 409, 422, 503))
def change(user: Name, given: UserChange, request: Request, services: ServicesDep) -> UserAnswer:
    """Give a user another role, or close or open the account."""
    present = _present(services, user)
    values = given.model_dump(exclude_none=True, mode="json")
    if _is_admin(present) and not _is_admin({**present, **values}):
        _keep_an_admin(services, user)
    if values:
        before = {name: present[name] for name in values}
        work = partial(_set, services, user, values)
        services.access.audit.change(request, "user.change", f"user:{user}", work, before, values)
        services.access.identities.forget()
    return _answer(_shown({**present, **values}))


@router.delete("/{user}", responses=errors(401, 403, 404, 409, 422, 503))
def delete(user: Name, request: Request, services: ServicesDep) -> Answer:
    """Remove a user; the user's keys and sessions end."""
    present = _present(services, user)
    if _is_admin(present):
        _keep_an_admin(services, user)
    services.access.audit.change(
        request,
        "user.delete",
        f"user:{user}",
        lambda: services.access.accounts.delete_user(user),
        before={"role": present["role"], "disabled": present["disabled"]},
    )
    services.access.identities.forget()
    return Answer(timestamp=now(), request_id=request_id.get())


@router.post("/{user}/reset-token", status_code=201, responses=errors(401, 403, 404, 422, 503))
def reset_token(user: Name, request: Request, services: ServicesDep) -> ResetAnswer:
    """Make a token with which the user chooses a new password, once."""
    _present(services, user)
    token, ends = services.access.sessions.make_reset_token(request, user)
    return ResetAnswer(timestamp=now(), request_id=request_id.get(), token=token, expires_at=ends.isoformat())


def _present(services: Services, name: str) -> dict[str, Any]:
    user = services.access.accounts.user(name)
    if user is None:
        raise no_such_user(name)
    return user


def _set(services: Services, name: str, values: dict[str, Any]) -> None:
    services.access.accounts.change_user(name, values)
    if values.get("disabled"):
        services.access.accounts.end_sessions(name)  # so that opening the account again does not open old sessions


def _is_admin(user: dict[str, Any]) -> bool:
    return user["role"] == Role.ADMIN and not user["disabled"]


def _keep_an_admin(services: Services, name: str) -> None:
    if not services.access.accounts.other_admins(name):
        raise ConflictError(f"{name} is the only admin.", hint="Make another admin first.")


def _shown(user: dict[str, Any]) -> dict[str, Any]:
    return {"name": user["_id"], **{name: user.get(name) for name in _SHOWN}}


def _answer(user: dict[str, Any]) -> UserAnswer:
    return UserAnswer(timestamp=now(), request_id=request_id.get(), user=user)
