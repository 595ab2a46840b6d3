"""A service in this process whose first admin is there, and what its users do over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from millrace.settings import Settings
from serving.access.first_admin import make_first_admin
from serving.app import create_app

GOOD = "correct horse battery staple"
Headers = dict[str, str]


def opened(settings: Settings) -> TestClient:
    """A service whose first admin is there, and which looks every caller up anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERVING_ANONYMOUS_ROLE", "viewer")
        patch.setenv("SERVING_IDENTITY_SECONDS", "0")
        client = TestClient(create_app(settings), raise_server_exceptions=False)
    access = client.app.state.services.access
    assert make_first_admin(access.accounts, access.audit, settings.millrace_home)
    return client


def first_admin(service: TestClient, settings: Settings) -> Headers:
    """The headers of the first admin."""
    file = settings.millrace_home / "service-admin-password"
    assert file.stat().st_mode & 0o777 == 0o600
    return bearer(login(service, "admin", file.read_text()).json()["access_token"])


def bearer(token: str) -> Headers:
    """The headers of whoever has this token or key."""
    return {"Authorization": f"Bearer {token}"}


def login(service: TestClient, name: str, password: str) -> Any:
    """The answer to signing in."""
    return service.post("/api/v1/auth/login", json={"username": name, "password": password})


def make_user(service: TestClient, admin: Headers, name: str, role: str = "viewer") -> Any:
    """The tokens of a new user who has signed in."""
    body = {"name": name, "role": role, "password": GOOD}
    assert service.post("/api/v1/users", json=body, headers=admin).status_code == 201
    return login(service, name, GOOD).json()


def make_key(service: TestClient, headers: Headers, **body: Any) -> Any:
    """The answer to asking for a key."""
    return service.post("/api/v1/keys", json={"name": "job", **body}, headers=headers)
