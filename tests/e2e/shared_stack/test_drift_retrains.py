"""Drift in the real stack: asked through the service, found by the scheduled check, trained again once by the asset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pandas as pd
import pytest
from installation import Installation
from waiting import until

from millrace.cli.airflow_api import AirflowApi
from millrace.stores.alerts import AlertStore
from millrace.stores.predictions import PredictionStore
from millrace.stores.runs import MongoRunStore

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]
WITHIN = 600


def check(api: AirflowApi) -> str:
    """Start a check and wait for its end."""
    run = api.trigger("monitoring.mill", {})["dag_run_id"]

    def ended() -> Any:
        state = api.dag_run("monitoring.mill", run)["state"]
        return state if state in {"success", "failed"} else None

    return str(until(ended, "the end of the check", WITHIN, pause=0.3))


def count(api: AirflowApi, what: str, **where: str) -> int:
    """How many Airflow knows of."""
    return int(api._call("GET", f"/api/v2/{what}", params=where)["total_entries"])


def test_drift_trains_again_once(stack: Installation, mill_table: Callable[..., pd.DataFrame]) -> None:
    stack.done("run", "mill", "--json")
    api, runs = AirflowApi(stack.settings), MongoRunStore(stack.settings)
    until(lambda: api.dag("monitoring.mill"), "the DAG of the check", WITHIN)
    assert check(api) == "success"  # nobody has asked yet: nothing to find
    assert len(runs.find_runs("mill")) == 1

    shifted = mill_table(400, shift=3.0).drop(columns="flow").to_dict("records")
    with httpx.Client(base_url=stack.settings.service, timeout=60) as client:
        predict = "/api/v1/models/mill/predict/batch"
        until(lambda: client.post(predict, json=shifted).status_code == 200, "the model", WITHIN, pause=0.5)
    store, since = PredictionStore(stack.settings), pd.Timestamp.now(tz="UTC").to_pydatetime() - pd.Timedelta(hours=1)
    until(lambda: sum(1 for _ in store.rows("mill", since=since)) >= 400, "the prediction log", WITHIN, pause=0.5)

    assert check(api) == "success"

    def again() -> list[dict[str, Any]]:
        return [run for run in runs.find_runs("mill") if run["status"] == "success"][1:]

    assert len(until(again, "the retraining", WITHIN, pause=0.5)) == 1
    newest = runs.find_runs("mill")[0]
    assert newest["trigger"]["dag_run_id"].startswith("asset_triggered")
    kinds = {(alert["kind"], alert["severity"]) for alert in AlertStore(stack.settings).find("mill", "active")}
    assert {("data_drift", "critical"), ("prediction_drift", "critical")} <= kinds

    assert check(api) == "success"  # the same drift, within the cooldown
    # A run would follow only from a second event of the asset, which is there as soon as the check has ended.
    assert count(api, "assets/events", source_dag_id="monitoring.mill") == 1
    assert count(api, "dags/mill/dagRuns") == 2
    assert len(runs.find_runs("mill")) == 2
