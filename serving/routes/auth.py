"""Signing in, staying signed in, signing out, and passwords."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, SecretStr

from serving.access.callers import identify
from serving.access.permissions import Permission, require
from serving.access.sessions import Pair
from serving.answers import Answer, errors, now
from serving.deps import ServicesDep
from serving.logs import request_id

router = APIRouter(prefix="/api/v1/auth", tags=["access"])
_PUBLIC = [Depends(require(Permission.PUBLIC))]
_ACCOUNT = [Depends(require(Permission.ACCOUNT))]
Password = Annotated[SecretStr, Field(max_length=256)]


class Login(BaseModel):
    """A name and its password."""

    username: str = Field(max_length=64)
    password: Password


class Refresh(BaseModel):
    """A refresh token."""

    refresh_token: SecretStr = Field(max_length=128)


class PasswordChange(BaseModel):
    """The present password and a new one."""

    old: Password
    new: Password


class PasswordReset(BaseModel):
    """A reset token and a new password."""

    token: SecretStr = Field(max_length=128)
    new: Password


class TokensAnswer(Answer):
    """A pair of tokens."""

    access_token: str = Field(description="Sent as 'Authorization: Bearer ...'.")
    refresh_token: str = Field(description="Good for one more pair, once.")
    token_type: str = "bearer"  # noqa: S105 - the kind of a token
    expires_in: float = Field(description="How long the access token counts, in seconds.")
    user: str
    role: str


class CallerAnswer(Answer):
    """Who asks, and what that caller may do."""

    name: str
    kind: str = Field(description="user, key or anonymous.")
    role: str | None = None
    permissions: list[str]


@router.get("/me", dependencies=_PUBLIC)
def me(request: Request) -> CallerAnswer:
    """Tell the caller what the service takes it for: a page shows only what its reader may do."""
    caller = identify(request)
    return CallerAnswer(
        timestamp=now(),
        request_id=request_id.get(),
        name=caller.name,
        kind=caller.kind,
        role=caller.role,
        permissions=sorted(caller.permissions),
    )


@router.post("/login", dependencies=_PUBLIC, responses=errors(401, 422, 429, 503))
def login(given: Login, request: Request, services: ServicesDep) -> TokensAnswer:
    """Sign in with a name and a password. Wrong ones are slowed down, and recorded."""
    sessions = services.access.sessions
    return _answer(services, sessions.login(request, given.username.lower(), given.password.get_secret_value()))


@router.post("/refresh", dependencies=_PUBLIC, responses=errors(401, 422, 503))
def refresh(given: Refresh, request: Request, services: ServicesDep) -> TokensAnswer:
    """Get the next pair of tokens. A refresh token that comes twice ends its session."""
    return _answer(services, services.access.sessions.refresh(request, given.refresh_token.get_secret_value()))


@router.post("/logout", dependencies=_ACCOUNT, responses=errors(401, 503))
def logout(request: Request, services: ServicesDep) -> Answer:
    """Sign out here."""
    services.access.sessions.logout(request)
    return _done(services)


@router.post("/password", dependencies=_ACCOUNT, responses=errors(401, 422, 429, 503))
def password(given: PasswordChange, request: Request, services: ServicesDep) -> Answer:
    """Change the own password; all sessions of the user end."""
    services.access.sessions.change_password(request, given.old.get_secret_value(), given.new.get_secret_value())
    return _done(services)


@router.post("/reset", dependencies=_PUBLIC, responses=errors(401, 422, 503))
def reset(given: PasswordReset, request: Request, services: ServicesDep) -> Answer:
    """Choose a new password with a reset token, which an admin makes and which counts once."""
    services.access.sessions.reset(request, given.token.get_secret_value(), given.new.get_secret_value())
    return _done(services)


def _done(services: ServicesDep) -> Answer:
    services.access.identities.forget()
    return Answer(timestamp=now(), request_id=request_id.get())


def _answer(services: ServicesDep, pair: Pair) -> TokensAnswer:
    return TokensAnswer(
        timestamp=now(),
        request_id=request_id.get(),
        access_token=pair.access,
        refresh_token=pair.refresh,
        expires_in=services.access.tokens.seconds,
        user=pair.user,
        role=pair.role,
    )
