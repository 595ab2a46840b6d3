"""The pages of checks over HTTP: who may open them, by what ticket, and what the page itself may do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from millrace.accounts.users import new_user
from millrace.settings import Settings
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.monitoring import MonitoringStore

pytestmark = pytest.mark.integration
PASSWORD = "a brass wheel turns slowly"
CHECKS = "/api/v1/pipelines/mill/monitoring"
PAGE = f"{CHECKS}/monitoring.mill--1/pages/features_html"


@pytest.fixture
def drawn(settings: Settings, artifact_store: S3ArtifactStore) -> Settings:
    """An installation whose pipeline has one check with a page."""
    uri = artifact_store.put_bytes("monitoring/mill/monitoring.mill--1/features.html", b"<p>drift</p>", "text/html")
    part = {"pages": {"features_html": uri, "features_json": uri}, "findings": [], "notes": [], "figures": {}}
    at = datetime(2026, 5, 4, tzinfo=UTC)
    report = {"_id": "monitoring.mill--1", "run_id": "monitoring.mill--1", "pipeline": "mill", "at": at}
    MonitoringStore(settings).keep({**report, "parts": {"live": part}})
    return settings


def test_a_page_is_shown_in_a_sandbox_without_an_origin(drawn: Settings, registry: Any, start: Any) -> None:
    with start(drawn) as client:
        answer = client.get(PAGE)
        assert (answer.status_code, answer.text) == (200, "<p>drift</p>")
        assert answer.headers["content-type"].startswith("text/html")
        policy = answer.headers.get_list("content-security-policy")
        assert len(policy) == 1
        assert policy[0].startswith("sandbox allow-scripts; default-src 'none';")
        assert "allow-same-origin" not in policy[0]
        assert "connect-src" not in policy[0]


def test_only_what_the_report_lists_is_read(drawn: Settings, registry: Any, start: Any) -> None:
    with start(drawn) as client:
        for path, code in (
            (PAGE.replace("/mill/", "/other/"), 404),  # another pipeline's check
            (PAGE.replace("--1", "--2"), 404),
            (PAGE.replace("features", "source"), 404),
            (PAGE.replace("_html", "_json"), 422),
            (f"{CHECKS}/monitoring.mill--1/pages/..%2f..%2fsecret_html", 404),
        ):
            assert client.get(path).status_code == code, path
        store = MonitoringStore(drawn)
        store.forget_pages(["monitoring.mill--1"])
        assert "keep_pages" in client.get(PAGE).json()["error"]


def test_a_ticket_opens_the_pages_of_its_pipeline_only(
    drawn: Settings, registry: Any, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVING_ANONYMOUS_ROLE", "none")
    with start(drawn) as client:
        assert client.get(PAGE).status_code == 401
        assert client.get(f"{CHECKS}/ticket").status_code == 401
        bearer = _viewer(drawn, client)
        ticket = client.get(f"{CHECKS}/ticket", headers=bearer).json()["ticket"]
        other = client.get("/api/v1/pipelines/other/monitoring/ticket", headers=bearer).json()["ticket"]
        opened = "/api/v1/check-tickets/{}/monitoring.mill--1/features_html"
        assert client.get(opened.format(ticket)).text == "<p>drift</p>"
        assert client.get(opened.format(other)).status_code == 404
        assert client.get(opened.format("forged")).status_code == 401
        assert client.get(f"/api/v1/tickets/{ticket}/report/index.html").status_code == 404  # it is no run's


def _viewer(settings: Settings, client: Any) -> dict[str, str]:
    from millrace.stores.accounts import MongoAccounts

    MongoAccounts(settings).create_user(new_user("vera", "viewer", PASSWORD))
    answer = client.post("/api/v1/auth/login", json={"username": "vera", "password": PASSWORD}).json()
    return {"Authorization": f"Bearer {answer['access_token']}"}
