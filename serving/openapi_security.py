"""Says in the API's description what each operation takes: how a caller may name itself, and which permission."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from millrace.accounts.roles import PERSONAL
from serving.access.permissions import Permission, permission_of

SCHEMES: dict[str, Any] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of POST /api/v1/auth/login, or an API key (mr_...).",
    },
    "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key (mr_...)."},
}
_PERSON: list[dict[str, list[str]]] = [{"bearer": []}]
_ANYBODY_KNOWN: list[dict[str, list[str]]] = [{"bearer": []}, {"api_key": []}]


def describe_security(document: dict[str, Any], routes: Iterable[BaseRoute], anonymous: Collection[Permission]) -> None:
    """Add the schemes, and to every operation its requirement; `anonymous` is what callers without a name can do."""
    document.setdefault("components", {})["securitySchemes"] = SCHEMES
    for route in routes:
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        permission = permission_of(route) or Permission.UNDECLARED
        for method in route.methods:
            operation = document["paths"][route.path_format][method.lower()]
            operation["security"] = _requirement(permission, anonymous)
            operation["x-permission"] = str(permission)


def _requirement(permission: Permission, anonymous: Collection[Permission]) -> list[dict[str, list[str]]]:
    if permission is Permission.PUBLIC:
        return []
    known = _PERSON if permission in PERSONAL else _ANYBODY_KNOWN
    return [*known, {}] if permission in anonymous else list(known)  # {}: it may also be left out
