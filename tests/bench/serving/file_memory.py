"""What predicting files costs in memory: longer and longer files, and the service's peak while it predicts them.

The service has looked at its registry before: that imports MLflow, which is some 30 MiB that no file costs.

`python tests/bench/serving/file_memory.py` (PYTHONPATH=tests/bench); FILE_ROWS sets the lengths. One worker, the model
of `fixture`, predictions on record in files that wait for a MongoDB that is away.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
from fixture import fitted, keep, table
from report import Row, show
from servers import uvicorn, wait_for

ROWS = [int(rows) for rows in os.environ.get("FILE_ROWS", "20000,100000,400000").split(",")]
KINDS = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
PATH = "/api/v1/models/compiled/predict/file"


class Peak:
    """The greatest memory of a process while it is watched."""

    def __init__(self, port: int) -> None:
        self._process = next(
            process
            for process in psutil.Process().children()
            if any(c.laddr.port == port for c in process.net_connections() if c.status == psutil.CONN_LISTEN)
        )
        self.mib = 0.0
        self._stop = threading.Event()

    def __enter__(self) -> Peak:
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.mib = max(self.mib, self._process.memory_info().rss / 2**20)


def wait_until_looked(address: str) -> None:
    """Wait until the service's first look at the registry, which is away, is over."""
    deadline = time.monotonic() + 120
    while httpx.get(f"{address}/v2/health/ready").status_code != 200:
        if time.monotonic() > deadline:
            raise RuntimeError("the service did not look at its registry")
        time.sleep(0.2)


def pieces(path: Path) -> Iterator[bytes]:
    """A file as an upload brings it."""
    with path.open("rb") as file:
        while piece := file.read(1_000_000):
            yield piece


def measured(home: Path, address: str) -> Iterator[Row]:
    """A line for each length and format."""
    port = int(address.rpartition(":")[2])
    with httpx.Client(base_url=address, timeout=3_600) as client:
        for rows in ROWS:
            for suffix, kind in KINDS.items():
                path = home / f"rows.{suffix}"
                data = table(rows)
                data.to_csv(path, index=False) if suffix == "csv" else data.to_parquet(path, index=False)
                started, received = time.perf_counter(), 0
                request = client.stream("POST", PATH, content=pieces(path), headers={"Content-Type": kind})
                with Peak(port) as peak, request as answer:
                    answer.raise_for_status()
                    for piece in answer.iter_raw():
                        received += len(piece)
                seconds = time.perf_counter() - started
                size = f"{path.stat().st_size / 1e6:.1f} MB in, {received / 1e6:.1f} MB out"
                yield Row(
                    f"{rows:,} rows as {suffix}",
                    f"peak {peak.mib:,.0f} MiB",
                    size,
                    f"{rows / seconds:,.0f} rows/s",
                    "flat",
                )


def main() -> int:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="bench-files-") as folder:
        home = Path(folder)
        keep(home, "compiled", fitted(), compiled=True)
        environment = {
            "MILLRACE_HOME": folder,
            "MONGODB_URI": "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200",
            "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
            "S3_ENDPOINT_URL": "http://127.0.0.1:9",
            "SERVING_ANONYMOUS_LIMIT": "none",
        }
        with uvicorn("serving.app:create_app", home, environment) as address:
            wait_for(address, "compiled")
            wait_until_looked(address)
            show(list(measured(home, address)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
