"""API keys over HTTP, against a real MongoDB: what they may do, how long, and whose they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from access_helpers import bearer, first_admin, make_key, make_user, opened
from starlette.testclient import TestClient

from millrace.stores.accounts import MongoAccounts
from serving.app import create_app

pytestmark = pytest.mark.integration


@pytest.fixture
def service(settings):
    return opened(settings)


@pytest.fixture
def admin(service, settings):
    return first_admin(service, settings)


def test_a_key_does_what_its_scopes_say_and_is_shown_once(service, admin):
    user = bearer(make_user(service, admin, "otto", "operator")["access_token"])
    made = make_key(service, user, scopes=["read"], days=1).json()
    key = bearer(made["key"])
    assert service.get("/api/v1/models", headers=key).status_code == 200
    assert service.get("/api/v1/models", headers={"X-API-Key": made["key"]}).status_code == 200
    assert service.post("/api/v1/models/reload", headers=key).status_code == 403
    assert service.post("/api/v1/models/x/predict", json={}, headers=key).status_code == 403
    assert service.get("/api/v1/keys", headers=key).status_code == 403  # a key makes no keys
    listed = service.get("/api/v1/keys", headers=user).json()["keys"]
    assert [entry["name"] for entry in listed] == ["job"]
    assert listed[0]["last_used_at"] is not None
    secret = made["key"].rpartition("_")[2]
    everything = str(service.app.state.services.access.accounts.collection("api_keys").find_one())
    assert secret not in str(listed)
    assert secret not in everything


def test_keys_are_listed_by_pages_each_once(service, admin):
    user = bearer(make_user(service, admin, "paula", "operator")["access_token"])
    made = [make_key(service, user).json()["about"]["id"] for _ in range(5)]
    found, before = [], {}
    while before is not None:
        page = service.get("/api/v1/keys", params={"limit": 2, **before}, headers=user).json()
        found += [key["id"] for key in page["keys"]]
        before = {"before": page["next_before"]} if page["next_before"] else None
    assert found == made[::-1]


def test_a_key_for_some_models_is_for_no_other(service, admin):
    key = bearer(make_key(service, admin, scopes=["predict", "read"], models=["mill"]).json()["key"])
    assert service.post("/api/v1/models/mill/predict", json={}, headers=key).status_code == 503  # let in; not loaded
    for path in ("other/predict", "other/predict/batch"):
        answer = service.post(f"/api/v1/models/{path}", json={}, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert service.get("/api/v1/models/other/schema", headers=key).status_code == 403
    assert service.get("/api/v1/forecasts?pipeline=other", headers=key).status_code == 403
    assert service.get("/api/v1/forecasts?pipeline=mill", headers=key).status_code == 404  # let in; there is none


def test_a_revoked_an_expired_and_a_forged_key_are_refused(service, admin, settings):
    made = make_key(service, admin, scopes=["read"]).json()
    assert service.get("/api/v1/models", headers=bearer(made["key"])).status_code == 200
    forged = made["key"][:-1] + ("0" if made["key"][-1] != "0" else "1")
    assert service.get("/api/v1/models", headers=bearer(forged)).status_code == 401
    assert service.delete(f"/api/v1/keys/{made['about']['id']}", headers=admin).status_code == 200
    assert service.get("/api/v1/models", headers=bearer(made["key"])).status_code == 401
    old = make_key(service, admin, scopes=["read"]).json()
    past = {"$set": {"expires_at": datetime.now(UTC) - timedelta(seconds=1)}}
    MongoAccounts(settings).collection("api_keys").update_one({"_id": old["about"]["id"]}, past)
    assert service.get("/api/v1/models", headers=bearer(old["key"])).status_code == 401


def test_a_key_never_exceeds_its_owner(service, admin):
    user = bearer(make_user(service, admin, "otto", "operator")["access_token"])
    key = bearer(make_key(service, user, scopes=["models:reload"]).json()["key"])
    service.patch("/api/v1/users/otto", json={"role": "viewer"}, headers=admin)
    assert service.post("/api/v1/models/reload", headers=key).status_code == 403
    assert make_key(service, user, scopes=["models:reload"]).status_code == 403
    service.delete("/api/v1/users/otto", headers=admin)
    assert service.get("/api/v1/models", headers=key).status_code == 401


def test_keys_of_others_are_an_admins_matter(service, admin):
    vera, otto = (bearer(make_user(service, admin, name)["access_token"]) for name in ("vera", "otto"))
    key = make_key(service, vera).json()["about"]["id"]
    assert service.get("/api/v1/keys", headers=otto).json()["keys"] == []
    assert service.get("/api/v1/keys?everyone=true", headers=otto).status_code == 403
    assert service.delete(f"/api/v1/keys/{key}", headers=otto).status_code == 404
    everyone = service.get("/api/v1/keys?everyone=true", headers=admin).json()["keys"]
    assert [entry["owner"] for entry in everyone] == ["vera"]
    assert service.delete(f"/api/v1/keys/{key}", headers=admin).status_code == 200


def test_a_plan_bounds_a_key(service, admin, monkeypatch, settings):
    monkeypatch.setenv("SERVING_PLANS", '{"standard": "100/second", "tiny": "2/hour"}')
    other = TestClient(create_app(settings), raise_server_exceptions=False)
    key = bearer(make_key(other, admin, scopes=["read"], plan="tiny").json()["key"])
    answers = [other.get("/api/v1/models", headers=key) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json()["code"] == "too_many_requests"
    assert other.get("/api/v1/models", headers=admin).status_code == 200
