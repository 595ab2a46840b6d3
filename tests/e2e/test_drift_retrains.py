"""Drift in the real stack: asked through the service, found by the scheduled check, trained again once by the asset.

Needs a whole stack of its own, which it starts and stops.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from millrace.cli.airflow_api import AirflowApi
from millrace.local.processes import end, processes_of
from millrace.settings import Settings
from millrace.stores.alerts import AlertStore
from millrace.stores.predictions import PredictionStore
from millrace.stores.runs import MongoRunStore

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]
MILLRACE = Path(sys.executable).parent / "millrace"
SPEC = """
name: mill
source: {{type: file, path: "{table}", format: csv}}
task: regression
target: flow
split: {{by: random, test: 0.2}}
candidates: [{{estimator: ridge}}]
monitoring: {{drift: true, schedule: "0 0 1 1 *", retrain: on_drift, cooldown: 1h}}
"""


def table(rows: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(int(shift))
    frame = pd.DataFrame({name: rng.normal(shift, 1, rows) for name in ("level", "wind", "heat")})
    return frame.assign(flow=frame.sum(axis="columns") + rng.normal(0, 0.1, rows))


def until(condition: Callable[[], Any], what: str, seconds: float = 240) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} never came"
        time.sleep(1)
    return found


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, port_base: int) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("drift")
    (folder / "pipelines").mkdir()
    table(2_000).to_csv(folder / "table.csv", index=False)
    (folder / "pipelines" / "mill.yaml").write_text(SPEC.format(table=folder / "table.csv"))
    home = folder / "home"
    foreign = ("AIRFLOW", "MLFLOW", "MONGODB", "S3_", "MILLRACE")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    ours = {"MILLRACE_HOME": home, "MILLRACE_PORT_BASE": port_base, "MILLRACE_PIPELINES_DIR": folder / "pipelines"}
    environment = {**inherited, **{name: str(value) for name, value in ours.items()}}
    try:
        for command in (["up", "--detach"], ["run", "mill", "--json"]):
            done = subprocess.run([MILLRACE, *command], env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr[-3000:]
        yield Settings(_env_file=home / "stack.env", millrace_home=home, millrace_port_base=port_base)  # type: ignore[call-arg]
    finally:
        subprocess.run([MILLRACE, "down"], env=environment, check=False, capture_output=True)
        end(processes_of(home), 10)


def check(api: AirflowApi) -> str:
    """Start a check and wait for its end."""
    run = api.trigger("monitoring.mill", {})["dag_run_id"]
    ended = {"success", "failed"}
    return str(until(lambda: (state := api.dag_run("monitoring.mill", run)["state"]) in ended and state, "the check"))


def test_drift_trains_again_once(settings: Settings) -> None:
    api, runs = AirflowApi(settings), MongoRunStore(settings)
    until(lambda: api.dag("monitoring.mill"), "the DAG of the check")
    assert check(api) == "success"  # nobody has asked yet: nothing to find
    assert len(runs.find_runs("mill")) == 1

    shifted = table(400, shift=3.0).drop(columns="flow").to_dict("records")
    with httpx.Client(base_url=settings.service, timeout=60) as client:
        predict = "/api/v1/models/mill/predict/batch"
        until(lambda: client.post(predict, json=shifted).status_code == 200, "the model")
    store, since = PredictionStore(settings), pd.Timestamp.now(tz="UTC").to_pydatetime() - pd.Timedelta(hours=1)
    until(lambda: sum(1 for _ in store.rows("mill", since=since)) >= 400, "the prediction log")

    assert check(api) == "success"
    again = until(lambda: [run for run in runs.find_runs("mill") if run["status"] == "success"][1:], "the retraining")
    assert len(again) == 1
    newest = runs.find_runs("mill")[0]
    assert newest["trigger"]["dag_run_id"].startswith("asset_triggered")
    kinds = {(alert["kind"], alert["severity"]) for alert in AlertStore(settings).find("mill", "active")}
    assert {("data_drift", "critical"), ("prediction_drift", "critical")} <= kinds

    assert check(api) == "success"  # the same drift, within the cooldown
    time.sleep(15)  # several rounds of the scheduler
    assert len(runs.find_runs("mill")) == 2
