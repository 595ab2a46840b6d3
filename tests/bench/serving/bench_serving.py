"""What serving costs, against the floor of the same server and against what most people write first.

`make bench-serving`; needs wrk. One worker, 16 connections, one row a request, unless a row says otherwise. The service
checks an API key, counts the rate, reads by the schema, counts for Prometheus, writes the access log and records every
prediction in the embedded MongoDB, which shares the machine's cores.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from fixture import fitted, keep, table
from report import Row, show
from servers import Load, api_key, database, loaded, uvicorn, wait_for

SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
PREDICT = "/api/v1/models/{}/predict"


def session_rows_per_second(home: Path) -> float:
    """What the ONNX session alone predicts, 1,000 rows a call."""
    from millrace.compiled.form import MODEL_FILE, REPORT_FILE, CompiledReport, opened
    from millrace.features.row_features import RowFeatures

    folder = home / "models" / "compiled" / "1"
    report = CompiledReport.model_validate_json((folder / REPORT_FILE).read_text("utf-8"))
    features = RowFeatures([]).fit(table(10))
    model = opened((folder / MODEL_FILE).read_bytes(), report, features)
    columns = {name: column.to_numpy() for name, column in table(1_000, seed=4).items()}
    model.answer(columns)
    calls, started = 0, time.perf_counter()
    while time.perf_counter() - started < min(SECONDS, 3):
        model.answer(columns)
        calls += 1
    return 1_000 * calls / (time.perf_counter() - started)


def measured(home: Path) -> tuple[dict[str, Load], float]:
    """Every load, one after the other: only one server runs at a time."""
    model = fitted()
    keep(home, "compiled", model, compiled=True)
    keep(home, "plain", model, compiled=False)
    rows = table(1_000, seed=4).to_dict("records")
    one, many = home / "row.json", home / "rows.json"
    one.write_text(json.dumps(rows[0]))
    many.write_text(json.dumps(rows))
    found: dict[str, Load] = {}
    with uvicorn("apps:floor", home, factory=False) as address:
        found["floor"] = loaded(address, one, seconds=SECONDS)
    with database(home) as environment, uvicorn("serving.app:create_app", home, environment) as address:
        wait_for(address, "compiled", "plain")
        key = api_key(address, home)
        for name, body, path, connections in (
            ("compiled", one, PREDICT.format("compiled"), 16),
            ("sklearn", one, PREDICT.format("plain"), 16),
            ("batch", many, PREDICT.format("compiled") + "/batch", 2),
        ):
            found[name] = loaded(address + path, body, seconds=SECONDS, connections=connections, key=key)
    environment = {"BENCH_MODEL": str(home / "models" / "plain" / "1" / "model.skops")}
    with uvicorn("apps:plain", home, environment) as address:
        found["fastapi"] = loaded(f"{address}/predict", one, seconds=SECONDS)
    return found, session_rows_per_second(home)


def rows_of(found: dict[str, Load], session: float) -> list[Row]:
    """The table."""
    floor, ours, sklearn, plain = found["floor"], found["compiled"], found["sklearn"], found["fastapi"]
    batch = 1_000 * found["batch"].per_second
    per_second = "{:,.0f} req/s".format
    return [
        Row("compiled model, one row", per_second(ours.per_second),
            f"the server's floor, {per_second(floor.per_second)}",
            f"{ours.per_second / floor.per_second:.2f}", "at least 0.50"),
        Row("the same, p99", f"{ours.p99_ms:.1f} ms", f"floor, {floor.p99_ms:.1f} ms",
            f"{ours.p99_ms / floor.p99_ms:.1f}x", "below 10 ms"),
        Row("the same, against FastAPI + pydantic + scikit-learn", per_second(ours.per_second),
            per_second(plain.per_second), f"{ours.per_second / plain.per_second:.0f}x", "-"),
        Row("model that is not compiled, one row", f"{per_second(sklearn.per_second)}, p99 {sklearn.p99_ms:.0f} ms",
            f"FastAPI + pydantic + scikit-learn, {per_second(plain.per_second)}, p99 {plain.p99_ms:.0f} ms",
            f"{sklearn.per_second / plain.per_second:.1f}x", "at least 5x"),
        Row("JSON batch of 1,000 rows, 2 connections", f"{batch:,.0f} rows/s",
            f"the ONNX session alone, {session:,.0f} rows/s", f"{batch / session:.2f}", "at least 0.80"),
    ]  # fmt: skip


def main() -> int:
    """Print the table."""
    if shutil.which("wrk") is None:
        sys.stderr.write("wrk is not installed; scripts/install-debian-packages.sh installs it.\n")
        return 1
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-serving-")))
        show(rows_of(*measured(home)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
