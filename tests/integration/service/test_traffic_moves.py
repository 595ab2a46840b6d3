"""Who moves the champion and the traffic, and from where: promotion, return, rules that meet, viewers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from millrace.stores.audit_log import MongoAuditLog

pytestmark = pytest.mark.integration
NAME = "mill-flow"
MODEL = f"/api/v1/models/{NAME}"


def asked(client: httpx.Client, row: dict[str, Any]) -> dict[str, Any]:
    response = client.post(f"{MODEL}/predict", json=row)
    assert response.status_code == 200, response.text
    return response.json()


def test_an_operator_promotes_and_goes_back_in_one_call_each(settings, registry, two, row, start):
    first, second = two
    with start(settings) as client:
        low = asked(client, row)["prediction"]
        moved = client.post(f"{MODEL}/promote", json={"version": "challenger"}).json()
        assert (moved["before"], moved["champion"], moved["serving"], moved["moved"]) == (first, second, second, True)
        assert moved["rollback_to"] == first
        assert asked(client, row)["prediction"] > 6 * low  # the cache never answers for another version
        assert not client.post(f"{MODEL}/promote", json={"version": second}).json()["moved"]
        back = client.post(f"{MODEL}/rollback").json()
        assert (back["before"], back["champion"], back["serving"]) == (second, first, first)
        assert asked(client, row)["prediction"] == low
        again = client.post(f"{MODEL}/rollback", json={"only_from": second}).json()
        assert (again["moved"], again["champion"]) == (False, first)
        absent = client.post(f"{MODEL}/promote", json={"version": "9"})
        assert absent.status_code == 404
    log = [entry for entry in MongoAuditLog(settings).entries(20) if entry["action"].startswith("models.")]
    first_to_last = [(e["action"], e["before"]["champion"], e["after"]["champion"]) for e in reversed(log)]
    assert first_to_last[0] == ("models.promote", first, second)
    assert ("models.rollback", second, first) in first_to_last
    assert {entry["target"] for entry in log} == {f"model:{NAME}"}


def test_the_first_champion_and_one_that_answers_no_rows_are_promoted_too(settings, registry, two, row, start):
    first, second = two
    registry._client.delete_registered_model_alias(NAME, "champion")
    with start(settings) as client:
        assert client.post(f"{MODEL}/predict", json=row).status_code == 404
        moved = client.post(f"{MODEL}/promote", json={"version": first}).json()
        assert (moved["before"], moved["champion"], moved["serving"]) == (None, first, first)
        assert asked(client, row)["model_version"] == first
        registry.tag_version(NAME, second, {"millrace.task": "forecast"})
        moved = client.post(f"{MODEL}/promote", json={"version": second})
        assert (moved.status_code, moved.json()["champion"]) == (200, second)


def test_a_rule_is_changed_only_from_the_revision_that_was_seen(settings, two, row, start):
    with start(settings) as client:
        one = client.put(f"{MODEL}/traffic", json={"weights": {"champion": 1, "challenger": 1}, "revision": 0}).json()
        assert one["revision"] == 1
        late = client.put(f"{MODEL}/traffic", json={"weights": {"challenger": 1}, "revision": 0})
        assert (late.status_code, late.json()["code"]) == (409, "conflict")
        cleared = client.delete(f"{MODEL}/traffic").json()
        assert (cleared["revision"], cleared["weights"], cleared["shadow"]) == (2, {"champion": 1.0}, None)
        services = client.get("/health").json()
        assert services["status"] == "healthy"


def test_a_viewer_sees_the_traffic_and_moves_nothing(settings, two, row, start, monkeypatch):
    monkeypatch.setenv("SERVING_ANONYMOUS_ROLE", "viewer")
    with start(settings) as client:
        assert client.get(f"{MODEL}/traffic").status_code == 200
        for method, path, body in (
            ("PUT", "traffic", {}),
            ("DELETE", "traffic", None),
            ("POST", "promote", {"version": two[1]}),
            ("POST", "rollback", None),
        ):
            assert client.request(method, f"{MODEL}/{path}", json=body).status_code == 401, path
