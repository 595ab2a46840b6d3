"""The programs of the embedded stack: what to start, with which environment, and how to know that it is healthy.

Nothing here starts anything. A program whose address is set to a server elsewhere is not part of the stack.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from millrace.local.airflow import airflow_environment
from millrace.local.credentials import Credentials
from millrace.local.health import AirflowComponentBeats, PortAnswers, Probe, UrlAnswers
from millrace.local.stack_env import embedded_mlflow, uses_embedded_mlflow
from millrace.settings import PORTS, Settings

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Phase(IntEnum):
    """Programs of one phase start together, after those of the phases before are healthy; they stop in reverse."""

    STORES = 1
    PLATFORM = 2


@dataclass(frozen=True)
class Program:
    """One program: its name, command line, extra environment, port, and the URL that answers when it is healthy."""

    name: str
    argv: tuple[str, ...]
    port: int | None
    environment: dict[str, str] = field(default_factory=dict)
    health_url: str | None = None
    certificate: Path | None = None
    component: str | None = None
    phase: Phase = Phase.PLATFORM
    stop_seconds: int = 10

    def probe(self, host: str) -> Probe:
        """How to ask whether it is healthy."""
        if self.component is not None:
            return AirflowComponentBeats(str(self.health_url), self.component)
        if self.health_url is not None:
            return UrlAnswers(self.health_url, self.certificate)
        return PortAnswers(host, int(self.port or 0))


def executable(name: str) -> str:
    """The path of a console script that was installed beside this Python."""
    return str(Path(sys.executable).parent / name)


def mongodb(settings: Settings) -> Program:
    """secantusdb: MongoDB's wire protocol; `--sync-on-commit`, or a kill -9 loses acknowledged writes."""
    port = settings.port(PORTS["mongodb"])
    storage = settings.millrace_home / "mongodb"
    argv = (executable("secantusd-py"), "--host", settings.millrace_host, "--port", str(port))
    options = ("--storage-path", str(storage), "--cache-size", "256M", "--sync-on-commit")
    return Program("mongodb", argv + options, port, phase=Phase.STORES)


def s3(settings: Settings) -> Program:
    """ministack: S3 with its state on disk."""
    port = settings.port(PORTS["s3"])
    storage = settings.millrace_home / "s3"
    environment = {
        "BIND_HOST": settings.millrace_host,
        "GATEWAY_PORT": str(port),
        "S3_PERSIST": "1",
        "PERSIST_STATE": "1",
        "S3_DATA_DIR": str(storage / "data"),
        "STATE_DIR": str(storage / "state"),
        "SERVICES": "s3",
        "IOT_MTLS_ENABLED": "0",  # it would listen on every address, on a port of its own
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }
    health = f"http://{settings.millrace_host}:{port}/_ministack/health"
    return Program("s3", (executable("ministack"),), port, environment, health, phase=Phase.STORES)


def mlflow(settings: Settings) -> Program:
    """MLflow's server: one worker, and no runners for jobs that Millrace does not have."""
    port = settings.port(PORTS["mlflow"])
    store = f"sqlite:///{settings.millrace_home / 'mlflow' / 'mlflow.db'}"
    argv = (executable("mlflow"), "server", "--host", settings.millrace_host, "--port", str(port), "--workers", "1")
    stores = ("--backend-store-uri", store, "--default-artifact-root", f"s3://{settings.s3_bucket}/mlflow")
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return Program(
        "mlflow", (*argv, *stores, "--no-serve-artifacts"), port, environment, f"{embedded_mlflow(settings)}/health"
    )


def airflow(settings: Settings, credentials: Credentials) -> tuple[Program, ...]:
    """Airflow's four processes. Logs are read from disk on this one machine, so that no log server is needed."""
    port = settings.port(PORTS["airflow"])
    environment = airflow_environment(settings, credentials)
    health = f"http://{settings.millrace_host}:{port}/api/v2/monitor/health"
    program = executable("airflow")

    def process(name: str, argv: tuple[str, ...], **about: Any) -> Program:
        return Program(f"airflow-{name}", (program, *argv), environment=environment, health_url=health, **about)

    return (
        process("api-server", ("api-server",), port=port),
        process("scheduler", ("scheduler", "--skip-serve-logs"), port=None, component="scheduler", stop_seconds=15),
        process("dag-processor", ("dag-processor",), port=None, component="dag_processor"),
        process("triggerer", ("triggerer", "--skip-serve-logs"), port=None, component="triggerer"),
    )


QUICK = ("--http", "serving.quick.protocol:QuickProtocol", "--loop", "serving.quick.loop:new_event_loop")


def service(settings: Settings) -> Program:
    """The prediction service."""
    port = settings.port(PORTS["service"])
    # The service itself judges X-Forwarded-For: uvicorn would believe every program on this machine.
    server = ("serving.app:create_app", "--factory", "--no-access-log", "--no-proxy-headers", *QUICK)
    argv = (executable("uvicorn"), *server)
    address = ("--host", settings.millrace_host, "--port", str(port))
    scheme = "http" if settings.service_tls_cert is None else "https"
    health = f"{scheme}://{settings.millrace_host}:{port}/health"
    environment = _loopback_limit(settings)
    return Program(
        "service", argv + address + _tls(settings), port, environment, health, certificate=settings.service_tls_cert
    )


def _tls(settings: Settings) -> tuple[str, ...]:
    if settings.service_tls_cert is None:
        return ()
    return ("--ssl-certfile", str(settings.service_tls_cert), "--ssl-keyfile", str(settings.service_tls_key))


def _loopback_limit(settings: Settings) -> dict[str, str]:
    """On loopback all callers share one address, so the limit of an address would be that of everybody together."""
    chosen = "SERVING_ANONYMOUS_LIMIT" in os.environ
    return {} if chosen or settings.millrace_host not in LOOPBACK else {"SERVING_ANONYMOUS_LIMIT": "1000/second"}


def embedded_stores(settings: Settings) -> tuple[Program, ...]:
    """MongoDB and S3, unless the settings name servers elsewhere."""
    makers: tuple[tuple[Callable[[Settings], Program], bool], ...] = (
        (mongodb, settings.mongodb_uri is None),
        (s3, settings.s3_endpoint_url is None),
    )
    return tuple(make(settings) for make, embedded in makers if embedded)


def stack_programs(settings: Settings, credentials: Credentials) -> tuple[Program, ...]:
    """All programs of this stack, in the order of their phases."""
    registry = (mlflow(settings),) if uses_embedded_mlflow(settings) else ()
    scheduling = airflow(settings, credentials) if settings.airflow_url is None else ()
    return (*embedded_stores(settings), *registry, *scheduling, service(settings))
