"""The installation's own DAG: there where the settings ask for it, in the right order, and light to parse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from millrace.errors import SettingsError
from millrace.maintenance import upkeep
from millrace.maintenance.archive import FolderArchive, read_manifest
from millrace.settings import Settings
from millrace.stores.runs import MongoRunStore

pytestmark = pytest.mark.integration
SPEC = {"flowers": "name: flowers\nsource: {type: sample, name: sklearn/iris}\n"}


def test_the_dag_backs_up_before_it_prunes(parse_dags: Callable[..., dict[str, Any]]) -> None:
    asked = {"UPKEEP_SCHEDULE": "30 2 * * 0", "BACKUP_TO": "s3://safe/backups", "PRUNE_KEEP": "20"}
    found = parse_dags(SPEC, **asked)
    assert (found["errors"], found["heavy"]) == ({}, [])
    assert found["one"]["dags"] == ["flowers"]
    dag = found["dags"]["millrace.upkeep"]
    assert {name: task["after"] for name, task in dag["tasks"].items()} == {"backup": [], "prune": ["backup"]}
    assert (dag["catchup"], dag["max_active_runs"], dag["timetable"][1]["expression"]) == (False, 1, "30 2 * * 0")


def test_the_steps_do_what_the_settings_say(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "get_settings", lambda: settings)
    monkeypatch.setenv("BACKUP_TO", str(tmp_path / "backups"))
    monkeypatch.setenv("PRUNE_OLDER_THAN", "30d")
    store, now = MongoRunStore(settings), datetime.now(UTC)
    for name, age in (("old", 90), ("older", 91), ("young", 1)):
        at = now - timedelta(days=age)
        store.create_run({"_id": name, "pipeline": "rows", "status": "failed", "created_at": at, "stages": {}})

    made = upkeep.back_up_now()
    gone = upkeep.prune_now()

    (folder,) = (tmp_path / "backups").iterdir()
    assert made["where"] == str(folder)
    assert len(read_manifest(FolderArchive(folder)).parts) == made["files"] > 0
    assert (gone["runs"], gone["postponed"]) == (2, 0)
    assert [run["_id"] for run in store.find_runs()] == ["young"]


def test_a_schedule_for_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPKEEP_SCHEDULE", "@daily")
    with pytest.raises(SettingsError, match="UPKEEP_SCHEDULE says when"):
        upkeep.upkeep()


def test_a_schedule_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRUNE_KEEP", "5")
    monkeypatch.setenv("UPKEEP_SCHEDULE", "sundays")
    with pytest.raises(SettingsError, match="UPKEEP_SCHEDULE: 'sundays' is neither a cron expression"):
        upkeep.upkeep()
