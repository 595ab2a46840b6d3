"""The way a route says what it takes; which role has that is in `millrace.accounts.roles`.

A route declares its permission: `Depends(require(Permission.READ))` on a router or a route, `@permitted(...)` on a
plain endpoint, or a line of PATHS for the addresses that the framework makes. `guard` closes what declares nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from millrace.accounts.roles import Permission
from serving.access.callers import Caller, identify
from serving.access.failures import ForbiddenError, NotSignedInError

__all__ = ["PATHS", "Permission", "allowed_models", "authorize", "guard", "permission_of", "permitted", "require"]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
_MARK = "__permission__"


PATHS: dict[str, Permission] = {
    "/": Permission.PUBLIC,
    "/docs": Permission.PUBLIC,
    "/docs/assets": Permission.PUBLIC,
    "/console": Permission.PUBLIC,
    "/favicon.ico": Permission.PUBLIC,
    "/openapi.json": Permission.READ,
}
"""The addresses that are no route of a router: the console's files hold no data, and the API's description does."""


class require:  # noqa: N801 - reads as a verb where it is used: Depends(require(Permission.READ))
    """A dependency that lets a request pass only with a permission; it answers with the caller.

    `model_later`: the address names no model; the route chooses among those that `allowed_models` lets through.
    """

    def __init__(self, permission: Permission, *, model_later: bool = False) -> None:
        self.permission = permission
        self.model_later = model_later

    async def __call__(self, request: Request) -> Caller:
        """The caller. Raises NotSignedInError or ForbiddenError."""
        return authorize(request.scope, self.permission, model_later=self.model_later)


def permitted(permission: Permission) -> Callable[[Endpoint], Endpoint]:
    """Declare a plain endpoint's permission; `guard` puts the check before it."""

    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _MARK, permission)
        return endpoint

    return mark


def authorize(scope: Scope, permission: Permission, model: str | None = None, *, model_later: bool = False) -> Caller:
    """The caller of a request that may go on; `model` where no route has been found yet.

    Raises NotSignedInError or ForbiddenError.
    """
    caller = identify(scope)
    if permission is Permission.PUBLIC:
        return caller
    if caller.refusal is not None:
        raise caller.refusal
    if permission not in caller.permissions:
        _refuse(caller, permission)
    if caller.models is not None and not model_later:
        _check_model(caller, permission, model or scope.get("path_params", {}).get("name"))
    return caller


def allowed_models(scope: Scope, models: Collection[str]) -> list[str]:
    """Those of the models that the caller may ask, by name. Raises ForbiddenError where there are some, but none is."""
    caller = identify(scope)
    allowed = sorted(models) if caller.models is None else sorted(caller.models & set(models))
    if models and not allowed:
        hint = f"Its models: {', '.join(sorted(caller.models or ()))}."
        raise ForbiddenError(f"The key {caller.name} is for no model that serves.", hint=hint)
    return allowed


def _refuse(caller: Caller, permission: Permission) -> None:
    if caller.kind == "anonymous":
        raise NotSignedInError(
            "This address is not open to callers without a name.",
            hint="Sign in at /api/v1/auth/login, or send an API key as 'Authorization: Bearer mr_...'.",
        )
    raise ForbiddenError(f"{caller.name} may not do this: the permission '{permission}' is missing.")


def _check_model(caller: Caller, permission: Permission, model: str | None) -> None:
    allowed = caller.models or frozenset()
    if model is None and permission is Permission.READ:
        return
    if model not in allowed:
        named = f"the model '{model}'" if model else "an address that names no model"
        raise ForbiddenError(
            f"The key {caller.name} is not for {named}.", hint=f"Its models: {', '.join(sorted(allowed))}."
        )


def permission_of(route: BaseRoute) -> Permission | None:
    """What a route declares, or None."""
    for dependency in reversed(getattr(route, "dependencies", ())):  # the route's own stands behind its router's
        if isinstance(dependency.dependency, require):
            return dependency.dependency.permission
    marked: Permission | None = getattr(getattr(route, "endpoint", None), _MARK, None)
    return marked or PATHS.get(getattr(route, "path", ""))


def guard(app: FastAPI) -> None:
    """Put the check before every route that does not make it itself; one that declares nothing is for admins only."""
    for route in app.routes:
        if not isinstance(route, Route | Mount) or _checks_itself(route):
            continue
        route.app = _Checked(route.app, permission_of(route) or Permission.UNDECLARED)


def _checks_itself(route: BaseRoute) -> bool:
    return isinstance(route, APIRoute) and any(isinstance(d.dependency, require) for d in route.dependencies)


class _Checked:
    """A route behind its permission."""

    def __init__(self, app: ASGIApp, permission: Permission) -> None:
        self.app = app
        self.permission = permission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        authorize(scope, self.permission)
        await self.app(scope, receive, send)
