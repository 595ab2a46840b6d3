"""The door over HTTP while MongoDB is away: limits, addresses, headers, and what anonymous callers may do."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from millrace.accounts.api_keys import new_key
from millrace.settings import Settings
from serving.access.limits import RateLimits, read_limit
from serving.app import create_app
from serving.runtime.model_files import ModelFiles

ROW = json.dumps({"a": 1.0, "b": 1.0})
PREDICT = "/api/v1/models/reg/predict"


@pytest.fixture
def make(tmp_path, card, writer, regression, monkeypatch):
    """Makes a client of a service with one model, under some settings."""
    version = card("reg", "1")
    files = ModelFiles(tmp_path / "models")
    files.fetch(version, lambda _, folder: writer(folder, regression, {"task": "regression", "targets": ["y"]}))
    files.keep(version)
    monkeypatch.setattr("millrace.connections.CONNECT_SECONDS", 0.05)

    def client(peer: str = "203.0.113.7", url: str = "http://testserver", mongodb: str = "127.0.0.1", **variables: str):
        for name, value in variables.items():
            monkeypatch.setenv(f"SERVING_{name}", value)
        nowhere = "http://127.0.0.1:9"
        settings = Settings(
            millrace_home=tmp_path,
            mongodb_uri=f"mongodb://{mongodb}:9/door",
            s3_endpoint_url=nowhere,
            mlflow_tracking_uri=nowhere,
        )
        app = create_app(settings)
        app.state.services.manager.restore()
        return TestClient(app, base_url=url, client=(peer, 5000), raise_server_exceptions=False)

    return client


def test_anonymous_callers_predict_and_read_where_everything_is_on_one_machine(make):
    client = make()
    assert client.post(PREDICT, content=ROW).json()["prediction"] == pytest.approx(1.0)
    assert client.get("/api/v1/models").status_code == 200
    assert client.get("/openapi.json").status_code == 200
    refused = client.post("/api/v1/models/reload")
    assert (refused.status_code, refused.json()["code"]) == (401, "not_signed_in")
    assert refused.headers["www-authenticate"] == "Bearer"


def test_elsewhere_nobody_comes_in_without_a_name(make):
    client = make(mongodb="db.example.org")
    for answer in (
        client.post(PREDICT, content=ROW),
        client.post(PREDICT + "?probabilities=1", content=ROW),
        client.post(PREDICT + "/batch", content=f"[{ROW}]"),
        client.get("/api/v1/models"),
        client.get("/openapi.json"),
    ):
        assert answer.status_code == 401
        assert answer.json()["success"] is False
        assert "Sign in" in answer.json()["error"]
    assert client.get("/health/live").status_code == 200
    assert client.get("/").status_code == 200


def test_the_role_of_anonymous_callers_is_a_setting(make):
    assert make(ANONYMOUS_ROLE="none").post(PREDICT, content=ROW).status_code == 401
    assert make(ANONYMOUS_ROLE="viewer", mongodb="db.example.org").post(PREDICT, content=ROW).status_code == 200
    assert make(ANONYMOUS_ROLE="admin").get("/api/v1/users").status_code == 401  # never what is personal


def test_an_anonymous_address_is_limited_and_health_is_not(make):
    client = make(ANONYMOUS_LIMIT="3/hour")
    assert [client.post(PREDICT, content=ROW).status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    refused = client.get("/api/v1/models")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert {client.get("/health/live").status_code for _ in range(5)} == {200}
    assert client.get("/console/app.js").status_code == 200


def test_every_address_has_its_own_limit_and_no_header_changes_it(make):
    client = make(ANONYMOUS_LIMIT="1/hour")
    other = TestClient(client.app, client=("203.0.113.8", 5000), raise_server_exceptions=False)
    assert client.get("/api/v1/models").status_code == 200
    assert client.get("/api/v1/models", headers={"X-Forwarded-For": "1.2.3.4"}).status_code == 429
    assert other.get("/api/v1/models").status_code == 200


def test_behind_a_trusted_proxy_the_caller_is_counted(make):
    client = make(peer="10.0.0.1", ANONYMOUS_LIMIT="1/hour", TRUSTED_PROXIES="10.0.0.0/8")
    first = [client.get("/api/v1/models", headers={"X-Forwarded-For": "203.0.113.1"}).status_code for _ in range(2)]
    assert first == [200, 429]
    assert client.get("/api/v1/models", headers={"X-Forwarded-For": "9.9.9.9, 203.0.113.1"}).status_code == 429
    assert client.get("/api/v1/models", headers={"X-Forwarded-For": "203.0.113.2"}).status_code == 200


def test_only_allowed_addresses_come_in(make):
    assert make(ALLOWED_ADDRESSES="203.0.113.0/24").get("/health/live").status_code == 200
    refused = make(peer="198.51.100.1", ALLOWED_ADDRESSES="203.0.113.0/24").get("/")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "198.51.100.1" in refused.json()["error"]


def test_hsts_is_sent_behind_tls_only(make):
    assert "strict-transport-security" not in make().get("/health/live").headers
    assert "max-age" in make(url="https://testserver").get("/health/live").headers["strict-transport-security"]
    forged = make().get("/health/live", headers={"X-Forwarded-Proto": "https"})
    assert "strict-transport-security" not in forged.headers
    proxied = make(peer="10.0.0.1", TRUSTED_PROXIES="10.0.0.1").get(
        "/health/live", headers={"X-Forwarded-Proto": "https"}
    )
    assert "strict-transport-security" in proxied.headers


def test_other_sites_pages_are_answered_only_where_they_are_listed(make):
    asks = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in make().get("/health/live", headers=asks).headers
    client = make(CORS_ORIGINS="https://app.example.org", ANONYMOUS_LIMIT="1/hour")
    assert client.options(PREDICT, headers=asks).headers["access-control-allow-origin"] == asks["Origin"]
    other = client.options(PREDICT, headers={**asks, "Origin": "https://evil.example.org"})
    assert "access-control-allow-origin" not in other.headers
    for status in (422, 429):  # a page reads errors too
        answer = client.post(PREDICT, content='{"a": "x", "b": 1}', headers=asks)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, asks["Origin"])


@pytest.mark.parametrize("token", ["nonsense", "mr_short", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "é"])
def test_a_malformed_token_is_refused_without_a_question_to_mongodb(make, token):
    answer = make().get("/api/v1/models", headers={"Authorization": f"Bearer {token}".encode()})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


def test_a_token_that_does_not_count_closes_no_public_page(make):
    assert make().get("/", headers={"Authorization": "Bearer nonsense"}).status_code == 200


def test_while_mongodb_is_away_new_callers_and_changes_get_503(make):
    client = make()
    key = client.get("/api/v1/models", headers={"X-API-Key": str(new_key())})
    login = client.post("/api/v1/auth/login", json={"username": "anna", "password": "a brass wheel turns"})
    for answer in (key, login):
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
        assert answer.headers["retry-after"]
    reload = make(ANONYMOUS_ROLE="operator").post("/api/v1/models/reload")
    assert reload.status_code == 503  # a change that cannot be recorded does not happen
    assert client.post(PREDICT, content=ROW).status_code == 200


def test_a_key_that_is_guessed_is_limited_like_an_anonymous_caller(make):
    client = make(ANONYMOUS_LIMIT="3/hour")
    statuses = [client.get("/api/v1/models", headers={"X-API-Key": str(new_key())}).status_code for _ in range(4)]
    assert statuses[-1] == 429


def test_without_redis_the_process_counts_by_itself():
    import asyncio

    from serving.access.failures import TooManyRequestsError

    async def count() -> int:
        rates, passed = RateLimits("redis://127.0.0.1:9"), 0
        for _ in range(5):
            try:
                await rates.count("anna", read_limit("3/hour"))
            except TooManyRequestsError:
                continue
            passed += 1
        return passed

    assert asyncio.run(count()) == 3


def test_signing_in_asks_for_no_more_than_a_name_and_a_password(make):
    client = make()
    for body in ({}, {"username": "x" * 65, "password": "y"}, {"username": "x", "password": "y" * 257}):
        answer = client.post("/api/v1/auth/login", json=body)
        assert answer.status_code == 422
        assert "yyy" not in answer.text


def test_larger_answers_are_compressed_for_who_takes_that(make):
    client = make()
    plain = client.get("/openapi.json", headers={"Accept-Encoding": "identity"})
    packed = client.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) / 3
    assert "Accept-Encoding" in packed.headers["vary"]
    assert packed.json() == plain.json()
    assert "content-encoding" not in plain.headers
    small = client.post(PREDICT, content=ROW, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in small.headers
    assert small.json()["prediction"] == pytest.approx(1.0)
    many = client.post(PREDICT + "/batch", content=f"[{','.join([ROW] * 999)}]", headers={"Accept-Encoding": "gzip"})
    assert (many.headers["content-encoding"], len(many.json()["predictions"])) == ("gzip", 999)
    off = make(GZIP_BYTES="0").get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in off.headers
