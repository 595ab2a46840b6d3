"""Forecasts over HTTP, from real documents in MongoDB: pages, filters, and words for what does not fit."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

from millrace.forecasting.model import ForecastModel
from millrace.stages.registration.forecast_version import KINDS
from millrace.stores.model_format import model_bytes
from millrace.stores.tracking import NewVersion, TrackedRun
from serving.app import create_app

pytestmark = pytest.mark.integration
BEGAN = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def service(settings, run_store):
    run_store.record_forecasts(
        {
            "pipeline": "demand",
            "series": city,
            "city": city,
            "timestamp": BEGAN + timedelta(days=day, hours=hour),
            "demand": 100.0 * day + hour,
            "confidence_lower": 0.0,
            "confidence_upper": 999.0,
            "level": 0.9,
            "model_version": str(day + 1),
            "origin": BEGAN + timedelta(days=day),
            "horizon": hour + 1,
            "made_at": BEGAN + timedelta(days=day),
            "run_id": f"demand--{day}",
        }
        for city in ("Bergen", "Oslo")
        for day in range(2)
        for hour in range(48)
    )
    return TestClient(create_app(settings), raise_server_exceptions=False)


def asked(service: TestClient, **params: Any) -> dict[str, Any]:
    answer = service.get("/api/v1/forecasts", params={"pipeline": "demand", **params})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_each_time_is_told_once_by_its_newest_forecast(service):
    found = asked(service, city="Oslo", limit=500)
    assert found["target"] == "demand"
    assert [row["demand"] for row in found["forecasts"]] == [*range(24), *range(100, 148)]
    first = found["forecasts"][0]
    assert first == {
        "pipeline": "demand",
        "series": "Oslo",
        "city": "Oslo",
        "timestamp": "2026-05-01T00:00:00Z",
        "demand": 0.0,
        "confidence_lower": 0.0,
        "confidence_upper": 999.0,
        "level": 0.9,
        "model_version": "1",
        "origin": "2026-05-01T00:00:00Z",
        "horizon": 1,
        "made_at": "2026-05-01T00:00:00Z",
        "run_id": "demand--0",
        "actual": None,
    }
    assert found["next_after"] is None


def test_a_page_can_offer_series_and_forecasts_to_choose_from(service):
    asked_for = {"pipeline": "demand"}
    assert service.get("/api/v1/forecasts/series", params=asked_for).json()["series"] == ["Bergen", "Oslo"]
    assert service.get("/api/v1/forecasts/series", params={"pipeline": "none"}).json()["series"] == []
    found = service.get("/api/v1/forecasts/origins", params={**asked_for, "series": "Oslo"}).json()["origins"]
    assert [(one["origin"][:10], one["model_version"], one["to"][:10]) for one in found] == [
        ("2026-05-02", "2", "2026-05-03"), ("2026-05-01", "1", "2026-05-02"),
    ]  # fmt: skip
    newest = service.get("/api/v1/forecasts/origins", params={**asked_for, "series": "Oslo", "limit": 1}).json()
    assert [one["run_id"] for one in newest["origins"]] == ["demand--1"]
    assert service.get("/api/v1/forecasts/origins", params=asked_for).status_code == 422


def test_pages_follow_one_another_over_all_series(service):
    rows: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = asked(service, limit=31, **after)
        rows += page["forecasts"]
        if page["next_after"] is None:
            break
        after = {"after": page["next_after"]}
    assert [(row["series"], row["timestamp"]) for row in rows] == sorted(
        {(row["series"], row["timestamp"]) for row in rows}
    )
    assert len(rows) == 2 * 72


def test_times_an_origin_and_offsets_choose(service):
    span = {"from": "2026-05-01T02:00:00+02:00", "to": "2026-05-01T02:00:00"}
    assert [row["demand"] for row in asked(service, series="Bergen", **span)["forecasts"]] == [0.0, 1.0]
    old = asked(service, city="Oslo", origin="2026-05-01", limit=500)["forecasts"]
    assert [row["demand"] for row in old] == list(range(48))


def test_a_version_and_the_newest_forecast_choose(service):
    rows = asked(service, city="Oslo", version="1", limit=500)["forecasts"]
    assert [row["demand"] for row in rows] == list(range(48))
    rows = asked(service, city="Oslo", latest="true", limit=500)["forecasts"]
    assert {row["origin"] for row in rows} == {"2026-05-02T00:00:00Z"}
    assert [row["demand"] for row in rows] == list(range(100, 148))


def test_a_table_of_them_is_paged_like_the_rest(service):
    lines, after = [], {}
    while True:
        params = {"pipeline": "demand", "limit": 50, **after}
        answer = service.get("/api/v1/forecasts", params=params, headers={"Accept": "text/csv"})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/csv")
        lines += list(csv.DictReader(io.StringIO(answer.text)))
        if "x-next-after" not in answer.headers:
            break
        after = {"after": unquote(answer.headers["x-next-after"])}
    rows = asked(service, limit=500)["forecasts"]
    assert [(line["series"], line["timestamp"]) for line in lines] == [
        (row["series"], row["timestamp"]) for row in rows
    ]
    assert [float(line["demand"]) for line in lines] == [row["demand"] for row in rows]
    assert list(lines[0]) == [
        "series", "timestamp", "city", "demand", "confidence_lower", "confidence_upper", "actual", "level",
        "model_version", "origin", "horizon", "made_at", "run_id",
    ]  # fmt: skip
    assert lines[0]["actual"] == ""
    refused = service.get("/api/v1/forecasts", params={"pipeline": "demand"}, headers={"Accept": "image/png"})
    assert refused.status_code == 406


def test_the_series_tell_how_their_forecasts_have_held(service, run_store):
    found = run_store.find_forecasts("demand", where={"series": "Oslo"})
    truths = {found[0]["_id"]: 10.0, found[1]["_id"]: 5000.0, found[-1]["_id"]: 147.0}
    run_store.record_actuals(truths)
    answer = service.get("/api/v1/forecasts/quality", params={"pipeline": "demand"})
    assert answer.status_code == 200, answer.text
    bergen, oslo = answer.json()["series"]
    assert (bergen["series"], bergen["known"], bergen["mae"], bergen["coverage"]) == ("Bergen", 0, None, None)
    assert bergen["model_version"] == "2"
    assert (bergen["from"], bergen["to"]) == ("2026-05-01T00:00:00Z", "2026-05-03T23:00:00Z")
    assert oslo["known"] == 3
    assert oslo["coverage"] == pytest.approx(2 / 3)
    assert oslo["mae"] == pytest.approx((10 + 4999 + 0) / 3)
    assert oslo["interval_width"] == 999.0
    assert (bergen["missing"], oslo["missing"]) == (24, 22)  # of the first day, which the data has reached
    alone = service.get("/api/v1/forecasts/quality", params={"pipeline": "demand", "city": "Oslo"}).json()["series"]
    assert alone == [oslo]
    assert answer.json()["level"] == 0.9


@pytest.mark.parametrize(
    ("params", "status", "words"),
    [
        ({"pipeline": "demand", "town": "Oslo"}, 422, "'town' is no parameter and no key column of 'demand'"),
        ({"pipeline": "demand", "city": "oslo"}, 404, "has city 'oslo'. Did you mean 'Oslo'"),
        ({"pipeline": "demand", "series": "Oslo / 1"}, 404, "No series of the pipeline 'demand' has series"),
        ({"pipeline": "demand", "days": 3}, 422, "'days' is no parameter"),
        ({"pipeline": "demand", "run_id": "x"}, 422, "'run_id' is no parameter"),
        ({"pipeline": "demand", "latest": "true", "origin": "2026-05-01"}, 422, "'latest' and 'origin' name two"),
        ({"pipeline": "demand", "limit": 0}, 422, "greater than or equal to 1"),
        ({"pipeline": "demand", "from": "yesterday"}, 422, "from"),
        ({"pipeline": "demand", "after": "x"}, 422, "which no page gave"),
        ({"pipeline": "demand", "after": "x/Oslo"}, 422, "which no page gave"),
        ({"pipeline": "nothing"}, 404, "There is no forecast of the pipeline 'nothing'"),
        ({}, 422, "pipeline"),
    ],
)
def test_what_does_not_fit_is_said(service, params, status, words):
    answer = service.get("/api/v1/forecasts", params=params)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_the_api_describes_itself(service):
    described = service.get("/openapi.json").json()["paths"]["/api/v1/forecasts"]["get"]
    names = {parameter["name"] for parameter in described["parameters"]}
    assert names == {"pipeline", "series", "from", "to", "origin", "version", "latest", "limit", "after"}
    assert "city=Columbus" in described["description"]


def test_a_champion_that_forecasts_answers_no_rows_and_is_no_failure(registry, run_store, settings, start, wait):
    """Its version is not loaded; who asks it for a row is told where its forecasts are."""
    model = ForecastModel(series=["all"], walked=np.zeros(0), record=np.zeros((0, 1, 24)))
    tags = {"millrace.run_id": "r1", "millrace.candidate": "drift", "millrace.task": "forecast"}
    tracked = registry.track(
        TrackedRun(experiment="demand", name="drift", tags=tags, params={}, metrics={}, started=1.0, finished=2.0)
    )
    step = pd.DataFrame({"series": ["all"], "timestamp": [pd.Timestamp(BEGAN)], "origin": [pd.Timestamp(BEGAN)]})
    made = registry.register(
        NewVersion(
            name="demand",
            mlflow_run_id=tracked,
            content=model_bytes(model),
            tags=tags,
            metadata={"task": "forecast", "targets": ["demand"], "metrics": {}},
            example=step.assign(horizon=[1]),
            prediction=np.zeros(1),
            kinds=KINDS,
        )
    )
    registry.set_alias("demand", "champion", made.version)
    told = {"task": "forecast", "targets": ["demand"], "metrics": {"rmse": 9.0, "mape": 0.06}, "run_id": "r1"}
    run_store.record_model({"name": "demand", "version": made.version, **told})
    with start(settings) as client:
        wait(lambda: [m["state"] for m in client.get("/api/v1/models").json()["models"]] == ["forecasting"])
        (listed,) = client.get("/api/v1/models").json()["models"]
        assert (listed["task"], listed["targets"], listed["champion"]) == ("forecast", ["demand"], made.version)
        assert listed["metrics"] == {"mape": 0.06, "rmse": 9.0}
        answer = client.post("/api/v1/models/demand/predict", json={})
        assert answer.status_code == 422
        assert "GET /api/v1/forecasts?pipeline=demand" in answer.json()["error"]
        assert "failed" not in str(client.get("/health").json()["models"])
