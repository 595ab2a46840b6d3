"""Twenty promotions under full load: no request fails, and no answer has the value of another version than it names."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
from checked_load import CheckedLoad
from fixture import FIELDS, fitted, table
from rates import PREDICT
from report import Row
from servers import HERE, api_key, free_port, uvicorn, wait_for

from millrace.compiled.form import compiled_form
from millrace.local.stores import stores_running
from millrace.settings import Settings
from millrace.stores.model_format import model_bytes
from millrace.stores.model_registry import MlflowRegistry
from millrace.stores.tracking import NewVersion, TrackedRun

NAME = "forest"
PROMOTIONS = 20


def rows(home: Path, seconds: float) -> list[Row]:
    """The table's row."""
    settings = Settings(millrace_home=home, millrace_port_base=free_port() - 10)
    one, body = table(1, seed=4), home / "row.json"
    body.write_text(json.dumps(one.to_dict("records")[0]))
    with stores_running(settings) as running:
        registry = MlflowRegistry(running)
        values = {_registered(registry, scale): value for scale, value in _values(one)}
        registry.set_alias(NAME, "champion", "1")
        with uvicorn("serving.app:create_app", home, _environment(running)) as address:
            wait_for(address, NAME)
            return [_row(address, home, body, values, seconds)]


def _row(address: str, home: Path, body: Path, values: dict[str, float], seconds: float) -> Row:
    def check(answer: dict[str, object]) -> str | None:
        expected = values[str(answer["model_version"])]
        return None if abs(float(str(answer["prediction"])) - expected) < 1e-9 else f"{answer}, expected {expected}"

    key, admin = api_key(address, home), _admin(address, home)
    load = CheckedLoad(address + PREDICT.format(NAME), body.read_bytes(), key, check)
    argv = ["wrk", "-t1", "-c16", "-d3600s", "-s", str(HERE / "request.lua"), address + PREDICT.format(NAME), "--"]
    wrk = subprocess.Popen([*argv, str(body), key], stdout=subprocess.PIPE, text=True)
    load.start()
    for number in range(PROMOTIONS):
        version = str(2 - number % 2)
        answer = httpx.post(
            f"{address}/api/v1/models/{NAME}/promote", json={"version": version}, headers=admin, timeout=60
        )
        answer.raise_for_status()
    load.stop()
    wrk.send_signal(2)
    printed = wrk.communicate(timeout=60)[0]
    beside = json.loads(
        next(line for line in printed.splitlines() if line.startswith("RESULT ")).removeprefix("RESULT ")
    )
    failed = len(load.failures) + int(beside["failed"])
    figure = f"{failed} failed or wrong" + (f": {load.failures[0]}" if load.failures else "")
    looked_at = f"{load.answered:,} answers looked at ({dict(load.versions)} by version)"
    compared = f"{looked_at}, beside {beside['per_second']:,.0f} req/s"
    return Row(f"{PROMOTIONS} promotions under load", figure, compared, "-", "0 failed, 0 wrong")


def _values(one):
    """Two models, by the factor of their truths, and what they say of the row."""
    for scale in (1.0, 3.0):
        yield scale, float(fitted(scale).predict(one)[0])


def _registered(registry: MlflowRegistry, scale: float) -> str:
    model = fitted(scale)
    about = {"millrace.run_id": f"bench-{scale}", "millrace.candidate": "forest", "millrace.task": "regression"}
    run = TrackedRun(experiment=NAME, name="forest", tags=about, params={}, metrics={}, started=1.0, finished=2.0)
    example = table(3, seed=2)
    new = NewVersion(
        name=NAME,
        mlflow_run_id=registry.track(run),
        content=model_bytes(model),
        tags={**about, "millrace.cache_seconds": "0"},
        metadata={"task": "regression", "targets": ["y"]},
        example=example,
        prediction=model.predict(example),
        kinds=dict.fromkeys(FIELDS, "number"),
        files=compiled_form(model, table(1_000, seed=3)).files(),
    )
    return str(registry.register(new).version)


def _environment(settings: Settings) -> dict[str, str]:
    return {
        "MILLRACE_HOME": str(settings.millrace_home),
        "MONGODB_URI": settings.mongodb,
        "S3_ENDPOINT_URL": settings.s3_endpoint,
        "MLFLOW_TRACKING_URI": settings.mlflow,
        "MODEL_POLL_SECONDS": "1",
        "SERVING_ANONYMOUS_LIMIT": "none",
        "SERVING_PLANS": '{"standard": "1000000/second"}',
    }


def _admin(address: str, home: Path) -> dict[str, str]:
    password = (home / "service-admin-password").read_text().strip()
    signed = httpx.post(f"{address}/api/v1/auth/login", json={"username": "admin", "password": password}, timeout=30)
    return {"Authorization": f"Bearer {signed.json()['access_token']}"}
