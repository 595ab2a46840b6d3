"""The example pipelines on the whole stack: it runs none by itself, and one table feeds the two trainings after it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from millrace.local.ports import is_free
from millrace.local.processes import end, processes_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

MILLRACE = Path(sys.executable).parent / "millrace"
PROJECT = Path(__file__).resolve().parents[2]
Command = Callable[..., Any]


@pytest.fixture(scope="module")
def millrace(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Iterator[Command]:
    """The command line of a running stack with all example pipelines; returns what it prints, JSON as objects."""
    home = tmp_path_factory.mktemp("chain") / "home"
    bases = random.sample(range(20_000, 32_000, 10), 100)
    base = next(base for base in bases if all(is_free("127.0.0.1", base + offset) for offset in range(10)))
    foreign = ("AIRFLOW", "MLFLOW", "MONGODB", "S3_", "MILLRACE")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    own = {"MILLRACE_HOME": str(home), "MILLRACE_PORT_BASE": str(base), "DATA_DIR": str(data_dir)}

    def run(*arguments: str) -> Any:
        done = subprocess.run(
            [MILLRACE, *arguments], env={**inherited, **own}, cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    run("up", "--detach")
    yield run
    run("down")
    end(processes_of(home), 10)


def test_one_table_feeds_two_trainings(millrace: Command) -> None:
    time.sleep(10)  # all DAGs are parsed by now: a schedule of their own would have begun
    assert millrace("runs", "list", "--json") == []
    table = millrace("run", "ev-registrations", "--json")
    assert table["status"] == "success", table["error"]
    deadline = time.monotonic() + 600
    while (
        len(ended := [run for run in millrace("runs", "list", "--json") if run["status"] in {"success", "failed"}]) < 3
    ):
        assert time.monotonic() < deadline, ended
        time.sleep(2)
    assert {(run["pipeline"], run["status"]) for run in ended} == {
        ("ev-registrations", "success"),
        ("ev-range", "success"),
        ("ev-segments", "success"),
    }
    for run in ended:
        if run["pipeline"] != "ev-registrations":
            shown = millrace("runs", "show", run["run_id"], "--json")
            assert shown["rows"]["extracted"] == table["rows"]["transformed"]
            assert shown["promoted"], shown["reason"]
