"""Tasks and stores are killed in the middle of a run in the real stack; it ends as if they had not been.

Needs a whole stack of its own, which it starts and stops.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from millrace.errors import NotFoundError
from millrace.local.processes import end, processes_of
from millrace.settings import Settings
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.runs import MongoRunStore

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

MILLRACE = Path(sys.executable).parent / "millrace"
SPEC = """
name: sturdy
source: {type: sample, name: air_quality, rows: 30000}
expectations:
  - {expect: expect_column_values_to_be_between, column: T, min_value: -50, max_value: 80, on_failure: warn}
task: regression
target: CO(GT)
candidates:
  - {estimator: hist_gradient_boosting, params: {max_iter: 40}}
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, port_base: int) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("kill")
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "sturdy.yaml").write_text(SPEC)
    home = folder / "home"
    foreign = ("AIRFLOW", "MLFLOW", "MONGODB", "S3_", "MILLRACE")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    ours = {"MILLRACE_HOME": home, "MILLRACE_PORT_BASE": port_base, "MILLRACE_PIPELINES_DIR": folder / "pipelines"}
    environment = {**inherited, **{name: str(value) for name, value in ours.items()}}
    up = subprocess.run([MILLRACE, "up", "--detach"], env=environment, capture_output=True, text=True, check=False)
    assert up.returncode == 0, up.stderr[-3000:]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ours.items():
            patch.setenv(name, str(value))
        yield Settings(_env_file=home / "stack.env", millrace_home=home)  # type: ignore[call-arg]
    subprocess.run([MILLRACE, "down"], env=environment, check=False, capture_output=True)
    end(processes_of(home), 10)


def start(settings: Settings) -> subprocess.Popen[str]:
    assert os.environ["MILLRACE_HOME"] == str(settings.millrace_home)
    command = [MILLRACE, "run", "sturdy", "--json", "--no-cache"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


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


def kill_each_stage_once(settings: Settings, run: subprocess.Popen[str]) -> set[str]:
    """Kill the process of every stage as soon as the record shows it running, each stage once."""
    runs, killed = MongoRunStore(settings), set()
    while run.poll() is None:
        for stage in running_stages(runs) - killed:
            for process in task_processes(settings.millrace_home):
                process.kill()
            killed.add(stage)
        time.sleep(0.01)
    return killed


def running_stages(runs: MongoRunStore) -> set[str]:
    newest = runs.find_runs("sturdy", limit=1)
    try:
        stages = runs.get_run(newest[0]["_id"])["stages"] if newest else {}
    except NotFoundError:
        return set()
    return {name for name, stage in stages.items() if stage["status"] == "running"}


def test_a_run_whose_every_stage_was_killed_ends_like_one_that_was_not(settings: Settings) -> None:
    run = start(settings)
    killed = kill_each_stage_once(settings, run)
    disturbed = summary(run)
    undisturbed = summary(start(settings))

    assert {"extract", "validate", "transform", "evaluate"} <= killed
    assert disturbed["status"] == undisturbed["status"] == "success"
    for same in ("dataset_version", "rows", "validation", "best"):
        assert disturbed[same] == undisturbed[same]
    figures = [
        sorted((part["name"], part["metrics"]) for part in run["candidates"]) for run in (disturbed, undisturbed)
    ]
    assert figures[0] == figures[1]
    versions = [version.run_id for version in MlflowRegistry(settings).versions("sturdy")]
    assert versions.count(disturbed["run_id"]) <= 1
    assert disturbed["promoted"] is True


def test_the_deaths_stay_in_the_record(settings: Settings) -> None:
    runs = MongoRunStore(settings)
    first = runs.get_run(runs.find_runs("sturdy", limit=2)[-1]["_id"])
    died = {name: stage["deaths"] for name, stage in first["stages"].items() if "deaths" in stage}
    assert died
    assert {death["code"] for deaths in died.values() for death in deaths} == {"worker_killed"}
    assert all(first["stages"][name]["attempt"] > 1 for name in died)


def test_a_run_outlives_the_death_of_the_stores(settings: Settings) -> None:
    before = summary(start(settings))
    run = start(settings)
    runs = MongoRunStore(settings)
    while not any(stage.startswith("train") for stage in running_stages(runs)):
        assert run.poll() is None, run.communicate()[1][-3000:]
        time.sleep(0.05)
    stores = [process for process in processes_of(settings.millrace_home) if is_store(process)]
    assert len(stores) >= 2
    for process in stores:
        process.kill()
    after = summary(run)
    assert after["status"] == "success"
    for same in ("dataset_version", "rows", "best"):
        assert after[same] == before[same]


def is_store(process: psutil.Process) -> bool:
    try:
        command = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return "secantusd" in command or "ministack" in command
