"""What a warm chain through a running Airflow costs over the stages' own time, and what the idle stack weighs."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from report import Row, emit

from millrace.local.stack import status
from millrace.settings import get_settings

RUNS, PIPELINE = 3, "breast-cancer"


def idle() -> Row:
    """Resident memory of all programs of the running stack, with their children."""
    parts = status(get_settings())
    total = sum(part["rss"] or 0 for part in parts) / 2**30
    return Row("idle stack, resident memory", f"{total:.2f} GB, {len(parts)} programs", "-", "-", "< 2.2 GB")


def main() -> None:
    """Trigger the chain a few times on the running stack; the median overhead counts."""
    millrace = Path(sys.executable).parent / "millrace"
    subprocess.run([str(millrace), "up", "--detach"], check=True, stdout=sys.stderr)
    command = [str(millrace), "run", PIPELINE, "--json", "--no-cache"]
    subprocess.run(command, check=True, capture_output=True)
    walls, owns = [], []
    for _ in range(RUNS):
        started = time.perf_counter()
        finished = subprocess.run(command, check=True, capture_output=True, text=True)
        walls.append(time.perf_counter() - started)
        owns.append(sum(stage["seconds"] for stage in json.loads(finished.stdout)["stages"]))
    extra = statistics.median(wall - own for wall, own in zip(walls, owns, strict=True))
    wall, own = statistics.median(walls), statistics.median(owns)
    row = Row(
        "warm chain through Airflow, from `millrace run` to its answer",
        f"{wall:.1f} s",
        f"the stages' own {own:.1f} s",
        f"+{extra:.2f} s",
        "at most +2 s",
    )
    emit(row, idle())


if __name__ == "__main__":
    main()
