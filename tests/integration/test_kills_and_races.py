"""Runs that are killed in the middle of any stage and retried, and runs at once: the end state is that of one run."""

from __future__ import annotations

import json
import os
import runpy
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from millrace.connections import s3_client
from millrace.pipeline import open_context, run_pipeline
from millrace.settings import Settings
from millrace.spec.catalogue import LoadedSpec, load_spec
from millrace.stores.artifacts import MANIFEST, TABLE, S3ArtifactStore
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.runs import MongoRunStore

pytestmark = pytest.mark.integration
PROJECT = Path(__file__).parents[2]

SPEC = """\
name: kills
source: {type: sample, name: air_quality, rows: 400, seed: 3}
expectations:
  - {expect: expect_column_values_to_be_between, column: T, max_value: 30, on_failure: quarantine}
quarantine: {max_share: 0.9}
transform:
  - {step: keep_columns, columns: [CO(GT), T, RH]}
load:
  - {type: sql, url: 'sqlite:///${SINK}', table: rows, mode: append}
task: regression
target: CO(GT)
split: {by: random, folds: 2}
candidates:
  - {estimator: ridge}
"""

KILL_POINTS = [
    ("extract", S3ArtifactStore, "put_bytes"),
    ("validate", MongoRunStore, "record_validation"),
    ("transform", S3ArtifactStore, "put_bytes"),
    ("load", MongoRunStore, "finish_stage"),
    ("train:ridge", S3ArtifactStore, "put_bytes"),
    ("train:ridge", MlflowRegistry, "track"),
    ("evaluate", S3ArtifactStore, "put_bytes"),
    ("register", MlflowRegistry, "register"),
    ("register", MlflowRegistry, "set_alias"),
] + [(stage, MongoRunStore, "finish_stage") for stage in ("extract", "train:ridge", "register")]


@cache
def import_ahead() -> None:
    """What the scheduler loads before its tasks fork, and MLflow's own store: no child pays for it."""
    scheduler = runpy.run_path(str(PROJECT / "config" / "airflow_local_settings.py"))
    scheduler["_warm"]([*scheduler["_stages"](), "mlflow.store.tracking.sqlalchemy_store"])


def in_child(work: Callable[[], Any]) -> int:
    """Do `work` in a forked process; its wait status."""
    import_ahead()
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    return os.waitpid(child, 0)[1]


def killed_at(stage: str, owner: type, method: str, when: str = "before") -> None:
    """From now on, this process dies when `method` is called while `stage` is the one that runs."""
    running = threading.local()
    start, victim = MongoRunStore.start_stage, getattr(owner, method)

    def noted(self: MongoRunStore, run_id: str, name: str) -> str:
        running.stage = name
        return start(self, run_id, name)

    def deadly(*args: Any, **kwargs: Any) -> Any:
        if getattr(running, "stage", None) == stage:
            if when == "after":
                victim(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)
        return victim(*args, **kwargs)

    MongoRunStore.start_stage = noted  # type: ignore[method-assign]
    setattr(owner, method, deadly)


def run(loaded: LoadedSpec, settings: Settings, run_id: str) -> dict[str, Any]:
    summary = run_pipeline(open_context(loaded, run_id, settings=settings))
    assert summary["status"] == "success", summary["error"]
    return summary


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoadedSpec:
    monkeypatch.setenv("SINK", str(tmp_path / "sink.db"))
    path = tmp_path / "kills.yaml"
    path.write_text(SPEC)
    return load_spec(path)


def datasets(settings: Settings) -> dict[str, set[str]]:
    """Every dataset folder's files, without S3 metadata."""
    found: dict[str, set[str]] = {}
    listed = s3_client(settings).list_objects_v2(Bucket=settings.s3_bucket, Prefix="datasets/")
    for entry in listed.get("Contents", []):
        folder, _, name = entry["Key"].rpartition("/")
        found.setdefault(folder, set()).add(name)
    return found


def delivered(folder: Path) -> int:
    """How many rows the sink holds."""
    with sqlite3.connect(folder / "sink.db") as database:
        (count,) = database.execute("SELECT count(*) FROM rows").fetchone()
    return int(count)


