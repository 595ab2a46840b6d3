"""`millrace users` and `millrace keys` on a real MongoDB, against a real service."""

from __future__ import annotations

import json

import pytest
from cli_helpers import commands_on, millrace, program_on
from starlette.testclient import TestClient

from millrace.settings import Settings
from serving.app import create_app

pytestmark = pytest.mark.integration
PASSWORD = "a brass wheel turns slowly"


@pytest.fixture(name="millrace")
def _millrace(settings: Settings):
    """Runs the commands on the test's installation."""
    return commands_on(settings)


@pytest.fixture
def service(settings: Settings, monkeypatch) -> TestClient:
    monkeypatch.setenv("SERVING_ANONYMOUS_ROLE", "none")
    monkeypatch.setenv("SERVING_IDENTITY_SECONDS", "0")
    return TestClient(create_app(settings), raise_server_exceptions=False)


def sign_in(service: TestClient, name: str, password: str) -> int:
    return service.post("/api/v1/auth/login", json={"username": name, "password": password}).status_code


def test_a_user_from_the_first_day_to_the_last(millrace, service):
    made = millrace("users", "add", "ann", "--role", "admin", "--password", given=PASSWORD + "\n")
    assert (made.returncode, made.stdout) == (0, "ann: admin, enabled\n"), made.stderr
    assert sign_in(service, "ann", PASSWORD) == 200
    token = millrace("users", "add", "bob").stdout.strip()
    reset = service.post("/api/v1/auth/reset", json={"token": token, "new": "slowly turns a brass wheel"})
    assert reset.status_code == 200
    assert sign_in(service, "bob", "slowly turns a brass wheel") == 200
    assert millrace("users", "disable", "bob").stdout == "bob: viewer, disabled\n"
    assert sign_in(service, "bob", "slowly turns a brass wheel") == 401
    assert millrace("users", "enable", "bob").returncode == 0
    assert millrace("users", "set-role", "bob", "operator").returncode == 0
    assert millrace("users", "reset-password", "bob", "--password", given="another brass wheel turns").returncode == 0
    assert sign_in(service, "bob", "another brass wheel turns") == 200
    listed = json.loads(millrace("users", "list", "--json").stdout)
    assert [(user["name"], user["role"], user["disabled"]) for user in listed] == [
        ("ann", "admin", False), ("bob", "operator", False)
    ]  # fmt: skip
    assert "bob   operator  enabled" in millrace("users", "list").stdout
    assert millrace("users", "remove", "bob").returncode == 0
    entries = service.app.state.services.access.audit_log.entries(100)
    made = [entry for entry in entries if entry["kind"] == "shell"]
    assert [entry["action"] for entry in reversed(made)] == [
        "user.create", "user.create", "password.reset_token", "user.change", "user.change", "user.change",
        "password.set", "user.delete",
    ]  # fmt: skip
    assert PASSWORD not in str(entries)


@pytest.mark.parametrize(
    ("arguments", "given", "code", "words"),
    [
        (("users", "add", "Ann Smith"), "", 2, "'Ann Smith' is no name of a user"),
        (
            ("users", "add", "zoe", "--role", "boss"),
            "",
            2,
            "There is no role 'boss'. Allowed: admin, operator, viewer.",
        ),
        (("users", "add", "zoe", "--password"), "short", 2, "it has 5 characters"),
        (("users", "add", "zoe", "--password"), "", 2, "No password was given"),
        (("users", "set-role", "nobody", "admin"), "", 2, "There is no user 'nobody'"),
        (("users", "disable", "ann"), "", 1, "ann is the only admin"),
        (("keys", "create", "k", "--owner", "nobody"), "", 2, "There is no user 'nobody'"),
        (("keys", "create", "k", "--owner", "ann", "--scope", "users"), "", 2, "cannot have the scope 'users'"),
        (("keys", "create", "k", "--owner", "ann", "--plan", "bulky"), "", 2, "Did you mean 'bulk'?"),
        (("keys", "revoke", "0123456789ab"), "", 2, "There is no key '0123456789ab'"),
    ],
)
def test_what_cannot_be_is_one_line(millrace, service, arguments, given, code, words):
    access = service.app.state.services.access
    access.accounts.create_user({"_id": "ann", "role": "admin", "disabled": False, "password_hash": None,
                                 "created_at": None, "password_changed_at": None})  # fmt: skip
    outcome = millrace(*arguments, given=given)
    assert outcome.returncode == code
    assert outcome.stderr.startswith("error: ")
    assert words in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert [user["_id"] for user in access.accounts.users(10)] == ["ann"]


def test_a_key_is_shown_once_and_counts_until_it_is_revoked(millrace, service, settings):
    millrace("users", "add", "ann", "--role", "admin")
    program = program_on(settings)
    made = program("keys", "create", "nightly", "--owner", "ann", "--scope", "read", "--plan", "bulk", "--days", "7")
    key = made.stdout.strip()
    assert made.returncode == 0, made.stderr
    assert "can read on all models" in made.stderr
    assert service.get("/api/v1/keys", headers={"X-API-Key": key}).status_code == 403  # it is known, and no person
    row = json.loads(millrace("keys", "list", "--json").stdout)[0]
    assert (row["name"], row["owner"], row["scopes"], row["plan"]) == ("nightly", "ann", ["read"], "bulk")
    assert key not in millrace("keys", "list").stdout
    assert program("keys", "revoke", row["id"]).returncode == 0
    assert service.get("/api/v1/keys", headers={"X-API-Key": key}).status_code == 401
    assert "revoked" in millrace("keys", "list").stdout


def test_a_mongodb_that_is_away_is_one_line(settings):
    away = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200"
    outcome = millrace("users", "list", home=settings.millrace_home, MONGODB_URI=away)
    assert outcome.returncode == 1
    assert "MongoDB at 127.0.0.1:9 does not answer" in outcome.stderr
    assert outcome.stderr.count("\n") == 1
