"""Looks at everything that Millrace depends on, and says how to mend what is not right. It changes nothing."""

from __future__ import annotations

import os
import shutil
import sys
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from millrace.connections import mongo_client, s3_client
from millrace.local.ports import holder, is_free
from millrace.local.stack_env import uses_embedded_mlflow
from millrace.local.supervisor import Supervisor
from millrace.settings import PORTS, Settings
from millrace.strict import StrictModel

GIGABYTE = 1024**3
ENOUGH_DISK = 2 * GIGABYTE
ENOUGH_MEMORY = 3 * GIGABYTE
OLDEST_PYTHON = (3, 11)
UP = "Start the stack: millrace up."


class Finding(StrictModel):
    """One thing that was looked at: what was found, and how to mend it when that is not right."""

    name: str
    ok: bool
    found: str
    mend: str | None = None


def doctor(settings: Settings) -> list[Finding]:
    """Every check, in an order in which the first fault explains those after it."""
    return [_looked_at(name, look, settings) for name, look in CHECKS.items()]


def _looked_at(name: str, look: Callable[[Settings], tuple[bool, str, str]], settings: Settings) -> Finding:
    ok, found, mend = look(settings)
    return Finding(name=name, ok=ok, found=found, mend=None if ok else mend)


def _python(_: Settings) -> tuple[bool, str, str]:
    found = ".".join(map(str, sys.version_info[:3]))
    return sys.version_info >= OLDEST_PYTHON, found, "Install Python 3.11 or newer and run `make setup`."


def _home(settings: Settings) -> tuple[bool, str, str]:
    home = settings.millrace_home
    nearest = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(nearest).free
    if not os.access(nearest, os.W_OK):
        return False, f"{nearest} is not writable", "Choose another folder with MILLRACE_HOME."
    return free >= ENOUGH_DISK, f"{home}, {free / GIGABYTE:.1f} GB free", "Free at least 2 GB, or move MILLRACE_HOME."


def _memory(_: Settings) -> tuple[bool, str, str]:
    import psutil

    available = psutil.virtual_memory().available
    return (
        available >= ENOUGH_MEMORY,
        f"{available / GIGABYTE:.1f} GB available",
        "The stack and a run need about 3 GB.",
    )


def _data_dir(settings: Settings) -> tuple[bool, str, str]:
    if settings.data_dir is None:
        return True, "not set; specs that name ${DATA_DIR} use their fallback", ""
    return settings.data_dir.is_dir(), str(settings.data_dir), "DATA_DIR names no folder; set it to one, or unset it."


def _pipelines(settings: Settings) -> tuple[bool, str, str]:
    folder = settings.millrace_pipelines_dir
    count, made = _specs_in(folder), _specs_in(settings.made_specs_dir)
    return (
        count + made > 0,
        f"{folder}, {count} specs" + (f", and {made} made without a file" if made else ""),
        "Put a spec there (millrace init TABLE), or set MILLRACE_PIPELINES_DIR.",
    )


def _specs_in(folder: Path) -> int:
    return len([*folder.glob("*.yaml"), *folder.glob("*.yml")])


def _ports(settings: Settings) -> tuple[bool, str, str]:
    first, last = settings.millrace_port_base, settings.port(max(PORTS.values()))
    if Supervisor(settings.millrace_home).is_running():
        return True, f"{first}-{last}, in use by this stack", ""
    taken = [port for port in range(first, last + 1) if not is_free(settings.millrace_host, port)]
    found = ", ".join(f"{port} is in use by {holder(port)}" for port in taken) or f"{first}-{last} are free"
    return not taken, found, "Stop that process, or set MILLRACE_PORT_BASE."


def _mongodb(settings: Settings) -> tuple[bool, str, str]:
    from pymongo.errors import PyMongoError

    try:
        version = mongo_client(settings).server_info()["version"]
    except PyMongoError as error:
        return False, f"does not answer: {_first_line(error)}", _mend_server("MONGODB_URI", settings.mongodb_uri)
    return True, f"answers, version {version}", ""


def _s3(settings: Settings) -> tuple[bool, str, str]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        s3_client(settings).head_bucket(Bucket=settings.s3_bucket)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        mend = f"Make the bucket {settings.s3_bucket}, or set S3_BUCKET, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        return False, f"{settings.s3_endpoint} refuses bucket {settings.s3_bucket} ({code})", mend
    except BotoCoreError as error:
        return (
            False,
            f"does not answer: {_first_line(error)}",
            _mend_server("S3_ENDPOINT_URL", settings.s3_endpoint_url),
        )
    return True, f"{settings.s3_endpoint}, bucket {settings.s3_bucket}", ""


def _mlflow(settings: Settings) -> tuple[bool, str, str]:
    if not settings.mlflow.startswith("http"):
        path = settings.mlflow.partition(":///")[2]
        return True, f"its database {path}" + ("" if Path(path).exists() else " (made at the first run)"), ""
    configured = None if uses_embedded_mlflow(settings) else settings.mlflow_tracking_uri
    return _answers(f"{settings.mlflow}/health", _mend_server("MLFLOW_TRACKING_URI", configured))


def _airflow(settings: Settings) -> tuple[bool, str, str]:
    return _answers(f"{settings.airflow}/api/v2/version", _mend_server("AIRFLOW_URL", settings.airflow_url))


def _service(settings: Settings) -> tuple[bool, str, str]:
    return _answers(f"{settings.service}/health", _mend_server("SERVICE_URL", settings.service_url))


def _answers(url: str, mend: str) -> tuple[bool, str, str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as response:
            return True, f"{url} answers {response.status}", ""
    except (OSError, HTTPException, ValueError) as error:
        return False, f"{url}: {_first_line(error)}", mend


def _mend_server(variable: str, configured: object) -> str:
    return UP if configured is None else f"Look whether that server runs, and whether {variable} is right."


def _first_line(error: Exception) -> str:
    # pymongo adds its timeouts and its whole view of the servers.
    return str(error).splitlines()[0].partition(" (configured")[0][:160] if str(error) else type(error).__name__


CHECKS: dict[str, Callable[[Settings], tuple[bool, str, str]]] = {
    "python": _python,
    "home": _home,
    "memory": _memory,
    "data": _data_dir,
    "pipelines": _pipelines,
    "ports": _ports,
    "mongodb": _mongodb,
    "s3": _s3,
    "mlflow": _mlflow,
    "airflow": _airflow,
    "service": _service,
}
"""What is looked at; a new check is a new entry."""
