"""One row of a benchmark: what was measured, against what, and the goal. Rows are printed as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass

import psutil


@dataclass(frozen=True)
class Row:
    """A figure, the floor or peer that it is compared with in the same run, and what it should be."""

    measure: str
    figure: str
    compared_with: str
    ratio: str
    goal: str


def machine() -> str:
    """The machine in one line."""
    memory = psutil.virtual_memory().total / 2**30
    python = f"Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, {python}"


def emit(*rows: Row) -> None:
    """Print rows as JSON lines, for `bench.py` to collect."""
    for row in rows:
        print(json.dumps(asdict(row)), flush=True)


def show(rows: list[Row]) -> None:
    """Print rows as a Markdown table."""
    lines = ["| measure | figure | compared with | ratio | goal |", "|---|---|---|---|---|"]
    lines += [f"| {r.measure} | {r.figure} | {r.compared_with} | {r.ratio} | {r.goal} |" for r in rows]
    sys.stdout.write(f"\n{machine()}\n\n" + "\n".join(lines) + "\n")
