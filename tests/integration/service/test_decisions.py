"""The history of decisions about a model, and who asks, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from millrace.settings import Settings
from millrace.stores.runs import MongoRunStore

pytestmark = pytest.mark.integration
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def decide(runs: MongoRunStore, number: int, outcome: str, **evidence: Any) -> None:
    about = {"model": "mill-flow", "version": str(number), "kind": "promotion", "by": f"run r{number}"}
    told = {"outcome": outcome, "reason": f"Because of {number}.", "at": NOON + number * timedelta(hours=1)}
    runs.record_decision({"_id": f"mill-flow/r{number}/promotion", **about, **told, **evidence})


def test_decisions_come_newest_first_page_by_page_with_their_evidence(
    settings: Settings, registry: Any, run_store: MongoRunStore, start: Any
) -> None:
    checks = [{"name": "limit", "passed": False, "found": "rmse 9 misses the limit 1"}]
    for number in range(1, 8):
        decide(run_store, number, "refused" if number % 2 else "promoted", checks=checks, metric="rmse", value=9.0)
    run_store.record_decision({"_id": "other", "model": "other", "version": "1", "outcome": "promoted"})
    seen, before = [], None
    with start(settings) as client:
        while True:
            asked = {"limit": 3} | ({"before": before} if before else {})
            page = client.get("/api/v1/models/mill-flow/decisions", params=asked).json()
            seen += page["decisions"]
            before = page["next_before"]
            if before is None:
                break
    assert [one["version"] for one in seen] == ["7", "6", "5", "4", "3", "2", "1"]
    assert {one["model"] for one in seen} == {"mill-flow"}
    assert (seen[0]["outcome"], seen[0]["by"], seen[0]["checks"]) == ("refused", "run r7", checks)
    assert "_id" not in seen[0]
    assert seen[0]["at"].startswith("2026-05-04T19:00:00")


def test_a_model_without_decisions_is_told_from_none_at_all(
    settings: Settings, register: Any, fitted: Any, start: Any
) -> None:
    register(fitted(1.0), compiled=True)
    with start(settings) as client:
        assert client.get("/api/v1/models/mill-flow/decisions").json()["decisions"] == []
        missing = client.get("/api/v1/models/mill-flaw/decisions")
        assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
        assert "mill-flow" in missing.json()["error"]
        assert client.get("/api/v1/models/mill-flow/decisions?limit=0").status_code == 422
        assert client.get("/api/v1/models/mill-flow/decisions?before=yesterday").status_code == 422


def test_a_caller_is_told_what_it_may_do(settings: Settings, registry: Any, start: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("SERVING_ANONYMOUS_ROLE", "viewer")
    with start(settings) as client:
        viewer = client.get("/api/v1/auth/me").json()
    assert (viewer["name"], viewer["kind"]) == ("anonymous", "anonymous")
    assert "read" in viewer["permissions"]
    assert {"models:promote", "users", "account"} & set(viewer["permissions"]) == set()
    monkeypatch.setenv("SERVING_ANONYMOUS_ROLE", "none")
    with start(settings) as client:
        assert client.get("/api/v1/auth/me").json()["permissions"] == []


SPEC = """
name: mill-flow
source: {type: sample, name: sklearn/diabetes}
task: regression
target: target
candidates: [{estimator: ridge}]
"""


def test_a_version_waits_until_it_is_decided_on_whatever_ran_since(
    settings: Settings, registry: Any, register: Any, fitted: Any, run_store: MongoRunStore, start: Any, tmp_path: Any
) -> None:
    register(fitted(1.0), compiled=True)
    register(fitted(2.0), compiled=True)
    registry.set_alias("mill-flow", "champion", "1")
    registry.set_alias("mill-flow", "challenger", "2")
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "mill-flow.yaml").write_text(SPEC)

    def waiting(client: Any) -> Any:
        return client.get("/api/v1/pipelines").json()["pipelines"][0]["waiting"]

    with start(settings.model_copy(update={"millrace_pipelines_dir": tmp_path / "specs"})) as client:
        assert waiting(client) is None  # the alias alone says nothing
        decide(run_store, 2, "waiting")
        assert waiting(client) == "2"
        decide(run_store, 3, "refused")
        assert waiting(client) == "2"
        about = {"model": "mill-flow", "version": "2", "kind": "approval", "by": "anna", "reason": "Rejected."}
        told = {"outcome": "rejected", "at": NOON + timedelta(hours=9)}
        run_store.record_decision({"_id": "mill-flow/r2/approval", **about, **told})
        assert waiting(client) is None
