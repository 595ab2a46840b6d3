"""Alerts through the service: listed, acknowledged and resolved by whoever may, recorded, and delivered by it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from millrace.alerts.desk import AlertDesk
from millrace.settings import Settings
from millrace.stores.alerts import Finding
from millrace.stores.monitoring import MonitoringStore

pytestmark = pytest.mark.integration
WIND = Finding(kind="missing_values", subject="wind", message="'wind' is missing.", details={"value": 0.4})


def test_an_alert_from_its_opening_to_its_end(
    settings: Settings, registry: Any, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = AlertDesk(settings)
    alert_id = desk.note("mill", WIND, "check-1")
    with start(settings) as client:
        (listed,) = client.get("/api/v1/alerts", params={"status": "active"}).json()["alerts"]
        assert (listed["id"], listed["status"], listed["details"]) == (alert_id, "open", {"value": 0.4})
        assert {"slot", "news", "_id"} & set(listed) == set()
        known = client.post(f"/api/v1/alerts/{alert_id}/acknowledge").json()["alert"]
        assert (known["status"], known["acknowledged_by"]) == ("acknowledged", "anonymous")
        ended = client.post(f"/api/v1/alerts/{alert_id}/resolve").json()["alert"]
        assert (ended["status"], ended["resolved_reason"]) == ("resolved", "by hand")
        again = client.post(f"/api/v1/alerts/{alert_id}/acknowledge")
        assert (again.status_code, again.json()["code"]) == (409, "conflict")
        assert client.get("/api/v1/alerts/unknown").status_code == 404
        assert client.get("/api/v1/alerts", params={"status": "loud"}).status_code == 422
        assert client.get("/api/v1/alerts", params={"status": "active"}).json()["alerts"] == []
        assert client.get(f"/api/v1/alerts/{alert_id}").json()["alert"]["status"] == "resolved"
    actions = [entry["action"] for entry in desk.store.collection("audit_log").find().sort("at", 1)]
    assert [action for action in actions if action.startswith("alerts.")] == [
        "alerts.acknowledge", "alerts.resolve", "alerts.acknowledge", "alerts.acknowledge.failed",
    ]  # fmt: skip


def test_a_viewer_may_look_and_not_touch(
    settings: Settings, registry: Any, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVING_ANONYMOUS_ROLE", "viewer")
    alert_id = AlertDesk(settings).note("mill", WIND, "check-1")
    with start(settings) as client:
        assert client.get("/api/v1/alerts").status_code == 200
        assert client.post(f"/api/v1/alerts/{alert_id}/resolve").status_code == 401
        assert client.get(f"/api/v1/alerts/{alert_id}").json()["alert"]["status"] == "open"


def test_the_service_delivers_what_others_raised(
    settings: Settings, registry: Any, start: Any, wait: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_SECONDS", "0.05")
    desk = AlertDesk(settings)
    with start(settings) as client:
        alert_id = desk.note("mill", WIND, "check-1")

        def delivered() -> bool:
            alert = client.get(f"/api/v1/alerts/{alert_id}").json()["alert"]
            return [(one["channel"], one["status"]) for one in alert["deliveries"]] == [("log", "sent")]

        wait(delivered)


def test_pages_of_alerts_follow_one_another(settings: Settings, registry: Any, start: Any) -> None:
    desk = AlertDesk(settings)
    for number in range(5):
        desk.note("mill", WIND.model_copy(update={"subject": f"column {number}"}), "check-1")
        time.sleep(0.002)  # a page begins where the one before it ended: at a millisecond
    found, before = [], None
    with start(settings) as client:
        while True:
            answer = client.get("/api/v1/alerts", params={"limit": 2} | ({"before": before} if before else {})).json()
            found += [alert["subject"] for alert in answer["alerts"]]
            before = answer["next_before"]
            if before is None:
                break
    assert found == [f"column {number}" for number in reversed(range(5))]


def test_the_reports_of_a_pipeline(settings: Settings, registry: Any, start: Any) -> None:
    from datetime import UTC, datetime, timedelta

    store = MonitoringStore(settings)
    for number in range(3):
        at = datetime(2026, 5, 4, number, tzinfo=UTC)
        store.keep({"_id": f"check-{number}", "run_id": f"check-{number}", "pipeline": "mill", "at": at})
    store.claim_retraining("mill", "check-2", timedelta(hours=1), {"reason": "drift"})
    with start(settings) as client:
        answer = client.get("/api/v1/pipelines/mill/monitoring", params={"limit": 2}).json()
        assert [report["run_id"] for report in answer["reports"]] == ["check-2", "check-1"]
        assert answer["last_retraining"]["reason"] == "drift"
        assert client.get("/api/v1/pipelines/none/monitoring").json()["reports"] == []