def end_state(settings: Settings, run_id: str) -> dict[str, Any]:
    """All that must be the same whether the run was killed or not."""
    from millrace.run_summary import run_summary

    summary = run_summary(MongoRunStore(settings).get_run(run_id))
    registry = MlflowRegistry(settings)
    versions = registry.versions("kills")
    champion = registry.champion("kills")
    return {
        "status": summary["status"],
        "dataset": summary["dataset_version"],
        "rows": summary["rows"],
        "metrics": [(one["name"], one["metrics"]) for one in summary["candidates"]],
        "promoted": summary["promoted"],
        "versions": [(one.version, one.run_id, sorted(one.aliases)) for one in versions],
        "champion": champion.version if champion else None,
        "stages": [(stage["name"], stage["status"]) for stage in summary["stages"]],
        "delivered": delivered(settings.millrace_home.parent),
        "datasets": {name: sorted(files) for name, files in datasets(settings).items()},
    }


@pytest.fixture(scope="session")
def undisturbed_state() -> dict[str, Any]:
    return {}


@pytest.fixture
def undisturbed(undisturbed_state: dict[str, Any], settings: Settings, loaded: LoadedSpec) -> dict[str, Any]:
    """The end state of a run that nobody killed; made once, on an installation of its own."""
    if not undisturbed_state:
        name = f"{settings.s3_bucket}-calm"
        home = settings.millrace_home.parent / "calm-home"
        (home / "mlflow").mkdir(parents=True)
        changed = {"s3_bucket": name, "mongodb_database": f"{settings.mongodb_database}c", "millrace_home": home}
        calm = settings.model_copy(update=changed)
        S3ArtifactStore(calm).ensure_bucket()
        assert in_child(lambda: run(loaded, calm, "run-1")) == 0
        answer = home / "state.json"
        assert in_child(lambda: answer.write_text(json.dumps(end_state(calm, "run-1")))) == 0
        undisturbed_state.update(json.loads(answer.read_text()))
        (settings.millrace_home.parent / "sink.db").unlink()
    return undisturbed_state


@pytest.mark.parametrize(("stage", "owner", "method"), KILL_POINTS, ids=lambda value: getattr(value, "__name__", value))
def test_kill_and_retry(
    stage: str, owner: type, method: str, settings: Settings, loaded: LoadedSpec, undisturbed: dict[str, Any]
) -> None:
    def killed() -> None:
        killed_at(stage, owner, method)
        run(loaded, settings, "run-1")

    assert in_child(killed) == signal.SIGKILL
    for folder, files in datasets(settings).items():
        if MANIFEST in files:
            assert TABLE in files, folder

    answer = settings.millrace_home / "state.json"

    def retried() -> None:
        run(loaded, settings, "run-1")
        answer.write_text(json.dumps(end_state(settings, "run-1")))

    assert in_child(retried) == 0
    assert json.loads(answer.read_text()) == undisturbed


def test_two_runs_at_once_decide_the_champion_once(settings: Settings, loaded: LoadedSpec) -> None:
    begin = settings.millrace_home / "begin"
    (settings.millrace_home / "mlflow" / "mlflow.db").unlink()  # both are also the first who need it

    def started(run_id: str) -> int:
        child = os.fork()
        if child == 0:
            while not begin.exists():
                time.sleep(0.01)
            status = in_child(lambda: run(loaded, settings, run_id))
            os._exit(0 if status == 0 else 1)
        return child

    children = [started(run_id) for run_id in ("run-1", "run-2")]
    begin.touch()
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]

    records = [MongoRunStore(settings).get_run(run_id) for run_id in ("run-1", "run-2")]
    promoted = [record["stages"]["register"]["output"]["promoted"] for record in records]
    assert sorted(promoted) == [False, True]
    assert {record["status"] for record in records} == {"success"}
    assert len({record["stages"]["transform"]["output"]["dataset"]["version"] for record in records}) == 1
    registry = MlflowRegistry(settings)
    winner = ("run-1", "run-2")[promoted.index(True)]
    assert [(one.run_id, one.aliases) for one in registry.versions("kills")] == [(winner, ["champion"])]
    assert delivered(settings.millrace_home.parent) == records[0]["stages"]["transform"]["output"]["dataset"]["rows"]
