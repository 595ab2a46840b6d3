"""What is refused when users and keys are asked for: with a sentence, and nothing changes."""

from __future__ import annotations

import pytest
from access_helpers import bearer, first_admin, make_key, make_user, opened

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def standing(new_installation, tmp_path_factory):
    """A service for all that is refused, with the headers of its admin and of its user vera, who may only view."""
    settings = new_installation(tmp_path_factory.mktemp("standing") / "home")
    service = opened(settings)
    admin = first_admin(service, settings)
    return service, admin, bearer(make_user(service, admin, "vera")["access_token"])


def unchanged(service, admin):
    """Whether the standing service has the users and keys that it began with."""
    users = service.get("/api/v1/users", headers=admin).json()["users"]
    keys = service.get("/api/v1/keys?everyone=true", headers=admin).json()["keys"]
    return [user["name"] for user in users] == ["admin", "vera"] and keys == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": "x y"}, "body.name"),
        ({"name": "anna", "password": "short"}, "5 characters"),
        ({"name": "veronica", "password": "veronica-veronica"}, "the user's name"),
        ({"name": "anna", "role": "king"}, "body.role"),
        ({"name": "anna", "rank": 1}, "body.rank"),
    ],
)
def test_odd_users_are_refused_with_a_sentence(standing, body, words):
    service, admin, _ = standing
    answer = service.post("/api/v1/users", json=body, headers=admin)
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert unchanged(service, admin)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"scopes": ["users"]}, 422, "cannot have the scope 'users'"),
        ({"scopes": ["fly"]}, 422, "body.scopes"),
        ({"plan": "bulky"}, 422, "Did you mean 'bulk'?"),
        ({"plan": "unlimited"}, 403, "Only an admin"),
        ({"days": 0}, 422, "body.days"),
        ({"models": []}, 422, "body.models"),
    ],
)
def test_odd_keys_are_refused_with_a_sentence(standing, body, status, words):
    service, admin, user = standing
    answer = make_key(service, user, **body)
    assert answer.status_code == status
    assert words in answer.json()["error"]
    assert unchanged(service, admin)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/auth/login", '{"username": "\\ud800", "password": "x"}'),
        ("POST", "/api/v1/auth/login", '{"username": "admin", "password": "\\ud800"}'),
        ("POST", "/api/v1/auth/login", '{"username": "a\\u0000b", "password": "x"}'),
        ("POST", "/api/v1/auth/refresh", '{"refresh_token": "\\ud800"}'),
        ("POST", "/api/v1/auth/reset", '{"token": "\\ud800", "new": "correct horse \\ud800 battery"}'),
        ("POST", "/api/v1/auth/reset", '{"token": "x", "new": "correct horse \\ud800 battery"}'),
        ("POST", "/api/v1/auth/password", '{"old": "\\ud800", "new": "correct horse battery staple"}'),
        ("POST", "/api/v1/users", '{"name": "anna", "password": "correct horse \\ud800 battery"}'),
        ("POST", "/api/v1/keys", '{"name": "\\ud800"}'),
        ("POST", "/api/v1/keys", '{"name": "k", "models": ["\\ud800"]}'),
        ("POST", "/api/v1/keys", '{"name": "k", "plan": "\\ud800"}'),
        ("GET", "/api/v1/audit?who=%ED%A0%80&action=%00", None),
        ("GET", "/api/v1/users?after=%ED%A0%80", None),
        ("DELETE", "/api/v1/users/%ED%A0%80", None),
    ],
)
def test_text_that_is_none_is_refused_and_never_fails(standing, method, path, body):
    service, admin, _ = standing
    headers = {**admin, "Content-Type": "application/json"}
    answer = service.request(method, path, content=body, headers=headers)
    assert answer.status_code < 500, answer.text
    assert answer.status_code >= 400 or method == "GET"
    assert unchanged(service, admin)
