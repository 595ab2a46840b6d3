"""A whole installation of the tests' own, by its command line: a home, ports and pipelines that nobody else has."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
from free_ports import free_port_base

from millrace.local.processes import end, processes_of
from millrace.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
MILLRACE = Path(sys.executable).parent / "millrace"
FOREIGN = ("AIRFLOW", "MLFLOW", "MONGODB", "S3_", "MILLRACE")


class Installation:
    """An empty installation in a folder, with specs by their names; `more` is set in its environment."""

    def __init__(self, folder: Path, specs: dict[str, str], **more: str) -> None:
        self.home, self.pipelines = folder / "a home", folder / "pipelines"  # a blank is hard on scripts
        self.pipelines.mkdir()
        for name, text in specs.items():
            (self.pipelines / f"{name}.yaml").write_text(text)
        self.base = free_port_base()
        ours = {
            "MILLRACE_HOME": self.home,
            "MILLRACE_PORT_BASE": self.base,
            "MILLRACE_PIPELINES_DIR": self.pipelines,
            "MILLRACE_START_SECONDS": 600,  # a busy machine is slow, not wrong
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self.environment = {**inherited, **more, **{name: str(value) for name, value in ours.items()}}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What a command did."""
        return subprocess.run(
            [MILLRACE, *arguments], env=self.environment, cwd=PROJECT, capture_output=True, text=True, check=False
        )

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[Any]:
        """A command that goes on while the test does."""
        return subprocess.Popen([MILLRACE, *arguments], env=self.environment, cwd=PROJECT, **options)

    def done(self, *arguments: str) -> Any:
        """What a command that must succeed prints, JSON as objects."""
        outcome = self(*arguments)
        assert outcome.returncode == 0, outcome.stderr[-3000:]
        return json.loads(outcome.stdout) if "--json" in arguments else outcome.stdout

    @property
    def settings(self) -> Settings:
        """The settings of the stack that has come up."""
        stack = self.home / "stack.env"
        return Settings(_env_file=stack, millrace_home=self.home, millrace_port_base=self.base)  # type: ignore[call-arg]

    def programs(self) -> dict[str, dict[str, Any]]:
        """The programs of the stack by their names."""
        return {program["name"]: program for program in json.loads(self("status", "--json").stdout)}

    def listeners(self) -> list[str]:
        """The addresses on which its processes listen."""
        found = []
        for process in processes_of(self.home):
            with contextlib.suppress(psutil.NoSuchProcess):  # a task or a parsing that has just ended
                found += process.net_connections(kind="inet")
        return [connection.laddr.ip for connection in found if connection.status == psutil.CONN_LISTEN]

    def stop(self) -> None:
        """End everything, also what a command has left."""
        self("down")
        end(processes_of(self.home), 10)
