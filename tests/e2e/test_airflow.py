"""Pipelines through a real Airflow: DAGs, metadata database, XCom, retries and listener as they are in the stack."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from millrace.settings import Settings
from millrace.stores.artifacts import S3ArtifactStore

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PROJECT = Path(__file__).resolve().parents[2]
TRAINING = """
task: classification
target: {target}
split: {{by: random, test: 0.2}}
candidates:
  - {{estimator: logistic_regression}}
"""
ROWS = (
    "id,sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\na,5.1,3.5,1.4,0.2\nb,6.7,3.0,5.2,2.3\n"
)
SPECS = {
    "flowers": 'name: flowers\nschedule: "@daily"\nsource: {type: sample, name: sklearn/iris}\n'
    + TRAINING.format(target="target"),
    "no-target": "name: no-target\nsource: {type: sample, name: sklearn/iris}\n"
    + TRAINING.format(target="petal colour"),
    "batch": "name: batch\n"
    "source: {type: sample, name: sklearn/iris}\n"
    "score:\n"
    "  source: {type: file, path: '${SCORED_DIR}/rows.csv'}\n"
    "  sinks: [{type: file, path: '${SCORED_DIR}/out.csv'}]\n" + TRAINING.format(target="target"),
    "asked": "name: asked\nsource: {type: sample, name: sklearn/iris}\npromotion: {approval: human}\n"
    + TRAINING.format(target="target"),
    "declined": "name: declined\nsource: {type: sample, name: sklearn/iris}\npromotion: {approval: human}\n"
    + TRAINING.format(target="target"),
    "expires": "name: expires\nsource: {type: sample, name: sklearn/iris}\n"
    "promotion: {approval: human, approval_timeout: 2s}\n" + TRAINING.format(target="target"),
    "late": "name: late\nsource: {type: http, url: '${LATE_URL}', format: csv, attempts: 1}\n",
}


class _LateServer(http.server.BaseHTTPRequestHandler):
    """Answers 503 the first time."""

    refusals = 1

    def do_GET(self) -> None:
        if type(self).refusals > 0:
            type(self).refusals -= 1
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.end_headers()
        self.wfile.write(b"a,b\n1,2\n3,4\n")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def late_url() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _LateServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/table.csv"
    server.shutdown()


@pytest.fixture(scope="module")
def ran(embedded: Settings, late_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("airflow")
    settings = embedded.model_copy(update={"mongodb_database": "airflow_e2e", "s3_bucket": "millrace-airflow-e2e"})
    S3ArtifactStore(settings).ensure_bucket()
    environment = _environment(folder, settings) | {"LATE_URL": late_url, "SCORED_DIR": str(folder)}
    (folder / "rows.csv").write_text(ROWS)
    for command in (["-m", "airflow", "db", "migrate"], [str(PROJECT / "tests" / "e2e" / "airflow_runs.py")]):
        done = subprocess.run(
            [sys.executable, *command], env=environment, cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-5000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return {**found, "scores": (folder / "out.csv").read_text()}


def _environment(folder: Path, settings: Settings) -> dict[str, str]:
    for name in ("specs", "home", "home/mlflow"):
        (folder / name).mkdir()
    for name, text in SPECS.items():
        (folder / "specs" / f"{name}.yaml").write_text(text)
    return {
        **os.environ,
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'airflow.db'}",
        "MILLRACE_HOME": str(folder / "home"),
        "MILLRACE_PIPELINES_DIR": str(folder / "specs"),
        "MONGODB_URI": settings.mongodb,
        "MONGODB_DATABASE": settings.mongodb_database,
        "S3_ENDPOINT_URL": settings.s3_endpoint,
        "S3_BUCKET": settings.s3_bucket,
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'home' / 'mlflow' / 'mlflow.db'}",
    }


def test_a_pipeline_goes_from_its_spec_to_a_champion(ran: dict[str, Any]) -> None:
    run = ran["first"]
    assert run["state"] == "success", run["summary"]["error"]
    assert run["summary"]["status"] == "success"
    assert run["summary"]["promoted"] is True
    assert run["summary"]["rows"]["extracted"] == 150
    assert [stage["name"] for stage in run["summary"]["stages"]] == [
        "extract", "validate", "transform", "train", "evaluate", "register",
    ]  # fmt: skip
    assert run["trigger"]["by"] == "airflow"


def test_the_candidates_show_their_names(ran: dict[str, Any]) -> None:
    assert ran["first"]["labels"] == ["baseline", "logistic_regression"]


def test_a_scheduled_day_is_the_runs_data_interval(ran: dict[str, Any]) -> None:
    assert ran["first"]["interval"] == {"start": "2026-03-01T00:00:00+00:00", "end": "2026-03-02T00:00:00+00:00"}
    assert ran["interval"]["interval"] == {"start": "2026-01-01T00:00:00+00:00", "end": "2026-01-02T00:00:00+00:00"}


def test_the_same_data_again_gives_the_same_table_and_the_same_figures(ran: dict[str, Any]) -> None:
    first, again = ran["first"]["summary"], ran["again"]["summary"]
    assert again["run_id"] != first["run_id"]
    assert again["dataset_version"] == first["dataset_version"]
    assert [part["metrics"] for part in again["candidates"]] == [part["metrics"] for part in first["candidates"]]


def test_what_the_data_cannot_give_fails_at_once_with_one_sentence(ran: dict[str, Any]) -> None:
    run = ran["bad_data"]
    assert (run["state"], run["summary"]["status"]) == ("failed", "failed")
    assert "petal colour" in run["summary"]["error"]["message"]
    assert "\n" not in run["summary"]["error"]["message"]
    assert {attempt for _, attempt in run["stages"].values()} == {1}
    assert run["versions"] == []


def test_a_refused_interval_is_in_the_record_though_no_stage_began(ran: dict[str, Any]) -> None:
    run = ran["half_interval"]
    assert run["stages"] == {"extract": ["failed", 1]}
    assert run["summary"]["error"]["code"] == "bad_request"


def test_a_source_that_comes_late_is_tried_again(ran: dict[str, Any]) -> None:
    run = ran["late_source"]
    assert run["state"] == "success", run["summary"]["error"]
    assert run["stages"]["extract"] == ["success", 2]


def test_assets_announce_each_table_and_only_new_champions(ran: dict[str, Any]) -> None:
    tables = [event for event in ran["events"] if event["asset"] == "dataset/flowers"]
    champions = [event for event in ran["events"] if event["asset"] == "model/flowers"]
    assert {event["dataset_version"] for event in tables} == {ran["first"]["summary"]["dataset_version"]}
    assert champions[0]["model_version"] == "1"
    assert not [event for event in ran["events"] if event["asset"] == "model/no-target"]


def test_a_person_who_approves_makes_the_champion(ran: dict[str, Any]) -> None:
    run = ran["approved"]
    assert "| metric | challenger | champion |" in run["body"]
    assert "/console#/runs/" in run["body"]
    assert run["settled"] == "success"
    assert run["aliases"] == {"challenger": "1", "champion": "1"}
    assert run["summary"]["status"] == "success"
    assert run["summary"]["promoted"] is True
    assert run["summary"]["reason"] == "Promoted: approved by ann."
    assert [decision["kind"] for decision in run["decisions"]] == ["approval", "promotion", "promotion"]
    assert [event["model_version"] for event in ran["events"] if event["asset"] == "model/asked"] == ["1"]


def test_an_open_question_holds_back_no_run_and_is_asked_once(ran: dict[str, Any]) -> None:
    run = ran["approved"]
    assert run["waited"]["state"] == "success"  # it has ended, though nobody has answered
    assert run["waited"]["summary"]["decision"]["outcome"] == "waiting"
    assert run["waited"]["tasks"]["ask"] == "success"
    assert run["question"] == "version-1-against-none"
    assert run["again"]["ask"] == "skipped"


def test_nobody_is_asked_about_nothing_new(ran: dict[str, Any]) -> None:
    run = ran["nothing_new"]
    assert run["state"] == "success", run["summary"]["error"]
    assert run["tasks"]["ask"] == "skipped"
    assert "Nothing new" in run["summary"]["reason"]


def test_a_person_who_rejects_leaves_a_challenger(ran: dict[str, Any]) -> None:
    run = ran["declined"]
    assert run["state"] == "success", run["summary"]["error"]
    assert run["aliases"] == {"challenger": "1"}
    assert run["summary"]["promoted"] is False
    assert run["summary"]["reason"] == "Not promoted: rejected by ann; version 1 stays challenger."
    assert not [event for event in ran["events"] if event["asset"] == "model/declined"]


def test_what_a_person_rejected_is_not_asked_again(ran: dict[str, Any]) -> None:
    run = ran["asked_once"]
    assert (run["state"], run["tasks"]["ask"]) == ("success", "skipped")
    assert run["summary"]["decision"]["outcome"] == "refused"
    assert "Not asked again about the same version 1" in run["summary"]["reason"]
    assert "rejected by ann" in run["summary"]["reason"]


def test_a_question_that_nobody_answers_refuses_the_promotion(ran: dict[str, Any]) -> None:
    run = ran["expired"]
    assert run["settled"] == "success"
    assert run["versions"] == ["1"]
    assert run["aliases"] == {"challenger": "1"}
    assert run["summary"]["status"] == "success"
    assert run["summary"]["promoted"] is False
    assert run["summary"]["reason"] == "Not promoted: no one approved within 2 seconds; version 1 stays challenger."
    decision = run["decisions"][0]
    assert (decision["kind"], decision["outcome"], decision["by"]) == ("approval", "expired", "nobody, in 2 seconds")
    assert not [event for event in ran["events"] if event["asset"] == "model/expires"]


def test_a_batch_is_scored_by_the_champion_and_announced(ran: dict[str, Any]) -> None:
    run = ran["scored"]
    assert run["state"] == "success", run["summary"]["error"]
    assert (run["summary"]["pipeline"], run["summary"]["status"]) == ("batch", "success")
    assert run["summary"]["scored"]["rows"] == 2
    assert [line.split(",")[:2] for line in ran["scores"].replace('"', "").splitlines()[1:]] == [
        ["a", "setosa"],
        ["b", "virginica"],
    ]
    (event,) = [event for event in ran["events"] if event["asset"] == "scores/batch"]
    assert (event["model_version"], event["rows"]) == ("1", 2)
    assert ran["refused_version"]["state"] == "failed"
    assert "no version '99'" in ran["refused_version"]["summary"]["error"]["message"]
