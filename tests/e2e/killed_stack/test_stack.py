"""The whole stack by its command line: up to a served prediction, up again, half dead, down, and interrupted."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from installation import Installation
from waiting import until

from millrace.local.processes import processes_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


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
    runs = running.done("runs", "list", "--json")
    again = running("up", "--detach", "--example", "small")
    assert again.returncode == 0, again.stderr
    assert "curl " in again.stdout
    assert {name: program["pid"] for name, program in running.programs().items()} == before
    assert running.done("runs", "list", "--json") == runs


@pytest.mark.parametrize("name", ["s3", "mlflow", "airflow-scheduler", "service"])
def test_what_is_killed_comes_back(running: Installation, name: str) -> None:
    pid = running.programs()[name]["pid"]
    os.kill(int(str(pid)), signal.SIGKILL)
    until(lambda: running.programs()[name]["pid"] not in {None, pid}, f"{name} anew", 120)
    assert running("up", "--detach").returncode == 0


def test_another_stack_on_the_same_ports_is_refused(running: Installation, tmp_path: Path) -> None:
    other = Installation(tmp_path, {})
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
    command = installation.start("up", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert command.stdout is not None
    assert command.stdout.readline().startswith(b"console")
    command.send_signal(signal.SIGINT)
    assert command.wait(120) == 0
    assert processes_of(installation.home) == []


def test_a_start_that_is_interrupted_leaves_nothing(installation: Installation) -> None:
    command = installation.start("up", "--detach", stderr=subprocess.DEVNULL)
    until(lambda: len(processes_of(installation.home)) > 3, "the first programs", 120)
    command.send_signal(signal.SIGTERM)
    assert command.wait(120) != 0
    assert processes_of(installation.home) == []
