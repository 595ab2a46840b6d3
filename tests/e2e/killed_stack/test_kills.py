"""Tasks and stores are killed in the middle of a run in the real stack; it ends as if they had not been."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
from installation import Installation

from millrace.errors import NotFoundError
from millrace.local.processes import processes_of
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.runs import MongoRunStore

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


class Runs(NamedTuple):
    """Two runs of the same table, of which the first was disturbed."""

    disturbed: dict[str, Any]
    undisturbed: dict[str, Any]
    killed: set[str]
    """The stages whose process was killed."""


@pytest.fixture(scope="module")
def both(installation: Installation, first_up: subprocess.CompletedProcess[str]) -> Runs:
    """A run whose every stage is killed once, and after it one that is left alone."""
    assert first_up.returncode == 0, first_up.stderr
    run = start(installation)
    killed = kill_each_stage_once(installation, run)
    return Runs(summary(run), summary(start(installation)), killed)


def start(running: Installation) -> subprocess.Popen[str]:
    command = ("run", "sturdy", "--json", "--no-cache")
    return running.start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def summary(run: subprocess.Popen[str]) -> dict[str, Any]:
    out, said = run.communicate(timeout=600)
    assert run.returncode == 0, said[-3000:]
    found: dict[str, Any] = json.loads(out)
    return found


def task_processes(home: Path) -> list[psutil.Process]:
    """The processes that run stages: children of the executor's own."""
    found = []
    for process in processes_of(home):
        try:
            title = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if re.match(r"airflow worker -- [0-9a-f]{8}-", title):
            found.append(process)
    return found


def kill_each_stage_once(running: Installation, run: subprocess.Popen[str]) -> set[str]:
    """Kill the process of every stage as soon as the record shows it running, each stage once."""
    runs, killed = MongoRunStore(running.settings), set()
    while run.poll() is None:
        for stage in running_stages(runs) - killed:
            for process in task_processes(running.home):
                process.kill()
            killed.add(stage)
        time.sleep(0.05)
    return killed


def running_stages(runs: MongoRunStore) -> set[str]:
    newest = runs.find_runs("sturdy", limit=1)
    try:
        stages = runs.get_run(newest[0]["_id"])["stages"] if newest else {}
    except NotFoundError:
        return set()
    return {name for name, stage in stages.items() if stage["status"] == "running"}


def test_a_run_whose_every_stage_was_killed_ends_like_one_that_was_not(running: Installation, both: Runs) -> None:
    disturbed, undisturbed, killed = both
    assert {"extract", "validate", "transform", "evaluate"} <= killed
    assert disturbed["status"] == undisturbed["status"] == "success"
    for same in ("dataset_version", "rows", "validation", "best"):
        assert disturbed[same] == undisturbed[same]
    figures = [
        sorted((part["name"], part["metrics"]) for part in run["candidates"]) for run in (disturbed, undisturbed)
    ]
    assert figures[0] == figures[1]
    versions = [version.run_id for version in MlflowRegistry(running.settings).versions("sturdy")]
    assert versions.count(disturbed["run_id"]) <= 1
    assert disturbed["promoted"] is True


def test_the_deaths_stay_in_the_record(running: Installation, both: Runs) -> None:
    first = MongoRunStore(running.settings).get_run(both.disturbed["run_id"])
    died = {name: stage["deaths"] for name, stage in first["stages"].items() if "deaths" in stage}
    assert died
    assert {death["code"] for deaths in died.values() for death in deaths} == {"worker_killed"}
    assert all(first["stages"][name]["attempt"] > 1 for name in died)


def test_a_run_outlives_the_death_of_the_stores(running: Installation, both: Runs) -> None:
    run = start(running)
    runs = MongoRunStore(running.settings)
    while not any(stage.startswith("train") for stage in running_stages(runs)):
        assert run.poll() is None, run.communicate()[1][-3000:]
        time.sleep(0.05)
    stores = [process for process in processes_of(running.home) if is_store(process)]
    assert len(stores) >= 2
    for process in stores:
        process.kill()
    after = summary(run)
    assert after["status"] == "success"
    for same in ("dataset_version", "rows", "best"):
        assert after[same] == both.undisturbed[same]


def is_store(process: psutil.Process) -> bool:
    try:
        command = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return "secantusd" in command or "ministack" in command
