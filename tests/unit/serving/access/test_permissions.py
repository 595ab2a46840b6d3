"""Every route of the service against every role: what declares nothing fails here."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount, Route
from starlette.testclient import TestClient

from millrace.accounts.roles import GRANTABLE, PERSONAL, ROLES, Permission, Role
from millrace.errors import ConflictError
from millrace.settings import Settings
from serving.access.callers import Caller, introduce
from serving.access.failures import ForbiddenError, NotSignedInError
from serving.access.permissions import authorize, guard, permission_of
from serving.app import create_app

CALLERS = {
    "nobody": frozenset(),
    "anonymous viewer": ROLES[Role.VIEWER] - PERSONAL,
    **{str(role): permissions for role, permissions in ROLES.items()},
}
CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
FREE_CHANGES = {Permission.PUBLIC, Permission.PREDICT, Permission.FEEDBACK, Permission.ACCOUNT}
"""What a viewer may send: questions to models, what turned out to be true, and what is the viewer's own."""


class _Behind:
    """What stands behind the routes: whoever is let in gets a 409, and no server is asked."""

    def __getattr__(self, name: str):
        raise ConflictError(f"{name} is behind the door.")


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> FastAPI:
    app = create_app(Settings(millrace_home=tmp_path_factory.mktemp("home")))
    app.state.services = _Behind()
    return app


def routes(app: FastAPI) -> list[BaseRoute]:
    return [route for route in app.routes if isinstance(route, Route | Mount)]


def test_every_route_declares_its_permission(app):
    silent = [f"{getattr(r, 'methods', '')} {r.path}" for r in routes(app) if permission_of(r) is None]
    assert silent == []
    assert len(routes(app)) == len(app.routes)
    assert Permission.UNDECLARED not in {permission_of(route) for route in routes(app)}


def answers(app: FastAPI, route: BaseRoute, method: str, permissions: frozenset[Permission]) -> int:
    """The status that a caller with these permissions gets at a route itself, without what stands before it."""
    kind = "user" if Permission.ACCOUNT in permissions else "anonymous"
    caller = Caller("anna", kind, permissions)

    async def alone(scope, receive, send):
        introduce(scope, caller, "127.0.0.1")
        await app(scope, receive, send)

    path = route.path.replace("{path:path}", "x").replace("{", "").replace("}", "")
    return TestClient(alone, raise_server_exceptions=False).request(method, path, json={}).status_code


@pytest.mark.parametrize("who", CALLERS)
def test_every_route_lets_in_whom_it_should_and_nobody_else(app, who, monkeypatch):
    from serving.access.middleware import AccessMiddleware

    async def pass_on(self, scope, token, address):
        """The caller is set by the test."""

    monkeypatch.setattr(AccessMiddleware, "_enter", pass_on)
    app.middleware_stack = app.build_middleware_stack()
    wrong = []
    for route in routes(app):
        wanted = permission_of(route)
        allowed = wanted is Permission.PUBLIC or wanted in CALLERS[who]
        for method in sorted((getattr(route, "methods", None) or {"GET"}) - {"HEAD"}):
            status = answers(app, route, method, CALLERS[who])
            if (status in {401, 403}) == allowed and not (allowed and _asks_for_more(route)):
                wrong.append((method, route.path, status))
    assert wrong == []


def _asks_for_more(route: BaseRoute) -> bool:
    """Whether the route itself may still answer 401: it checks a password or a token of its own."""
    return route.path.startswith("/api/v1/auth/")


def test_what_changes_something_takes_more_than_a_viewer(app):
    for route in routes(app):
        if (getattr(route, "methods", None) or set()) & CHANGES:
            permission = permission_of(route)
            assert permission in FREE_CHANGES or permission not in ROLES[Role.VIEWER], route.path


def test_the_table_grows_from_role_to_role_and_keys_never_get_what_is_personal():
    assert ROLES[Role.VIEWER] < ROLES[Role.OPERATOR] < ROLES[Role.ADMIN]
    assert not GRANTABLE & PERSONAL
    assert {Permission.USERS, Permission.KEYS, Permission.AUDIT} <= PERSONAL


def test_a_route_that_declares_nothing_is_closed_to_all_but_admins():
    app = FastAPI()

    @app.get("/forgotten")
    async def forgotten() -> str:
        return "a secret"

    guard(app)
    assert permission_of(next(r for r in app.routes if r.path == "/forgotten")) is None
    with pytest.raises(NotSignedInError):
        TestClient(app).get("/forgotten")
    for role, status in ((Role.OPERATOR, None), (Role.ADMIN, 200)):

        async def known(scope, receive, send, role=role):
            introduce(scope, Caller("anna", "user", ROLES[role]), "127.0.0.1")
            await app(scope, receive, send)

        if status is None:
            with pytest.raises(ForbiddenError):
                TestClient(known).get("/forgotten")
        else:
            assert TestClient(known).get("/forgotten").status_code == status


@pytest.mark.parametrize(
    ("permission", "model", "passes"),
    [
        (Permission.PREDICT, "mill", True),
        (Permission.PREDICT, "other", False),
        (Permission.PREDICT, None, False),
        (Permission.READ, None, True),
        (Permission.READ, "other", False),
        (Permission.PUBLIC, "other", True),
    ],
)
def test_a_key_for_some_models(permission, model, passes):
    scope: dict = {"path_params": {"name": model} if model else {}}
    introduce(scope, Caller("k", "key", frozenset(Permission), models=frozenset({"mill"})), "127.0.0.1")
    if passes:
        assert authorize(scope, permission).name == "k"
    else:
        with pytest.raises(ForbiddenError):
            authorize(scope, permission)


def test_a_request_that_did_not_come_through_the_door_is_refused():
    with pytest.raises(NotSignedInError):
        authorize({}, Permission.READ)
