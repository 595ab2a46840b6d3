"""The run store against the embedded MongoDB server."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from millrace.errors import ConflictError, NotFoundError, StorageError
from millrace.settings import Settings
from millrace.stores.runs import MongoRunStore

pytestmark = pytest.mark.integration


def created(store: MongoRunStore, run_id: str = "r1", pipeline: str = "demo", minutes: int = 0) -> str:
    when = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    store.create_run({"_id": run_id, "pipeline": pipeline, "status": "queued", "created_at": when, "stages": {}})
    return run_id


def test_creating_twice_leaves_the_first(run_store: MongoRunStore) -> None:
    created(run_store)
    assert run_store.create_run({"_id": "r1", "pipeline": "other"}) is False
    assert run_store.get_run("r1")["pipeline"] == "demo"


def test_a_stage_from_start_to_finish(run_store: MongoRunStore) -> None:
    created(run_store)
    token = run_store.start_stage("r1", "extract")
    assert run_store.get_run("r1")["stages"]["extract"]["status"] == "running"
    run_store.finish_stage("r1", "extract", token, {"status": "success", "output": {"rows": 3}, "seconds": 0.1})
    stage = run_store.get_run("r1")["stages"]["extract"]
    assert (stage["status"], stage["output"], stage["attempt"]) == ("success", {"rows": 3}, 1)
    assert stage["finished_at"].tzinfo is not None


def test_an_attempt_taken_over_is_refused(run_store: MongoRunStore) -> None:
    created(run_store)
    old = run_store.start_stage("r1", "extract")
    new = run_store.start_stage("r1", "extract")
    with pytest.raises(ConflictError):
        run_store.finish_stage("r1", "extract", old, {"status": "failed"})
    run_store.finish_stage("r1", "extract", new, {"status": "success"})
    stage = run_store.get_run("r1")["stages"]["extract"]
    assert (stage["status"], stage["attempt"]) == ("success", 2)


def test_concurrent_stages_do_not_lose_each_other(run_store: MongoRunStore) -> None:
    created(run_store)

    def work(stage: str) -> None:
        token = run_store.start_stage("r1", stage)
        run_store.finish_stage("r1", stage, token, {"status": "success", "output": {"stage": stage}})

    names = [f"train:c{i}" for i in range(12)]
    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stages = run_store.get_run("r1")["stages"]
    assert {name: stages[name]["output"]["stage"] for name in names} == {name: name for name in names}


def test_a_killed_stage_is_recorded_once(run_store: MongoRunStore) -> None:
    created(run_store)
    token = run_store.start_stage("r1", "train:linear")
    assert run_store.mark_stage_killed("r1", "train:linear", {"code": "killed", "message": "…"}) is True
    assert run_store.mark_stage_killed("r1", "train:linear", {"code": "killed", "message": "…"}) is False
    run_store.finish_stage("r1", "train:linear", token, {"status": "success"})
    assert run_store.get_run("r1")["stages"]["train:linear"]["status"] == "success"


def test_runs_are_listed_newest_first_and_paged(run_store: MongoRunStore) -> None:
    for i in range(5):
        created(run_store, f"r{i}", "a" if i % 2 else "b", minutes=i)
    assert [run["_id"] for run in run_store.find_runs(limit=2)] == ["r4", "r3"]
    before = run_store.get_run("r3")["created_at"]
    assert [run["_id"] for run in run_store.find_runs(before=before)] == ["r2", "r1", "r0"]
    assert [run["_id"] for run in run_store.find_runs(pipeline="a")] == ["r3", "r1"]


def test_output_is_reused_by_key(run_store: MongoRunStore) -> None:
    created(run_store)
    token = run_store.start_stage("r1", "transform")
    fields = {"status": "success", "cache_key": "k", "output": {"rows": 1}, "warnings": ["w"]}
    run_store.finish_stage("r1", "transform", token, fields)
    kept = run_store.cached_output("transform", "k")
    assert kept is not None
    assert (kept["output"], kept["warnings"], kept["run_id"]) == ({"rows": 1}, ["w"], "r1")
    assert run_store.cached_output("transform", "other") is None


def test_previous_dataset_is_the_newest_good_one(run_store: MongoRunStore) -> None:
    for i, status in enumerate(["success", "success", "failed"]):
        created(run_store, f"r{i}", minutes=i)
        for stage, outcome in (("extract", "success"), ("validate", status)):
            token = run_store.start_stage(f"r{i}", stage)
            run_store.finish_stage(
                f"r{i}", stage, token, {"status": outcome, "output": {"dataset": {"version": f"v{i}"}}}
            )
    created(run_store, "r9", minutes=9)
    assert run_store.previous_dataset("demo", "r9") == {"version": "v1"}
    assert run_store.previous_dataset("demo", "r1") == {"version": "v0"}
    assert run_store.previous_dataset("other", "r9") is None


def test_unknown_run(run_store: MongoRunStore) -> None:
    with pytest.raises(NotFoundError, match="no run 'nope'"):
        run_store.get_run("nope")
    with pytest.raises(NotFoundError):
        run_store.start_stage("nope", "extract")


def test_a_lease_has_one_holder(run_store: MongoRunStore) -> None:
    with run_store.lock("champion/demo", "r1"):
        with (
            pytest.raises(ConflictError, match="held by the run r1"),
            run_store.lock("champion/demo", "r2", wait_seconds=0.3),
        ):
            pass
        with run_store.lock("champion/demo", "r1", wait_seconds=0.3):
            pass
    with run_store.lock("champion/demo", "r2", wait_seconds=0.3):
        pass


def test_a_dead_holders_lease_runs_out(run_store: MongoRunStore) -> None:
    run_store._try("champion/demo", "dead", -1)
    with run_store.lock("champion/demo", "r2", wait_seconds=2), pytest.raises(ConflictError, match="r2"):
        run_store.lock("champion/demo", "r3", wait_seconds=0).__enter__()


def test_absent_server_is_one_sentence(settings: Settings) -> None:
    from pydantic import SecretStr

    away = settings.model_copy(
        update={"mongodb_uri": SecretStr("mongodb://someone:hush@127.0.0.1:9/?serverSelectionTimeoutMS=200")}
    )
    with pytest.raises(StorageError, match=r"MongoDB at 127\.0\.0\.1:9 does not answer") as caught:
        MongoRunStore(away).get_run("r1")
    assert "hush" not in str(caught.value)
