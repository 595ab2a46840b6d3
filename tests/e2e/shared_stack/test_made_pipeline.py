"""A pipeline that no file holds: made through the API of the running stack, scheduled by Airflow, and it runs."""

from __future__ import annotations

import httpx
import pytest
from installation import Installation

from millrace.cli.airflow_api import AirflowApi

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]
SPEC = """
name: made
source: {type: sample, name: sklearn/iris}
task: classification
target: target
split: {by: random, test: 0.2}
candidates: [{estimator: logistic_regression}]
"""


def test_a_pipeline_without_a_file_runs_through_airflow(stack: Installation) -> None:
    service = f"http://127.0.0.1:{stack.base}/api/v1"
    password = (stack.home / "service-admin-password").read_text()
    login = httpx.post(f"{service}/auth/login", json={"username": "admin", "password": password}, timeout=60).json()
    signed = {"Authorization": f"Bearer {login['access_token']}"}
    made = httpx.put(f"{service}/pipelines/made", json={"text": SPEC}, headers=signed, timeout=60)
    assert made.status_code == 200, made.text
    run = stack.done("run", "made", "--json")
    assert (run["status"], run["promoted"]) == ("success", True)
    assert run["run_id"].startswith("made--")
    assert not (stack.pipelines / "made.yaml").exists()

    changed, seen = SPEC.replace("logistic_regression", "random_forest"), {"If-Match": made.headers["ETag"]}
    httpx.put(f"{service}/pipelines/made", json={"text": changed}, headers=signed | seen, timeout=60).raise_for_status()
    run = stack.done("run", "made", "--json")
    assert "random_forest" in {candidate["estimator"] for candidate in run["candidates"]}
    assert AirflowApi(stack.settings).dag("made")["doc_md"].count("random_forest")
