"""Steady load for a while: the service's memory stays flat. SOAK_SECONDS=3600 for the hour."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from pathlib import Path

import psutil
from fixture import fitted, keep, table
from rates import PREDICT
from report import Row
from servers import HERE, api_key, database, uvicorn, wait_for

SECONDS = float(os.environ.get("SOAK_SECONDS", "120"))
SAMPLES = 60


def rows(home: Path, seconds: float) -> list[Row]:
    """The table's row."""
    model, body = fitted(), home / "row.json"
    keep(home, "compiled", model, compiled=True)
    body.write_text(json.dumps(table(1, seed=4).to_dict("records")[0]))
    with database(home) as environment, uvicorn("serving.app:create_app", home, environment) as address:
        wait_for(address, "compiled")
        key = api_key(address, home)
        url = address + PREDICT.format("compiled")
        argv = ["wrk", "-t1", "-c16", f"-d{SECONDS:g}s", "-s", str(HERE / "request.lua"), url, "--", str(body), key]
        wrk = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        samples = _samples(_service())
        printed = wrk.communicate(timeout=SECONDS)[0]
    load = json.loads(next(line for line in printed.splitlines() if line.startswith("RESULT ")).removeprefix("RESULT "))
    early, late = statistics.median(samples[SAMPLES // 4 : SAMPLES // 2]), statistics.median(samples[-SAMPLES // 4 :])
    served = f"{load['per_second']:,.0f} req/s, {load['failed']} failed"
    return [
        Row(f"memory after {SECONDS:g} s of full load", f"{late / 2**20:.0f} MiB; {served}",
            f"after a third of it, {early / 2**20:.0f} MiB", f"{late / early:.3f}", "within 5 %"),
    ]  # fmt: skip


def _service() -> psutil.Process:
    """The service's process: the one of our children that runs it."""
    return next(child for child in psutil.Process().children() if "serving.app:create_app" in child.cmdline())


def _samples(process: psutil.Process) -> list[int]:
    found = []
    for _ in range(SAMPLES):
        time.sleep(SECONDS / SAMPLES)
        found.append(process.memory_info().rss)
    return found
