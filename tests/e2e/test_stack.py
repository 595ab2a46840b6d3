"""The whole stack by its command line: up to a served prediction, up again, half dead, down, and interrupted."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from millrace.local.ports import is_free
from millrace.local.processes import end, processes_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

MILLRACE = Path(sys.executable).parent / "millrace"
PROJECT = Path(__file__).resolve().parents[2]
SPEC = """
name: small
source: {type: sample, name: sklearn/iris}
task: classification
target: target
split: {by: random, test: 0.2}
candidates:
  - {estimator: logistic_regression}
promotion: {metric: f1_macro, limit: 0.5}
"""


class Installation:
    """An empty installation of its own, and its command line."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "a home"
        pipelines = folder / "pipelines"
        pipelines.mkdir()
        (pipelines / "small.yaml").write_text(SPEC)
        self.base = _free_base()
        ours = {"MILLRACE_HOME": self.home, "MILLRACE_PORT_BASE": self.base, "MILLRACE_PIPELINES_DIR": pipelines}
        foreign = ("AIRFLOW", "MLFLOW", "MONGODB", "S3_", "MILLRACE")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        self.environment = {**inherited, **{name: str(value) for name, value in ours.items()}}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [MILLRACE, *arguments], env=self.environment, cwd=PROJECT, capture_output=True, text=True, check=False
        )

    def programs(self) -> dict[str, dict[str, object]]:
        return {program["name"]: program for program in json.loads(self("status", "--json").stdout)}

    def runs(self) -> int:
        return len(json.loads(self("runs", "list", "--json").stdout))

    def listeners(self) -> list[str]:
        return [
            connection.laddr.ip
            for process in processes_of(self.home)
            for connection in process.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        ]


def _free_base() -> int:
    # Below the ports that the system gives to clients, one of which could take a server's.
    bases = random.sample(range(20_000, 32_000, 10), 100)
    return next(base for base in bases if all(is_free("127.0.0.1", base + offset) for offset in range(10)))


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.5)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installed = Installation(tmp_path_factory.mktemp("stack"))
    yield installed
    end(processes_of(installed.home), 10)


@pytest.fixture(scope="module")
def first_up(installation: Installation) -> subprocess.CompletedProcess[str]:
    return installation("up", "--detach", "--example", "small")


@pytest.fixture
def running(installation: Installation, first_up: subprocess.CompletedProcess[str]) -> Installation:
    assert first_up.returncode == 0, first_up.stderr
    return installation


def test_up_ends_with_a_curl_that_predicts(running: Installation, first_up: subprocess.CompletedProcess[str]) -> None:
    (line,) = re.findall(r"^curl .*predict.*$", first_up.stdout, re.MULTILINE)
    answer = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True).stdout
    assert json.loads(answer)["success"] is True
    assert {program["state"] for program in running.programs().values()} == {"running"}
    assert running("doctor").returncode == 0


def test_nothing_listens_beyond_this_machine(running: Installation) -> None:
    found = running.listeners()
    assert len(found) >= 5
    assert set(found) == {"127.0.0.1"}


def test_secrets_are_closed_to_others(running: Installation) -> None:
    secret = [
        running.home / "stack.env",
        *(running.home / "secrets").iterdir(),
        *running.home.glob("supervisor/*.json"),
    ]
    assert {file.stat().st_mode & 0o777 for file in secret} == {0o600}


def test_up_again_starts_and_trains_nothing(running: Installation) -> None:
    before = {name: program["pid"] for name, program in running.programs().items()}
    runs = running.runs()
    again = running("up", "--detach", "--example", "small")
    assert again.returncode == 0, again.stderr
    assert "curl " in again.stdout
    assert {name: program["pid"] for name, program in running.programs().items()} == before
    assert running.runs() == runs


@pytest.mark.parametrize("name", ["s3", "mlflow", "airflow-scheduler", "service"])
def test_what_is_killed_comes_back(running: Installation, name: str) -> None:
    pid = running.programs()[name]["pid"]
    os.kill(int(str(pid)), signal.SIGKILL)
    until(lambda: running.programs()[name]["pid"] not in {None, pid})
    assert running("up", "--detach").returncode == 0


def test_another_stack_on_the_same_ports_is_refused(running: Installation, tmp_path: Path) -> None:
    other = Installation(tmp_path)
    other.environment["MILLRACE_PORT_BASE"] = str(running.base)
    refused = other("up", "--detach")
    assert refused.returncode == 1
    assert f"Port {running.base + 3}" in refused.stderr
    assert "MILLRACE_PORT_BASE" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert processes_of(other.home) == []


def test_down_ends_also_a_stack_that_is_half_dead(running: Installation) -> None:
    programs = running.programs()
    supervisor = int((running.home / "supervisor" / "supervisord.pid").read_text())
    for pid in (supervisor, programs["s3"]["pid"], programs["airflow-scheduler"]["pid"]):
        os.kill(int(str(pid)), signal.SIGKILL)
    assert running("down").returncode == 0
    assert processes_of(running.home) == []
    assert {program["state"] for program in running.programs().values()} == {"stopped"}
    assert running("down").returncode == 0


def test_a_foreground_stack_ends_with_its_command(installation: Installation) -> None:
    command = subprocess.Popen(
        [MILLRACE, "up"], env=installation.environment, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert command.stdout is not None
    assert command.stdout.readline().startswith(b"console")
    command.send_signal(signal.SIGINT)
    assert command.wait(120) == 0
    assert processes_of(installation.home) == []


def test_a_start_that_is_interrupted_leaves_nothing(installation: Installation) -> None:
    command = subprocess.Popen(
        [MILLRACE, "up", "--detach"], env=installation.environment, cwd=PROJECT, stderr=subprocess.DEVNULL
    )
    until(lambda: len(processes_of(installation.home)) > 3)
    command.send_signal(signal.SIGTERM)
    assert command.wait(120) != 0
    assert processes_of(installation.home) == []
