"""The run record follows what a scheduler knows: deaths, failures before a stage began, the end of a run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from millrace import run_mirror
from millrace.stores.runs import MongoRunStore

pytestmark = pytest.mark.integration


@pytest.fixture
def run(run_store: MongoRunStore) -> str:
    document = {"_id": "r1", "pipeline": "demo", "status": "queued", "created_at": datetime.now(UTC), "stages": {}}
    run_store.create_run(document)
    return "r1"


def test_a_failed_run_kills_what_still_runs_and_takes_its_first_error(run_store: MongoRunStore, run: str) -> None:
    token = run_store.start_stage(run, "extract")
    run_store.finish_stage(run, "extract", token, {"status": "success"})
    run_store.start_stage(run, "train:linear")
    run_mirror.close(run_store, run, "Airflow ended the run.")
    record = run_store.get_run(run)
    assert record["status"] == "failed"
    assert record["error"]["code"] == "worker_killed"
    assert record["error"]["message"].startswith("The process of train:linear (attempt 1) died without a word")
    assert record["stages"]["train:linear"]["status"] == "killed"
    assert record["stages"]["extract"]["status"] == "success"


def test_a_run_that_failed_without_a_stage_has_the_schedulers_reason(run_store: MongoRunStore, run: str) -> None:
    run_mirror.close(run_store, run, "Airflow ended the run (timed_out).")
    assert run_store.get_run(run)["error"] == {"code": "run_failed", "message": "Airflow ended the run (timed_out)."}


def test_the_stages_own_error_is_the_runs(run_store: MongoRunStore, run: str) -> None:
    token = run_store.start_stage(run, "extract")
    own = {"code": "bad_source", "message": "x.csv was not found."}
    run_store.finish_stage(run, "extract", token, {"status": "failed", "error": own})
    run_mirror.mark_failed(run_store, run, "extract", {"code": "task_failed", "message": "exit 1"})
    run_mirror.close(run_store, run, "Airflow ended the run.")
    assert run_store.get_run(run)["error"] == own


def test_a_success_closes_the_run(run_store: MongoRunStore, run: str) -> None:
    run_mirror.close(run_store, run, None)
    record = run_store.get_run(run)
    assert (record["status"], record["error"]) == ("success", None)
    assert record["finished_at"] is not None


def test_a_failure_before_the_stage_began_is_recorded(run_store: MongoRunStore, run: str) -> None:
    refused = {"code": "bad_request", "message": "One end of the data interval is missing."}
    run_mirror.mark_failed(run_store, run, "extract", refused)
    stage = run_store.get_run(run)["stages"]["extract"]
    assert (stage["status"], stage["error"]) == ("failed", refused)


def test_a_death_stays_in_the_record_when_the_retry_succeeds(run_store: MongoRunStore, run: str) -> None:
    run_store.start_stage(run, "transform")
    assert run_mirror.mark_lost_attempt(run_store, run, "transform") is True
    token = run_store.start_stage(run, "transform")
    run_store.finish_stage(run, "transform", token, {"status": "success"})
    stage = run_store.get_run(run)["stages"]["transform"]
    assert (stage["status"], stage["attempt"], stage["error"]) == ("success", 2, None)
    assert [death["code"] for death in stage["deaths"]] == ["worker_killed"]


def test_an_attempt_that_ended_by_itself_is_not_lost(run_store: MongoRunStore, run: str) -> None:
    token = run_store.start_stage(run, "transform")
    run_store.finish_stage(run, "transform", token, {"status": "failed", "error": {"code": "x", "message": "y"}})
    assert run_mirror.mark_lost_attempt(run_store, run, "transform") is False
    assert run_store.get_run(run)["stages"]["transform"]["status"] == "failed"


def test_a_run_of_somebody_elses_dag_is_left_alone(run_store: MongoRunStore) -> None:
    run_mirror.close(run_store, "foreign", "Airflow ended the run.")
    run_mirror.mark_failed(run_store, "foreign", "task", None)
    assert run_mirror.mark_lost_attempt(run_store, "foreign", "task") is False
    assert run_store.find_runs() == []


def test_a_run_that_somebody_calls_a_success_leaves_no_stage_running(run_store: MongoRunStore, run: str) -> None:
    run_store.start_stage(run, "transform")
    run_mirror.close(run_store, run, None)
    record = run_store.get_run(run)
    assert record["status"] == "success"
    assert (record["stages"]["transform"]["status"], record["stages"]["transform"]["error"]["code"]) == (
        "killed",
        "stopped",
    )


def open_runs(store: MongoRunStore, *names: str, by: str = "airflow") -> None:
    for name in names:
        trigger = {"by": by, "dag_id": "demo", "dag_run_id": name}
        now = datetime.now(UTC)
        store.create_run({"_id": name, "pipeline": "demo", "trigger": trigger, "status": "queued", "created_at": now}
                         | {"stages": {}})  # fmt: skip
        store.start_stage(name, "extract")


def test_runs_whose_end_nobody_saw_are_closed_later(run_store: MongoRunStore) -> None:
    open_runs(run_store, "ended", "broke", "deleted", "goes-on")
    open_runs(run_store, "local", by="local")
    states = {"ended": "success", "broke": "failed", "goes-on": "running"}
    later = datetime.now(UTC) + timedelta(hours=1)

    def state_of(dag_id: str, dag_run_id: str) -> str | None:
        return states.get(dag_run_id)

    assert run_mirror.catch_up(run_store, state_of) == []  # too fresh: the word of its end may be on its way
    assert sorted(run_mirror.catch_up(run_store, state_of, later)) == ["broke", "deleted", "ended"]
    found = {run["_id"]: run for run in run_store.find_runs()}
    assert {name: run["status"] for name, run in found.items()} == {
        "ended": "success",
        "broke": "failed",
        "deleted": "failed",
        "goes-on": "running",
        "local": "running",
    }
    assert found["broke"]["error"]["code"] == "worker_killed"
    assert found["deleted"]["stages"]["extract"]["status"] == "killed"
    assert run_mirror.catch_up(run_store, state_of, later) == []
