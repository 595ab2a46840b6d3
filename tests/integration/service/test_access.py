"""Signing in, users and the audit log over HTTP, against a real MongoDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from access_helpers import GOOD, bearer, first_admin, login, make_user, opened
from starlette.testclient import TestClient

from millrace.stores.accounts import MongoAccounts
from serving.access.first_admin import make_first_admin
from serving.app import create_app

pytestmark = pytest.mark.integration
NEW = "a brass wheel turns slowly"


@pytest.fixture
def service(settings):
    return opened(settings)


@pytest.fixture
def admin(service, settings):
    return first_admin(service, settings)


def actions(service, admin, **query):
    entries = service.get("/api/v1/audit", params={"limit": 200, **query}, headers=admin).json()["entries"]
    return [entry["action"] for entry in entries]


def test_the_first_admin_is_made_once_and_told_by_path_only(service, admin, settings, caplog):
    access = service.app.state.services.access
    assert not make_first_admin(access.accounts, access.audit, settings.millrace_home)
    password = (settings.millrace_home / "service-admin-password").read_text()
    assert password not in caplog.text
    assert "user.create" in actions(service, admin)


def test_several_workers_make_one_admin(settings):
    accesses = [create_app(settings).state.services.access for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        made = list(threads.map(lambda a: make_first_admin(a.accounts, a.audit, settings.millrace_home), accesses))
    assert made.count(True) == 1


def test_roles_are_kept_apart(service, admin):
    viewer, operator = make_user(service, admin, "vera"), make_user(service, admin, "otto", "operator")
    assert service.get("/api/v1/users").status_code == 401
    assert service.get("/api/v1/users", headers=bearer(viewer["access_token"])).status_code == 403
    assert service.get("/api/v1/users", headers=bearer(operator["access_token"])).status_code == 403
    listed = service.get("/api/v1/users", headers=admin).json()["users"]
    assert [(user["name"], user["role"]) for user in listed] == [
        ("admin", "admin"), ("otto", "operator"), ("vera", "viewer")
    ]  # fmt: skip
    assert "hash" not in str(listed)
    assert service.post("/api/v1/models/reload", headers=bearer(viewer["access_token"])).status_code == 403
    assert service.get("/api/v1/models", headers=bearer(viewer["access_token"])).status_code == 200


def test_a_changed_role_counts_at_once_and_is_recorded(service, admin):
    token = bearer(make_user(service, admin, "vera")["access_token"])
    assert service.get("/api/v1/users", headers=token).status_code == 403
    changed = service.patch("/api/v1/users/vera", json={"role": "admin"}, headers=admin)
    assert changed.json()["user"]["role"] == "admin"
    assert service.get("/api/v1/users", headers=token).status_code == 200
    entry = service.get("/api/v1/audit?action=user.change", headers=admin).json()["entries"][0]
    assert (entry["who"], entry["target"], entry["before"], entry["after"]) == (
        "admin", "user:vera", {"role": "viewer"}, {"role": "admin"}
    )  # fmt: skip
    assert entry["address"] == "testclient"
    assert entry["request_id"] == changed.json()["request_id"]


def test_a_closed_or_removed_account_is_out(service, admin):
    first, second = make_user(service, admin, "vera"), make_user(service, admin, "otto")
    service.patch("/api/v1/users/vera", json={"disabled": True}, headers=admin)
    service.delete("/api/v1/users/otto", headers=admin)
    for pair in (first, second):
        assert service.get("/api/v1/models", headers=bearer(pair["access_token"])).status_code == 401
        refreshed = service.post("/api/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})
        assert refreshed.status_code == 401
    assert login(service, "vera", GOOD).status_code == 401
    service.patch("/api/v1/users/vera", json={"disabled": False}, headers=admin)
    assert service.get("/api/v1/models", headers=bearer(first["access_token"])).status_code == 401
    assert login(service, "vera", GOOD).status_code == 200


def test_the_last_admin_stays(service, admin):
    for answer in (
        service.delete("/api/v1/users/admin", headers=admin),
        service.patch("/api/v1/users/admin", json={"role": "viewer"}, headers=admin),
        service.patch("/api/v1/users/admin", json={"disabled": True}, headers=admin),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    make_user(service, admin, "anna", "admin")
    assert service.delete("/api/v1/users/admin", headers=admin).status_code == 200


def test_a_refresh_token_counts_once_and_its_reuse_ends_the_session(service, admin):
    pair = make_user(service, admin, "vera")
    following = service.post("/api/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]}).json()
    assert service.get("/api/v1/keys", headers=bearer(following["access_token"])).status_code == 200
    stolen = service.post("/api/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})
    assert (stolen.status_code, stolen.json()["code"]) == (401, "not_signed_in")
    for token in (pair["access_token"], following["access_token"]):
        assert service.get("/api/v1/keys", headers=bearer(token)).status_code == 401
    after = service.post("/api/v1/auth/refresh", json={"refresh_token": following["refresh_token"]})
    assert after.status_code == 401
    assert "session.reused" in actions(service, admin)


def test_of_many_refreshes_at_once_one_succeeds(service, admin):
    pair = make_user(service, admin, "vera")
    body = {"refresh_token": pair["refresh_token"]}
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: service.post("/api/v1/auth/refresh", json=body).status_code, range(4)))
    assert sorted(answers) in ([200, 401, 401, 401], [401, 401, 401, 401])  # a reuse may end it before it is read


def test_logout_ends_this_session_only(service, admin):
    first = make_user(service, admin, "vera")
    second = login(service, "vera", GOOD).json()
    assert service.post("/api/v1/auth/logout", headers=bearer(first["access_token"])).status_code == 200
    assert service.get("/api/v1/keys", headers=bearer(first["access_token"])).status_code == 401
    assert service.get("/api/v1/keys", headers=bearer(second["access_token"])).status_code == 200
    assert service.post("/api/v1/auth/logout").status_code == 401


def test_a_new_password_ends_all_sessions(service, admin):
    token = bearer(make_user(service, admin, "vera")["access_token"])
    wrong = service.post("/api/v1/auth/password", json={"old": "no", "new": NEW}, headers=token)
    assert wrong.status_code == 401
    weak = service.post("/api/v1/auth/password", json={"old": GOOD, "new": "aaaaaaaaaaaaaaa"}, headers=token)
    assert weak.status_code == 422
    assert service.post("/api/v1/auth/password", json={"old": GOOD, "new": NEW}, headers=token).status_code == 200
    assert service.get("/api/v1/keys", headers=token).status_code == 401
    assert login(service, "vera", GOOD).status_code == 401
    assert login(service, "vera", NEW).status_code == 200


def test_a_reset_token_counts_once(service, admin):
    make_user(service, admin, "vera")
    token = service.post("/api/v1/users/vera/reset-token", headers=admin).json()["token"]
    refused = service.post("/api/v1/auth/reset", json={"token": token, "new": "weak"})
    assert refused.status_code == 422
    assert service.post("/api/v1/auth/reset", json={"token": token, "new": NEW}).status_code == 200
    assert service.post("/api/v1/auth/reset", json={"token": token, "new": NEW + "2"}).status_code == 401
    assert login(service, "vera", NEW).status_code == 200
    assert service.post("/api/v1/users/nobody/reset-token", headers=admin).status_code == 404


def test_an_old_reset_token_does_not_count(service, admin, settings):
    make_user(service, admin, "vera")
    accounts = MongoAccounts(settings)
    accounts.add_reset_token("d", "vera", datetime.now(UTC) - timedelta(seconds=1))
    assert accounts.use_reset_token("d") is None


def test_wrong_passwords_are_slowed_down_and_recorded(service, admin):
    make_user(service, admin, "vera")
    answers = [login(service, "vera", "wrong") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    right = login(service, "vera", GOOD)
    assert right.status_code == 429  # also the right one has to wait: a guesser must not learn it sooner
    failed = service.get("/api/v1/audit?action=login.failed", headers=admin).json()["entries"]
    assert [(entry["target"], entry["address"]) for entry in failed] == [("user:vera", "testclient")] * 3
    assert login(service, "otto", "wrong").status_code == 401


def test_an_unknown_user_is_refused_like_a_known_one(service, admin):
    make_user(service, admin, "vera")
    known, unknown = login(service, "vera", "wrong").json(), login(service, "nobody", "wrong").json()
    assert known["error"] == unknown["error"]


def test_the_audit_log_is_paged_and_can_only_grow(service, admin):
    for name in ("anna", "bert", "carl"):
        make_user(service, admin, name)
    first = service.get("/api/v1/audit?action=user.create&limit=2", headers=admin).json()
    query = {"action": "user.create", "limit": 2, "before": first["next_before"]}
    second = service.get("/api/v1/audit", params=query, headers=admin).json()
    targets = [entry["target"] for entry in (*first["entries"], *second["entries"])]
    assert targets == ["user:carl", "user:bert", "user:anna", "user:admin"]
    for method in ("post", "put", "patch", "delete"):
        assert getattr(service, method)("/api/v1/audit", headers=admin).status_code == 405
    assert GOOD not in str(service.get("/api/v1/audit?limit=200", headers=admin).json())


def test_what_cannot_be_recorded_does_not_happen(service, admin, monkeypatch):
    access = service.app.state.services.access

    def full(entry):
        raise access.accounts.explain(RuntimeError("the disk is full"))

    monkeypatch.setattr(access.audit_log, "append", full)
    body = {"name": "vera", "password": GOOD}
    assert service.post("/api/v1/users", json=body, headers=admin).status_code == 503
    assert access.accounts.user("vera") is None


def test_failed_logins_are_slowed_in_all_workers_together(service, admin, settings, monkeypatch):
    monkeypatch.setattr("serving.access.throttle.wait_after", lambda kind, count: 0.0 if count < 3 else 300.0)
    workers = [service, TestClient(create_app(settings), raise_server_exceptions=False)]
    make_user(service, admin, "vera")

    def guess(turn: int) -> int:
        return login(workers[turn % 2], "vera", f"a wrong guess, number {turn}").status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(guess, range(16)))
    assert sorted(statuses) == [401] * 3 + [429] * 13  # at once they gain nothing
    for worker in workers:
        refused = login(worker, "vera", GOOD)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 300


def test_a_right_password_opens_a_user_in_all_workers(service, admin, settings):
    other = TestClient(create_app(settings), raise_server_exceptions=False)
    make_user(service, admin, "vera")
    for worker in (service, other):
        assert login(worker, "vera", "wrong, but not often").status_code == 401
    assert login(other, "vera", GOOD).status_code == 200
    assert service.app.state.services.access.accounts.closed_until("user:vera") is None
    assert login(service, "vera", "wrong, and counted anew").status_code == 401
