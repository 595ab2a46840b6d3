"""How many requests a second: the service against the floor of its server, and against other model servers.

One worker, 16 connections, one row a request, unless a row says otherwise. The service checks an API key, counts the
rate, reads by the schema, counts for Prometheus, writes the access log and records every prediction in the embedded
MongoDB, which shares the machine's cores; its cache is off where a row does not say otherwise.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from fixture import FIELDS, fitted, keep, table
from peers.run import PEERS, measured
from report import Row
from servers import Load, api_key, database, loaded, uvicorn, wait_for

PREDICT = "/api/v1/models/{}/predict"


def session_rows_per_second(home: Path, seconds: float) -> float:
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
    while time.perf_counter() - started < min(seconds, 3):
        model.answer(columns)
        calls += 1
    return 1_000 * calls / (time.perf_counter() - started)


def loads(home: Path, seconds: float) -> tuple[dict[str, Load], float]:
    """Every load, one after the other: only one server runs at a time."""
    model = fitted()
    keep(home, "compiled", model, compiled=True)
    keep(home, "cached", model, compiled=True, cache_seconds=3_600)
    keep(home, "plain", model, compiled=False)
    rows = table(1_000, seed=4).to_dict("records")
    one, many = home / "row.json", home / "rows.json"
    one.write_text(json.dumps(rows[0]))
    many.write_text(json.dumps(rows))
    found: dict[str, Load] = {}
    with uvicorn("apps:floor", home, factory=False) as address:
        found["floor"] = loaded(address, one, seconds=seconds)
    with database(home) as environment, uvicorn("serving.app:create_app", home, environment) as address:
        wait_for(address, "compiled", "cached", "plain")
        key = api_key(address, home)
        for name, body, path, options in (
            ("compiled", one, PREDICT.format("compiled"), {}),
            ("hits", one, PREDICT.format("cached"), {}),
            ("varied", one, PREDICT.format("compiled"), {"varied": FIELDS[0]}),
            ("misses", one, PREDICT.format("cached"), {"varied": FIELDS[0]}),
            ("sklearn", one, PREDICT.format("plain"), {}),
            ("batch", many, PREDICT.format("compiled") + "/batch", {"connections": 2}),
        ):
            found[name] = loaded(address + path, body, seconds=seconds, key=key, **options)
    environment = {"BENCH_MODEL": str(home / "models" / "plain" / "1" / "model.skops")}
    with uvicorn("apps:plain", home, environment) as address:
        found["fastapi"] = loaded(f"{address}/predict", one, seconds=seconds)
    return found, session_rows_per_second(home, seconds)


def rows(home: Path, seconds: float) -> list[Row]:
    """The table's rows."""
    found, session = loads(home, seconds)
    return [*own_rows(found, session), *peer_rows(home, seconds, found["compiled"])]


GOALS = {"MLServer": "at least 8x", "BentoML": "at least 15x", "mlflow models serve": "at least 100x"}


def peer_rows(home: Path, seconds: float, ours: Load) -> list[Row]:
    """The service against other model servers, each with its own batching; one that cannot be had says why."""
    found = []
    for peer in PEERS:
        measure, figure = f"compiled model, one row, against {peer.name}", f"{ours.per_second:,.0f} req/s"
        try:
            theirs = measured(peer, home, list(table(1, seed=4).to_numpy()[0]), seconds)
        except RuntimeError as error:
            found.append(Row(measure, figure, f"not measured: {error}", "-", GOALS[peer.name]))
            continue
        failed = f", {theirs.failed} failed" if theirs.failed else ""
        compared = f"{theirs.per_second:,.0f} req/s, p99 {theirs.p99_ms:.0f} ms{failed}"
        found.append(Row(measure, figure, compared, f"{ours.per_second / theirs.per_second:.0f}x", GOALS[peer.name]))
    return found


def own_rows(found: dict[str, Load], session: float) -> list[Row]:
    """The service against its floor, and what most people write first."""
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
        *(
            Row(f"compiled model, one row, cache on: {name}", per_second(found[on].per_second),
                f"cache off, {like}, {per_second(found[off].per_second)}",
                f"{found[on].per_second / found[off].per_second:.2f}", "-")
            for name, on, like, off in (
                ("all found", "hits", "the same row again", "compiled"),
                ("none found", "misses", "other rows", "varied"),
            )
        ),
        Row("model that is not compiled, one row", f"{per_second(sklearn.per_second)}, p99 {sklearn.p99_ms:.0f} ms",
            f"FastAPI + pydantic + scikit-learn, {per_second(plain.per_second)}, p99 {plain.p99_ms:.0f} ms",
            f"{sklearn.per_second / plain.per_second:.1f}x", "at least 5x"),
        Row("JSON batch of 1,000 rows, 2 connections", f"{batch:,.0f} rows/s",
            f"the ONNX session alone, {session:,.0f} rows/s", f"{batch / session:.2f}", "at least 0.80"),
    ]  # fmt: skip
