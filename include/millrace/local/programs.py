"""The programs of the embedded stack: what to start, with which environment, and how to know that it is healthy.

Nothing here starts anything.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from millrace.settings import PORTS, Settings


@dataclass(frozen=True)
class Program:
    """One program: its name, command line, extra environment, port, and the URL that answers when it is healthy."""

    name: str
    argv: tuple[str, ...]
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    health_url: str | None = None


def executable(name: str) -> str:
    """The path of a console script that was installed beside this Python."""
    return str(Path(sys.executable).parent / name)


def mongodb(settings: Settings) -> Program:
    """secantusdb: MongoDB's wire protocol; `--sync-on-commit`, or a kill -9 loses acknowledged writes."""
    port = settings.port(PORTS["mongodb"])
    storage = settings.millrace_home / "mongodb"
    argv = (executable("secantusd-py"), "--host", settings.millrace_host, "--port", str(port))
    options = ("--storage-path", str(storage), "--cache-size", "256M", "--sync-on-commit")
    return Program("mongodb", argv + options, port)


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
    }
    health = f"http://{settings.millrace_host}:{port}/_ministack/health"
    return Program("s3", (executable("ministack"),), port, environment, health)
