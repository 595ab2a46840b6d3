"""MongoDB killed for a minute under load: no prediction fails and no record is lost; then a restart of the service.

The service finds neither MLflow nor S3 here, before or after: it serves from its own store.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from checked_load import CheckedLoad
from fixture import fitted, keep, table
from pymongo import MongoClient
from rates import PREDICT
from report import Row
from servers import Database, api_key, uvicorn, wait_for

AWAY_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "60"))


def rows(home: Path, seconds: float) -> list[Row]:
    """The table's rows."""
    model = fitted()
    keep(home, "compiled", model, compiled=True)
    body = json.dumps(table(1, seed=4).to_dict("records")[0]).encode()
    mongo = Database(home)
    mongo.start()
    try:
        return _rows(home, mongo, body, seconds)
    finally:
        mongo.stop(signal.SIGKILL)


def _rows(home: Path, mongo: Database, body: bytes, seconds: float) -> list[Row]:
    with uvicorn("serving.app:create_app", home, mongo.environment) as address:
        wait_for(address, "compiled")
        load = CheckedLoad(address + PREDICT.format("compiled"), body, api_key(address, home), lambda _: None)
        load.start()
        time.sleep(seconds)
        mongo.stop(signal.SIGKILL)
        time.sleep(AWAY_SECONDS)
        mongo.start()
        time.sleep(seconds)
        load.stop()
    started = time.perf_counter()
    with uvicorn("serving.app:create_app", home, mongo.environment) as address:  # without MLflow and S3
        wait_for(address, "compiled")
        ready = time.perf_counter() - started
        kept = _kept(mongo.uri, load.answered)
    figure = f"{len(load.failures)} of {load.answered:,} predictions failed; {load.answered - kept:,} records lost"
    return [
        Row(f"MongoDB killed for {AWAY_SECONDS:g} s under load", figure, "records counted after it is back", "-",
            "0 failed, 0 lost"),
        Row("service restarted without MLflow and S3", f"serves after {ready:.1f} s", "its own store", "-", "serves"),
    ]  # fmt: skip


def _kept(uri: str, wanted: int) -> int:
    """The rows of the log, once all are there or nothing more comes."""
    predictions = MongoClient(uri)["millrace"]["predictions"]
    before, deadline = -1, time.monotonic() + 120
    while time.monotonic() < deadline:
        kept = sum(document["count"] for document in predictions.find({}, {"count": 1}))
        if kept >= wanted or kept == before:
            break
        before = kept
        time.sleep(5)
    return kept
