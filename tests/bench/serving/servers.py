"""Starts what is measured, each as one uvicorn worker on a port of its own, and loads it with wrk."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from millrace.local.programs import QUICK, mongodb
from millrace.settings import PORTS, Settings

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Load:
    """What one load gave."""

    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def program(argv: list[str], port: int, environment: dict[str, str], log: Path) -> Iterator[None]:
    """A program that runs until the block ends."""
    with log.open("wb") as file:
        process = subprocess.Popen(argv, env={**os.environ, **environment}, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + 60
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{argv[0]} did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def uvicorn(app: str, home: Path, environment: dict[str, str] | None = None, *, factory: bool = True) -> Iterator[str]:
    """One worker; the address it answers at."""
    port = free_port()
    options = ["--factory", *QUICK] if app.startswith("serving.") else []
    options = options or (["--factory"] if factory else [])
    argv = [sys.executable, "-m", "uvicorn", app, "--app-dir", str(HERE), "--port", str(port), "--no-access-log"]
    with program(argv + options, port, environment or {}, home / f"{app.replace(':', '-')}.log"):
        yield f"http://127.0.0.1:{port}"


class Database:
    """The embedded MongoDB of one home, which may be killed and come again."""

    def __init__(self, home: Path) -> None:
        self._home = home
        settings = Settings(millrace_home=home, millrace_port_base=free_port() - PORTS["mongodb"])
        self._program = mongodb(settings)
        (home / "mongodb").mkdir(parents=True)
        self._process: subprocess.Popen[bytes] | None = None
        self.uri = f"mongodb://127.0.0.1:{self._program.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a service that uses it, and finds neither MLflow nor S3."""
        return {
            "MILLRACE_HOME": str(self._home),
            "MONGODB_URI": self.uri,
            "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
            "S3_ENDPOINT_URL": "http://127.0.0.1:9",
            "MODEL_POLL_SECONDS": "60",
            "SERVING_ANONYMOUS_LIMIT": "none",
            "SERVING_PLANS": '{"standard": "1000000/second"}',  # counted, and never reached
        }

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with (self._home / "mongodb.log").open("ab") as log:
            environment = {**os.environ, **self._program.environment}
            self._process = subprocess.Popen(list(self._program.argv), env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not _listens(int(self._program.port or 0)):
            if time.monotonic() > deadline:
                raise RuntimeError("MongoDB did not start")
            time.sleep(0.05)

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None


@contextmanager
def database(home: Path) -> Iterator[dict[str, str]]:
    """The embedded MongoDB; the environment of a service that uses it."""
    found = Database(home)
    found.start()
    try:
        yield found.environment
    finally:
        found.stop()


def wait_for(address: str, *models: str) -> None:
    """Wait until the service has restored its models."""
    deadline = time.monotonic() + 60
    while not all(httpx.get(f"{address}/v2/models/{name}/ready").status_code == 200 for name in models):
        if time.monotonic() > deadline:
            raise RuntimeError("the service did not restore its models")
        time.sleep(0.2)


def api_key(address: str, home: Path) -> str:
    """A key to predict with, made as a person makes one."""
    file = home / "service-admin-password"
    deadline = time.monotonic() + 30
    while not file.is_file():
        if time.monotonic() > deadline:
            raise RuntimeError("the service made no first admin")
        time.sleep(0.1)
    time.sleep(0.5)
    signed = httpx.post(
        f"{address}/api/v1/auth/login", json={"username": "admin", "password": file.read_text().strip()}, timeout=30
    ).json()
    bearer = {"Authorization": f"Bearer {signed['access_token']}"}
    return str(httpx.post(f"{address}/api/v1/keys", json={"name": "bench"}, headers=bearer, timeout=30).json()["key"])


def loaded(
    url: str,
    body: Path,
    *,
    seconds: float,
    connections: int = 16,
    key: str | None = None,
    varied: str | None = None,
    tolerate_failures: bool = False,
) -> Load:
    """Load one address with wrk, after a second of warming up. Raises RuntimeError where a request fails.

    `varied`: the field whose number is another one in every request; only with a key.
    """
    _answers(url, body, key)
    for duration in (1, seconds):
        argv = ["wrk", "-t1", f"-c{connections}", f"-d{duration:g}s", "-s", str(HERE / "request.lua"), url, "--"]
        argv += [str(body), *(part for part in (key, varied) if part)]
        text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    line = next(line for line in text.splitlines() if line.startswith("RESULT "))
    found = Load(**json.loads(line.removeprefix("RESULT ")))
    if found.failed and not tolerate_failures:
        raise RuntimeError(f"{found.failed} requests to {url} failed: {text}")
    return found


def _answers(url: str, body: Path, key: str | None) -> None:
    """Wait for a right answer: some servers listen before their model is there."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    deadline = time.monotonic() + 60
    while True:
        try:
            answer = httpx.post(url, content=body.read_bytes(), headers=headers, timeout=30)
            if answer.status_code == 200:
                return
            reason = f"{answer.status_code}: {answer.text}"
        except httpx.HTTPError as error:
            reason = repr(error)
        if time.monotonic() > deadline:
            raise RuntimeError(f"{url} answers {reason}")
        time.sleep(0.3)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
