"""What a warm chain through a running Airflow costs over the stages' own time, and what the idle stack weighs.

Starts a stack of its own with one small pipeline, so that nothing else runs beside it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from report import Row, emit

from millrace.local.processes import processes_of

RUNS = 5
IDLE_SECONDS = 60
MILLRACE = str(Path(sys.executable).parent / "millrace")
SPEC = """\
name: chain
source: {type: sample, name: sklearn/breast_cancer}
expectations:
  - {expect: expect_column_values_to_be_between, column: mean radius, min_value: 0, max_value: 100}
transform:
  - {step: drop_duplicates}
task: classification
target: target
split: {by: random}
candidates:
  - {estimator: logistic_regression}
"""


def own(record: dict[str, Any]) -> float:
    """Seconds that the stages took themselves: candidates that ran side by side count as one span."""
    return sum(stage["seconds"] for stage in record["stages"])


def measured(environment: dict[str, str]) -> tuple[float, float, float]:
    """One run: seconds from trigger to end by its record, of the whole command, and of the stages themselves."""
    started = time.perf_counter()
    finished = subprocess.run(
        [MILLRACE, "run", "chain", "--json", "--no-cache"], env=environment, check=True, capture_output=True, text=True
    )
    wall = time.perf_counter() - started
    summary = json.loads(finished.stdout)
    listed = subprocess.run([MILLRACE, "runs", "list", "--json"], env=environment, check=True, capture_output=True)
    record = next(run for run in json.loads(listed.stdout) if run["run_id"] == summary["run_id"])
    begun, ended = (datetime.fromisoformat(record[key]) for key in ("created_at", "finished_at"))
    return (ended - begun).total_seconds(), wall, own(summary)


def idle_memory(environment: dict[str, str]) -> Row:
    """Memory of all programs of the idle stack with their children, shared pages counted once."""
    listed = subprocess.run([MILLRACE, "status", "--json"], env=environment, check=True, capture_output=True)
    parts = json.loads(listed.stdout)
    total = sum(part["rss"] or 0 for part in parts) / 2**30
    return Row("idle stack, memory (PSS)", f"{total:.2f} GB, {len(parts)} programs", "-", "-", "< 2.2 GB")


def idle_cpu(home: Path) -> Row:
    """CPU of the idle stack, of what its programs start and wait for too."""
    before, began = cpu_seconds(home), time.perf_counter()
    time.sleep(IDLE_SECONDS)
    share = (cpu_seconds(home) - before) / (time.perf_counter() - began)
    return Row("idle stack with one pipeline, CPU", f"{100 * share:.0f} % of a core", "-", "-", "-")


def cpu_seconds(home: Path) -> float:
    """What the processes of a home have used so far."""
    times = [process.cpu_times() for process in processes_of(home)]
    return sum(one.user + one.system + one.children_user + one.children_system for one in times)


def rows(environment: dict[str, str]) -> list[Row]:
    """A first run that is not counted, then the medians of some."""
    measured(environment)
    chains, walls, owns = zip(*(measured(environment) for _ in range(RUNS)), strict=True)
    stages = statistics.median(owns)
    floor = f"the stages' own {stages:.2f} s"
    chain = statistics.median(a - b for a, b in zip(chains, owns, strict=True))
    command = statistics.median(a - b for a, b in zip(walls, owns, strict=True))
    return [
        Row(
            "warm chain through Airflow (one candidate and the baseline), first word to last of its record",
            f"{statistics.median(chains):.2f} s",
            floor,
            f"+{chain:.2f} s",
            "at most +2 s",
        ),
        Row("the same as a whole `millrace run`", f"{statistics.median(walls):.2f} s", floor, f"+{command:.2f} s", "-"),
    ]


def main() -> None:
    """Start the stack, measure, stop it."""
    with tempfile.TemporaryDirectory() as folder:
        pipelines = Path(folder) / "pipelines"
        pipelines.mkdir()
        (pipelines / "chain.yaml").write_text(SPEC)
        ours = {"MILLRACE_HOME": f"{folder}/home", "MILLRACE_PIPELINES_DIR": str(pipelines)}
        environment = {"MILLRACE_PORT_BASE": "31500", **os.environ, **ours}
        subprocess.run([MILLRACE, "up", "--detach"], env=environment, check=True, stdout=sys.stderr)
        try:
            found = rows(environment)
            time.sleep(20)
            emit(*found, idle_memory(environment), idle_cpu(Path(ours["MILLRACE_HOME"])))
        finally:
            subprocess.run([MILLRACE, "down"], env=environment, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    main()
